"""What a process did before it died is not done again over what somebody has said since."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from html import escape
from typing import cast

import pytest

from qbot.domain.store_ports import Deliveries
from qbot.slack import payload
from qbot.slack.guard import Reply, Work
from qbot.slack.payload import Delivery
from qbot.slack.unfinished import Way
from qbot.store.statements import Row, Script, sql
from tests.sandbox.slack.stage import ANA, BEN, CHLOE, DAN, GENERAL
from tests.sandbox.slack.stage import until as seen
from tests.slack.releases.stages import held
from tests.slack.scene import Scene
from tests.slack.test_unfinished import BRANCH, another, left, nothing_left, slow, until

__all__ = ["slow"]
FREEZE = "freeze production audit week"
STANDS = {
    "freezes": ("actor", "reason"),
    "locks": ("actor", "reason"),
    "holds": ("service", "promotion"),
    "reaper_pause": ("actor", "since"),
    "environments": ("owner", "pin"),
}


@dataclass(frozen=True)
class Words:
    """What was done, and by whom the opposite was said."""

    said: str
    opposite: str
    by: str = CHLOE
    other: str = DAN
    before: str = ""


async def say(scene: Scene, text: str, user: str) -> None:
    assert (await scene.send("slash", scene.line(text, user))).status == 200
    await scene.settled()


async def stands(scene: Scene) -> dict[str, list[list[str]]]:
    """All that people have put there."""

    def rows(table: str) -> Script[list[Row]]:
        return (yield sql(f"select * from {table}"))  # noqa: S608  (named above)

    return {
        table: [
            [str(row[c]) for c in columns] for row in await scene.database.driver.run(rows(table))
        ]
        for table, columns in STANDS.items()
    }


def public(scene: Scene) -> list[str]:
    found = scene.played.slack.world.channels[GENERAL].messages.values()
    return [message.text for message in found if not message.only_for]


async def replayed(scene: Scene, words: Words, again: Callable[[], Awaitable[None]]) -> None:
    """It was done; then the opposite was said; then another process goes on with it."""
    if words.before:
        await say(scene, words.before, words.by)
    without = await stands(scene)
    body = scene.line(words.said, words.by)
    assert (await scene.send("slash", body)).status == 200
    await scene.settled()
    assert await stands(scene) != without
    await again()
    then, heard, told = await stands(scene), public(scene), len(scene.private(words.by))
    await left(scene, body)
    async with another(scene):
        await nothing_left(scene)
    await scene.settled()
    assert await stands(scene) == then
    assert public(scene) == heard
    (answer,) = scene.private(words.by)[told:]
    what = escape(payload.of_command(body).wanted.what)
    assert words.said.split()[0] in what
    assert answer.text == (
        f"I had done {what} when I was interrupted, and do not do it again: "
        "what somebody has changed since then stays. Others may not have been told of it."
    )


@pytest.mark.parametrize(
    "words",
    [
        Words(FREEZE, "unfreeze production"),
        Words("unfreeze production", "freeze production incident 42", before=FREEZE),
        Words("lock production demo", "unlock production"),
        Words("unlock production", "lock production mine", before="lock production demo"),
        Words(f"pin {BRANCH} demo", f"unpin {BRANCH}", by=ANA, other=ANA),
        Words(f"unpin {BRANCH}", f"pin {BRANCH} mine", ANA, ANA, f"pin {BRANCH} demo"),
        Words(f"transfer {BRANCH} <@{BEN}|ben>", f"transfer {BRANCH} <@{ANA}|ana>", ANA, BEN),
        Words("reaper pause", "reaper resume"),
        Words("reaper resume", "reaper pause", before="reaper pause"),
    ],
    ids=lambda words: " ".join(words.said.split()[:2]),
)
async def test_a_later_word_stands(slow: Scene, words: Words) -> None:
    await slow.environment(BRANCH)

    async def opposite() -> None:
        before = await stands(slow)
        await say(slow, words.opposite, words.other)
        assert await stands(slow) != before

    await replayed(slow, words, opposite)


async def test_a_service_that_is_held_again_stays_so(slow: Scene) -> None:
    await held(slow)
    await replayed(slow, Words("release production", ""), lambda: held(slow))


@pytest.mark.parametrize(
    "words",
    [
        Words(FREEZE, ""),
        Words("unlock production", "", before="lock production demo"),  # there is no lock to end
        Words(f"transfer {BRANCH} <@{BEN}|ben>", "", by=ANA),  # who is no owner any more
    ],
    ids=lambda words: " ".join(words.said.split()[:2]),
)
async def test_what_nobody_has_undone_is_no_failure(slow: Scene, words: Words) -> None:
    async def nothing() -> None:
        pass

    await slow.environment(BRANCH)
    await replayed(slow, words, nothing)


class Gated:
    """A database that does not say whether something came before until it may."""

    def __init__(self, store: Deliveries, may: asyncio.Event) -> None:
        self._store = store
        self._may = may

    async def saw(self, key: str) -> bool:
        await self._may.wait()
        return await self._store.saw(key)


async def test_a_process_that_was_taken_for_dead_does_nothing_after_the_other(
    slow: Scene,
) -> None:
    body, may = slow.line(FREEZE, CHLOE), asyncio.Event()
    guard = replace(slow.guard, store=cast("Deliveries", Gated(slow.guard.store, may)))

    async def acknowledge(reply: Reply) -> None:
        assert reply is None

    def prepared(delivery: Delivery) -> Work:
        return slow.listeners.command(FREEZE, delivery)

    came = (Way.COMMAND, body)
    await guard.run(payload.of_command(body), acknowledge, prepared, came=came)
    async with another(slow):
        await until(slow.database.promotions.freezes)
        await nothing_left(slow)
    assert (await slow.send("slash", slow.line("unfreeze production", DAN))).status == 200
    await seen(lambda: len(public(slow)) == len(("frozen", "unfrozen")))
    may.set()
    await slow.settled()
    assert await slow.database.promotions.freezes() == []
    assert len(public(slow)) == len(("frozen", "unfrozen"))
    assert "I had done" in slow.private(CHLOE)[-1].text
