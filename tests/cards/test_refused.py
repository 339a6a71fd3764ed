"""What Slack refuses: one message, a channel, the token; and that the others do not wait for it."""

import asyncio
from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from qbot.domain.names import OpId, PromotionId, StageName
from qbot.domain.progress import Kind, Progress, Step
from qbot.domain.release import StageProgress
from qbot.errors import PermanentError, TransientError
from qbot.gateways.slack import AccessError, NotHereError, UnsureError
from qbot.gateways.slack.errors import named
from tests.cards.fakes import ANA, ended
from tests.cards.virtual import run
from tests.cards.world import World, finished, once, running

NO_MEMBER = NotHereError("not_in_channel")
INVALID = PermanentError("invalid_blocks")
REVOKED = AccessError("Slack refuses the token (chat.postMessage: token_revoked)")


def refusing(
    channels: str, error: Exception, method: str = ""
) -> Callable[[str, str], Exception | None]:
    """Refuses a method (none: every one) in the channels whose ids begin so."""

    def refuse(called: str, channel: str) -> Exception | None:
        meant = method in ("", called) and channel.startswith(channels)
        return error if meant else None

    return refuse


def test_where_qbot_is_no_member_the_card_goes_to_the_dm_and_the_person_is_told() -> None:
    async def story() -> None:
        world = World()
        world.slack.before = refusing("C0WANTED", NO_MEMBER)
        async with running(world):
            progress = world.begin(1, "C0WANTED")
            await finished(world, progress)
        assert world.row(progress).posted_channel == f"D{ANA.user}"
        ((url, notice),) = world.slack.responses
        assert url.startswith("https://hooks.slack.com")
        assert "/invite @qbot" in notice.text

    run(story())


def promotion(world: World, home: str) -> StageProgress:
    at = world.clock.now()
    return StageProgress(
        op=OpId("op1"), kind=Kind.PROMOTE, stage=StageName("production"), source="staging",
        actor=ANA, step=Step.APPROVING, started_at=at, updated_at=at,
        promotion=PromotionId(5), home=home,
    )  # fmt: skip


def test_where_qbot_is_no_member_a_promotion_goes_to_the_stages_channel_and_the_person_is_led_there(
) -> None:  # fmt: skip
    async def story() -> None:
        world = World()
        world.slack.before = refusing("C0WANTED", NO_MEMBER)
        async with running(world):
            world.cards.begin(promotion(world, home="C0HOME"), "C0WANTED")
            await asyncio.sleep(30)
        assert world.cards.rows[OpId("op1")].posted_channel == "C0HOME"
        ((_, told),) = world.slack.responses
        assert "P-5: staging → production" in told.text
        assert "/archives/C0HOME/" in told.text

    run(story())


def test_where_even_the_stages_channel_is_closed_a_promotion_goes_to_the_dm() -> None:
    async def story() -> None:
        world = World()
        world.slack.before = refusing("C0", NO_MEMBER)
        async with running(world):
            world.cards.begin(promotion(world, home="C0HOME"), "C0WANTED")
            await asyncio.sleep(30)
        assert world.cards.rows[OpId("op1")].posted_channel == f"D{ANA.user}"

    run(story())


@pytest.mark.incident("error-storm")
@pytest.mark.parametrize("method", ["chat.postMessage", "chat.update"])
def test_a_card_that_slack_refuses_five_times_is_left(method: str) -> None:
    async def story() -> None:
        world = World()
        async with running(world):
            bad = world.begin(1, "CBAD")
            await asyncio.sleep(0 if method == "chat.postMessage" else 5)
            world.slack.before = refusing("CBAD", INVALID, method)
            world.cards.change(ended(bad, world.clock.now()))
            await asyncio.sleep(30)
            good = world.begin(2, "C2")
            world.cards.change(ended(good, world.clock.now()))
            await asyncio.sleep(700)
            assert not await world.cards.behind()
            calls = len(world.slack.calls)
            await asyncio.sleep(600)
            assert len(world.slack.calls) == calls
            assert len(world.slack.marked(bad.op, "end")) == (method == "chat.update")
        marks = [s.mark.op if s.mark else "" for s in world.slack.messages.values()]
        assert set(marks) <= {bad.op, good.op}  # no message says what was refused, and no answer
        assert not any("invalid_blocks" in str(s.message) for s in world.slack.messages.values())
        assert world.slack.responses == []

    with capture_logs() as logs:
        run(story())
    told = [e["reason"] for e in logs if e["event"] == "slack refuses a card"]
    assert told == ["invalid_blocks"] * 5


