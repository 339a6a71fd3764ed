"""The rows of promotions and of all that stands in their way. Implemented by the store."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from qbot.domain.barriers import Freeze, Hold, Lock
from qbot.domain.names import OpId, PromotionId, ServiceName, StageName
from qbot.domain.people import Actor
from qbot.domain.promotion import Account, Approval, Promotion, PromotionKind, PromotionState
from qbot.domain.release import Diff


class Decisions(Protocol):
    """Promotions, and what was said about them. Raises TransientError.

    `rule`, here and below, is what allowed the person to do it, for the audit row that commits
    with it.
    """

    async def promotion(self, number: PromotionId) -> Promotion | None:
        """By number."""

    async def of_operation(self, op: OpId) -> Promotion | None:
        """The one that an operation carries."""

    async def changes(self, number: PromotionId) -> Diff:
        """The lines that it changes, as they were when its merge request was made last."""

    async def promotions(
        self,
        stage: StageName | None,
        *,
        limit: int,
        states: Collection[PromotionState] = (),
    ) -> Sequence[Promotion]:
        """Newest first; no states: all."""

    async def rivals(
        self, stage: StageName, kind: PromotionKind, services: Collection[ServiceName]
    ) -> Sequence[Promotion]:
        """Open ones of any of these services that may end one of this kind, or end by it.

        Of a promotion those are rollbacks; of a rollback all that has one of its services, too.
        """

    async def places(self, stage: StageName) -> Mapping[ServiceName, PromotionId]:
        """Which open promotion has each service; those that none has are not in."""

    async def approvals(self, number: PromotionId) -> Sequence[Approval]:
        """All that was said, in the order in which it came."""

    async def decide(self, approval: Approval, *, rule: str) -> Sequence[Approval] | None:
        """Write one word down with its audit row and wake the operation, in one commit.

        None: the promotion is no longer open. Somebody's second word replaces nothing: the rows
        are as before then. Otherwise all of them, the new one among them.
        """

    async def give_up(self, number: PromotionId, by: Actor, *, rule: str = "") -> bool:
        """End one that is being deployed: its operation stops; False: it is not any more."""


class Freezes(Protocol):
    """Stages that are closed. Raises TransientError.

    `key`, here and below, is the delivery that asks for it; done by it once, it is not again, but
    raises DoneBeforeError.
    """

    async def freezes(self, stage: StageName | None = None) -> Sequence[Freeze]:
        """Those that hold, without those of the calendar."""

    async def freeze(self, freeze: Freeze, *, rule: str = "", key: str = "") -> bool:
        """Declare one; False: the stage is frozen already."""

    async def unfreeze(self, stage: StageName, by: Actor, *, rule: str = "", key: str = "") -> bool:
        """End it; False: there was none."""


class LockRows(Protocol):
    """What people keep for themselves, and who waits for it. Raises TransientError."""

    async def locks(self, scope: str | None = None) -> Sequence[Lock]:
        """Those that hold."""

    async def lock(self, lock: Lock, *, rule: str = "", key: str = "") -> Lock | None:
        """Take it; somebody else's that stands in the way is answered instead."""

    async def unlock(
        self, scope: str, by: Actor, *, force: bool, rule: str = "", key: str = ""
    ) -> Lock | None:
        """End one's own, or with `force` anybody's; what was ended is answered."""

    async def await_free(self, scope: str, who: Actor) -> None:
        """Remember who wants to be told when the lock ends."""

    async def waiting_for(self, scope: str, *, take: bool) -> Sequence[Actor]:
        """Who wants to be told; `take` forgets them."""

    async def awaited(self) -> Sequence[str]:
        """Scopes that somebody wants to be told about, locked or not."""


class Holds(Protocol):
    """Services that stay as they are after a rollback. Raises TransientError."""

    async def holds(self, stage: StageName | None = None) -> Sequence[Hold]:
        """Services that are held."""

    async def release(
        self,
        stage: StageName,
        services: Collection[ServiceName],
        by: Actor,
        *,
        rule: str = "",
        key: str = "",
    ) -> Sequence[Hold]:
        """Let go of these (none named: all); what was held is answered."""


class LinkedAccounts(Protocol):
    """GitLab accounts that people linked. Raises TransientError."""

    async def accounts(self, actors: Collection[Actor]) -> Mapping[Actor, Account]:
        """The GitLab accounts that these people linked; who did not is not in."""

    async def link(self, actor: Actor, account: Account, *, rule: str = "") -> None:
        """Write it down, in the place of an earlier one."""


class Promotions(Decisions, Freezes, LockRows, Holds, LinkedAccounts, Protocol):
    """The rows of promotions and of all that stands in their way."""
