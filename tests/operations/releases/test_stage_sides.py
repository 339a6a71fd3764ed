"""What `show STAGE` knows of the services while a neighbour says nothing, or one is under way."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from typing_extensions import override

from qbot.domain.differences import Side
from qbot.domain.names import ProjectPath, PromotionId, ServiceName
from qbot.domain.outages import Away, Outages, Presence, Vendor
from qbot.domain.promotion import PromotionState, Version
from qbot.domain.release_ports import StageApp
from qbot.domain.stage_view import StageSides
from qbot.domain.stages import Stage
from qbot.errors import AwayError, PermanentError, TransientError
from qbot.operations.releases import stage_sides
from tests.operations.releases.fakes import FakeRepository, FakeSurvey
from tests.operations.releases.planning_scene import PRODUCTION, PlanningScene

CART, ORDERS = ServiceName("cart"), ServiceName("orders")


@dataclass
class Deaf(FakeSurvey):
    """An Argo CD that hangs, or fails."""

    fails: Exception | None = None

    @override
    async def survey(self, stage: Stage) -> Mapping[ServiceName, StageApp]:
        if self.fails:
            raise self.fails
        await asyncio.Event().wait()
        return {}


class Hanging(FakeRepository):
    """A GitLab whose answer never comes."""

    @override
    async def head(self, project: ProjectPath, branch: str) -> str | None:
        await asyncio.Event().wait()
        return None


@pytest.fixture
def shop() -> PlanningScene:
    return PlanningScene()


async def seen(shop: PlanningScene) -> StageSides:
    rows = await shop.promotions.promotions(PRODUCTION, limit=10)
    under_way = [p for p in rows if p.state.open]
    return await stage_sides.stage_sides(shop.context, shop.stages[PRODUCTION], under_way)


def tip(shop: PlanningScene, service: str) -> str:
    return shop.repository.branches[ProjectPath(f"shop/{service}"), "main"]


def away(vendor: Vendor, name: str, since: datetime, server: str = "") -> Presence:
    presence = Presence(vendor, name, server=server)
    for _ in range(3):
        presence.missed(since, since + timedelta(seconds=10))
    return presence


async def test_with_argo_cd_away_what_is_written_is_known(shop: PlanningScene) -> None:
    new, since = shop.commit("cart"), shop.clock.now()
    shop.declare(PRODUCTION, "cart", new)
    shop.survey = Deaf(fails=AwayError("Argo CD", since))
    found = await seen(shop)
    assert found.argocd == Away(Vendor.ARGOCD, "Argo CD", since, "main")
    assert found.gitlab == ""
    assert found.of[CART] == Side(Version(new))
    assert found.of[ORDERS] == Side(Version(tip(shop, "orders")))


async def test_with_gitlab_away_what_runs_is_known_and_how(shop: PlanningScene) -> None:
    old = tip(shop, "cart")
    shop.declare(PRODUCTION, "cart", shop.commit("cart"))
    shop.run(PRODUCTION, "orders", "v2", health="Degraded")
    del shop.survey.apps[PRODUCTION][ServiceName("web")]
    since = shop.clock.now()
    shop.repository.faults.lay("head", AwayError("GitLab", since))
    found = await seen(shop)
    assert found.gitlab == Away(Vendor.GITLAB, "GitLab", since)
    assert found.argocd == ""
    assert found.of == {
        CART: Side(Version(old)),
        ORDERS: Side(Version("v2"), "its health is Degraded"),
    }


async def test_with_both_away_no_version_is_known(shop: PlanningScene) -> None:
    since = shop.clock.now()
    shop.survey = Deaf(fails=AwayError("Argo CD", since))
    shop.repository.faults.lay("head", AwayError("GitLab", since))
    found = await seen(shop)
    assert found.of == {}
    assert isinstance(found.argocd, Away)
    assert isinstance(found.gitlab, Away)


async def test_who_hangs_is_named_with_since_when_where_that_is_known(
    shop: PlanningScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage_sides, "_PATIENCE", 0.01)
    shop.survey = Deaf()
    found = await seen(shop)
    assert found.argocd == "Argo CD does not answer in time"
    assert CART in found.of
    since = shop.clock.now() - timedelta(minutes=5)
    shop.repository = Hanging()
    assert (await seen(shop)).gitlab == "GitLab does not answer in time"
    shop.outages = Outages([away(Vendor.GITLAB, "GitLab", since)])
    assert (await seen(shop)).gitlab == Away(Vendor.GITLAB, "GitLab", since)


async def test_an_outage_that_is_known_says_since_when_whatever_a_call_said(
    shop: PlanningScene,
) -> None:
    since = shop.clock.now() - timedelta(minutes=5)
    shop.outages = Outages(
        [
            away(Vendor.GITLAB, "GitLab", since),
            away(Vendor.ARGOCD, "Argo CD other", since - timedelta(hours=1), "other"),
            away(Vendor.ARGOCD, "Argo CD main", since, "main"),
        ]
    )
    shop.survey = Deaf(fails=TransientError("Argo CD: 503 transport is closing"))
    shop.repository.faults.lay("head", TransientError("GitLab answered 503"))
    found = await seen(shop)
    assert found.argocd == Away(Vendor.ARGOCD, "Argo CD main", since, "main")
    assert found.gitlab == Away(Vendor.GITLAB, "GitLab", since)


async def test_a_refusal_is_told_as_such(shop: PlanningScene) -> None:
    shop.outages = Outages([away(Vendor.ARGOCD, "Argo CD", shop.clock.now(), "main")])
    shop.survey = Deaf(fails=PermanentError("Argo CD refuses the token"))
    assert (await seen(shop)).argocd == "Argo CD refuses the token"


async def test_what_a_merged_promotion_brings_is_under_way_until_it_fails(
    shop: PlanningScene,
) -> None:
    old = tip(shop, "cart")
    shop.ahead("cart")
    shop.ahead("orders")
    planned = await shop.promote()
    shop.merge(1, planned, state=PromotionState.MERGED, ended_at=None)
    shop.run(PRODUCTION, "cart", old, sync="OutOfSync")
    shop.run(PRODUCTION, "orders", planned.plan.items[1].new.text, health="Progressing")
    found = await seen(shop)
    assert found.bringing == {CART: PromotionId(1), ORDERS: PromotionId(1)}
    assert all(found.of[service].drift for service in (CART, ORDERS))
    shop.run(PRODUCTION, "orders", planned.plan.items[1].new.text, health="Degraded")
    assert (await seen(shop)).bringing == {CART: PromotionId(1)}
    shop.run(PRODUCTION, "cart", old, deleting=True)
    assert (await seen(shop)).bringing == {}
    shop.survey.apps[PRODUCTION].pop(CART)
    assert (await seen(shop)).bringing == {}


async def test_what_somebody_wrote_after_a_promotion_is_none_of_its_work(
    shop: PlanningScene,
) -> None:
    shop.ahead("cart")
    shop.merge(1, await shop.promote(), state=PromotionState.MERGED, ended_at=None)
    shop.declare(PRODUCTION, "cart", "by-hand")
    found = await seen(shop)
    assert "`by-hand` is written" in found.of[CART].drift
    assert found.bringing == {}


@pytest.mark.parametrize("state", [PromotionState.OPEN, PromotionState.FAILED])
async def test_what_waits_or_failed_brings_nothing(
    shop: PlanningScene, state: PromotionState
) -> None:
    shop.ahead("cart")
    planned = await shop.promote()
    shop.merge(1, planned, state=state)
    shop.run(PRODUCTION, "cart", planned.plan.items[0].new.text, health="Progressing")
    found = await seen(shop)
    assert found.of[CART].drift
    assert found.bringing == {}


async def test_with_gitlab_away_what_is_being_deployed_is_still_under_way(
    shop: PlanningScene,
) -> None:
    shop.ahead("cart")
    planned = await shop.promote()
    shop.merge(1, planned, state=PromotionState.MERGED, ended_at=None)
    shop.run(PRODUCTION, "cart", planned.plan.items[0].new.text, health="Progressing")
    shop.repository.faults.lay("head", AwayError("GitLab", shop.clock.now()))
    found = await seen(shop)
    assert found.of[CART].drift == "its health is Progressing"
    assert found.bringing == {CART: PromotionId(1)}
