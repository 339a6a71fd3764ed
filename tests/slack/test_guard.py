"""Around every listener: who may speak, what comes twice, what takes long, what breaks."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from qbot.domain import actions
from qbot.domain.environment import Phase
from qbot.domain.outages import Away, Vendor
from qbot.domain.people import Actor
from qbot.domain.ports import Audit
from qbot.domain.progress import End
from qbot.domain.store_ports import Store
from qbot.errors import PermanentError, TransientError
from qbot.render.notices import notice
from qbot.sandbox.slack.seed import OTHER_TEAM
from qbot.slack import events
from qbot.slack.guard import PATIENCE, Guard, Work
from qbot.slack.payload import Delivery, of_action
from qbot.slack.register import bolt_app
from qbot.slack.surface import unopened
from qbot.slack.versions import Versions
from tests.clocks import START
from tests.sandbox.slack.stage import ANA, EVE, GENERAL, GUS, NILS, PARTNERS, ZOE
from tests.slack.scene import Scene, said
from tests.slack.scene import scene as built


class Slow:
    """A store that remembers deliveries only once `go` is set."""

    def __init__(self, real: Store, go: asyncio.Event) -> None:
        self._real, self._go = real, go

    async def saw(self, key: str) -> bool:
        await self._go.wait()
        return await self._real.saw(key)


class Broken:
    """A store that fails in its own way."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def saw(self, key: str) -> bool:
        raise self._error


class Deaf:
    """An audit log that cannot be written."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def turned_away(self, who: Actor, rule: str, channel: str) -> None:
        raise self._error


def broken(error: Exception) -> Callable[[Store], Store]:
    return lambda _: cast("Store", Broken(error))


@dataclass
class Witness:
    """Stands in the guard's place and notes who comes by."""

    ran: list[Delivery] = field(default_factory=list)

    async def run(
        self,
        delivery: Delivery,
        acknowledge: object,
        prepare: Callable[[Delivery], Work],
        *,
        came: object,
    ) -> None:
        self.ran.append(delivery)


def no_versions() -> Versions:
    """Its tables, and nothing behind them."""
    around: Any = SimpleNamespace(desk=None)
    return Versions(around, requests=cast("Any", None), jobs=cast("Any", None))


async def test_whatever_somebody_asks_for_runs_inside_the_guard() -> None:
    witness = Witness()
    app = bolt_app(
        command="/env", token="xoxb-1", api_url="http://127.0.0.1:1/api/", team="T1",
        bot_user="U1", guard=cast("Guard", witness), listeners=unopened(),
        opened=cast("Any", None),
    )  # fmt: skip
    listeners = app._async_listeners[: -len(events.subjects())]  # events are nobody's
    assert len(listeners) == len(("commands", "buttons", *unopened().forms))
    for number, listener in enumerate(listeners, 1):
        heard: Any = listener
        await heard.ack_function(ack=None, body={})
        assert len(witness.ran) == number
        assert heard.lazy_functions == []


def test_patience_leaves_time_for_the_way() -> None:
    assert 1.0 < PATIENCE <= 2.5


async def test_a_store_that_hangs_delays_no_acknowledgement_and_the_answer_follows(
    tmp_path: Path,
) -> None:
    go = asyncio.Event()

    def slow(real: Store) -> Store:
        return cast("Store", Slow(real, go))

    async with built(tmp_path, patience=0.05, store=slow) as scene:
        payload = scene.line("help")
        outcome = await scene.send("slash", payload)
        assert (outcome.status, outcome.body) == (200, None)
        assert outcome.ms < 1_000
        shown = await scene.post(notice("a card"))
        pressed = scene.pressed(shown, actions.HELP)
        assert (await scene.send("interactive", pressed)).status == 200
        assert scene.private() == []
        go.set()
        await scene.settled()
        assert ["What you can ask for" in m.text for m in scene.private()] == [True, True]


