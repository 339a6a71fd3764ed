"""What is open at once for the same services of a stage, and which of both goes before. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from qbot.domain.listing import some
from qbot.domain.names import PromotionId, ServiceName
from qbot.domain.promotion import Promotion, PromotionKind, PromotionState, Request
from qbot.errors import UserError

_NAMED = 12  # services in a sentence
BUSY = {
    PromotionState.RESOLVING: "is being worked out",
    PromotionState.OPEN: "waits for approval",
    PromotionState.APPROVED: "is approved and goes first",
    PromotionState.MERGED: "is being deployed",
}


@dataclass(frozen=True, slots=True)
class Rival:
    """An open promotion, and which of the services that are asked for it has."""

    promotion: Promotion
    services: set[ServiceName]


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


def taken_by(
    rivals: Sequence[Rival], services: Collection[ServiceName], *, retried: bool = False
) -> UserError:
    """Says of all of them what they have, and what can be done about that.

    Args:
        rivals: at least one.
        services: all that are asked for.
        retried: it is taken up as it was: nothing of it can be left out.
    """
    names = [f"`show {rival.promotion.name}`" for rival in rivals]
    one = len(rivals) == 1
    says = "says whose it is and leads to its card" if one else "say whose they are"
    it = "it" if one else "them"
    ways = [f"Wait for {it} to end"]
    if all(rival.promotion.state is not PromotionState.MERGED for rival in rivals):
        ways.append(f"have {it} withdrawn")
    taken = {service for rival in rivals for service in rival.services}
    if not retried and set(services) - taken:
        ways.append(f"leave {_named(taken)} out")
    return UserError(" ".join(map(_told, rivals)), hint=f"{_both(names)} {says}. {_either(ways)}.")


def _told(rival: Rival) -> str:
    of = rival.promotion
    what = f"{_named(rival.services)} on `{of.stage}`"
    return f"{of.name} changes {what} already: it {BUSY[of.state]}."


def _named(services: Collection[ServiceName]) -> str:
    names = [f"`{service}`" for service in sorted(services)]
    return _both(names) if len(names) <= _NAMED else some(names, _NAMED)


def _both(texts: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(texts[:-1]), texts[-1]]))


def _either(ways: Sequence[str]) -> str:
    return ", or ".join(filter(None, [", ".join(ways[:-1]), ways[-1]]))
