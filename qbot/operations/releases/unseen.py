"""A stage that nobody can see: nothing new goes there, and what waits for that holds no lock."""

from datetime import timedelta

from qbot.domain.outages import Away
from qbot.domain.progress import Step
from qbot.domain.promotion import DECISION, Promotion, PromotionKind, PromotionState
from qbot.errors import AwayError, TransientError
from qbot.operations.releases.case import Case

_PAUSE = 15.0  # seconds between two looks whether they answer again
_ANSWERS = 10.0  # seconds within which an Argo CD that is there has answered
_ONCE_MORE = 5.0  # seconds until it is asked once more: the job before the merge would run anew
_SOURCE = "unseen"
_FAIR = timedelta(seconds=2 * _PAUSE)  # within which all who waited have looked once more
_BEHIND = 2.0  # seconds until it is looked whether the one before has its turn again
_MOST = 20  # that have had their turn when an outage began, and more


class Unseen(Exception):  # noqa: N818  (not a fault: it goes on by itself)
    """It is approved, and would be merged; nothing was asked of GitLab."""

    def __init__(self, error: TransientError) -> None:
        super().__init__(str(error))
        self.error = error


async def unseen(case: Case) -> TransientError | None:
    """What it waits for before it takes the stage's lock.

    What goes back does not wait, nor what GitLab may have merged already: that is found out.
    """
    if case.back or case.promotion.asked_sha:
        return None
    if away := case.context.base.outages.deploying(case.stage.instance):
        return _error(away)
    return await _silent(case) if case.given_back else None  # its jobs do not run in vain again


async def ensure_seen(case: Case) -> None:
    """The same right before it is merged: its Argo CD may be away without anybody knowing.

    Raises:
        Unseen: the stage's lock is to be given back meanwhile.
        TransientError: GitLab may still come through with a merge that it was asked for, so that
            the lock is kept.
    """
    if case.back:
        return
    away = case.context.base.outages.deploying(case.stage.instance)
    error = _error(away) if away else await _silent(case)
    if error is None:
        return
    if case.promotion.asked_sha:
        raise error
    raise Unseen(error)


async def _silent(case: Case) -> TransientError | None:
    """Asked twice: that is no outage yet, but reason enough not to merge; one call is not."""
    base, instance = case.context.base, case.stage.instance
    begun = base.clock.now()
    if await _failed(case) is None:
        return None
    await case.run.sleep(_ONCE_MORE)
    error = await _failed(case)
    if error is None or error.since is None:  # it answers, whatever that is
        return error
    return _error(base.outages.argocd(instance, begun))


async def _failed(case: Case) -> TransientError | None:
    try:
        await case.context.argocd(case.stage).ask(case.stage, within=_ANSWERS)
    except TransientError as error:
        return error
    return None


async def waited(case: Case, error: TransientError) -> None:
    """For a while, as a row and without the stage's lock, which what goes back may need.

    Whoever comes back has to judge all of it anew, as for any lock.
    """
    case.tracker.show(step=Step.APPROVING)
    case.run.trouble(str(error), source=_SOURCE, since=error.since)
    await case.run.let_go()
    await case.run.nap(DECISION, _PAUSE)
    case.run.trouble("", source=_SOURCE)


async def gone_before(case: Case) -> Promotion | None:
    """Which one had its turn before, gave it back because of an outage, and has it next.

    For a moment after outages that this process knows of: nobody waits long for who does not come.
    """
    if case.back or case.promotion.asked_sha:
        return None
    stage, base, rows = case.stage, case.context.base, case.context.promotions
    now = base.clock.now()
    spans = base.outages.spans(stage.instance, now, deploying=True)
    if all(now - span.end >= _FAIR for span in spans):
        return None
    states = (PromotionState.APPROVED,)
    there = await case.run.call(
        "the database", lambda: rows.promotions(stage.name, limit=_MOST, states=states)
    )
    mine, forward = case.promotion.id, PromotionKind.PROMOTION
    return next((p for p in reversed(there) if p.id < mine and p.kind is forward), None)


async def queued_behind(case: Case, first: Promotion) -> None:
    """For a moment: the stage's own queue knows only who is in it."""
    case.tracker.show(headline=f"Lets {first.name} go first.")
    await case.run.let_go()
    await case.run.nap(DECISION, _BEHIND)


def _error(away: Away) -> AwayError:
    return AwayError(away.name, away.since)