def test_while_slack_takes_nothing_at_all_no_card_is_given_up() -> None:
    async def story() -> None:
        world = World()
        world.slack.before = lambda _method, _channel: PermanentError("Slack refuses the token")
        async with running(world):
            progress = world.begin()
            await asyncio.sleep(1800)
            world.slack.before = lambda _method, _channel: None
            await finished(world, progress)

    run(story())


@pytest.mark.parametrize(
    ("refusal", "next_step"),
    [
        (AccessError("Slack refuses the token (token_revoked)"), "bot token"),
        (AccessError("Slack's app lacks the scope chat:write", scope="chat:write"), "chat:write"),
    ],
)
def test_while_the_token_or_a_scope_is_refused_cards_wait_and_it_is_told_once(
    refusal: AccessError, next_step: str
) -> None:
    async def story() -> None:
        world = World()
        async with running(world):
            shown = world.begin(1)
            await asyncio.sleep(5)
            world.slack.before = lambda _method, _channel: refusal
            world.cards.change(ended(shown, world.clock.now()))
            others = [world.begin(n, f"C{n}") for n in range(2, 30)]
            await asyncio.sleep(1800)
            # At first as many as were in flight; then each minute one, and auth.test or the other
            # method that lacks the scope.
            assert len(world.slack.calls) <= 8 * 2 + 30 * 2
            world.slack.before = lambda _method, _channel: None
            await finished(world, shown)
            for other in others:
                await finished(world, other)

    with capture_logs() as logs:
        run(story())
    (told,) = [e for e in logs if e["event"] == "slack refuses cards; they wait"]
    assert (told["log_level"], told["setting"]) == ("error", "QBOT_SLACK__BOT_TOKEN")
    assert next_step in told["next_step"]
    assert [e["method"] for e in logs if e["event"] == "slack takes cards again"]


@pytest.mark.parametrize("name", ["no_permission", "access_denied", "ekm_access_denied"])
def test_where_the_right_to_post_is_missing_the_card_goes_to_the_dm_and_no_other_waits(
    name: str,
) -> None:
    async def story() -> None:
        world = World()
        refusal = named(name, "chat.postMessage", {"error": name}, {})
        world.slack.before = refusing("CBAD", refusal, "chat.postMessage")
        async with running(world):
            bad = world.begin(1, "CBAD")
            await asyncio.sleep(5)
            good = [world.begin(n, f"C{n}") for n in range(2, 6)]
            await asyncio.sleep(5)
            assert all(world.text(p) for p in good)
            (card,) = world.slack.marked(bad.op, "card")
            assert card.channel == "DU0ANA"

    run(story())


@pytest.mark.parametrize("error", [REVOKED, named("access_denied", "chat.update", {}, {})])
def test_one_refused_edit_is_made_again_within_seconds_and_stops_no_other(
    error: Exception,
) -> None:
    async def story() -> None:
        world = World()
        async with running(world):
            cards = [world.begin(n, f"C{n}") for n in range(1, 4)]
            await asyncio.sleep(5)
            world.slack.before = once("chat.update", error)
            for card in cards:
                world.cards.change(ended(card, world.clock.now()))
            await asyncio.sleep(5)
            assert sum("Ready" in world.text(card) for card in cards) >= 2
            await asyncio.sleep(5)
            assert all("Ready" in world.text(card) for card in cards)

    with capture_logs() as logs:
        run(story())
    assert [e["reason"] for e in logs if e["event"] == "slack refuses a card"] == [str(error)]
    assert not [e for e in logs if e["log_level"] == "error"]


