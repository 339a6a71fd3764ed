"""Accounts and members of groups."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from qbot.errors import PermanentError, QbotError, TransientError
from qbot.gateways.clock import SystemClock
from qbot.gateways.gitlab import GitLabPeople, open_gitlab
from qbot.gateways.gitlab.errors import GROUP_ABSENT, NotFoundError
from tests.clocks import START, HandClock
from tests.gateways.gitlab.config import fault
from tests.gateways.gitlab.replies import answering, json_reply
from tests.sandbox.gitlab.served import Served

PERSON = {"id": 4, "username": "ana", "name": "Ana", "state": "active"}
MINE = {"email": "Ana@Shop.example", "confirmed_at": "2026-01-01T00:00:00Z"}
MEMBER = PERSON | {"access_level": 30, "expires_at": None, "membership_state": "active"}


@asynccontextmanager
async def people_of(shop: Served, token: str = "") -> AsyncIterator[GitLabPeople]:
    gateway = open_gitlab(shop.url, token or shop.standin.token, clock=SystemClock())
    try:
        yield GitLabPeople(gateway.client, SystemClock())
    finally:
        await gateway.close()


@pytest.fixture
async def people(shop: Served) -> AsyncIterator[GitLabPeople]:
    async with people_of(shop) as made:
        yield made


async def test_an_account_is_found_in_three_ways(people: GitLabPeople) -> None:
    ana = await people.by_email("Ana@shop.example")
    assert ana is not None
    assert (ana.username, ana.name, ana.active) == ("ana", "Ana Costa", True)
    assert await people.by_id(ana.id) == ana
    assert await people.by_name("ANA") == ana


async def test_nobody_is_nobody(people: GitLabPeople) -> None:
    assert await people.by_email("nobody@shop.example") is None
    assert await people.by_id(99_999) is None
    assert await people.by_name("nobody") is None


async def test_a_token_that_is_no_administrators_finds_public_addresses_alone(
    shop: Served,
) -> None:
    token = shop.do(lambda: shop.standin.issue_token("chloe", "read_api"))
    async with people_of(shop, token) as people:
        assert await people.by_email("femke@shop.example") is None
        ben = await people.by_email("ben@shop.example")
        assert ben is not None
        assert ben.username == "ben"


@pytest.mark.parametrize(
    ("listed", "found"),
    [
        ([PERSON | MINE], True),
        ([PERSON | {"public_email": "ana@shop.example"}], True),
        ([PERSON | MINE | {"confirmed_at": None}], False),
        ([PERSON | {"email": "ana@shop.example"}], False),
        ([PERSON | {"name": "ana@shop.example"}], False),
        ([PERSON | MINE | {"bot": True}], False),
        ([PERSON | MINE, PERSON | MINE | {"id": 5}], False),
        ([], False),
    ],
    ids=["private", "public", "unconfirmed", "unsure", "display-name", "bot", "two", "none"],
)
async def test_only_the_confirmed_address_itself_proves_who_somebody_is(
    listed: list[dict[str, Any]], found: bool
) -> None:
    async with answering(json_reply(listed)) as (_, gitlab):
        user = await GitLabPeople(gitlab.client, HandClock()).by_email("ana@shop.example")
    assert (user is not None) is found


@pytest.mark.parametrize("state", ["blocked", "deactivated", "banned", None])
async def test_a_blocked_account_is_found_and_not_active(state: str | None) -> None:
    async with answering(json_reply([PERSON | MINE | {"state": state}])) as (_, gitlab):
        user = await GitLabPeople(gitlab.client, HandClock()).by_email("ana@shop.example")
    assert user is not None
    assert not user.active


async def test_members_of_a_group_are_told_by_number(people: GitLabPeople, shop: Served) -> None:
    assert sorted((await people.members("release-managers")).values()) == ["chloe", "dan"]
    shop.do(lambda: shop.standin.set_member("release-managers", "dan", present=False))
    try:
        assert list((await people.members("release-managers")).values()) == ["chloe"]
    finally:
        shop.do(lambda: shop.standin.set_member("release-managers", "dan", present=True))


async def test_an_absent_group_is_told_apart_from_a_broken_answer(
    people: GitLabPeople, shop: Served
) -> None:
    with pytest.raises(NotFoundError) as absent:
        await people.members("nobodies")
    assert absent.value.said == GROUP_ABSENT


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("500", TransientError), ("html", TransientError), ("partial", TransientError),
     ("drop-before", TransientError), ("drop-after", TransientError), ("401", PermanentError)],
)  # fmt: skip
async def test_a_broken_answer_is_never_an_empty_group(
    people: GitLabPeople, shop: Served, kind: str, expected: type[QbotError]
) -> None:
    fault(shop, "/members/all", kind)
    with pytest.raises(expected):
        await people.members("release-managers")


@pytest.mark.parametrize(
    ("change", "counts"),
    [
        ({}, True),
        ({"access_level": 20}, False),
        ({"access_level": 50}, True),
        ({"state": "blocked"}, False),
        ({"membership_state": "awaiting"}, False),
        ({"expires_at": f"{START:%Y-%m-%d}"}, False),
        ({"expires_at": "2026-01-06"}, True),
    ],
)
async def test_whose_membership_does_not_hold_is_no_member(
    change: dict[str, Any], counts: bool
) -> None:
    async with answering(json_reply([MEMBER | change])) as (_, gitlab):
        found = await GitLabPeople(gitlab.client, HandClock()).members("g")
    assert found == ({4: "ana"} if counts else {})


async def test_all_pages_of_a_group_are_read() -> None:
    async def reply(request: web.Request) -> web.Response:
        page = int(request.query.get("page", "1"))
        link = f'<{request.url.update_query(page=page + 1)}>; rel="next"'
        headers = {"Link": link} if page < 3 else {}
        return web.json_response([MEMBER | {"id": page}], headers=headers)

    async with answering(reply) as (asked, gitlab):
        found = await GitLabPeople(gitlab.client, HandClock()).members("a/b")
    assert set(found) == {1, 2, 3}
    assert asked.asked[0].startswith("/groups/a%2Fb/members/all")
