"""The rows of promotions and of what stands in their way, over either driver."""

from collections.abc import Collection, Mapping, Sequence

from qbot.domain.barriers import Freeze, Hold, Lock
from qbot.domain.names import OpId, PromotionId, ServiceName, StageName
from qbot.domain.people import Actor
from qbot.domain.ports import Clock
from qbot.domain.promotion import Account, Approval, Promotion, PromotionKind, PromotionState
from qbot.domain.release import Diff
from qbot.store import deciding, links, places, promotions, standing
from qbot.store.deliveries import once
from qbot.store.statements import Driver


class SqlPromotions:
    """Implements the port `Promotions`; see there for what each call promises."""

    def __init__(self, driver: Driver, *, clock: Clock) -> None:
        self._driver = driver
        self._clock = clock

    async def promotion(self, number: PromotionId) -> Promotion | None:
        """By number."""
        return await self._driver.run(promotions.by_number(number))

    async def of_operation(self, op: OpId) -> Promotion | None:
        """The one that an operation carries."""
        return await self._driver.run(promotions.of_operation(op))

    async def changes(self, number: PromotionId) -> Diff:
        """The lines that it changes."""
        return await self._driver.run(promotions.changes(number))

    async def promotions(
        self,
        stage: StageName | None,
        *,
        limit: int,
        states: Collection[PromotionState] = (),
    ) -> Sequence[Promotion]:
        """Newest first; no states: all."""
        return await self._driver.run(promotions.newest(stage, limit, tuple(states)))

    async def rivals(
        self, stage: StageName, kind: PromotionKind, services: Collection[ServiceName]
    ) -> Sequence[Promotion]:
        """Open ones of any of these services that may end one of this kind, or end by it."""
        return await self._driver.run(places.rivals(stage, kind, services))

    async def places(self, stage: StageName) -> Mapping[ServiceName, PromotionId]:
        """Which open promotion has each service."""
        return await self._driver.run(places.of_stage(stage))

    async def approvals(self, number: PromotionId) -> Sequence[Approval]:
        """All that was said, in the order in which it came."""
        return await self._driver.run(deciding.approvals(number))

    async def decide(self, approval: Approval, *, rule: str) -> Sequence[Approval] | None:
        """Write one word down and wake the operation; None: nobody is asked any more."""
        return await self._driver.run(deciding.decide(approval, rule, self._clock.now()))

    async def give_up(self, number: PromotionId, by: Actor, *, rule: str = "") -> bool:
        """End one that is being deployed."""
        return await self._driver.run(promotions.give_up(number, by, rule, self._clock.now()))

    async def freezes(self, stage: StageName | None = None) -> Sequence[Freeze]:
        """Those that hold."""
        return await self._driver.run(standing.freezes(stage, self._clock.now()))

    async def freeze(self, freeze: Freeze, *, rule: str = "", key: str = "") -> bool:
        """Declare one."""
        now = self._clock.now()
        return await self._driver.run(once(key, now, standing.freeze(freeze, rule, now)))

    async def unfreeze(self, stage: StageName, by: Actor, *, rule: str = "", key: str = "") -> bool:
        """End it."""
        now = self._clock.now()
        return await self._driver.run(once(key, now, standing.unfreeze(stage, by, rule, now)))

    async def locks(self, scope: str | None = None) -> Sequence[Lock]:
        """Those that hold."""
        return await self._driver.run(standing.locks(scope, self._clock.now()))

    async def lock(self, lock: Lock, *, rule: str = "", key: str = "") -> Lock | None:
        """Take it, or answer who has it."""
        now = self._clock.now()
        taking = standing.lock(lock, rule, now)
        return await self._driver.run(once(key, now, taking, done=lambda other: other is None))

    async def unlock(
        self, scope: str, by: Actor, *, force: bool, rule: str = "", key: str = ""
    ) -> Lock | None:
        """End it; what was ended is answered."""
        now = self._clock.now()
        ending = standing.unlock(scope, by, rule, now, force=force)
        return await self._driver.run(once(key, now, ending))

    async def await_free(self, scope: str, who: Actor) -> None:
        """Remember who wants to be told."""
        await self._driver.run(standing.await_free(scope, who, self._clock.now()))

    async def waiting_for(self, scope: str, *, take: bool) -> Sequence[Actor]:
        """Who wants to be told."""
        return await self._driver.run(standing.waiting_for(scope, take=take))

    async def awaited(self) -> Sequence[str]:
        """Scopes that somebody wants to be told about."""
        return await self._driver.run(standing.awaited())

    async def holds(self, stage: StageName | None = None) -> Sequence[Hold]:
        """Services that are held."""
        return await self._driver.run(standing.holds(stage))

    async def release(
        self,
        stage: StageName,
        services: Collection[ServiceName],
        by: Actor,
        *,
        rule: str = "",
        key: str = "",
    ) -> Sequence[Hold]:
        """Let go; what was held is answered."""
        now = self._clock.now()
        releasing = standing.release(stage, services, by, rule, now)
        return await self._driver.run(once(key, now, releasing))

    async def accounts(self, actors: Collection[Actor]) -> Mapping[Actor, Account]:
        """The GitLab accounts that these people linked, in one statement."""
        return await self._driver.run(links.accounts(actors))

    async def link(self, actor: Actor, account: Account, *, rule: str = "") -> None:
        """Write it down."""
        await self._driver.run(links.link(actor, account, rule, self._clock.now()))
