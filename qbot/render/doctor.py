"""What `doctor` found: for Slack in few words, the worst first; all of it as text or JSON."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from qbot.domain.diagnosis.findings import Finding, Report, Severity
from qbot.render.blocks import Message, context, message, section
from qbot.render.escape import clean, code, prose
from qbot.render.style import Style
from qbot.render.words import plural

_SHOWN = 12  # findings in one message
_LONGEST = 2_000  # characters of any text on a terminal
_ICONS = {
    Severity.BROKEN: ":red_circle:",
    Severity.LACKING: ":large_yellow_circle:",
    Severity.NOTE: ":information_source:",
}
_COLOURS = {
    Severity.BROKEN: "31;1",
    Severity.LACKING: "33",
    Severity.NOTE: "36",
    Severity.UNCHECKED: "2",
}
_WELL = "32"


def doctor(report: Report, style: Style) -> Message:
    """For whoever asked in Slack."""
    mend = len(report.to_mend)
    lead = (
        f":stethoscope: *{plural(mend, 'thing')} to mend.*"
        if mend
        else ":white_check_mark: *Nothing is to be mended.*"
    )
    told = [f for f in report.findings if f.severity is not Severity.UNCHECKED]
    unchecked = len(report.findings) - len(told)
    lines = [_line(finding) for finding in told[:_SHOWN]]
    if (more := len(told) - _SHOWN) > 0:
        lines.append(f"and {more} more")
    made = f"{plural(len(report.well), 'check')} went well, {unchecked} could not be made"
    hint = f"{made}: {code('qbot doctor')}, where Qbot runs, says which and why."
    again = f"{code(f'{style.command} doctor')} looks again."
    return message(
        "\n".join([lead, *lines, hint]),
        [section(lead), *(section(line) for line in lines), context(f"{hint} {again}")],
    )


def _line(finding: Finding) -> str:
    """What, why and what to do, with what to add as it has to stand there."""
    said = [f"{_ICONS[finding.severity]} {prose(finding.what)}"]  # may have asterisks: no bold
    if finding.cause:
        said.append(prose(finding.cause))
    if finding.remedy:
        said.append(f"→ {prose(finding.remedy)}")
    said += [code(line, 200) for line in finding.lines]
    return "\n".join(said)


def as_text(report: Report, *, colours: bool) -> Iterator[str]:
    """Lines for a terminal; colours only where somebody sees them."""

    def painted(text: str, colour: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if colours else text

    wide = max((len(s.value) for s in Severity), default=0)
    for finding in report.findings:
        severity, indent = finding.severity, " " * (wide + 2)
        label = painted(severity.value.ljust(wide), _COLOURS[severity])
        yield f"{label}  {finding.area}: {_plain(finding.what)}"
        if finding.cause:
            yield f"{indent}{_plain(finding.cause)}"
        if finding.remedy:
            yield f"{indent}{_plain(finding.remedy)}"
        yield from (f"{indent}  {_plain(line)}" for line in finding.lines)
        if severity is Severity.LACKING:
            yield f"{indent}(accept it: --accept {finding.id})"
    for line in report.well:
        yield f"{painted('well'.ljust(wide), _WELL)}  {_plain(line)}"
    mend = len(report.to_mend)
    yield f"{plural(mend, 'thing')} to mend" if mend else "nothing is to be mended"


def _plain(text: str) -> str:
    return clean(text, _LONGEST)


def as_json(report: Report) -> Mapping[str, Any]:
    """For a script."""
    return {
        "exit_status": report.exit_status,
        "findings": [_fields(finding) for finding in report.findings],
        "well": _texts(report.well),
    }


def _fields(finding: Finding) -> Mapping[str, Any]:
    return {
        "id": finding.id,
        "area": finding.area.value,
        "severity": finding.severity.value,
        "what": _plain(finding.what),
        "cause": _plain(finding.cause),
        "remedy": _plain(finding.remedy),
        "lines": _texts(finding.lines),
    }


def _texts(lines: Sequence[str]) -> Sequence[str]:
    return [_plain(line) for line in lines]
