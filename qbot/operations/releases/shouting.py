"""A broken glass is told of: before anything comes of it, and afterwards where that was in vain.

In the stage's channel, naming those who may approve, and to each of them by themselves.
"""

from collections.abc import Sequence

from qbot.domain.changes import Change
from qbot.domain.people import Actor
from qbot.errors import PermanentError, TransientError
from qbot.operations.releases.case import Case

_ROLES = 10.0  # seconds that it is worth to know who is to be told
_BEFORE = 15.0  # seconds that an emergency waits for Slack
_AFTER = 60.0  # seconds for all of them when it is over: the stage is kept that long
_MOST = 20  # people
_AUDIENCE = "shout-to"


async def shouted(case: Case) -> None:
    """Once, whatever comes in between; Slack is waited for a moment only."""
    if not case.promotion.emergency or case.audience is not None:
        return
    who = case.audience = await _approvers(case)
    heard = await _told(case, None, who, within=_BEFORE)
    for actor in who:  # where Slack is away nobody is tried: it would only take time
        heard = heard and await _told(case, actor, who, within=0.0)


async def shouted_after_all(case: Case) -> None:
    """To whom it could not be told before."""
    if not case.run.has(_AUDIENCE):
        return
    who = await _approvers(case) if case.audience is None else case.audience
    clock = case.context.base.clock
    until = clock.monotonic() + _AFTER
    for to in (None, *who):
        left = until - clock.monotonic()
        heard = case.run.has(_step(to))
        heard = heard or (left > 0 and await _told(case, to, who, within=left, late=True))
        if not heard:
            await _given_up(case, to)


async def _approvers(case: Case) -> tuple[Actor, ...]:
    """Everybody who would be asked otherwise, or whose lock it passes; the same after a crash."""
    stage, people, rows = case.stage, case.context.people, case.context.promotions
    roles = {*stage.approvals.roles, *stage.rollback.roles, *stage.break_glass}

    async def look() -> list[str]:
        try:
            found = await case.run.call("roles", lambda: people.holders(roles), within=_ROLES)
        except (TransientError, PermanentError):
            found = ()
        locks = await rows.locks(stage.scope)
        keys = dict.fromkeys([*(lock.by.key for lock in locks), *(a.key for a in found)])
        return [key for key in keys if key != case.promotion.requester.key][:_MOST]

    return tuple(Actor.from_key(key) for key in await case.run.step(_AUDIENCE, look))


async def _told(
    case: Case, to: Actor | None, who: Sequence[Actor], *, within: float, late: bool = False
) -> bool:
    """Whether they were."""
    if case.run.has(_step(to)):
        return True

    async def tell() -> bool:
        await case.context.notices.shout(case.tracker.progress, who, to)
        return True

    try:
        await case.run.step(
            f"{_step(to)}:late" if late else _step(to),
            tell,
            within=within,
            changes=[_row(case, "done", to, case.promotion.reason)],
        )
    except (TransientError, PermanentError):
        return False
    return True


async def _given_up(case: Case, to: Actor | None) -> None:
    async def note() -> bool:
        return True

    row = _row(case, "failed", to, "Slack did not take it")
    await case.run.step(f"{_step(to)}:given-up", note, changes=[row])


def _row(case: Case, outcome: str, to: Actor | None, why: str) -> Change:
    asked = case.run.operation
    home = case.tracker.progress.home or asked.place.channel or asked.actor.user
    return case.audited(
        "glass-broken",
        outcome,
        rule="break-glass",
        roles=", ".join(case.stage.break_glass),
        why=why,
        to=to.key if to else home,
    )


def _step(to: Actor | None) -> str:
    return f"shouted:{_name(to)}"


def _name(to: Actor | None) -> str:
    return to.key if to else "channel"
