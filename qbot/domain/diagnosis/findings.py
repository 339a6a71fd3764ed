"""What an examination of the set-up says: findings, the worst first, and an exit status."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum


class Severity(StrEnum):
    """The worst first."""

    BROKEN = "broken"  # people cannot do what they are promised
    LACKING = "lacking"  # it works, and something is lost
    NOTE = "note"  # worth knowing; nothing to mend
    UNCHECKED = "not checked"  # nobody can tell, or it could not be asked


class Area(StrEnum):
    """Where somebody has to look, in the order in which it is told."""

    SLACK = "Slack"
    ARGOCD = "Argo CD"
    GITLAB = "GitLab"
    WEBHOOKS = "webhooks"
    CATALOG = "qbot.yaml"
    DATABASE = "database"
    CLOCK = "clock"


_ORDER = {severity: place for place, severity in enumerate(Severity)}
_AREAS = {area: place for place, area in enumerate(Area)}
_TO_MEND = (Severity.BROKEN, Severity.LACKING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing. Outside text may be in all of it; no secret is."""

    id: str  # the same in each run: `argocd.main.rights`
    area: Area
    severity: Severity
    what: str  # one sentence: what is not as it should be
    cause: str = ""
    remedy: str = ""  # what to do, and where
    lines: tuple[str, ...] = ()  # exactly what to add there

    @property
    def to_mend(self) -> bool:
        """Whether somebody has to do something."""
        return self.severity in _TO_MEND


@dataclass(frozen=True, slots=True)
class Report:
    """All of them, and what was found to be well."""

    findings: tuple[Finding, ...]
    well: tuple[str, ...] = ()

    @property
    def to_mend(self) -> tuple[Finding, ...]:
        """Those that make the exit status 1."""
        return tuple(finding for finding in self.findings if finding.to_mend)

    @property
    def exit_status(self) -> int:
        """For a script: 0 all is well, 1 something has to be mended."""
        return 1 if self.to_mend else 0

    def through(self, clean: Callable[[str], str]) -> "Report":
        """The same with every text as `clean` leaves it: what neighbours said is in there."""
        findings = (
            replace(
                found,
                what=clean(found.what),
                cause=clean(found.cause),
                remedy=clean(found.remedy),
                lines=tuple(map(clean, found.lines)),
            )
            for found in self.findings
        )
        return Report(tuple(findings), tuple(map(clean, self.well)))

    def without(self, accepted: Collection[str]) -> "Report":
        """The same, but for what somebody lives with on purpose, by its id."""
        findings = tuple(f for f in self.findings if f.id not in accepted)
        return Report(findings, self.well)


@dataclass(frozen=True, slots=True)
class Unread:
    """In the place of a fact: why it is not known.

    `away`: nobody answered; `limited`: because Qbot asks too much just now.
    """

    why: str
    away: bool = False
    limited: bool = False


@dataclass(slots=True)
class Notes:
    """What one judgement gathers."""

    area: Area
    findings: list[Finding]
    well: list[str]

    @classmethod
    def of(cls, area: Area) -> "Notes":
        """Empty ones."""
        return cls(area, [], [])

    def add(
        self,
        severity: Severity,
        name: str,
        what: str,
        *,
        cause: str = "",
        remedy: str = "",
        lines: tuple[str, ...] = (),
    ) -> None:
        """Note a finding of this area."""
        finding = Finding(
            id=name,
            area=self.area,
            severity=severity,
            what=what,
            cause=cause,
            remedy=remedy,
            lines=lines,
        )
        self.findings.append(finding)

    def broken(
        self,
        name: str,
        what: str,
        *,
        cause: str = "",
        remedy: str = "",
        lines: tuple[str, ...] = (),
    ) -> None:
        """People cannot do what they are promised."""
        self.add(Severity.BROKEN, name, what, cause=cause, remedy=remedy, lines=lines)

    def lacking(
        self,
        name: str,
        what: str,
        *,
        cause: str = "",
        remedy: str = "",
        lines: tuple[str, ...] = (),
    ) -> None:
        """Something is lost."""
        self.add(Severity.LACKING, name, what, cause=cause, remedy=remedy, lines=lines)

    def unchecked(self, name: str, what: str, why: str, remedy: str = "") -> None:
        """It could not be told."""
        self.add(Severity.UNCHECKED, name, what, cause=why, remedy=remedy)

    def unread(self, name: str, what: str, fact: Unread) -> None:
        """It could not be read; for want of an answer, which is no reason to be content."""
        if fact.away and not fact.limited:
            remedy = "Examine again; if it stays so, look how the one that was asked is."
            self.lacking(name, f"{what}: no answer.", cause=fact.why, remedy=remedy)
        else:
            self.unchecked(name, what, fact.why)


def report(*parts: Notes) -> Report:
    """One report of all, in the order in which people should read it."""
    found = [finding for part in parts for finding in part.findings]
    found.sort(key=lambda f: (_ORDER[f.severity], _AREAS[f.area]))
    return Report(tuple(found), tuple(line for part in parts for line in part.well))


def shortened(names: Sequence[str], most: int = 6) -> str:
    """So many names, and how many more."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
