"""Short ways to ask for promotions, and what they are about."""

from collections.abc import Sequence

from qbot.domain.changes import Change
from qbot.domain.inputs import PromoteInput, RollbackInput
from qbot.domain.names import ProjectPath, PromotionId, ServiceName, StageName
from qbot.domain.operation import Claim, Operation, Submission, Submitted
from qbot.domain.people import Actor, Place
from qbot.domain.progress import Kind
from qbot.domain.promotion import (
    Account,
    Approval,
    Edit,
    Item,
    MergeRequestRef,
    Plan,
    Promotion,
    PromotionKind,
    Request,
    Verdict,
    Version,
)
from qbot.domain.release_changes import (
    PlaceTaken,
    PromotionMoved,
    PromotionOpened,
    PromotionPlanned,
)
from tests.clocks import START
from tests.store.wishes import ANA, BEN, Wishes, key

PRODUCTION, STAGING = StageName("production"), StageName("staging")
SCOPE = "stage:production"
CART, WEB = ServiceName("cart"), ServiceName("web")
SHOP = ProjectPath("shop/deployments")
BENS = Account(2, "ben")
MERGE_REQUEST = MergeRequestRef(SHOP, 7, "https://gitlab.test/mr/7", "qbot/P-1", "a" * 40)


def plan(*services: ServiceName, new: str = "v2") -> Plan:
    edits = tuple(Edit(s, f"production/{s}.yaml", "image.tag", "v1", new) for s in services)
    items = tuple(Item(s, ProjectPath(f"shop/{s}"), Version("v1"), Version(new)) for s in services)
    return Plan(PRODUCTION, STAGING, SHOP, "main", items, edits)


def wish(
    *services: ServiceName, actor: Actor = ANA, again: PromotionId | None = None, reason: str = ""
) -> Submission:
    return Submission(
        Kind.PROMOTE,
        PromoteInput(STAGING, None, PRODUCTION, services, reason=reason, again=again),
        None,
        actor,
        Place("C1"),
        key(),
        stage=PRODUCTION,
        request=Request(
            PromotionKind.PROMOTION, PRODUCTION, Account(1, "ana"), reason=reason, again=again
        ),
    )


def back_wish(*services: ServiceName, emergency: bool = False) -> Submission:
    """For a rollback."""
    asked = RollbackInput(PRODUCTION, services, reason=key(), emergency=emergency)
    request = Request(PromotionKind.ROLLBACK, PRODUCTION, BENS, emergency=emergency)
    return Submission(
        Kind.ROLLBACK, asked, None, BEN, Place("C1"), key(), stage=PRODUCTION, request=request
    )


async def ask(wishes: Wishes, *services: ServiceName, reason: str = "") -> Operation:
    answer = await wishes.journal.submit(wish(*services, reason=reason))
    assert isinstance(answer, Submitted)
    assert answer.fresh
    return answer.operation


async def carried(wishes: Wishes, op: Operation) -> Promotion:
    found = await wishes.database.promotions.of_operation(op.id)
    assert found
    return found


async def begun(wishes: Wishes, *services: ServiceName) -> tuple[Claim, Promotion]:
    """A promotion of these services that a worker has just taken."""
    operation = await ask(wishes, *services)
    claims = await wishes.claim()
    claim = next(c for c in claims if c.operation.id == operation.id)
    return claim, await carried(wishes, operation)


async def opened(wishes: Wishes, *services: ServiceName) -> tuple[Claim, Promotion]:
    """One whose merge request is there."""
    claim, promotion = await begun(wishes, *services)
    changes: list[Change] = [
        PromotionPlanned(promotion.id, plan(*services)),
        PromotionOpened(promotion.id, MERGE_REQUEST, START),
    ]
    await wishes.journal.commit(claim, "propose", 1, changes)
    return claim, await carried(wishes, claim.operation)


async def going_back(
    wishes: Wishes, *services: ServiceName, emergency: bool = False
) -> tuple[Claim, Promotion]:
    """A rollback whose plan is known, and accepted."""
    answer = await wishes.journal.submit(back_wish(*services, emergency=emergency))
    assert isinstance(answer, Submitted)
    claim = next(c for c in await wishes.claim() if c.operation.id == answer.operation.id)
    row = await carried(wishes, answer.operation)
    await wishes.journal.commit(claim, "plan", 1, [PromotionPlanned(row.id, plan(*services))])
    return claim, await carried(wishes, answer.operation)


async def took_over(
    wishes: Wishes, *services: ServiceName, emergency: bool = False
) -> tuple[Claim, Promotion]:
    """A rollback that begins."""
    claim, row = await going_back(wishes, *services, emergency=emergency)
    await wishes.journal.commit(claim, "begins", 1, [PlaceTaken(row.id)])
    return claim, row


async def moved(wishes: Wishes, claim: Claim, change: PromotionMoved) -> None:
    await wishes.journal.commit(claim, key(), 1, [change])


def word(
    promotion: Promotion,
    *,
    actor: Actor = BEN,
    account: Account = BENS,
    verdict: Verdict = Verdict.APPROVED,
    digest: str = "",
) -> Approval:
    bound = digest or (promotion.plan.digest if promotion.plan else "")
    return Approval(promotion.id, actor, account, bound, verdict, START)


def said(approvals: Sequence[Approval] | None) -> list[tuple[str, str]]:
    return [(a.actor.user, a.void) for a in approvals or ()]