def test_a_call_that_is_refused_for_its_token_for_ever_is_given_up_if_the_token_is_in_order() -> (
    None
):
    async def story() -> None:
        world = World()
        world.slack.before = refusing("CBAD", REVOKED, "chat.postMessage")
        async with running(world):
            bad = world.begin(1, "CBAD")
            world.cards.change(ended(bad, world.clock.now()))
            world.begin(2, "C2")
            await asyncio.sleep(300)
            assert not await world.cards.behind()
            assert not world.slack.marked(bad.op, "card")

    run(story())


def test_a_board_that_is_refused_stops_no_card() -> None:
    async def story() -> None:
        world = World()
        async with running(world):
            crowd = [world.begin(n, "C1") for n in range(12)]
            world.slack.before = once("chat.postMessage", REVOKED)
            await asyncio.sleep(30)
            assert all(world.text(p) for p in crowd)

    run(story())


def test_while_slack_does_not_say_whether_the_token_is_in_order_no_card_is_given_up() -> None:
    async def story() -> None:
        world = World()
        away = TransientError("Slack cannot be reached")
        world.slack.before = lambda method, _c: away if method == "auth.test" else REVOKED
        async with running(world):
            progress = world.begin()
            await asyncio.sleep(1800)
            assert len(world.slack.calls) < 1800 / 30 * 2 + 20
            world.slack.before = lambda _m, _c: None
            await finished(world, progress)

    with capture_logs() as logs:
        run(story())
    assert not [e for e in logs if e["event"] == "slack refuses cards; they wait"]


def test_what_was_closed_opens_with_one_call_and_not_with_all_that_wait() -> None:
    async def story() -> None:
        world = World()
        opened = asyncio.Event()
        world.slack.latency = 2.0
        world.slack.before = lambda _m, _c: REVOKED
        async with running(world):
            cards = [world.begin(n, f"C{n}") for n in range(1, 30)]
            await asyncio.sleep(50)
            before = len(world.slack.calls)
            world.slack.before = lambda _m, _c: opened.set()
            await opened.wait()
            await asyncio.sleep(0.8)
            assert len(world.slack.calls) == before + 1
            await asyncio.sleep(30)
            assert all(world.text(card) for card in cards)

    run(story())


def test_a_missing_scope_to_look_closes_no_other_method() -> None:
    async def story() -> None:
        world = World()
        lacks = AccessError(
            "Slack's app lacks the scope channels:history", scope="channels:history"
        )
        world.slack.before = lambda method, _c: lacks if method == "conversations.history" else None
        progress = world.begin()
        await world.cards.trying(progress.op, end=False)
        async with running(world):
            await asyncio.sleep(5)
            assert world.text(progress)

    run(story())


def test_with_a_refused_token_nothing_is_posted_that_may_be_there_already() -> None:
    """Looking is refused for a while; a message that is there already stays the only one."""

    async def story() -> None:
        world = World()
        world.slack.after = once("chat.postMessage", UnsureError("dropped"))
        async with running(world):
            progress = world.begin()
            await asyncio.sleep(0.5)
            world.slack.before = lambda _m, _c: AccessError("Slack refuses the token")
            await asyncio.sleep(300)
            world.slack.before = lambda _m, _c: None
            await finished(world, progress)
        assert len(world.slack.marked(progress.op, "card")) == 1

    run(story())


def test_a_card_that_slack_refuses_does_not_keep_the_others() -> None:
    async def story() -> None:
        world = World()
        world.slack.before = refusing("CBAD", INVALID)
        async with running(world):
            bad, good = world.begin(1, "CBAD"), world.begin(2, "C2")
            await finished_good(world, good)
            assert not world.slack.marked(bad.op, "card")
            assert len(world.slack.calls) < 10

    async def finished_good(world: World, good: Progress) -> None:
        world.cards.change(ended(good, world.clock.now()))
        await asyncio.sleep(60)
        assert "Ready" in world.text(good)

    run(story())
