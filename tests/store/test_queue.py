"""Who gets what to do: one active operation per environment, in order, a tear-down first."""

import asyncio

from qbot.domain.environment import Phase
from qbot.domain.inputs import SyncInput
from qbot.domain.operation import OpState
from qbot.domain.progress import End, Kind
from tests.store.wishes import ANA, BEN, SYNC, TEARDOWN, WORKER, Wishes, ids, service_sync


async def test_operations_of_one_environment_run_one_by_one_in_order(wishes: Wishes) -> None:
    env = await wishes.living("a")
    wanted = [(await wishes.submit(env, service_sync(n))).operation.id for n in "xyz"]
    ran = []
    while claims := await wishes.claim():
        assert len(claims) == 1
        assert await wishes.claim("worker-b") == []
        ran += ids(claims)
        await wishes.journal.finish(claims[0], End.SUCCEEDED, "")
    assert ran == wanted


async def test_operations_of_different_environments_run_at_once(wishes: Wishes) -> None:
    wanted = [(await wishes.create(branch)).id for branch in ("a", "b", "c")]
    assert ids(await wishes.claim(limit=2)) == wanted[:2]
    assert ids(await wishes.claim("worker-b")) == wanted[2:]


async def test_workers_that_claim_at_once_share_and_never_double(wishes: Wishes) -> None:
    wanted = {(await wishes.create(f"b{n}")).id for n in range(12)}
    shares = await asyncio.gather(*(wishes.claim(f"w{n}", limit=5) for n in range(4)))
    claimed = [op for share in shares for op in ids(share)]
    assert len(claimed) == len(set(claimed))
    assert set(claimed) == wanted


async def test_a_worker_leaves_kinds_alone_that_it_does_not_know(wishes: Wishes) -> None:
    await wishes.create("a")
    assert await wishes.claim(kinds=[Kind.SYNC, Kind.TEARDOWN]) == []
    assert len(await wishes.claim(kinds=[Kind.CREATE])) == 1


async def test_a_teardown_goes_next_and_what_has_not_begun_never_does(wishes: Wishes) -> None:
    env = await wishes.living("a")
    first = (await wishes.submit(env, service_sync("x"))).operation.id
    (running,) = await wishes.claim()
    queued = (await wishes.submit(env, service_sync("y"))).operation.id
    teardown = (await wishes.submit(env, TEARDOWN, actor=BEN)).operation.id
    late = (await wishes.submit(env, service_sync("z"))).operation.id

    dropped = await wishes.operation(queued)
    assert (dropped.state, dropped.end, dropped.cancel_by) == (OpState.DONE, End.CANCELLED, BEN)
    assert dropped.progress
    assert dropped.progress.end is End.CANCELLED
    assert (await wishes.operation(first)).cancel_by == BEN

    await wishes.journal.finish(running, End.CANCELLED, "")
    (next_one,) = await wishes.claim()
    assert next_one.operation.id == teardown
    await wishes.journal.finish(next_one, End.SUCCEEDED, "")
    assert ids(await wishes.claim()) == [late]


async def test_a_teardown_before_the_create_began_drops_the_create(wishes: Wishes) -> None:
    create = await wishes.create("a")
    teardown = (await wishes.submit(create.env, TEARDOWN)).operation
    assert (await wishes.operation(create.id)).end is End.CANCELLED
    assert ids(await wishes.claim()) == [teardown.id]


async def test_the_running_operation_shows_that_it_is_being_cancelled(wishes: Wishes) -> None:
    create = await wishes.create("a")
    (claim,) = await wishes.claim()
    await wishes.submit(create.env, TEARDOWN)
    beat = await wishes.beat(WORKER, claim)
    assert beat.cancelled == {create.id}
    card = await wishes.database.cards.card(create.id)
    assert card
    assert card.progress.cancelling


