"""Ids that somebody lives with: what may be one, and which is meant. Pure."""

from collections.abc import Collection, Sequence
from difflib import get_close_matches

from qbot.domain.diagnosis.findings import Report
from qbot.errors import PermanentError

_HEADS = ("slack", "argocd", "gitlab", "webhooks", "catalog", "database", "clock")
_PARTS = ("argo-cd-", "the-database")  # of what took too long, or failed


def unused(report: Report, accepted: Collection[str]) -> Sequence[str]:
    """What to say of those that nothing has just now: mended, or misspelt.

    Raises:
        PermanentError: it can be nothing's; names what is near.
    """
    there = [finding.id for finding in report.findings]
    said = []
    for name in accepted:
        if name in there:
            continue
        near = ", ".join(get_close_matches(name, there, n=3))
        hint = f"; did you mean {near}?" if near else ""
        if name.partition(".")[0] not in _HEADS and not name.startswith(_PARTS):
            raise PermanentError(f"--accept {name}: there is no such id{hint}")
        said.append(f"--accept {name}: nothing of this id was found{hint}")
    return said
