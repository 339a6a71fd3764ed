"""What a submission is answered, and what it leaves."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from qbot.domain.changes import PhaseChanged
from qbot.domain.environment import Phase
from qbot.domain.inputs import CreateInput, SyncInput, TeardownInput
from qbot.domain.names import BranchName, EnvId
from qbot.domain.operation import BranchTaken, NewEnvironment, OpState, QuotaReached, Submitted
from qbot.domain.people import QBOT
from qbot.domain.progress import End, Kind, Progress, Step
from qbot.domain.reaping import Cause, Goes
from qbot.errors import PermanentError
from tests.clocks import START
from tests.store.wishes import ANA, BEN, SYNC, TEARDOWN, Wishes, environment, ids, service_sync


async def test_an_operation_is_read_as_it_was_submitted(wishes: Wishes) -> None:
    wanted = SyncInput(prune=True, hard=True)
    env = await wishes.living("feat/a")
    submitted = (await wishes.submit(env, wanted, actor=BEN)).operation
    assert await wishes.operation(submitted.id) == submitted
    assert submitted.input == wanted
    assert (submitted.kind, submitted.actor, submitted.state) == (Kind.SYNC, BEN, OpState.QUEUED)


async def test_a_create_keeps_its_time_to_live(wishes: Wishes) -> None:
    await wishes.create("a")
    asked = CreateInput(branch=BranchName("a"), ttl=timedelta(days=3))
    operation = (await wishes.submit(None, replace(asked, dry_run=True))).operation
    assert operation.input == replace(asked, dry_run=True)


@pytest.mark.incident("doubled-work")
async def test_the_same_key_counts_once(wishes: Wishes) -> None:
    first = await wishes.ask_create("feat/a", key_="slack-1")
    again = await wishes.ask_create("feat/a", key_="slack-1")
    assert isinstance(first, Submitted)
    assert again == Submitted(first.operation, fresh=False, repeated=True)
    assert len(await wishes.look("select id from environments")) == 1


async def test_the_same_key_counts_once_even_when_the_operation_has_ended(wishes: Wishes) -> None:
    env = await wishes.living("a")
    first = await wishes.submit(env, SYNC, key_="slack-1")
    (claim,) = await wishes.claim()
    await wishes.journal.finish(claim, End.SUCCEEDED, "")
    again = await wishes.submit(env, SYNC, key_="slack-1")
    assert (again.operation.id, again.fresh) == (first.operation.id, False)


async def test_many_at_once_with_one_key_are_one_operation(wishes: Wishes) -> None:
    answers = await asyncio.gather(*(wishes.ask_create("a", key_="k") for _ in range(8)))
    fresh = [a for a in answers if isinstance(a, Submitted) and a.fresh]
    assert len(fresh) == 1
    assert len({a.operation.id for a in answers if isinstance(a, Submitted)}) == 1


async def test_of_many_creates_of_one_branch_one_wins_and_the_others_learn_of_it(
    wishes: Wishes,
) -> None:
    answers = await asyncio.gather(*(wishes.ask_create("feat/a") for _ in range(10)))
    (won,) = [a for a in answers if isinstance(a, Submitted)]
    lost = [a for a in answers if isinstance(a, BranchTaken)]
    assert len(lost) == 9
    assert {a.environment.id for a in lost} == {won.operation.env}
    assert {a.operation.id for a in lost if a.operation} == {won.operation.id}


async def test_a_branch_is_free_again_once_its_environment_is_gone(wishes: Wishes) -> None:
    first = await wishes.create("feat/a")
    (claim,) = await wishes.claim()
    assert first.env
    gone = [PhaseChanged(first.env, Phase.DELETED)]
    await wishes.journal.finish(claim, End.REFUSED, "no such branch", gone)
    second = await wishes.create("feat/a")
    assert second.env != first.env


async def test_two_branches_with_the_same_name_are_not_both_made(wishes: Wishes) -> None:
    await wishes.ask_create("feat/a", name="qbot-feat-a")
    answer = await wishes.ask_create("feat-a", name="qbot-feat-a")
    assert isinstance(answer, BranchTaken)
    assert answer.environment.branch == "feat/a"


async def test_a_taken_branch_without_an_operation_says_so(wishes: Wishes) -> None:
    env = await wishes.living("feat/a")
    answer = await wishes.ask_create("feat/a")
    assert isinstance(answer, BranchTaken)
    assert (answer.environment.id, answer.operation) == (env, None)


async def test_the_quota_of_an_owner_names_what_they_have(wishes: Wishes) -> None:
    await wishes.create("a")
    await wishes.create("b")
    await wishes.create("c", owner=BEN)
    answer = await wishes.ask_create("d", per_owner=2)
    assert isinstance(answer, QuotaReached)
    assert (answer.limit, answer.owner) == (2, ANA)
    assert {e.branch for e in answer.holders} == {"a", "b"}


async def test_the_quota_for_all_names_everybody(wishes: Wishes) -> None:
    await wishes.create("a")
    await wishes.create("b", owner=BEN)
    answer = await wishes.ask_create("c", total=2)
    assert isinstance(answer, QuotaReached)
    assert (answer.limit, answer.owner) == (2, None)
    assert {e.branch for e in answer.holders} == {"a", "b"}


async def test_what_is_in_the_way_can_be_asked_and_nothing_is_reserved(wishes: Wishes) -> None:
    store = wishes.database.store
    free = NewEnvironment(environment("feat/a"), limit_per_owner=1, limit_total=9)
    assert await store.in_the_way(free) is None
    assert await store.in_the_way(free) is None
    created = await wishes.create("feat/a")
    answer = await store.in_the_way(free)
    assert isinstance(answer, BranchTaken)
    assert (answer.environment.id, answer.operation and answer.operation.id) == (
        created.env,
        created.id,
    )
    more = NewEnvironment(environment("feat/b"), limit_per_owner=1, limit_total=9)
    answer = await store.in_the_way(more)
    assert isinstance(answer, QuotaReached)
    assert (answer.limit, answer.owner) == (1, ANA)
    assert await wishes.look("select * from audit where outcome = 'refused'") == []


async def test_a_quota_holds_against_many_at_once(wishes: Wishes) -> None:
    answers = await asyncio.gather(*(wishes.ask_create(f"b{n}", per_owner=3) for n in range(8)))
    assert sum(isinstance(a, Submitted) for a in answers) == 3
    assert sum(isinstance(a, QuotaReached) for a in answers) == 5


async def test_a_refusal_is_in_the_audit_log(wishes: Wishes) -> None:
    await wishes.create("a")
    await wishes.ask_create("a", owner=BEN)
    rows = await wishes.look("select * from audit where outcome = 'refused'")
    assert [(r["team"], r["user_id"], r["action"]) for r in rows] == [
        ("T1", "UBEN", "create.requested")
    ]


async def test_an_identical_command_joins_the_one_under_way(wishes: Wishes) -> None:
    env = await wishes.living("a")
    first = await wishes.submit(env, SYNC, key_="one")
    second = await wishes.submit(env, SYNC, key_="two", actor=BEN)
    assert (second.operation.id, second.fresh) == (first.operation.id, False)
    assert not second.repeated
    (claim,) = await wishes.claim()
    third = await wishes.submit(env, SYNC, key_="three")
    assert (third.operation.id, third.fresh) == (first.operation.id, False)
    await wishes.journal.finish(claim, End.SUCCEEDED, "")
    repeated = await wishes.submit(env, SYNC, key_="two", actor=BEN)
    assert repeated.operation.id == first.operation.id
    assert (await wishes.submit(env, SYNC, key_="four")).fresh


async def test_a_different_command_does_not_join(wishes: Wishes) -> None:
    env = await wishes.living("a")
    first = await wishes.submit(env, service_sync("cart"))
    assert (await wishes.submit(env, service_sync("shop"))).operation.id != first.operation.id


async def test_nobody_joins_an_operation_that_is_being_cancelled(wishes: Wishes) -> None:
    env = await wishes.living("a")
    await wishes.submit(env, SYNC)
    (claim,) = await wishes.claim()
    await wishes.journal.request_cancel(claim.operation.id, ANA)
    assert (await wishes.submit(env, SYNC)).fresh


async def test_dry_runs_are_private_hold_nothing_and_have_no_card(wishes: Wishes) -> None:
    env = await wishes.living("a")
    dry = SyncInput(dry_run=True)
    one, two = await wishes.submit(env, dry), await wishes.submit(env, dry, actor=BEN)
    real = await wishes.submit(env, SYNC)
    assert one.operation.id != two.operation.id
    claims = await wishes.claim()
    assert ids(claims) == [real.operation.id, one.operation.id, two.operation.id]
    asked = await wishes.look("select op_id, action from audit where action like 'sync.%'")
    previews = [row["op_id"] for row in asked if row["action"] == "sync.preview-requested"]
    assert previews == [one.operation.id, two.operation.id]
    assert await wishes.database.cards.card(one.operation.id) is None
    assert await wishes.database.cards.card(real.operation.id) is not None
    answer = await wishes.ask_create("a")
    assert isinstance(answer, BranchTaken)
    assert answer.operation
    assert answer.operation.id == real.operation.id


async def test_a_fresh_operation_has_a_queued_card(wishes: Wishes) -> None:
    operation = await wishes.create("feat/a")
    card = await wishes.database.cards.card(operation.id)
    assert card is not None
    assert (card.version, card.shown, card.channel, card.ts) == (1, 0, "C1", "")
    assert card.progress == operation.progress
    assert isinstance(card.progress, Progress)
    assert (card.progress.step, card.progress.branch) == (Step.QUEUED, "feat/a")


async def test_a_queued_card_says_what_it_waits_for(wishes: Wishes) -> None:
    create = await wishes.create("a")
    sync = (await wishes.submit(create.env, SYNC)).operation
    assert create.progress
    assert sync.progress
    assert create.progress.headline == ""
    assert sync.progress.headline == "Waits until the creation before it has ended."


async def test_a_card_without_a_channel_goes_to_the_person(wishes: Wishes) -> None:
    env = await wishes.living("a")
    operation = (await wishes.submit(env, SYNC, actor=BEN)).operation
    card = await wishes.database.cards.card(operation.id)
    assert card
    assert card.channel == "UBEN"


async def test_an_environment_that_does_not_exist_cannot_be_worked_on(wishes: Wishes) -> None:
    with pytest.raises(PermanentError):
        await wishes.submit(EnvId("e404"), SYNC)
    assert await wishes.look("select id from operations") == []


async def test_a_teardown_joins_a_teardown(wishes: Wishes) -> None:
    env = await wishes.living("a")
    first = await wishes.submit(env, TEARDOWN)
    assert (await wishes.submit(env, TEARDOWN)).operation.id == first.operation.id


async def test_a_persons_teardown_takes_the_place_of_one_that_nobody_asked_for(
    wishes: Wishes,
) -> None:
    env = await wishes.living("a")
    reaped = TeardownInput(Goes(env, Cause.IDLE, START, START, "reaper"))
    own = await wishes.submit(env, reaped, actor=QBOT)
    assert not (await wishes.submit(env, reaped, actor=QBOT)).fresh
    mine = await wishes.submit(env, TEARDOWN)
    assert mine.fresh
    assert (await wishes.operation(own.operation.id)).end is End.CANCELLED
    assert (await wishes.submit(env, reaped, actor=QBOT)).operation.id == mine.operation.id
    assert ids(await wishes.claim()) == [mine.operation.id]
