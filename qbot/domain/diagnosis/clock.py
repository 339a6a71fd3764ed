"""This machine's clock against the Date that vendors put on their answers. Pure."""

from collections.abc import Mapping

from qbot.domain.diagnosis.findings import Area, Notes, Severity

_GRAIN = 2.0  # seconds: a Date has whole ones, and an answer takes a while
_OFF = 60.0
_REFUSED = 240.0  # of the 300 within which signatures of Slack and GitLab count


def judge_clock(offsets: Mapping[str, float]) -> Notes:
    """How far it is off, by vendor; in seconds, positive: it is ahead."""
    notes = Notes.of(Area.CLOCK)
    off = {vendor: by for vendor, by in offsets.items() if abs(by) - _GRAIN > _OFF}
    if not offsets:
        notes.unchecked("clock", "The clock", "No vendor's answer told the time.")
    elif not off:
        notes.well.append(f"clock: right by {', '.join(offsets)}")
    elif len(off) < len(offsets):
        told = ", ".join(f"{v} {by:+.0f} s" for v, by in offsets.items())
        notes.lacking(
            "clock",
            f"The vendors' clocks differ by more than {_OFF:.0f} s: {told}.",
            cause="Theirs or one on the way to them is wrong.",
            remedy="Compare them with NTP.",
        )
    else:
        _judge_own(notes, off)
    return notes


def _judge_own(notes: Notes, off: Mapping[str, float]) -> None:
    most = max(off.values(), key=abs)
    notes.add(
        Severity.BROKEN if abs(most) > _REFUSED else Severity.LACKING,
        "clock",
        f"This machine's clock is {abs(most):.0f} s {'ahead' if most > 0 else 'behind'}.",
        cause="Signatures of Slack and GitLab count for five minutes, and all deadlines go by "
        "this clock.",
        remedy="Let NTP set it.",
    )
