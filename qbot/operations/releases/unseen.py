"""A stage that nobody can see: nothing new goes there, and what waits for that holds no lock."""

from qbot.domain.outages import Away
from qbot.domain.progress import Step
from qbot.domain.promotion import DECISION
from qbot.errors import AwayError
from qbot.operations.releases.case import Case

_PAUSE = 15.0  # seconds between two looks whether they answer again
_SOURCE = "unseen"


class Unseen(Exception):  # noqa: N818  (not a fault: it goes on by itself)
    """It is approved, and would be merged; nothing was asked of GitLab."""

    def __init__(self, away: Away) -> None:
        super().__init__(str(_error(away)))
        self.away = away


def unseen(case: Case) -> Away | None:
    """Whom it waits for before it takes the stage's lock.

    What goes back does not wait, nor what GitLab may have merged already: that is found out.
    """
    if case.back or case.promotion.asked_sha:
        return None
    return case.context.base.outages.deploying(case.stage.instance)


def ensure_seen(case: Case) -> None:
    """The same right before it is merged.

    Raises:
        Unseen: the stage's lock is to be given back meanwhile.
        AwayError: GitLab may still come through with a merge that it was asked for, so that the
            lock is kept.
    """
    away = case.context.base.outages.deploying(case.stage.instance)
    if away is None or case.back:
        return
    if case.promotion.asked_sha:
        raise _error(away)
    raise Unseen(away)


async def waited(case: Case, away: Away) -> None:
    """For a while, as a row and without the stage's lock, which what goes back may need.

    Whoever comes back has to judge all of it anew, as for any lock.
    """
    case.tracker.show(step=Step.APPROVING)
    case.run.trouble(str(_error(away)), source=_SOURCE, since=away.since)
    await case.run.let_go()
    await case.run.nap(DECISION, _PAUSE)
    case.run.trouble("", source=_SOURCE)


def _error(away: Away) -> AwayError:
    return AwayError(away.name, away.since)