async def test_cancelling_a_queued_sync_ends_it_at_once(wishes: Wishes) -> None:
    create = await wishes.create("a")
    sync = (await wishes.submit(create.env, SYNC)).operation
    assert await wishes.journal.request_cancel(sync.id, BEN)
    ended = await wishes.operation(sync.id)
    assert (ended.end, ended.cancel_by) == (End.CANCELLED, BEN)
    assert not await wishes.journal.request_cancel(sync.id, BEN)
    assert ids(await wishes.claim()) == [create.id]


async def test_cancelling_a_queued_create_is_left_to_its_handler(wishes: Wishes) -> None:
    create = await wishes.create("a")
    assert await wishes.journal.request_cancel(create.id, BEN)
    (claim,) = await wishes.claim()
    assert claim.operation.cancel_by == BEN


async def test_the_first_who_asked_to_cancel_is_remembered(wishes: Wishes) -> None:
    create = await wishes.create("a")
    await wishes.claim()
    await wishes.journal.request_cancel(create.id, BEN)
    await wishes.journal.request_cancel(create.id, ANA)
    assert (await wishes.operation(create.id)).cancel_by == BEN


async def test_who_asks_to_cancel_again_changes_nothing(wishes: Wishes) -> None:
    create = await wishes.create("a")
    await wishes.claim()
    for _ in range(3):
        assert await wishes.journal.request_cancel(create.id, BEN)
    rows = await wishes.look("select * from audit where action = 'create.cancel-requested'")
    assert len(rows) == 1


async def test_released_work_is_claimed_again_at_once_with_a_higher_fence(wishes: Wishes) -> None:
    await wishes.create("a")
    (claim,) = await wishes.claim()
    await wishes.journal.release(claim)
    (again,) = await wishes.claim("worker-b")
    assert (again.fence, again.resumed) == (claim.fence + 1, True)


async def test_the_work_of_a_worker_that_is_silent_for_its_lease_is_taken_over(
    wishes: Wishes,
) -> None:
    create = await wishes.create("a")
    await wishes.beat(WORKER)
    (claim,) = await wishes.claim()
    assert (await wishes.beat("worker-b")).taken_over == 0
    await wishes.look("update workers set expires = 0 where id = ?", WORKER)
    assert (await wishes.beat("worker-b")).taken_over == 1
    (taken,) = await wishes.claim("worker-b")
    assert (taken.operation.id, taken.fence) == (create.id, claim.fence + 1)
    assert (await wishes.beat(WORKER, claim)).lost == {create.id}


async def test_a_worker_that_beats_keeps_its_work(wishes: Wishes) -> None:
    await wishes.create("a")
    await wishes.beat(WORKER)
    (claim,) = await wishes.claim()
    for _ in range(3):
        beat = await wishes.beat(WORKER, claim)
        assert (beat.lost, beat.taken_over) == (frozenset(), 0)
        assert (await wishes.beat("worker-b")).taken_over == 0


async def test_a_row_without_a_task_becomes_claimable_again(wishes: Wishes) -> None:
    create = await wishes.create("a")
    await wishes.beat(WORKER)
    await wishes.claim()
    await wishes.beat(WORKER)
    assert ids(await wishes.claim()) == [create.id]


async def test_dry_runs_do_not_wait_for_the_environment(wishes: Wishes) -> None:
    create = await wishes.create("a")
    dry = (await wishes.submit(create.env, SyncInput(dry_run=True))).operation
    assert ids(await wishes.claim()) == [create.id, dry.id]


async def test_no_environment_stays_on_its_way_without_an_operation(wishes: Wishes) -> None:
    cases = [
        (End.FAILED, Phase.FAILED),
        (End.CANCELLED, Phase.PARTIAL),
        (End.REFUSED, Phase.DELETED),
    ]
    for number, (end, phase) in enumerate(cases):
        create = await wishes.create(f"b{number}")
        (claim,) = await wishes.claim()
        await wishes.journal.finish(claim, end, "")
        assert create.env
        env = await wishes.database.store.environment(create.env)
        assert env
        assert env.phase is phase
