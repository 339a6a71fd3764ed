"""What is told of calls that hang, and how a stage's Argo CD is asked whether it answers at all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from qbot.domain.hanging import hearing
from qbot.domain.outages import Away, Vendor
from qbot.domain.ports import Clock
from qbot.domain.stages import Applications
from qbot.errors import AwayError, PermanentError, TransientError
from qbot.gateways.argocd.client import Client
from qbot.gateways.argocd.stages import StageGateway
from qbot.gateways.argocd.streams import Streams
from tests.cards.virtual import START, VirtualClock, run
from tests.gateways.argocd.shop_stages import PATTERN, SELECTOR, ShopStages, shop_stages
from tests.gateways.argocd.world import QuickClock
from tests.plain import NO_TLS

APPS = "GET /api/v1/applications"
ASKED = "Argo CD was asked to find the Applications of production: no answer yet."
AT_ONCE = 0.05  # seconds


@pytest.fixture
async def shop() -> AsyncIterator[ShopStages]:
    async with shop_stages() as world:
        world.forget_calls()
        yield world


@asynccontextmanager
async def impatient(shop: ShopStages, **facts: Any) -> AsyncIterator[StageGateway]:
    """To the same Argo CD; what hangs is told of almost at once."""
    token = {"Authorization": f"Bearer {shop.sandbox.argocd.token}"}
    url, clock = f"{shop.sandbox.url}/argocd", QuickClock()
    async with httpx.AsyncClient(base_url=url, headers=token, verify=NO_TLS) as http:
        client = Client(http=http, clock=clock, hangs_after=AT_ONCE, **facts)
        streams = Streams(client=client, clock=clock, jitter=lambda: 1.0)
        yield StageGateway(client=client, streams=streams)


@dataclass
class Heard:
    """What was told, and when; stands for whoever follows an operation."""

    clock: Clock
    said: list[tuple[str, datetime | None]] = field(default_factory=list)
    at: list[datetime] = field(default_factory=list)

    def __call__(self, message: str, since: datetime | None) -> None:
        self.said.append((message, since))
        self.at.append(self.clock.now())


async def test_a_call_that_hangs_is_told_of_since_it_was_begun_and_so_is_its_end(
    shop: ShopStages,
) -> None:
    await shop.fault(APPS, "hang")
    heard = Heard(QuickClock())
    async with impatient(shop) as stages:
        before = heard.clock.now()
        with hearing(heard), pytest.raises(TransientError, match="answer in time") as caught:
            await stages.ask(shop.stage, within=0.3)
    ((message, since),) = heard.said
    assert message == ASKED
    assert since is not None
    assert before <= since <= heard.at[0] - timedelta(seconds=AT_ONCE)
    assert caught.value.since == since


async def test_one_that_is_answered_after_all_is_told_of_no_longer(shop: ShopStages) -> None:
    await shop.fault(APPS, "slow:0.3")
    heard = Heard(QuickClock())
    async with impatient(shop) as stages:
        with hearing(heard):
            await stages.ask(shop.stage, within=5.0)
    assert [message for message, _ in heard.said] == [ASKED, ""]


def test_it_is_told_after_ten_seconds() -> None:
    async def hang(_: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async def ask() -> Heard:
        heard, hangs = Heard(VirtualClock()), httpx.MockTransport(hang)
        async with httpx.AsyncClient(base_url="https://argocd", transport=hangs) as http:
            client = Client(http=http, clock=heard.clock)
            with hearing(heard), pytest.raises(TransientError) as caught:
                await client.call("POST", "/applications", what="create the Application x")
        assert caught.value.since == START
        return heard

    heard = run(ask())
    assert heard.said == [("Argo CD was asked to create the Application x: no answer yet.", START)]
    assert heard.at == [START + timedelta(seconds=10)]


@pytest.mark.parametrize(
    ("by", "selector"),
    [
        pytest.param(PATTERN, "!qbot.dev/managed", id="pattern"),
        pytest.param(SELECTOR, "stage=production,!qbot.dev/managed", id="selector"),
    ],
)
async def test_whether_it_answers_is_asked_for_in_one_list_of_the_stages_names(
    shop: ShopStages, by: Applications, selector: str
) -> None:
    await shop.gateway.ask(shop.by(by), within=5.0)
    (call,) = shop.sandbox.kernel.calls.select(vendor="argocd")
    asked = httpx.URL(str(call["path"])).params
    assert (call["method"], call["status"]) == ("GET", 200)
    assert dict(asked) == {"selector": selector, "fields": "items.metadata.name"}


@pytest.mark.parametrize("kind", ["503", "drop-before", "html", "partial"])
async def test_an_argo_cd_that_does_not_answer_is_no_answer(shop: ShopStages, kind: str) -> None:
    await shop.fault(APPS, kind)
    with pytest.raises(TransientError, match="could not find the Applications of production"):
        await shop.gateway.ask(shop.stage, within=5.0)


async def test_it_is_not_waited_for_beyond_what_was_asked(shop: ShopStages) -> None:
    await shop.fault(APPS, "hang")
    async with asyncio.timeout(2):
        with pytest.raises(TransientError, match="it does not answer in time"):
            await shop.gateway.ask(shop.stage, within=0.1)


async def test_a_refused_token_is_its_owners_matter(shop: ShopStages) -> None:
    await shop.fault(APPS, "401")
    with pytest.raises(PermanentError, match="QBOT_ARGOCD__MAIN__TOKEN"):
        await shop.gateway.ask(shop.stage, within=5.0)


async def test_where_it_is_known_to_be_away_it_is_not_asked(shop: ShopStages) -> None:
    away = Away(Vendor.ARGOCD, "Argo CD", START)
    async with impatient(shop, away=lambda: away) as stages:
        with pytest.raises(AwayError) as caught:
            await stages.ask(shop.stage, within=5.0)
    assert caught.value.since == START
    assert shop.calls == []
