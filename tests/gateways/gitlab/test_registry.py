"""Images by their tags, against the stand-in and against a GitLab that has no registry to show."""

import asyncio

import pytest
from aiohttp import web

from qbot.domain.names import ProjectPath
from qbot.domain.release_ports import Unreadable
from qbot.errors import TransientError
from qbot.gateways.clock import SystemClock
from qbot.gateways.gitlab import GitLabGateway, GitLabImages
from tests.clocks import HandClock
from tests.gateways.gitlab.config import fault
from tests.gateways.gitlab.replies import CART, answering, json_reply
from tests.sandbox.gitlab.served import Served, drive

HERE = "registry.example/shop/cart"
DIGEST = f"sha256:{'1f' * 32}"


@pytest.fixture
def images(gitlab: GitLabGateway) -> GitLabImages:
    return GitLabImages(gitlab.client, SystemClock())


def asked(shop: Served) -> list[str]:
    calls = shop.kernel.calls.select(vendor="gitlab")
    return [c["path"] for c in calls if "/registry/" in c["path"]]


async def test_a_tag_is_one_request_once_its_project_is_known(
    images: GitLabImages, shop: Served
) -> None:
    tags = [shop.sha("shop/cart", "main"), "v9"]
    tags.append(shop.sha("shop/cart", "feat/checkout"))
    before = len(asked(shop))
    found = await asyncio.gather(*(images.digest(CART, {HERE}, tag) for tag in tags))
    assert [(d or "none")[:7] for d in found] == ["sha256:", "none", "sha256:"]
    assert found[0] != found[2]
    assert len(asked(shop)) - before == 1 + len(tags)


async def test_a_tag_that_was_pushed_again_has_another_digest(
    images: GitLabImages, shop: Served
) -> None:
    tag = shop.sha("shop/cart", "fix/cart-rounding")
    before = await images.digest(CART, {HERE}, tag)
    told = {"project": "shop/cart", "tag": tag}
    pushed = await asyncio.to_thread(drive, shop, "image", **told, action="push")
    assert before != await images.digest(CART, {HERE}, tag) == pushed["digest"]
    await asyncio.to_thread(drive, shop, "image", **told, action="remove")
    assert await images.digest(CART, {HERE}, tag) is None


@pytest.mark.parametrize(
    ("project", "kind", "says"),
    [
        ("shop/cart", "", "GitLab's registry has no registry.elsewhere/cart in shop/cart"),
        ("shop/environments", "", "has no registry.elsewhere/cart in shop/environments"),
        ("shop/cart", "403", "may not read the registry of shop/cart"),
        ("shop/cart", "404", "the registry of shop/cart"),
    ],
)
async def test_a_registry_that_tells_nothing_is_an_answer(
    images: GitLabImages, shop: Served, project: str, kind: str, says: str
) -> None:
    if kind:
        fault(shop, "/registry/repositories?", kind)
    with pytest.raises(Unreadable, match=says):
        await images.digest(ProjectPath(project), {"registry.elsewhere/cart"}, "v1")


async def test_a_registry_that_is_away_is_waited_for(images: GitLabImages, shop: Served) -> None:
    fault(shop, "/tags/", "503")
    with pytest.raises(TransientError):
        await images.digest(CART, {HERE}, shop.sha("shop/cart", "main"))


async def test_a_repository_that_comes_later_is_found_but_not_looked_for_each_time() -> None:
    clock, there = HandClock(), False

    async def reply(request: web.Request) -> web.StreamResponse:
        if "/tags/" in request.path:
            return await json_reply({"digest": DIGEST})(request)
        return await json_reply([{"id": 7, "location": HERE}] if there else [])(request)

    async with answering(reply) as (counting, gitlab):
        images = GitLabImages(gitlab.client, clock)
        for _ in range(3):
            with pytest.raises(Unreadable):
                await images.digest(CART, {HERE}, "v1")
        assert len(counting.asked) == 1
        there = True
        clock.advance(301)
        assert await images.digest(CART, {HERE}, "v1") == DIGEST
        assert counting.asked[-1].endswith("/registry/repositories/7/tags/v1")


async def test_a_digest_that_is_none_is_not_taken_for_one() -> None:
    async def reply(request: web.Request) -> web.StreamResponse:
        if "/tags/" in request.path:
            return await json_reply({"digest": None})(request)
        return await json_reply([{"id": 7, "location": HERE}])(request)

    async with answering(reply) as (_, gitlab):
        with pytest.raises(Unreadable, match="names no digest"):
            await GitLabImages(gitlab.client, HandClock()).digest(CART, {HERE}, "v1")
