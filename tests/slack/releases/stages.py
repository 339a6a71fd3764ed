"""A scene with a stage, the people around it, and a promotion that waits for them."""

from dataclasses import replace
from datetime import datetime, timedelta

from qbot.domain.changes import CardChanged
from qbot.domain.changes import Change as Commits
from qbot.domain.names import OpId, ProjectPath, PromotionId, ServiceName, StageName
from qbot.domain.operation import Operation
from qbot.domain.progress import End, Step
from qbot.domain.promotion import (
    Edit,
    Item,
    MergeRequestRef,
    Plan,
    PromotionState,
    Version,
    promotion_name,
)
from qbot.domain.release import Change, Diff, StageProgress
from qbot.domain.release_changes import (
    HoldsPlaced,
    PromotionMoved,
    PromotionOpened,
    PromotionPlanned,
)
from qbot.domain.stages import (
    ENVIRONMENTS,
    Applications,
    ApprovalRule,
    ConfigSource,
    Format,
    Stage,
)
from qbot.render.shown import card_of
from qbot.sandbox.slack.model import Message
from tests.sandbox.slack.stage import ANA, BEN, CHLOE, DAN
from tests.slack.scene import SERVICES, Scene

MANAGERS = "release-managers"
STAGING, PRODUCTION = StageName("staging"), StageName("production")
PROJECT = ProjectPath("shop/deployments")
CART = ServiceName("cart")


def _stage(name: StageName, sources: tuple[StageName, ...], rule: ApprovalRule) -> Stage:
    return Stage(
        name=name, sources=sources, services=tuple(ServiceName(s) for s in SERVICES),
        instance="main", applications=Applications(pattern="{stage}-{service}"),
        config=ConfigSource(PROJECT, "main", Format.HELM, "{stage}/{service}.yaml", "image.tag"),
        approvals=rule, rollback=ApprovalRule(1, (MANAGERS,), by_requester=True),
        break_glass=(MANAGERS,), exempt=(MANAGERS,),
    )  # fmt: skip


STAGES = (
    _stage(STAGING, (ENVIRONMENTS,), ApprovalRule(1)),
    _stage(PRODUCTION, (STAGING,), ApprovalRule(2, (MANAGERS,))),
)


def populated(scene: Scene) -> Scene:
    """Ana and ben are engineers, chloe and dan release managers; all have accounts."""
    scene.people.know(ANA, 1)
    scene.people.know(BEN, 2)
    scene.people.know(CHLOE, 3, MANAGERS)
    scene.people.know(DAN, 4, MANAGERS)
    return scene


def plan(new: str = "b" * 40) -> Plan:
    edit = Edit(CART, "production/cart.yaml", "image.tag", "a" * 40, new)
    item = Item(CART, ProjectPath("shop/cart"), Version(edit.old), Version(edit.new))
    return Plan(PRODUCTION, "staging", PROJECT, "main", (item,), (edit,))


async def asked_for(
    scene: Scene, text: str = "promote staging production", who: str = ANA
) -> Operation:
    """A promotion that was typed, by ana as a rule, and waits to be carried out."""
    assert await scene.type(text, who) is None
    (row, *_) = await scene.releases.context.promotions.promotions(PRODUCTION, limit=1)
    found = await scene.database.store.operation(row.op)
    assert found is not None
    return found


async def opened(scene: Scene, operation: Operation | None = None) -> tuple[PromotionId, Message]:
    """A promotion that asks for approvals, with its card in the channel."""
    operation = operation or await asked_for(scene)
    (claim, *_) = await scene.database.journal.claim("worker", 1)
    assert claim.operation.id == operation.id
    found = await scene.releases.context.promotions.of_operation(operation.id)
    assert found is not None
    shown = _shown(scene, operation, found.id)
    ref = MergeRequestRef(PROJECT, 3, "https://g/shop/-/3", f"qbot/{found.name}", "c" * 40)
    expires = scene.database.clock.now() + timedelta(hours=24)
    changes: list[Commits] = [
        PromotionPlanned(found.id, plan()),
        PromotionOpened(found.id, ref, expires),
        CardChanged(shown),
    ]
    await scene.database.journal.commit(claim, "propose", True, changes)
    await scene.database.journal.release(claim)
    card = await scene.post(card_of(shown, scene.desk.style))
    await scene.database.cards.posted(
        operation.id, end=False, channel=card.channel, ts=card.ts, version=9, shown_hash="h"
    )
    return found.id, card


async def moved(
    scene: Scene,
    state: PromotionState,
    end: End,
    merge_sha: str = "",
    *,
    asked: Operation | None = None,
    merged_at: datetime | None = None,
) -> tuple[PromotionId, Message]:
    """A promotion that ended so."""
    number, card = await opened(scene, asked)
    (claim, *_) = await scene.database.journal.claim("worker", 1)
    changes = [PromotionMoved(number, state, merge_sha=merge_sha, merged_at=merged_at)]
    await scene.database.journal.finish(claim, end, "", changes)
    return number, card


def value(number: PromotionId, new: str = "b" * 40) -> str:
    """Of a button on the card that shows this change."""
    return f"P-{number}:{plan(new).digest[:16]}"


def _shown(scene: Scene, operation: Operation, number: PromotionId) -> StageProgress:
    now = scene.database.clock.now()
    return StageProgress(
        op=OpId(operation.id), kind=operation.kind, stage=PRODUCTION, source="staging",
        actor=operation.actor, step=Step.APPROVING, started_at=now, updated_at=now,
        promotion=number, state=PromotionState.OPEN, items=plan().items, digest=plan().digest,
        changes=Diff((Change("production/cart.yaml", 3, "tag: a", "tag: b"),), 1, 1),
    )  # fmt: skip


async def held(scene: Scene, *, before: PromotionId | None = None) -> None:
    """A rollback by chloe that holds cart, of this promotion."""
    assert await scene.type("rollback production cart", CHLOE) is None
    (claim, *_) = await scene.database.journal.claim("worker", 1)
    found = await scene.releases.context.promotions.of_operation(claim.operation.id)
    assert found is not None
    placed: list[Commits] = [HoldsPlaced(found.id, PRODUCTION, ((CART, "a" * 40),))]
    if before is not None:
        back = replace(plan("a" * 40), source=promotion_name(before))
        placed = [PromotionPlanned(found.id, back), *placed]
    await scene.database.journal.commit(claim, "merge", True, placed)
    done = PromotionMoved(found.id, PromotionState.DONE, merge_sha="d" * 40)
    await scene.database.journal.finish(claim, End.SUCCEEDED, "", [done])
