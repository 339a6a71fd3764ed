"""What exactly a promotion or a rollback changes, pinned when it is asked for."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter

from qbot.domain.barriers import BarredError, Barrier
from qbot.domain.changes import Change
from qbot.domain.inputs import PromoteInput, RollbackInput
from qbot.domain.names import PromotionId
from qbot.domain.people import Actor
from qbot.domain.progress import End
from qbot.domain.promotion import Plan, PromotionKind, Request
from qbot.domain.release import Needed
from qbot.domain.release_changes import PromotionPlanned
from qbot.domain.stages import ApprovalRule, Stage
from qbot.errors import PermanentError, TransientError
from qbot.operations.handler import Outcome
from qbot.operations.releases.admission import objections, unpassed
from qbot.operations.releases.case import Case
from qbot.operations.releases.context import ReleaseContext
from qbot.operations.releases.draft import Planned
from qbot.operations.releases.followers import followed
from qbot.operations.releases.passing import barred_by
from qbot.operations.releases.promoting import promotion
from qbot.operations.releases.rivalry import foreseen
from qbot.operations.releases.rolling_back import rollback
from qbot.operations.releases.tracker import StageTracker
from qbot.operations.releases.voters import ensure_enough, exemption_works, never_enough
from qbot.operations.run import Run
from qbot.operations.telling import previewed

Asked = PromoteInput | RollbackInput
PLANNED = TypeAdapter(Planned)
JUDGED = TypeAdapter(tuple[tuple[Barrier, ...], tuple[Barrier, ...]])  # in the way, passed
_NAMED = 20  # eligible people that a card can name


async def planned(case: Case, asked: Asked) -> Planned:
    """Resolve and pin; recorded, so that a later run means the same.

    Raises:
        UserError: it cannot be done, nothing would change, or drift has to be chosen about.
        PermanentError: the configuration of the stage is not usable.
    """

    async def plan() -> Any:
        found = await _plan(case.context, case.stage, asked)
        case.remember(found.tip, found.files)
        return PLANNED.dump_python(found, mode="json", exclude={"files"})

    def changes(found: Any) -> list[Change]:
        # Before anything is made: whoever else has one of the services open is told of now.
        pinned = PLANNED.validate_python(found)
        return [PromotionPlanned(case.promotion.id, pinned.plan, pinned.changes)]

    return PLANNED.validate_python(await case.run.step("plan", plan, changes=changes))


async def admitted(case: Case, found: Planned) -> None:
    """Judge what is in the way at the moment of the request.

    Raises:
        BarredError: a freeze, a lock, a hold, a version that must not come here; audited.
        UserError: there are not people enough who could approve it.
    """
    context, stage, promotion = case.context, case.stage, case.promotion
    by, roles = (
        ("break-glass", stage.break_glass) if promotion.emergency else ("exempt", stage.exempt)
    )
    right = {"right": by, "roles": ", ".join(roles), "by": promotion.reason}

    async def judge() -> Any:
        asked = case.run.operation.input
        every = await _in_the_way(context, stage, asked, found, promotion.requester)
        never = await never_enough(context, case.rule, found.plan, promotion.requester)
        if never and not every:
            raise never
        stops = every  # an exemption does not help where nobody can approve it
        if never is None:
            stops = await unpassed(
                context,
                stage,
                every,
                promotion.requester,
                reason=promotion.reason,
                asked_at=promotion.created_at,
                emergency=promotion.emergency,
            )
        passed = tuple(b for b in every if b not in stops)
        return JUDGED.dump_python((stops, passed), mode="json")

    def changes(result: Any) -> Sequence[Change]:
        stops, passed = JUDGED.validate_python(result)
        return [
            *(case.audited("asked", "refused", rule=b.rule, why=b.reason) for b in stops),
            *(case.audited("exempted", "done", rule=b.rule, why=b.reason, **right) for b in passed),
        ]

    stops, _ = JUDGED.validate_python(await case.run.step("admit", judge, changes=changes))
    if stops:
        raise await _barred(case, found.plan, stops)


async def _barred(case: Case, plan: Plan, stops: Sequence[Barrier]) -> BarredError:
    """With the ways past it that this person has."""
    context, stage = case.context, case.stage
    never = await never_enough(context, case.rule, plan, case.promotion.requester)
    return barred_by(
        stops,
        stage,
        back=case.back,
        exempt=await exemption_works(context, case.rule, stage.exempt),
        after=str(never or ""),
        services=plan.services,
    )


async def preview(run: Run, context: ReleaseContext, stage: Stage, asked: Asked) -> Outcome:
    """`--dry-run`: the same card, privately; nothing is made.

    Raises:
        UserError: as `planned`; what is in the way is shown and stops nothing.
    """
    found = await run.call("plan", lambda: _plan(context, stage, asked))
    actor = run.operation.actor
    await ensure_enough(context, _rule(stage, asked), found.plan, actor)
    every = await run.call("plan", lambda: _in_the_way(context, stage, asked, found, actor))
    stops = await run.call(
        "roles",
        lambda: unpassed(
            context,
            stage,
            every,
            actor,
            reason=asked.reason,
            asked_at=context.base.clock.now(),
            emergency=_is_emergency(asked),
        ),
    )
    tracker = StageTracker(run, context, stage, None)
    tracker.show(
        source=found.plan.source,
        to=asked.to if isinstance(asked, RollbackInput) else None,
        items=found.plan.items,
        changes=found.changes,
        digest=found.plan.digest,
        barriers=stops,
        exempted=tuple(b.reason for b in every if b not in stops),
        reason=asked.reason,
        emergency=_is_emergency(asked),
        goes_before=await _goes_before(run, context, stage, asked, found),
    )
    needed = await _needed(context, stage, asked, found, actor)
    shown = replace(tracker.ended(End.SUCCEEDED, ""), needed=needed)
    await previewed(run, context.base.answers, shown)
    return Outcome(End.SUCCEEDED, "")


async def _goes_before(
    run: Run, context: ReleaseContext, stage: Stage, asked: Asked, found: Planned
) -> tuple[PromotionId, ...]:
    if not isinstance(asked, RollbackInput):
        return ()
    request = Request(PromotionKind.ROLLBACK, stage.name, None, emergency=asked.emergency)
    services = found.plan.services
    return await run.call("the database", lambda: foreseen(context, request, services))


async def _plan(context: ReleaseContext, stage: Stage, asked: Asked) -> Planned:
    found = await _change(context, stage, asked)
    await followed(context, stage, found.plan.services)
    return found


async def _change(context: ReleaseContext, stage: Stage, asked: Asked) -> Planned:
    match asked:
        case PromoteInput():
            return await promotion(context, stage, asked)
        case RollbackInput():
            return await rollback(context, stage, asked)


async def _in_the_way(
    context: ReleaseContext, stage: Stage, asked: Any, found: Planned, actor: Actor
) -> tuple[Barrier, ...]:
    """What came to a stage once may come back to it, so a rollback's versions are not judged."""
    back = isinstance(asked, RollbackInput)
    standing = await context.barriers(stage, found.plan.services, actor, back=back)
    if back:
        return standing
    from_stage = isinstance(asked, PromoteInput) and asked.source is not None
    return (*standing, *await objections(context, stage, found.plan, checked=from_stage))


def _is_emergency(asked: Asked) -> bool:
    return isinstance(asked, RollbackInput) and asked.emergency


def _rule(stage: Stage, asked: Asked) -> ApprovalRule:
    """Who has to agree; with the glass broken nobody."""
    rule = stage.rollback if isinstance(asked, RollbackInput) else stage.approvals
    return replace(rule, count=0, teams={}) if _is_emergency(asked) else rule


async def _needed(
    context: ReleaseContext, stage: Stage, asked: Asked, found: Planned, actor: Actor
) -> Needed:
    """Who would have to agree."""
    rule = _rule(stage, asked)
    count = rule.count
    teams = {s: rule.teams[s] for s in found.plan.services if rule.teams.get(s)}
    try:
        holders = await context.people.holders({*rule.roles, *sum(teams.values(), ())})
    except (TransientError, PermanentError):
        holders = ()
    eligible = [a.user for a in holders if rule.by_requester or a != actor]
    return Needed(
        count=count,
        missing=count,
        eligible=tuple(eligible[:_NAMED]),
        roles=rule.roles,
        teams=tuple(teams.items()),
        by_requester=rule.by_requester,
    )
