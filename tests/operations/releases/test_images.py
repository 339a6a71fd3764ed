"""Versions are images: pinned by digest when they are asked for, refused where there is none."""

from dataclasses import replace
from typing import Any

import pytest

from qbot.domain.barriers import BarredError
from qbot.domain.names import ServiceName
from qbot.domain.promotion import Pin
from qbot.domain.services import Build, Image, Source
from qbot.domain.stages import ENVIRONMENTS, ConfigSource, Format
from qbot.errors import TransientError, UserError
from qbot.operations.releases.admission import objections
from qbot.operations.releases.case import Case
from qbot.operations.releases.draft import Planned
from qbot.operations.releases.images import repushed
from tests.operations.releases.planning_scene import (
    CONFIG,
    PRODUCTION,
    STAGING,
    PlanningScene,
    plan_of,
)

CART = ServiceName("cart")
DIGEST = f"sha256:{'ab' * 32}"
ENTRY = "images:\n- name: registry.example/shop/cart\n  {written}\n"


@pytest.fixture
def shop() -> PlanningScene:
    """Of each service it is known where its images are."""
    made = PlanningScene()
    made.catalog = {
        name: replace(s, image=Image(f"registry.example/shop/{name}", "{sha}", "image.tag"))
        for name, s in made.catalog.items()
    }
    return made


async def barred(shop: PlanningScene, found: Planned, **stage: Any) -> list[str]:
    where = replace(shop.stages[PRODUCTION], **stage)
    barriers = await objections(shop.context, where, found.plan, checked=True)
    assert {b.rule for b in barriers} <= {"image", "pipeline"}
    return [b.reason for b in barriers]


async def test_a_version_is_pinned_to_the_digest_of_its_image(shop: PlanningScene) -> None:
    digests = {s: shop.images.push(shop.ahead(s)) for s in ("cart", "orders")}
    found = await shop.promote()
    assert {i.service: i.pin for i in found.plan.items} == {
        s: Pin(digest) for s, digest in digests.items()
    }
    assert shop.images.calls == 2  # web does not change
    assert await barred(shop, found, digests=True) == []


async def test_another_image_of_the_same_tag_is_another_promotion(shop: PlanningScene) -> None:
    sha = shop.ahead("cart")
    shop.images.push(sha)
    one = await shop.promote()
    shop.images.push(sha)
    other = await shop.promote()
    assert one.plan.edits == other.plan.edits
    assert one.plan.digest != other.plan.digest


async def test_a_version_without_an_image_is_refused_by_name(shop: PlanningScene) -> None:
    sha = shop.ahead("cart")
    assert await barred(shop, await shop.promote()) == [
        f"The registry has no image of `cart` at `{sha[:8]}`."
    ]
    with pytest.raises(BarredError, match="no image of `cart`"):
        await shop.admit()
    assert [(a["outcome"], a["rule"]) for a in shop.audited()] == [("refused", "image")]


async def test_what_is_still_being_built_is_not_called_missing_as_well(
    shop: PlanningScene,
) -> None:
    sha = shop.ahead("cart")
    shop.gitlab.pipelines[sha] = Build.RUNNING
    (reason,) = await barred(shop, await shop.promote())
    assert "pipeline still runs" in reason


async def test_a_registry_that_tells_nothing_stops_only_who_asks_for_digests(
    shop: PlanningScene,
) -> None:
    shop.ahead("cart")
    shop.images.closed = "GitLab's registry has no x in shop/cart."
    found = await shop.promote()
    assert found.plan.items[0].pin == Pin(unknown="GitLab's registry has no x in shop/cart")
    assert await barred(shop, found) == []
    (reason,) = await barred(shop, found, digests=True)
    assert reason.startswith("Only images whose digest is known come to `production`")
    assert reason.endswith("has no x in shop/cart.")


async def test_a_service_whose_images_nobody_described_is_not_asked_for(
    shop: PlanningScene,
) -> None:
    shop.catalog = {**shop.catalog, CART: replace(shop.catalog[CART], image=None)}
    shop.ahead("cart")
    (item,) = (await shop.promote()).plan.items
    assert (item.pin.unknown, shop.images.calls) == ("qbot.yaml has no `image` of it", 0)


@pytest.mark.parametrize(
    ("text", "pin"),
    [(DIGEST, Pin(DIGEST)), ("a b", Pin(unknown="its version is no tag of an image"))],
)
async def test_what_is_no_tag_is_not_looked_up(shop: PlanningScene, text: str, pin: Pin) -> None:
    shop.deploy(STAGING, "cart", text)
    (item,) = (await shop.promote()).plan.items
    assert (item.pin, shop.images.calls) == (pin, 0)


async def test_a_registry_that_is_away_is_waited_for(shop: PlanningScene) -> None:
    shop.ahead("cart")
    shop.images.faults.lay("digest", TransientError("away"))
    with pytest.raises(TransientError):
        await shop.promote()


async def test_where_a_kustomization_has_a_digest_the_digest_is_written(
    shop: PlanningScene,
) -> None:
    config = ConfigSource(CONFIG, "main", Format.KUSTOMIZE, "k/{service}.yaml", "{service}")
    config = replace(config, key="registry.example/shop/{service}")
    shop.change_stage(PRODUCTION, config=config, sources=(ENVIRONMENTS,), services=(CART,))
    sha = shop.commit("cart")
    shop.repository.write(
        CONFIG, "main", {"k/cart.yaml": ENTRY.format(written=f"digest: {DIGEST}")}
    )
    env = shop.environment(plan_of("cart", sha, Source.BRANCH))
    digest = shop.images.push(sha)
    found = await shop.promote(source=None, env=env)
    (edit,) = found.plan.edits
    (item,) = found.plan.items
    assert (edit.old, edit.new) == (DIGEST, digest)
    assert (item.new.text, item.new.sha, item.build) == (digest, sha, Build.PASSED)


async def test_a_rollback_says_where_the_image_is_gone_and_goes_on(shop: PlanningScene) -> None:
    shop.images.push(shop.ahead("cart"))
    shop.merge(1, await shop.promote())
    (item,) = (await shop.roll_back()).plan.items
    assert item.pin == Pin(missing=True)


async def bound(shop: PlanningScene) -> Case:
    """A promotion of cart and orders, whose digests were agreed to."""
    for service in ("cart", "orders"):
        shop.images.push(shop.ahead(service))
    found = await shop.promote()
    case = shop.case(shop.asked())
    case.promotion = replace(case.promotion, plan=found.plan)
    return case


async def test_before_the_merge_nothing_is_said_of_images_that_are_the_same(
    shop: PlanningScene,
) -> None:
    case = await bound(shop)
    before = shop.images.calls
    assert await repushed(case) == ""
    assert shop.images.calls == before + 2


async def test_an_image_that_is_gone_before_the_merge_is_not_merged(shop: PlanningScene) -> None:
    case = await bound(shop)
    shop.images.digests.pop(case.plan.items[0].new.text)
    with pytest.raises(UserError, match="no image any more of `cart`"):
        await repushed(case)


async def test_what_can_no_longer_be_compared_is_not_merged(shop: PlanningScene) -> None:
    case = await bound(shop)
    shop.images.closed = "it is switched off."
    with pytest.raises(UserError, match=r"`cart` at .*`orders` at .*not known: it is switched off"):
        await repushed(case)


async def test_what_was_not_known_when_it_was_asked_for_is_not_compared(
    shop: PlanningScene,
) -> None:
    shop.images.closed = "it is switched off."
    case = await bound(shop)
    before = shop.images.calls
    assert await repushed(case) == ""
    assert shop.images.calls == before
