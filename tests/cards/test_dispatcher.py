"""The dispatcher on a clock that jumps, with cards in memory and a Slack that counts."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from qbot.domain.operation import BoardRow
from qbot.domain.progress import End, Progress, Step
from qbot.errors import PermanentError, TransientError
from qbot.gateways.slack import AccessError, Mark, NotHereError, RateLimitedError, UnsureError
from qbot.gateways.slack.errors import named
from qbot.render.board import board
from qbot.render.card import Fresh
from tests.cards.fakes import ANA, ended, ready
from tests.cards.virtual import run
from tests.cards.world import World, crash, running


def once(method: str, error: Exception) -> Callable[[str, str], Exception | None]:
    """Fails the first call of a method."""
    left = [error]

    def fail(called: str, _channel: str) -> Exception | None:
        return left.pop() if called == method and left else None

    return fail


async def finished(world: World, progress: Progress) -> None:
    """The end has been shown and told, each once."""
    world.cards.change(ended(progress, world.clock.now()))
    await asyncio.sleep(120)
    assert f"Ready: {progress.branch}" in world.text(progress)
    (reply,) = world.slack.marked(progress.op, "end")
    assert reply.thread_ts == world.row(progress).ts
    assert not await world.cards.behind()


def test_a_card_is_posted_edited_and_its_end_told_in_the_thread() -> None:
    async def story() -> None:
        world = World()
        async with running(world) as dispatcher:
            progress = world.begin()
            dispatcher.wake()
            await asyncio.sleep(1)
            assert "Creating feat/1" in world.text(progress)
            world.cards.change(ready(progress, 4, world.clock.now()))
            dispatcher.wake()
            await asyncio.sleep(5)
            assert "4 of 11 ready" in world.text(progress)
            world.cards.change(ended(progress, world.clock.now()))
            dispatcher.wake()
            await asyncio.sleep(2)
            assert "Ready: feat/1" in world.text(progress)
        (reply,) = world.slack.marked(progress.op, "end")
        assert reply.thread_ts == world.row(progress).ts
        assert reply.message.text.startswith("<@U0ANA> *feat/1* is ready")
        assert not await world.cards.behind()

    run(story())


def test_a_change_is_shown_without_being_woken() -> None:
    async def story() -> None:
        world = World()
        async with running(world):
            await asyncio.sleep(10)
            progress = world.begin()
            await asyncio.sleep(2)
            assert world.text(progress)

    run(story())


def test_many_changes_in_a_moment_become_one_edit() -> None:
    async def story() -> None:
        world = World()
        async with running(world) as dispatcher:
            progress = world.begin()
            await asyncio.sleep(5)
            for count in range(11):
                world.cards.change(ready(progress, count, world.clock.now()))
                dispatcher.wake()
                await asyncio.sleep(0.1)
            await asyncio.sleep(10)
            (card,) = world.slack.marked(progress.op, "card")
            assert card.edits <= 2
            assert "10 of 11 ready" in card.message.text

    run(story())


def test_a_new_version_that_reads_the_same_costs_no_call() -> None:
    async def story() -> None:
        world = World()
        async with running(world):
            progress = world.begin()
            await asyncio.sleep(5)
            calls = len(world.slack.calls)
            world.cards.change(replace(progress, updated_at=world.clock.now()))
            await asyncio.sleep(10)
            assert len(world.slack.calls) == calls
            assert not await world.cards.behind()

    run(story())


def test_a_superseded_card_loses_its_buttons() -> None:
    async def story() -> None:
        world = World()
        async with running(world):
            progress = world.begin()
            await finished(world, progress)
            gone = ended(progress, world.clock.now())
            world.cards.change(gone, superseded="This environment has been deleted.")
            await asyncio.sleep(10)
            (card,) = world.slack.marked(progress.op, "card")
            assert all(b["type"] != "actions" for b in card.message.blocks)
            assert len(world.slack.marked(progress.op, "end")) == 1

    run(story())


def test_dry_runs_get_no_card() -> None:
    async def story() -> None:
        world = World()
        async with running(world):
            progress = world.begin()
            world.cards.change(replace(progress, dry_run=True))
            await asyncio.sleep(5)
            assert not world.slack.calls

    run(story())


def test_an_operation_that_ends_before_its_card_gets_one_post_with_the_end() -> None:
    async def story() -> None:
        world = World()
        progress = world.begin()
        world.cards.change(ended(progress, world.clock.now()))
        async with running(world):
            await asyncio.sleep(5)
            (card,) = world.slack.marked(progress.op, "card")
            assert (card.edits, "Ready" in card.message.text) == (0, True)
            assert len(world.slack.marked(progress.op, "end")) == 1

    run(story())


def test_a_429_stops_the_method_for_as_long_as_slack_says() -> None:
    async def story() -> None:
        world = World()
        async with running(world) as dispatcher:
            progress = world.begin()
            await asyncio.sleep(5)
            limited = RateLimitedError("chat.update", retry_after=17.0)
            world.slack.before = once("chat.update", limited)
            world.cards.change(ready(progress, 4, world.clock.now()))
            await asyncio.sleep(3)
            world.cards.change(ended(progress, world.clock.now()))
            await asyncio.sleep(40)
            first, second = [t for t, m in world.slack.calls if m == "chat.update"]
            assert second - first >= 17.0
            # Posting has a budget of its own: the end was told in time.
            (reply,) = world.slack.marked(progress.op, "end")
            assert reply.at < first + 5
            assert "Ready" in world.text(progress)
            assert dispatcher.budget()["chat.update"].refused == 1
            assert dispatcher.budget()["chat.update"].rate < 50

    run(story())


def test_a_post_whose_answer_was_lost_is_found_and_not_repeated() -> None:
    async def story() -> None:
        world = World()
        world.slack.after = once("chat.postMessage", UnsureError("dropped"))
        async with running(world):
            progress = world.begin()
            await finished(world, progress)

    run(story())


def test_a_post_that_never_arrived_is_repeated() -> None:
    async def story() -> None:
        world = World()
        world.slack.before = once("chat.postMessage", UnsureError("dropped"))
        async with running(world):
            progress = world.begin()
            await finished(world, progress)

    run(story())


def test_an_end_reply_whose_answer_was_lost_is_found_and_not_repeated() -> None:
    async def story() -> None:
        world = World()
        async with running(world):
            progress = world.begin()
            await asyncio.sleep(5)
            world.slack.after = once("chat.postMessage", UnsureError("dropped"))
            await finished(world, progress)

    run(story())


def test_an_edit_whose_answer_was_lost_is_made_again() -> None:
    async def story() -> None:
        world = World()
        async with running(world):
            progress = world.begin()
            await asyncio.sleep(5)
            world.slack.after = once("chat.update", UnsureError("dropped"))
            await finished(world, progress)

    run(story())


def test_a_crash_after_the_post_and_before_it_was_written_down_doubles_nothing() -> None:
    async def story() -> None:
        world = World()
        progress = world.begin()
        first = world.dispatcher("a")
        await first.start()
        await asyncio.sleep(world.slack.latency * 0.75)  # posted, not answered yet
        crash(first)
        assert world.slack.messages
        assert world.row(progress).trying
        assert not world.row(progress).ts
        async with running(world, "b"):
            await finished(world, progress)

    run(story())


def test_a_crash_at_any_moment_doubles_nothing() -> None:
    async def story(after: float) -> None:
        world = World()
        progress = world.begin()
        first = world.dispatcher("a")
        await first.start()
        asyncio.get_running_loop().call_later(
            0.3, lambda: world.cards.change(ended(progress, world.clock.now()))
        )
        await asyncio.sleep(after)
        crash(first)
        async with running(world, "b"):
            await finished(world, progress)

    for step in range(40):
        run(story(step * 0.03))


def test_while_slack_is_down_the_newest_state_waits_and_is_then_caught_up_without_a_burst() -> None:
    async def story() -> None:
        world = World()
        down = True
        world.slack.before = lambda _m, _c: TransientError("refused") if down else None
        async with running(world):
            all_of_them = [world.begin(n, f"C{n}") for n in range(30)]
            for _ in range(20):
                await asyncio.sleep(10)
                for progress in all_of_them:
                    world.cards.change(ready(progress, 3, world.clock.now()))
            while_down = len(world.slack.calls)
            assert while_down < 120
            for progress in all_of_them:
                world.cards.change(ended(progress, world.clock.now()))
            down = False
            await asyncio.sleep(120)
            for progress in all_of_them:
                assert "Ready" in world.text(progress)
                assert len(world.slack.marked(progress.op, "end")) == 1
            assert not world.slack.refused

    run(story())


def test_where_qbot_is_no_member_the_card_goes_to_the_dm_and_the_person_is_told() -> None:
    async def story() -> None:
        world = World()

        def closed(_method: str, channel: str) -> Exception | None:
            return NotHereError("not_in_channel") if channel == "C0WANTED" else None

        world.slack.before = closed
        async with running(world):
            progress = world.begin(1, "C0WANTED")
            await finished(world, progress)
        assert world.row(progress).posted_channel == f"D{ANA.user}"
        ((url, notice),) = world.slack.responses
        assert url.startswith("https://hooks.slack.com")
        assert "/invite @qbot" in notice.text

    run(story())


def test_a_deleted_card_is_posted_anew_and_says_where_it_was() -> None:
    async def story() -> None:
        world = World()
        async with running(world):
            progress = world.begin()
            await asyncio.sleep(5)
            world.slack.messages.clear()
            world.cards.change(ready(progress, 4, world.clock.now()))
            await asyncio.sleep(10)
            assert "goes on from an earlier message" in world.text(progress)
            await finished(world, progress)

    run(story())


def test_an_old_card_that_is_lost_is_not_posted_again_when_its_environment_goes() -> None:
    async def story() -> None:
        world = World()
        async with running(world):
            progress = world.begin()
            await finished(world, progress)
            world.slack.messages.clear()
            gone = ended(progress, world.clock.now())
            world.cards.change(gone, superseded="This environment has been deleted.")
            await asyncio.sleep(30)
            assert not world.slack.messages
            assert not await world.cards.behind()

    run(story())


def refusing(method: str) -> Callable[[str, str], Exception | None]:
    """Slack takes no such call in CBAD."""

    def refuse(called: str, channel: str) -> Exception | None:
        bad = called == method and channel == "CBAD"
        return PermanentError("invalid_blocks") if bad else None

    return refuse


@pytest.mark.parametrize("method", ["chat.postMessage", "chat.update"])
def test_a_card_that_slack_refuses_five_times_is_left(method: str) -> None:
    async def story() -> None:
        world = World()
        async with running(world):
            bad = world.begin(1, "CBAD")
            await asyncio.sleep(0 if method == "chat.postMessage" else 5)
            world.slack.before = refusing(method)
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

    run(story())


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


REVOKED = AccessError("Slack refuses the token (chat.postMessage: token_revoked)")


def only(method: str, channel: str, error: Exception) -> Callable[[str, str], Exception | None]:
    """Refuses a method in one channel."""
    return lambda called, where: error if (called, where) == (method, channel) else None


@pytest.mark.parametrize("name", ["no_permission", "access_denied", "ekm_access_denied"])
def test_where_the_right_to_post_is_missing_the_card_goes_to_the_dm_and_no_other_waits(
    name: str,
) -> None:
    async def story() -> None:
        world = World()
        refusal = named(name, "chat.postMessage", {"error": name}, {})
        world.slack.before = only("chat.postMessage", "CBAD", refusal)
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
        world.slack.before = only("chat.postMessage", "CBAD", REVOKED)
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

        def refuse(_method: str, channel: str) -> Exception | None:
            return PermanentError("invalid_blocks") if channel == "CBAD" else None

        world.slack.before = refuse
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


def test_only_the_leader_writes_and_another_replica_takes_over() -> None:
    async def story() -> None:
        world = World()
        leader, other = world.dispatcher("a"), world.dispatcher("b")
        await leader.start()
        await asyncio.sleep(1)
        await other.start()
        progress = world.begin()
        await asyncio.sleep(5)
        assert len(world.slack.marked(progress.op, "card")) == 1
        crash(leader)
        world.cards.change(ended(progress, world.clock.now()))
        await asyncio.sleep(20)
        assert "Ready" in world.text(progress)
        await other.stop()

    run(story())


def test_a_graceful_stop_lets_the_next_replica_go_on_at_once() -> None:
    async def story() -> None:
        world = World()
        async with running(world, "a"):
            progress = world.begin()
            await asyncio.sleep(3)
        async with running(world, "b"):
            world.cards.change(ended(progress, world.clock.now()))
            await asyncio.sleep(4)
            assert "Ready" in world.text(progress)

    run(story())


def test_a_process_that_was_frozen_and_lost_its_lease_sends_nothing() -> None:
    async def story() -> None:
        world = World()
        frozen = world.dispatcher("a")
        await frozen.start()
        await asyncio.sleep(1)
        world.cards.leader = ("b", world.clock.monotonic() + 1_000)  # b took over meanwhile
        frozen._lease._renew_at = 0.0
        progress = world.begin()
        await asyncio.sleep(30)
        assert not world.slack.marked(progress.op, "card")
        await frozen.stop()

    run(story())


def test_an_away_database_does_not_end_the_loop() -> None:
    async def story() -> None:
        world = World()
        async with running(world):
            await asyncio.sleep(1)
            world.cards.down = True
            progress = world.begin()
            await asyncio.sleep(30)
            assert not world.slack.calls
            world.cards.down = False
            await finished(world, progress)

    run(story())


def test_above_ten_operations_a_channel_gets_one_board_and_counts_go_there() -> None:
    async def story() -> None:
        world = World()
        async with running(world):
            crowd = [world.begin(n, "C1") for n in range(14)]
            await asyncio.sleep(60)
            for progress in crowd:
                world.cards.change(replace(ready(progress, 0, world.clock.now())))
            await asyncio.sleep(60)
            before = sum(m == "chat.update" for _, m in world.slack.calls)
            for count in range(1, 9):
                for progress in crowd:
                    world.cards.change(ready(progress, count, world.clock.now()))
                await asyncio.sleep(10)
            edits = sum(m == "chat.update" for _, m in world.slack.calls) - before
            (board,) = [m for m in world.slack.messages.values() if m.mark == Mark("C1", "board")]
            assert "14 operations running" in board.message.text
            assert "8 of 11 ready" in board.message.text
            assert edits <= 80 / 5 + 1  # the board's alone: 8 changes of 14 cards would be 112
            for progress in crowd:
                world.cards.change(ended(progress, world.clock.now()))
            await asyncio.sleep(120)
            assert "Nothing is running" in board.message.text
            assert all("Ready" in world.text(p) for p in crowd)
            assert world.cards.board_rows["C1"].ts == ""

    run(story())


def test_a_board_whose_post_was_lost_is_found_and_not_repeated() -> None:
    async def story() -> None:
        world = World()
        async with running(world):
            await asyncio.sleep(1)

            lost: list[Mark] = []

            def lose(_method: str, _channel: str) -> Exception | None:
                newest = list(world.slack.messages.values())[-1].mark
                if lost or newest != Mark("C1", "board"):
                    return None
                lost.append(newest)
                return UnsureError("dropped")

            world.slack.after = lose
            for n in range(12):
                world.begin(n, "C1")
            await asyncio.sleep(60)
            boards = [m for m in world.slack.messages.values() if m.mark == Mark("C1", "board")]
            assert (len(boards), len(lost)) == (1, 1)

    run(story())


def boards(world: World) -> list[str]:
    return [m.message.text for m in world.slack.messages.values() if m.mark == Mark("C1", "board")]


@pytest.mark.parametrize("method", ["before", "after"])
def test_a_board_whose_post_was_lost_is_closed_when_its_crowd_is_gone_meanwhile(
    method: str,
) -> None:
    """`before` it arrives, or `after`."""

    async def story() -> None:
        world, dropped = World(), asyncio.Event()

        def lose(called: str, _channel: str) -> Exception | None:
            row = world.cards.board_rows.get("C1")
            if dropped.is_set() or called != "chat.postMessage" or not row:
                return None
            dropped.set()
            return UnsureError("dropped")

        setattr(world.slack, method, lose)
        async with running(world):
            crowd = [world.begin(n, "C1") for n in range(12)]
            await dropped.wait()
            for progress in crowd:
                world.cards.change(ended(progress, world.clock.now()))
            await asyncio.sleep(120)
        told = ["Nothing is running" in text for text in boards(world)]
        assert told == ([True] if method == "after" else [])
        assert world.cards.board_rows["C1"].ts == ""
        assert world.cards.board_rows["C1"].trying_since is None

    run(story())


def test_a_board_of_before_a_restart_is_closed_when_its_crowd_is_gone() -> None:
    async def story() -> None:
        world = World()
        mark = Mark("C1", "board")
        await world.slack.post("C1", board([], fresh=Fresh(every=5.0)), mark=mark)
        await world.cards.save_board(BoardRow("C1", trying_since=world.clock.now()))
        async with running(world):
            await asyncio.sleep(60)
        assert ["Nothing is running" in text for text in boards(world)] == [True]
        assert world.cards.board_rows["C1"].ts == ""
        assert world.cards.board_rows["C1"].trying_since is None

    run(story())


def test_a_cancelled_operation_ends_like_any_other() -> None:
    async def story() -> None:
        world = World()
        async with running(world):
            progress = world.begin()
            await asyncio.sleep(3)
            now = world.clock.now()
            world.cards.change(
                replace(progress, step=Step.ENDED, end=End.CANCELLED, ended_at=now, updated_at=now)
            )
            await asyncio.sleep(10)
            assert "Create cancelled" in world.text(progress)
            assert "was cancelled" in world.slack.marked(progress.op, "end")[0].message.text

    run(story())