async def test_without_the_database_the_answer_comes_at_once_and_nothing_is_begun(
    tmp_path: Path,
) -> None:
    away = Away(Vendor.DATABASE, "Qbot's database", START)
    never_asked = asyncio.Event()

    def hanging(real: Store) -> Store:
        return cast("Store", Slow(real, never_asked))

    async with built(tmp_path, store=hanging, without=lambda: away) as scene:
        outcome = await scene.send("slash", scene.line("list"))
        assert outcome.status == 200
        text = json.dumps(outcome.body)
        assert "Qbot's database has not answered since <!date^" in text
        assert "Nothing is lost" in text


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (ZeroDivisionError("secret detail"), "Something went wrong inside Qbot"),
        (TransientError("the database is away"), "the database is away"),
        (PermanentError("the database is too new"), "Whoever runs Qbot has to put that right"),
    ],
)
async def test_what_breaks_is_answered_with_the_reference_that_is_logged(
    tmp_path: Path, error: Exception, says: str
) -> None:
    async with built(tmp_path, store=broken(error)) as scene:
        with capture_logs() as logs:
            answer = said(await scene.type("help"))
        assert says in answer
        assert "secret detail" not in answer
        (line,) = [entry for entry in logs if "reference" in entry]
        assert f"Reference `{line['reference']}`" in answer
        shown = await scene.post(notice("a card"))
        await scene.press(shown, actions.HELP)
        assert says in scene.private()[-1].text


@pytest.mark.incident("doubled-work")
async def test_a_read_that_comes_again_is_dropped(either: Scene) -> None:
    payload = either.line("help")
    first = await either.send("slash", payload)
    assert first.body
    again = await either.send("slash", payload)
    assert (again.status, again.body) == (200, None)
    assert either.counted("repeated") == 1


@pytest.mark.incident("doubled-work")
async def test_a_command_that_comes_three_times_counts_once(either: Scene) -> None:
    payload = either.line("create feat/x")
    outcomes = await asyncio.gather(*(either.send("slash", payload) for _ in range(3)))
    assert [(o.status, o.body) for o in outcomes] == [(200, None)] * 3
    assert len(await either.operations("feat/x")) == 1
    assert either.counted("repeated") == 2
    assert either.private() == []


@pytest.mark.incident("doubled-work")
async def test_a_press_that_comes_twice_counts_once(either: Scene) -> None:
    await either.environment("feat/x")
    operation = await either.end(Phase.FAILED, End.FAILED)
    shown = await either.post(notice("a card"))
    payload = either.pressed(shown, actions.RETRY, operation.id)
    for _ in range(2):
        assert (await either.send("interactive", payload)).status == 200
    await either.settled()
    assert len(await either.operations("feat/x")) == 2
    assert (either.counted("repeated"), either.private()) == (1, [])


async def test_a_press_of_cancel_counts_although_its_first_delivery_died_at_once(
    either: Scene,
) -> None:
    await either.environment("feat/x")
    (operation,) = await either.operations("feat/x")
    shown = await either.post(notice("a card"))
    payload = either.pressed(shown, actions.CANCEL, operation.id)
    assert await either.database.store.saw(of_action(payload).asked.key)
    for _ in range(2):
        assert (await either.send("interactive", payload)).status == 200
    await either.settled()
    (cancelled,) = await either.operations("feat/x")
    assert (cancelled.cancel_by, either.private()) == (operation.actor, [])


async def test_a_form_that_comes_twice_counts_once(either: Scene) -> None:
    await either.type("create")
    view = either.view()
    assert view is not None
    either.played.kernel.faults.add("slack", "DELIVER view", "duplicate", 1)
    assert await either.submit(view, {actions.BRANCH_INPUT: "feat/x"}) == {}
    assert len(await either.operations("feat/x")) == 1
    assert (either.counted("repeated"), either.private()) == (2, [])


async def test_a_delivery_that_died_between_two_commits_counts_when_it_comes_again(
    tmp_path: Path,
) -> None:
    """The key of a submission is the operation's: nothing marks it as seen before that."""
    async with built(tmp_path, store=broken(ZeroDivisionError())) as scene:
        assert await scene.type("create feat/x") is None
        assert len(await scene.operations("feat/x")) == 1


