"""Reads for everybody."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from qbot.domain.changes import Audited, Change, PhaseChanged, PlansChanged
from qbot.domain.environment import Phase
from qbot.domain.names import EnvId, OpId, ServiceName
from qbot.domain.progress import End
from qbot.domain.services import ServicePlan, Source
from tests.clocks import START, HandClock
from tests.store.wishes import ANA, BEN, SYNC, TEARDOWN, Wishes, environment, service_sync


async def test_an_environment_is_found_by_branch_name_and_id(wishes: Wishes) -> None:
    env = await wishes.living("feat/a")
    store = wishes.database.store
    found = await store.environment(env)
    assert found
    assert await store.find("feat/a") == found
    assert await store.find("qbot-feat-a") == found
    assert await store.find("feat/") is None
    assert await store.environment(EnvId("e404")) is None
    assert await store.operation(OpId("o404")) is None


async def test_a_stored_environment_is_what_was_reserved(wishes: Wishes) -> None:
    await wishes.create("feat/a", owner=BEN)
    (summary,) = await wishes.database.store.environments()
    wanted = environment("feat/a", BEN)
    found = summary.environment
    assert (found.branch, found.owner, found.created_at) == (
        wanted.branch,
        wanted.owner,
        wanted.created_at,
    )
    assert (found.url, found.cluster, found.phase) == (wanted.url, wanted.cluster, Phase.CREATING)


async def test_the_living_are_found_before_the_dead_and_of_these_the_newest(
    wishes: Wishes, clock: HandClock
) -> None:
    dead = []
    for _ in range(2):
        create = await wishes.create("a")
        (claim,) = await wishes.claim()
        assert create.env
        gone = [PhaseChanged(create.env, Phase.DELETED)]
        await wishes.journal.finish(claim, End.REFUSED, "", gone)
        dead.append(create.env)
        clock.advance(60)
    found = await wishes.database.store.find("a")
    assert found
    assert found.id in dead
    alive = await wishes.create("a")
    found = await wishes.database.store.find("a")
    assert found
    assert found.id == alive.env


async def test_one_that_was_deleted_is_found_before_one_that_never_came_to_be(
    wishes: Wishes, clock: HandClock
) -> None:
    made, store = await wishes.living("a"), wishes.database.store
    teardown = (await wishes.submit(made, TEARDOWN)).operation
    (claim,) = await wishes.claim()
    over: list[Change] = [PhaseChanged(made, p) for p in (Phase.DELETING, Phase.DELETED)]
    await wishes.journal.finish(claim, End.SUCCEEDED, "", over)
    clock.advance(60)
    refused = await wishes.create("a")
    (claim,) = await wishes.claim()
    assert refused.env
    gone = [PhaseChanged(refused.env, Phase.DELETED)]
    await wishes.journal.finish(claim, End.REFUSED, "", gone)
    found = await store.find("a")
    assert found
    assert found.id == made
    for env in (made, refused.env):
        told = [o.id for o in await store.past(env, limit=2)]
        assert told == [refused.id, teardown.id]


async def test_what_came_right_is_ready_unless_something_newer_was_asked_for(
    wishes: Wishes,
) -> None:
    env, store = await wishes.living("a"), wishes.database.store
    plan = ServicePlan(ServiceName("x"), Source.BRANCH, "a", "1" * 40)
    last = (await wishes.submit(env, SYNC)).operation.id
    (claim,) = await wishes.claim()
    left: list[Change] = [PlansChanged(env, (plan,)), PhaseChanged(env, Phase.PARTIAL)]
    await wishes.journal.finish(claim, End.CANCELLED, "", left)
    newer = (await wishes.submit(env, SYNC)).operation.id
    assert [await store.recovered(env, op, back_to=None) for op in (last, newer)] == [False, False]
    (claim,) = await wishes.claim()
    await wishes.journal.finish(claim, End.CANCELLED, "")
    for ended in (End.REFUSED, End.SUCCEEDED):  # neither has worked on it
        asked = replace(SYNC, dry_run=ended is End.SUCCEEDED)
        await wishes.submit(env, asked)
        (claim,) = await wishes.claim()
        await wishes.journal.finish(claim, ended, "")
    assert [await store.recovered(env, newer, back_to=7) for _ in range(2)] == [True, False]
    (found,) = await store.ready_sets(env)
    assert (found.plans, found.back_to) == ((plan,), 7)


async def test_a_branch_is_gone_when_no_service_has_it_any_more(wishes: Wishes) -> None:
    env, store = await wishes.living("a"), wishes.database.store
    one, two = (ServicePlan(ServiceName(s), Source.BRANCH, "a", s * 40) for s in ("1", "2"))
    other = ServicePlan(ServiceName("3"), Source.DEFAULT, "main", "3" * 40)
    await wishes.submit(env, SYNC)
    (claim,) = await wishes.claim()
    await wishes.journal.finish(claim, End.SUCCEEDED, "", [PlansChanged(env, (one, two, other))])
    gone = []
    for plan in (one, two):
        await store.notice(env, [replace(plan, gone=True)])
        gone += [row.gone for row in await store.environments()]
    assert gone == [False, True]


async def test_a_branch_to_which_a_service_was_put_back_is_not_gone(wishes: Wishes) -> None:
    env, store = await wishes.living("a"), wishes.database.store
    lost = ServicePlan(ServiceName("1"), Source.BRANCH, "a", "1" * 40)
    back = ServicePlan(ServiceName("2"), Source.PINNED, "a", "2" * 40)
    await wishes.submit(env, SYNC)
    (claim,) = await wishes.claim()
    await wishes.journal.finish(claim, End.SUCCEEDED, "", [PlansChanged(env, (lost, back))])
    gone = []
    for plan in (lost, back):
        await store.notice(env, [replace(plan, gone=True)])
        gone += [row.gone for row in await store.environments()]
    assert gone == [False, True]


async def test_what_an_operation_has_moved_meanwhile_is_not_called_gone(wishes: Wishes) -> None:
    env, store = await wishes.living("a"), wishes.database.store
    plan = ServicePlan(ServiceName("x"), Source.BRANCH, "a", "1" * 40)
    await wishes.submit(env, SYNC)
    (claim,) = await wishes.claim()
    await wishes.journal.finish(claim, End.SUCCEEDED, "", [PlansChanged(env, (plan,))])
    await store.notice(env, [replace(plan, sha="0" * 40, gone=True)])
    assert [row.gone for row in await store.environments()] == [False]


async def test_lists_are_filtered_by_owner_and_phase_with_what_goes_on(wishes: Wishes) -> None:
    ready = await wishes.living("a")
    await wishes.submit(ready, service_sync("x"))
    await wishes.submit(ready, service_sync("y"))
    (running,) = await wishes.claim()
    theirs = await wishes.create("b", owner=BEN)
    store = wishes.database.store
    everybody = await store.environments()
    assert {s.environment.id: s.operation.id for s in everybody if s.operation} == {
        ready: running.operation.id,
        theirs.env: theirs.id,
    }
    assert [s.environment.id for s in await store.environments(owner=BEN)] == [theirs.env]
    assert [s.environment.id for s in await store.environments(owner=ANA)] == [ready]
    only_ready = await store.environments(phases=[Phase.READY, Phase.FAILED])
    assert [s.environment.id for s in only_ready] == [ready]


async def test_lists_leave_out_the_dead_and_every_plan(wishes: Wishes) -> None:
    plans = (ServicePlan(ServiceName("web"), Source.DEFAULT, "main", "f" * 40),)
    for branch in ("a", "b"):
        create = await wishes.create(branch)
        (claim,) = await wishes.claim()
        assert create.env
        phase = Phase.READY if branch == "a" else Phase.DELETED
        changes: list[Change] = [
            PlansChanged(create.env, plans),
            PhaseChanged(create.env, phase),
        ]
        await wishes.journal.finish(claim, End.SUCCEEDED, "", changes)
    (summary,) = await wishes.database.store.environments()
    assert (summary.environment.branch, summary.environment.plans) == ("a", ())
    found = await wishes.database.store.environment(summary.environment.id)
    assert found
    assert found.plans == plans


async def test_a_branch_goes_before_a_newer_environment_of_that_name(
    wishes: Wishes, clock: HandClock
) -> None:
    branch = await wishes.create("qbot-fix")
    clock.advance(60)
    name = await wishes.create("fix")
    store = wishes.database.store
    found = await store.find("qbot-fix")
    assert found
    assert found.id == branch.env
    found = await store.find("fix")
    assert found
    assert found.id == name.env


async def test_history_is_newest_first_and_limited(wishes: Wishes) -> None:
    env = await wishes.living("a")
    sync = (await wishes.submit(env, SYNC)).operation
    teardown = (await wishes.submit(env, TEARDOWN)).operation
    found = await wishes.database.store.operations(env, limit=2)
    assert [o.id for o in found] == [teardown.id, sync.id]


async def test_a_delivery_is_new_once(wishes: Wishes) -> None:
    store = wishes.database.store
    answers = await asyncio.gather(*(store.saw("event-1") for _ in range(6)))
    assert sorted(answers) == [False] * 5 + [True]
    assert await store.saw("event-2")


async def test_a_claim_is_forgotten_by_whoever_has_it_and_lapses(
    wishes: Wishes, clock: HandClock
) -> None:
    store, had, lasts = wishes.database.store, clock.now(), timedelta(minutes=10)
    assert await store.claim("note", lasts)
    assert not await store.claim("note", lasts)
    clock.advance(600)
    assert await store.claim("note", lasts)
    await store.forget("note", had=had)  # it is another one's by now
    assert not await store.claim("note", lasts)
    await store.forget("note", had=clock.now())
    assert await store.claim("note", lasts)
    await store.forget("note")
    assert await store.claim("note", lasts)


async def test_old_deliveries_are_forgotten_after_two_days(
    wishes: Wishes, clock: HandClock
) -> None:
    database = wishes.database
    await database.store.saw("old")
    clock.advance(47 * 3600)
    await database.store.saw("new")
    assert await database.forget_old() == 0
    assert not await database.store.saw("old")
    clock.advance(2 * 3600)
    assert await database.forget_old() == 1
    assert await database.store.saw("old")
    assert not await database.store.saw("new")


async def test_an_open_database_is_well(wishes: Wishes) -> None:
    assert await wishes.database.check() == ""


async def test_an_environment_was_last_used_when_its_newest_operation_ended(
    wishes: Wishes, clock: HandClock
) -> None:
    env = await wishes.living("a")
    await wishes.living("b")
    clock.advance(3600)
    await wishes.submit(env, SYNC)
    asked = clock.now()
    (claim,) = await wishes.claim()
    found = {s.environment.branch: s.last_used for s in await wishes.database.store.environments()}
    assert found == {"a": asked, "b": START}
    clock.advance(60)
    await wishes.journal.finish(claim, End.SUCCEEDED, "")
    (used, _) = [s.last_used for s in await wishes.database.store.environments()]
    assert used == clock.now()


async def test_the_last_of_some_actions_is_the_newest_that_was_done(wishes: Wishes) -> None:
    op = await wishes.create("a")
    other = await wishes.create("b")
    assert op.env
    assert other.env
    for claim in await wishes.claim():
        if claim.operation.env != op.env:
            continue
        made, gone = Audited("thing.made", "done"), Audited("thing.gone", "done")
        await wishes.journal.commit(claim, "1", None, [made, gone, Audited("thing.lost", "done")])
        await wishes.journal.commit(claim, "2", None, [Audited("thing.made", "refused")])
    store = wishes.database.store
    assert await store.last_audited(op.env, ("thing.made", "thing.gone")) == "thing.gone"
    assert await store.last_audited(op.env, ("thing.made",)) == "thing.made"
    assert await store.last_audited(op.env, ("thing",)) is None
    assert await store.last_audited(other.env, ("thing.made",)) is None


async def test_why_an_environment_failed_is_told_by_what_worked_on_it(wishes: Wishes) -> None:
    env = await wishes.living("a")
    for dry, why in ((False, "cart: OOMKilled"), (True, "GitLab cannot be reached.")):
        await wishes.submit(env, replace(SYNC, dry_run=dry))
        (claim,) = await wishes.claim()
        left = [] if dry else [PhaseChanged(env, Phase.FAILED)]
        await wishes.journal.finish(claim, End.FAILED, why, left)
    (row,) = await wishes.database.store.environments()
    assert row.failure == "cart: OOMKilled"
