"""What a rollback changes: versions go back to what they were before, or after, a promotion."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from qbot.domain.inputs import RollbackInput
from qbot.domain.names import ServiceName
from qbot.domain.promotion import (
    Edit,
    Promotion,
    PromotionKind,
    PromotionState,
    Version,
    promotion_name,
)
from qbot.domain.stages import ENVIRONMENTS, Stage
from qbot.domain.undoing import earlier, moment
from qbot.errors import UserError
from qbot.operations.releases.context import ReleaseContext
from qbot.operations.releases.draft import Planned, drafted
from qbot.operations.releases.images import pinned
from qbot.operations.releases.items import Move
from qbot.operations.releases.offers import short
from qbot.operations.releases.written import Written, written

_HISTORY = 500  # promotions that are looked back over
# What was merged changed the stage, however it went on from there.
MERGED = (
    PromotionState.MERGED,
    PromotionState.DONE,
    PromotionState.FAILED,
    PromotionState.CANCELLED,
    PromotionState.CLOSED,
)


@dataclass(frozen=True, slots=True)
class _Back:
    """One service: from what the newest of these promotions wrote to what the oldest replaced."""

    service: ServiceName
    expected: Edit
    goal: Version
    since: Promotion  # the newest one that wrote it


async def rollback(context: ReleaseContext, stage: Stage, asked: RollbackInput) -> Planned:
    """Undo the newest promotion, or all that came after `--to`.

    Raises:
        UserError: there is none, a version was changed by something else since, or all of it is
            back already, or it is no way back.
    """
    merged = await _merged(context, stage)
    undone = _undone(stage, merged, asked)
    backs = _backs(undone, asked.services, stage)
    target = await written(context, stage, [b.service for b in backs])
    moves = [
        Move(b.service, Version(b.expected.new), b.goal)
        for b in backs
        if b.goal.text != target.need(b.service)
    ]
    if not moves:
        raise UserError(
            f"`{stage.name}` is back where it was before {undone[0].name} already.",
            hint=f"`history {stage.name}` lists promotions; `--to` goes further back.",
        )
    left = [b for b in backs if b.goal.text != target.texts[b.service]]
    _refuse_changed(target, left)
    _refuse_forward(stage, merged, left)
    moves = await pinned(context, stage, moves)
    rule = None if asked.emergency else stage.rollback
    return await drafted(context, target, undone[0].name, moves, rule)


async def _merged(context: ReleaseContext, stage: Stage) -> list[Promotion]:
    """All that changed the stage, rollbacks too, oldest first."""
    found = await context.promotions.promotions(stage.name, limit=_HISTORY, states=MERGED)
    return sorted((p for p in found if p.merge_sha and p.plan), key=moment)


def _undone(stage: Stage, merged: Sequence[Promotion], asked: RollbackInput) -> Sequence[Promotion]:
    """Those that are to be undone with what came after them, oldest first."""
    if asked.to is not None:
        at = next((i for i, p in enumerate(merged) if p.id == asked.to), None)
        if at is None:
            raise UserError(
                f"{promotion_name(asked.to)} did not change `{stage.name}`.",
                hint=f"`history {stage.name}` lists its promotions.",
            )
        after = merged[at + 1 :]
        if not after:
            raise UserError(
                f"{promotion_name(asked.to)} is the newest: `{stage.name}` is what it made of it."
            )
        return after
    for at in range(len(merged) - 1, -1, -1):
        if merged[at].kind is PromotionKind.PROMOTION and _touches(merged[at], asked.services):
            return merged[at:]
    what = f" of {', '.join(f'`{s}`' for s in asked.services)}" if asked.services else ""
    raise UserError(
        f"Qbot has made no promotion{what} to `{stage.name}` that could be rolled back.",
        hint="What was changed by hand is put back by hand, in the configuration repository.",
    )


def _touches(promotion: Promotion, services: Collection[ServiceName]) -> bool:
    plan = promotion.plan
    return plan is not None and (not services or not set(services).isdisjoint(plan.services))


def _backs(
    undone: Sequence[Promotion], services: Collection[ServiceName], stage: Stage
) -> list[_Back]:
    """For each service (none named: those that the oldest touched, or with `--to` all of them)."""
    found: dict[ServiceName, _Back] = {}
    for promotion in undone:
        plan = promotion.plan
        for edit in plan.edits if plan else ():
            if services and edit.service not in services:
                continue
            first = found.get(edit.service)
            if edit.service not in stage.services:
                raise UserError(
                    f"`{edit.service}` is no longer a service of `{stage.name}` in qbot.yaml.",
                    hint="Name the services that shall go back.",
                )
            goal = first.goal if first else _version_before(promotion, edit)
            found[edit.service] = _Back(edit.service, edit, goal, promotion)
    if left := [s for s in services if s not in found]:
        raise UserError(
            f"{undone[0].name} did not change {', '.join(f'`{s}`' for s in left)} in "
            f"`{stage.name}`.",
            hint="Roll back such services on their own, or name an earlier promotion by `--to`.",
        )
    return list(found.values())


def _version_before(promotion: Promotion, edit: Edit) -> Version:
    items = promotion.plan.items if promotion.plan else ()
    known = next((i.old for i in items if i.service == edit.service), Version(edit.old))
    return known if known.text == edit.old else replace(known, text=edit.old, sha="")


def _refuse_changed(target: Written, backs: Sequence[_Back]) -> None:
    """Somebody's own change is nobody's to undo."""
    foreign = [b for b in backs if target.texts[b.service] != b.expected.new]
    if foreign:
        said = "; ".join(
            f"`{b.service}` is at `{short(target.texts[b.service])}`, not at "
            f"`{short(b.expected.new)}` as {b.since.name} left it"
            for b in foreign
        )
        raise UserError(
            f"`{target.stage.name}` was changed since by something else than a promotion: {said}.",
            hint="Name the services that shall go back, without these.",
        )


def _refuse_forward(stage: Stage, merged: Sequence[Promotion], backs: Sequence[_Back]) -> None:
    """What a rollback took back is promoted again, by the rule and past the holds of that."""
    ahead = [b for b in backs if b.goal.text not in earlier(merged, b.service)]
    if ahead:
        said = ", ".join(f"`{b.service}` at `{short(b.goal.text)}`" for b in ahead)
        source = next((s for s in stage.sources if s != ENVIRONMENTS), "")
        again = f"`promote {source} {stage.name}`" if source else f"A promotion to `{stage.name}`"
        were = "was" if len(ahead) == 1 else "were"
        raise UserError(
            f"That would not go back but forward: {said} {were} rolled back since.",
            hint=f"{again} brings newer versions, with the approvals that it takes.",
        )