@pytest.mark.parametrize(
    ("user", "rule", "says"),
    [
        (GUS, "guest", "Guests of the workspace cannot use Qbot"),
        (ZOE, "deactivated", "deactivated"),
        ("U05CI0B7T2E", "bot", "no orders from bots"),
    ],
)
async def test_who_may_not_speak_is_told_why_and_counted(
    either: Scene, user: str, rule: str, says: str
) -> None:
    assert says in said(await either.type("create feat/x", user))
    assert await either.database.store.find("feat/x") is None
    assert either.counted(rule) == 1


async def test_a_refusal_is_audited_once_a_minute_for_each_person_and_rule(
    scene: Scene,
) -> None:
    for _ in range(3):
        await scene.type("create feat/x", GUS)
    await scene.type("help", ZOE)
    await scene.type("help", ANA, PARTNERS)
    rows = await scene.audited("request.received")
    assert {(user, outcome, found["rule"]) for user, outcome, found in rows} == {
        (GUS, "refused", "guest"),
        (ZOE, "refused", "deactivated"),
        (ANA, "refused", "shared-channel"),
    }
    assert len(rows) <= 4  # three, unless a minute ended in between
    assert scene.counted("guest") == 3
    assert rows[-1][2]["channel"] == PARTNERS


async def test_a_refusal_is_told_although_it_cannot_be_audited(tmp_path: Path) -> None:
    away = TransientError("the database is away")
    async with built(tmp_path, audit=lambda _: cast("Audit", Deaf(away))) as scene:
        with capture_logs() as logs:
            assert "Guests of the workspace" in said(await scene.type("help", GUS))
    assert "a refusal is not in the audit log" in [e["event"] for e in logs]


@pytest.mark.incident("borrowed-rights")
async def test_what_is_submitted_is_audited_with_the_rule_that_allowed_it(scene: Scene) -> None:
    await scene.type("create feat/x")
    assert await scene.audited("create.requested") == [
        (ANA, "done", {"rule": "member", "channel": GENERAL})
    ]


async def test_an_account_that_slack_does_not_know_is_refused(scene: Scene) -> None:
    payload = scene.line("create feat/x") | {"user_id": "U0NOBODY"}
    outcome = await scene.send("slash", payload)
    assert outcome.body is not None
    assert "cannot be read" in outcome.body["text"]
    assert scene.counted("deactivated") == 1


@pytest.mark.incident("name-as-identity")
async def test_another_workspace_is_refused_without_a_question_to_slack(scene: Scene) -> None:
    payload = scene.line("create feat/x") | {"team_id": OTHER_TEAM}
    outcome = await scene.send("slash", payload)
    assert outcome.body is not None
    assert "another Slack workspace" in outcome.body["text"]
    shown = await scene.post(notice("a card"))
    pressed = scene.pressed(shown, actions.DELETE, "e1") | {"team": {"id": scene.guard.team}}
    pressed["user"] = {"id": EVE, "team_id": OTHER_TEAM}
    assert (await scene.send("interactive", pressed)).status == 200
    await scene.settled()
    assert scene.counted("foreign-workspace") == 2
    assert not [c for c in scene.played.kernel.calls.select() if "users.info" in c["path"]]


@pytest.mark.incident("name-as-identity")
async def test_a_channel_shared_with_others_is_refused(scene: Scene) -> None:
    shown = said(await scene.type("create feat/x", ANA, PARTNERS))
    assert "shared with another organisation" in shown
    assert scene.counted("shared-channel") == 1
    assert await scene.database.store.find("feat/x") is None


async def test_while_slack_does_not_tell_who_it_is_nothing_is_done(scene: Scene) -> None:
    scene.played.kernel.faults.add("slack", "users.info", "500", 1)
    answer = said(await scene.type("create feat/x"))
    assert "could not be done just now" in answer
    assert "Try again in a minute" in answer
    assert await scene.database.store.find("feat/x") is None
    assert await scene.type("create feat/x") is None


async def test_somebody_who_spoke_before_may_speak_while_slack_is_away(scene: Scene) -> None:
    assert await scene.type("help", NILS)
    scene.played.kernel.faults.add("slack", "users.info", "500", 9)
    scene.played.kernel.faults.add("slack", "conversations.info", "500", 9)
    assert await scene.type("create feat/x", NILS, GENERAL) is None
