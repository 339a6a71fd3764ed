"""What speaks against a promotion: barriers that nobody passes, versions that must not come."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime

from qbot.domain.approvals import Person
from qbot.domain.barriers import Barrier
from qbot.domain.listing import some
from qbot.domain.names import ServiceName
from qbot.domain.people import Actor
from qbot.domain.promotion import Item, Plan, Promotion, PromotionKind
from qbot.domain.services import Build
from qbot.domain.stages import Stage
from qbot.operations.gathering import gather
from qbot.operations.releases.context import ReleaseContext
from qbot.operations.releases.offers import short
from qbot.operations.releases.passing import in_emergency

_NAMED = 6  # services in one sentence


Ask = Callable[[Actor], Awaitable[Person]]
"""How somebody's roles are asked for."""


async def barred(
    context: ReleaseContext,
    stage: Stage,
    promotion: Promotion,
    services: Collection[ServiceName] | None = None,
    *,
    by: Actor | None = None,
    ask: Ask | None = None,
) -> tuple[tuple[Barrier, ...], tuple[Barrier, ...]]:
    """What stops a promotion, or a part of it, now, and what its requester passes.

    `by`: who goes on with it, whose own lock does not stop it. `ask` as for `unpassed`.
    """
    if services is None:
        services = promotion.plan.services if promotion.plan else ()
    back = promotion.kind is PromotionKind.ROLLBACK
    found = await context.barriers(stage, services, by or promotion.requester, back=back)
    left = await unpassed(
        context,
        stage,
        found,
        promotion.requester,
        reason=promotion.reason,
        asked_at=promotion.created_at,
        emergency=promotion.emergency,
        ask=ask,
    )
    return left, tuple(b for b in found if b not in left)


async def unpassed(
    context: ReleaseContext,
    stage: Stage,
    found: Sequence[Barrier],
    actor: Actor,
    *,
    reason: str,
    asked_at: datetime,
    emergency: bool = False,
    ask: Ask | None = None,
) -> tuple[Barrier, ...]:
    """Those that stop this person.

    An exempt role passes with a reason what stood when it was asked for: whatever began later
    was not thought of. It is judged anew, unless `ask` says otherwise. In an emergency freezes and
    locks stop nobody, whenever they began.
    """
    if emergency:
        return in_emergency(found)
    if not reason or not any(b.passed(asked_at) for b in found):
        return tuple(found)
    person = await (ask(actor) if ask else context.people.person(actor, fresh=True))
    exempt = person.active and bool(person.roles & set(stage.exempt))
    return tuple(b for b in found if not (exempt and b.passed(asked_at)))


async def objections(
    context: ReleaseContext, stage: Stage, plan: Plan, *, checked: bool
) -> tuple[Barrier, ...]:
    """Versions that must not come to the stage.

    `checked`: the source is a stage itself, so that what came there without a known commit may
    come here as well.

    Raises:
        TransientError: GitLab does not answer.
    """
    items = plan.items
    found = [*_pipelines(items), *_images(stage, items), *_soak(context, stage, items)]
    if not stage.unmerged:
        found += await _unmerged(context, stage, items, checked=checked)
    return tuple(found)


def _pipelines(items: Sequence[Item]) -> list[Barrier]:
    failed = [i for i in items if i.build is Build.FAILED]
    running = [i for i in items if i.build is Build.RUNNING]
    found = []
    if failed:
        found.append(Barrier("pipeline", f"The pipeline failed of {named(failed)}."))
    if running:
        found.append(Barrier("pipeline", f"The pipeline still runs of {named(running)}."))
    return found


def _images(stage: Stage, items: Sequence[Item]) -> list[Barrier]:
    """What is not built says so by its pipeline, where that is why."""
    found = []
    missing = [i for i in items if i.pin.missing and i.build not in (Build.FAILED, Build.RUNNING)]
    if missing:
        found.append(Barrier("image", f"The registry has no image of {named(missing)}."))
    unknown = [i for i in items if i.pin.unknown]
    if unknown and stage.digests:
        only = f"Only images whose digest is known come to `{stage.name}`"
        why = f"{only}; that is not so of {named(unknown)}: {unknown[0].pin.unknown}."
        found.append(Barrier("image", why))
    return found


def _soak(context: ReleaseContext, stage: Stage, items: Sequence[Item]) -> list[Barrier]:
    if not stage.soak:
        return []
    now = context.base.clock.now()
    young = [i for i in items if i.since is None or i.since + stage.soak > now]
    if not young:
        return []
    minutes = int(stage.soak.total_seconds() // 60)
    known = [i.since + stage.soak for i in young if i.since is not None]
    until = max(known) if len(known) == len(young) else None
    said = f"A version must have run for {minutes} minutes before it comes to `{stage.name}`"
    return [Barrier("soak", f"{said}, which is not so of {named(young)}.", until)]


async def _unmerged(
    context: ReleaseContext, stage: Stage, items: Sequence[Item], *, checked: bool
) -> list[Barrier]:
    catalog = context.base.catalog
    asked = [i for i in items if i.new.sha]
    answers = await gather(
        [
            context.repository.contains(i.project, catalog[i.service].default_branch, i.new.sha)
            for i in asked
        ]
    )
    outside = []
    for item, answer in zip(asked, answers, strict=True):
        if isinstance(answer, Exception):
            raise answer
        if not answer:
            outside.append(item)
    found = []
    if outside:
        why = f"Only what is merged comes to `{stage.name}`; that is not so of {named(outside)}."
        found.append(Barrier("unmerged", why))
    unknown = [] if checked else [i for i in items if not i.new.sha]
    if unknown:
        why = f"The commit is not known of {named(unknown)}, so nor is whether it is merged."
        found.append(Barrier("unmerged", why))
    return found


def named(items: Sequence[Item]) -> str:
    """Services with their new versions, in a sentence."""
    return some([f"`{i.service}` at `{short(i.new.text)}`" for i in items], _NAMED)
