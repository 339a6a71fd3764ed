"""What is open at once for the same services of a stage, and which of both goes before. Pure."""

from collections.abc import Collection, Sequence

from qbot.domain.names import PromotionId, ServiceName
from qbot.domain.promotion import Promotion, PromotionKind, PromotionState, Request


def gives_way(other: Promotion, mine: Promotion | Request) -> bool:
    """To a rollback, and a rollback to one that is an emergency."""
    if mine.kind is not PromotionKind.ROLLBACK:
        return False
    return other.kind is PromotionKind.PROMOTION or (mine.emergency and not other.emergency)


def giving_way(
    mine: Promotion | Request, services: Collection[ServiceName], there: Sequence[Promotion]
) -> tuple[PromotionId, ...]:
    """What of that which is there ends as soon as this begins to change these services."""
    return tuple(sorted(p.id for p in there if _shares(p, services) and gives_way(p, mine)))


def going_before(mine: Promotion, there: Sequence[Promotion]) -> tuple[PromotionId, ...]:
    """What of that which is there ends this one as soon as it begins; proposed is it already."""
    services = mine.plan.services if mine.plan else ()
    proposed = [p for p in there if p.state is not PromotionState.RESOLVING]
    return tuple(sorted(p.id for p in proposed if _shares(p, services) and gives_way(mine, p)))


def _shares(other: Promotion, services: Collection[ServiceName]) -> bool:
    return other.plan is not None and not set(services).isdisjoint(other.plan.services)
