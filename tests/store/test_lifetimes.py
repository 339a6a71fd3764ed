"""How long environments live, and whose they are, on both databases; each move is audited."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from qbot.domain.changes import PhaseChanged
from qbot.domain.environment import Environment, Phase, Pin
from qbot.domain.inputs import CreateInput
from qbot.domain.lifetime import Moved, Term
from qbot.domain.names import EnvId
from qbot.domain.operation import NewEnvironment, QuotaReached, Submission, Submitted
from qbot.domain.people import Actor, Place
from qbot.domain.progress import End, Kind
from qbot.errors import UserError
from tests.clocks import START, HandClock
from tests.store.wishes import ANA, BEN, SYNC, TEARDOWN, Wishes, environment, key

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


async def mortal(wishes: Wishes, branch: str = "feat/a", owner: Actor = ANA) -> EnvId:
    """A ready one that lives two days."""
    env = replace(environment(branch, owner), expires_at=START + 2 * DAY)
    wish = Submission(Kind.CREATE, CreateInput(env.branch), env.id, owner, Place("C1"), key())
    assert isinstance(await wishes.journal.submit(wish, NewEnvironment(env, 100, 100)), Submitted)
    (claim,) = await wishes.claim()
    await wishes.journal.finish(claim, End.SUCCEEDED, "", [PhaseChanged(env.id, Phase.READY)])
    return env.id


async def found(wishes: Wishes, env: EnvId) -> Environment:
    there = await wishes.database.store.environment(env)
    assert there is not None
    return there


async def audited(wishes: Wishes) -> list[tuple[str, str, str, dict[str, Any]]]:
    rows = await wishes.look(
        "select action, outcome, user_id, detail from audit where action like 'environment.%' "
        "order by seq"
    )
    return [(r["action"], r["outcome"], r["user_id"], json.loads(r["detail"])) for r in rows]


async def cards(wishes: Wishes, env: EnvId) -> list[Term | None]:
    operations = await wishes.database.store.operations(env, limit=9)
    rows = [await wishes.database.cards.card(o.id) for o in operations]
    return [row.term for row in rows if row]


async def test_an_extension_is_kept_told_by_the_card_and_audited(wishes: Wishes) -> None:
    env = await mortal(wishes)
    lives = wishes.database.lifetimes
    moved = await lives.extend(env, DAY, BEN, most=None, rule="member", key="k")
    assert moved
    assert (await found(wishes, env)).ends_at == moved.after.ends_at == START + 3 * DAY
    assert await cards(wishes, env) == [Term(START + 3 * DAY)]
    (row,) = await audited(wishes)
    assert row[:3] == ("environment.extend", "done", "UBEN")
    assert row[3]["rule"] == "member"
    behind = [r.op for r in await wishes.database.cards.behind()]
    assert behind == [o.id for o in await wishes.database.store.operations(env, limit=1)]


async def test_one_wish_that_comes_twice_extends_once(wishes: Wishes) -> None:
    env = await mortal(wishes)
    for wish, end in (("k", 3 * DAY), ("k", 3 * DAY), ("another", 4 * DAY)):
        moved = await wishes.database.lifetimes.extend(
            env, DAY, BEN, most=None, rule="member", key=wish
        )
        assert moved
        assert (await found(wishes, env)).ends_at == moved.after.ends_at == START + end
    assert [row[1] for row in await audited(wishes)] == ["done", "unchanged", "done"]


async def test_what_was_decided_is_read_newest_first(wishes: Wishes) -> None:
    env, other = await mortal(wishes), await mortal(wishes, "feat/b")
    lives, store = wishes.database.lifetimes, wishes.database.store
    await lives.extend(env, DAY, BEN, most=None, rule="member", key="k")
    await lives.pin(env, Pin(ANA, START, None, "demo"), rule="owner")
    await lives.pin(other, Pin(ANA, START, None, "another"), rule="owner")
    deeds = await store.deeds(env, limit=9)
    assert [(d.action, d.actor) for d in deeds] == [
        ("environment.pin", ANA),
        ("environment.extend", BEN),
    ]
    assert deeds[0].detail["reason"] == "demo"
    assert len(await store.deeds(env, limit=1)) == 1


async def test_what_is_refused_changes_nothing(wishes: Wishes) -> None:
    env = await mortal(wishes)
    with pytest.raises(UserError, match="max_ttl"):
        await wishes.database.lifetimes.extend(env, DAY, ANA, most=2 * DAY, rule="member", key="k")
    assert (await found(wishes, env)).ends_at == START + 2 * DAY
    assert await audited(wishes) == []


async def test_a_pin_and_its_end_are_kept(wishes: Wishes, clock: HandClock) -> None:
    env, lives = await mortal(wishes), wishes.database.lifetimes
    pin = Pin(BEN, START, START + 5 * DAY, "a demo ✓")
    assert await lives.pin(env, pin, rule="owner")
    again = await lives.pin(env, pin, rule="owner")
    assert again
    assert not again.changed
    assert (await found(wishes, env)).pin == pin
    assert await cards(wishes, env) == [Term(START + 6 * DAY, pin)]
    await wishes.submit(env, SYNC)
    assert (await cards(wishes, env))[0] == Term(START + 6 * DAY, pin)
    clock.advance(HOUR.total_seconds())
    assert await lives.unpin(env, ANA, rule="owner")
    there = await found(wishes, env)
    assert (there.pin, there.ends_at) == (None, START + 2 * DAY)
    told = [(action, outcome) for action, outcome, _, _ in await audited(wishes)]
    assert told == [
        ("environment.pin", "done"),
        ("environment.pin", "unchanged"),
        ("environment.unpin", "done"),
    ]


async def test_what_goes_or_is_gone_is_left_alone(wishes: Wishes) -> None:
    env, lives = await mortal(wishes), wishes.database.lifetimes
    await wishes.submit(env, TEARDOWN)
    (claim,) = await wishes.claim()
    await wishes.journal.commit(claim, "begin", 1, [PhaseChanged(env, Phase.DELETING)])
    for _ in range(2):
        assert await lives.extend(env, DAY, ANA, most=None, rule="", key="k") is None
        assert await lives.pin(env, Pin(ANA, START), rule="") is None
        assert await lives.unpin(env, ANA, rule="") is None
        assert await lives.transfer(env, BEN, ANA, limit=9, rule="") is None
        if (await found(wishes, env)).phase is Phase.DELETING:
            gone = PhaseChanged(env, Phase.DELETED)
            await wishes.journal.finish(claim, End.SUCCEEDED, "", [gone])
    assert await lives.extend(EnvId("e00000000dead"), DAY, ANA, most=None, rule="", key="k") is None
    assert await audited(wishes) == []


async def test_who_gets_an_environment_has_room_for_it(wishes: Wishes, clock: HandClock) -> None:
    env, lives = await mortal(wishes), wishes.database.lifetimes
    old = await mortal(wishes, "feat/old", BEN)
    used = await mortal(wishes, "feat/used", BEN)
    clock.advance(60)
    await lives.used("show", ANA, used)
    full = await lives.transfer(env, BEN, ANA, limit=2, rule="owner")
    assert isinstance(full, QuotaReached)
    assert [e.id for e in full.holders] == [old, used]
    assert full.used == {old: START, used: clock.now()}
    moved = await lives.transfer(env, BEN, ANA, limit=3, rule="owner")
    assert isinstance(moved, Moved)
    assert (await found(wishes, env)).owner == BEN
    again = await lives.transfer(env, BEN, ANA, limit=3, rule="owner")
    assert isinstance(again, Moved)
    assert not again.changed
    told = [(action, outcome) for action, outcome, _, _ in await audited(wishes)]
    assert told == [("environment.transfer", o) for o in ("refused", "done", "unchanged")]


async def test_two_at_once_do_not_pass_a_limit_together(wishes: Wishes) -> None:
    envs = [await mortal(wishes, f"feat/{n}") for n in range(4)]
    lives = wishes.database.lifetimes
    answers = await asyncio.gather(
        *(lives.transfer(env, BEN, ANA, limit=2, rule="owner") for env in envs)
    )
    assert sum(isinstance(answer, QuotaReached) for answer in answers) == 2


async def test_a_use_is_written_once_a_minute_by_whatever_it_was_named(
    wishes: Wishes, clock: HandClock
) -> None:
    env, lives = await mortal(wishes), wishes.database.lifetimes
    await mortal(wishes, "feat/other")
    op = (await wishes.database.store.operations(env, limit=1))[0].id
    name = (await found(wishes, env)).name
    for thing in (env, op, name, "feat/a"):
        clock.advance(61)
        await lives.used(f"by {thing}", BEN, thing)
        rows = await wishes.look(
            "select used_at, used_what, used_by from environments where id = ?", env
        )
        assert (rows[0]["used_what"], rows[0]["used_by"]) == (f"by {thing}", BEN.key)
    clock.advance(59)
    await lives.used("too soon", ANA, env)
    await lives.used("nothing", ANA, "staging")
    rows = await wishes.look("select used_what from environments order by branch")
    assert [row["used_what"] for row in rows] == ["by feat/a", ""]
    summaries = await wishes.database.store.environments()
    since = {s.environment.branch: s.last_used for s in summaries}
    assert since == {"feat/a": clock.now() - timedelta(seconds=59), "feat/other": START}


async def test_every_use_is_written_of_what_is_to_go(wishes: Wishes) -> None:
    env, lives = await mortal(wishes), wishes.database.lifetimes
    await wishes.submit(env, TEARDOWN)
    for what in ("show", "card"):
        await lives.used(what, BEN, env)
        rows = await wishes.look("select used_what from environments where id = ?", env)
        assert rows[0]["used_what"] == what
