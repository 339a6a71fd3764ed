"""What goes after two weeks, and what stays for ever."""

from qbot.domain.changes import PhaseChanged
from qbot.domain.environment import Phase
from qbot.domain.names import EnvId, OpId
from qbot.domain.progress import End
from tests.clocks import HandClock
from tests.store.wishes import SYNC, TEARDOWN, Wishes

DAY = 86_400


async def synced(wishes: Wishes, env: EnvId) -> OpId:
    """A sync with a step and a signal, ended."""
    await wishes.submit(env, SYNC)
    (claim,) = await wishes.claim()
    await wishes.journal.commit(claim, "resolve", {"sha": "f" * 40})
    await wishes.journal.signal(claim.operation.id, "argocd", "1", {})
    await wishes.journal.finish(claim, End.SUCCEEDED, "")
    return claim.operation.id


async def left(wishes: Wishes, table: str) -> set[str]:
    """The operations that rows of a table belong to."""
    tables = {
        "steps": "select op_id from op_steps",
        "signals": "select op_id from op_signals",
        "cards": "select op_id from cards",
        "operations": "select id as op_id from operations",
        "audit": "select op_id from audit",
    }
    return {row["op_id"] for row in await wishes.look(tables[table])}


async def test_two_weeks_after_an_end_its_steps_signals_and_card_are_forgotten(
    wishes: Wishes, clock: HandClock
) -> None:
    env = await wishes.living("a")
    old = await synced(wishes, env)
    newer = await synced(wishes, env)
    clock.advance(14 * DAY - 1)
    assert await wishes.database.forget_old() == 0
    clock.advance(2)
    recent = await synced(wishes, env)
    everything = await left(wishes, "operations")
    assert await wishes.database.forget_old() == 7  # two steps, two signals, three cards
    assert [await left(wishes, t) for t in ("steps", "signals", "cards")] == [{recent}] * 3
    assert {old, newer, recent} < await left(wishes, "operations") == everything
    assert await left(wishes, "audit") == everything
    assert (await wishes.operation(old)).end is End.SUCCEEDED
    assert await wishes.database.forget_old() == 0


async def test_a_living_environment_keeps_the_progress_of_its_newest_operation(
    wishes: Wishes, clock: HandClock
) -> None:
    env = await wishes.living("a")
    await synced(wishes, env)
    newest = await synced(wishes, env)
    clock.advance(15 * DAY)
    await wishes.database.forget_old()
    assert await left(wishes, "cards") == {newest}
    assert (await wishes.operation(newest)).progress
    later = await synced(wishes, env)
    await wishes.database.forget_old()
    assert await left(wishes, "cards") == {later}


async def test_a_deleted_environment_keeps_no_progress_and_what_runs_keeps_all(
    wishes: Wishes, clock: HandClock
) -> None:
    env = await wishes.living("a")
    await wishes.submit(env, TEARDOWN)
    (claim,) = await wishes.claim()
    phases = [PhaseChanged(env, Phase.DELETING), PhaseChanged(env, Phase.DELETED)]
    await wishes.journal.finish(claim, End.SUCCEEDED, "", phases)
    running = await wishes.create("b")
    (claim,) = await wishes.claim()
    await wishes.journal.commit(claim, "resolve", None)
    clock.advance(15 * DAY)
    await wishes.database.forget_old()
    assert await left(wishes, "cards") == {running.id}
    assert await left(wishes, "steps") == {running.id}


async def test_more_than_fits_one_transaction_is_forgotten_all_the_same(
    wishes: Wishes, clock: HandClock
) -> None:
    env = await wishes.living("a")
    ended = [await synced(wishes, env) for _ in range(60)]
    clock.advance(15 * DAY)
    assert await wishes.database.forget_old() == 60 + 60 + 60
    assert await left(wishes, "cards") == {ended[-1]}


async def test_what_it_ran_is_forgotten_after_the_tear_down_that_deleted_it(
    wishes: Wishes, clock: HandClock
) -> None:
    env = await wishes.living("a")
    await wishes.look(
        "insert into environment_sets(env_id, at, plans) values(?, '', '[]') returning seq", env
    )
    for end in (End.REFUSED, End.FAILED, End.SUCCEEDED):
        await wishes.submit(env, TEARDOWN)
        (claim,) = await wishes.claim()
        phase = Phase.DELETED if end is End.SUCCEEDED else Phase.STUCK
        phases = [PhaseChanged(env, Phase.DELETING), PhaseChanged(env, phase)]
        await wishes.journal.finish(claim, end, "", [] if end is End.REFUSED else phases)
        clock.advance(10 * DAY)
        await wishes.database.forget_old()
        assert await wishes.look("select env_id from environment_sets")
    clock.advance(5 * DAY)
    await wishes.database.forget_old()
    assert not await wishes.look("select env_id from environment_sets")
