"""What digests and App Homes tell of promotions that wait: only for whose yes still counts."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import pytest

from qbot.domain.changes import CardChanged
from qbot.domain.digest import Digest, Facts, Section
from qbot.domain.names import OpId, PromotionId, ServiceName
from qbot.domain.people import Actor
from qbot.domain.release import Needed, StageProgress
from qbot.operations.releases.digests import Gatherer
from qbot.operations.releases.homes import Lookout
from qbot.render.digest import digest
from qbot.sandbox.slack.seed import TEAM
from tests.sandbox.slack.stage import CHLOE
from tests.slack.releases.stages import MANAGERS, asked_for, opened
from tests.slack.scene import Scene

ONE_MORE = Needed(count=2, missing=1, roles=(MANAGERS,))
ENOUGH = replace(ONE_MORE, missing=0)
A_TEAM = replace(ENOUGH, teams=((ServiceName("cart"), ("cart-team",)),))


async def nobody(_: Collection[Actor]) -> Mapping[Actor, str]:
    """Is known by name."""
    return {}


@dataclass
class Told:
    """What is told of the promotions of a scene."""

    scene: Scene

    @property
    def lookout(self) -> Lookout:
        database = self.scene.database
        return Lookout(self.scene.releases.context, database.cards, database.notices)

    async def open_one(self, needed: Needed | None) -> PromotionId:
        """A promotion whose card says this of the approvals that it lacks."""
        operation = await asked_for(self.scene)
        number, _ = await opened(self.scene, operation)
        card = await self.scene.database.cards.card(OpId(operation.id))
        assert card is not None
        assert isinstance(card.progress, StageProgress)
        (claim, *_) = await self.scene.database.journal.claim("worker", 1)
        shown = CardChanged(replace(card.progress, needed=needed))
        await self.scene.database.journal.commit(claim, "told", True, [shown])
        await self.scene.database.journal.release(claim)
        return number

    async def facts(self) -> Facts:
        database = self.scene.database
        gatherer = Gatherer(
            self.scene.releases.context, self.lookout, database.cards, database.digests, nobody
        )
        return await gatherer.facts()

    async def in_digests(self) -> list[PromotionId | None]:
        return [one.promotion for one in (await self.facts()).waiting]

    async def in_the_home_of(self, user: str) -> list[PromotionId | None]:
        home = await self.lookout.home(Actor(TEAM, user), await self.lookout.everything())
        assert home.waiting is not None
        return [one.promotion for one in home.waiting]


@pytest.fixture
def told(shop: Scene) -> Told:
    return Told(shop)


@pytest.mark.parametrize("needed", [None, ONE_MORE, A_TEAM])
async def test_what_lacks_a_yes_waits_for_one(told: Told, needed: Needed | None) -> None:
    number = await told.open_one(needed)
    assert await told.in_digests() == [number]
    assert await told.in_the_home_of(CHLOE) == [number]


async def test_what_has_all_it_needs_waits_for_its_turn_and_for_nobody(told: Told) -> None:
    await told.open_one(ENOUGH)
    assert await told.in_digests() == []
    assert await told.in_the_home_of(CHLOE) == []
    facts = await told.facts()
    approvals = Digest(facts, facts.at, frozenset({Section.APPROVALS}))
    assert digest(approvals, told.scene.desk.style) is None
