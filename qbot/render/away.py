"""Who does not answer, since when, and what is therefore not known: one line for each."""

from collections.abc import Sequence

from qbot.domain.outages import Away, Vendor
from qbot.render.escape import WHEN, moment, prose

LAST_KNOWN = "As of their last operation: Argo CD does not say how they are now."
_SHOWN = {
    Vendor.ARGOCD: "how environments run is shown as of their last operation",
    Vendor.GITLAB: "branches, builds and merge requests are shown as of then",
}


def away_lines(away: Sequence[Away]) -> list[str]:
    """Of those that lists of environments build upon."""
    return [f":warning: {silence(a)}; {_SHOWN[a.vendor]}." for a in away if a.vendor in _SHOWN]


def last_known(away: Sequence[Away], *, known: bool) -> str:
    """What a list says that Argo CD has not answered for, unless `away_lines` say it."""
    return "" if known or any(a.vendor is Vendor.ARGOCD for a in away) else LAST_KNOWN


def stale_lines(away: Sequence[Away], *, known: bool) -> list[str]:
    """Both."""
    last = last_known(away, known=known)
    return [*away_lines(away), *([last] if last else [])]


def silence(away: Away) -> str:
    """Without a full stop."""
    return f"{prose(away.name, 60)} has not answered since {moment(away.since, WHEN)}"
