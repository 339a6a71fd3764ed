"""A claimed operation: recorded steps, the changes that commit with them, fences, the end."""

from dataclasses import replace
from datetime import timedelta

import pytest

from qbot.domain.changes import (
    Audited,
    CardChanged,
    CardsContinued,
    CardsSuperseded,
    Change,
    PhaseChanged,
    PlansChanged,
    PlansDropped,
)
from qbot.domain.environment import Phase
from qbot.domain.inputs import CreateInput, SyncInput
from qbot.domain.names import EnvId, ServiceName
from qbot.domain.operation import Claim, NewEnvironment, OpState, Submission
from qbot.domain.people import Place
from qbot.domain.ports import Fenced
from qbot.domain.progress import Continued, End, Kind, Progress, Step
from qbot.domain.services import Build, ServicePlan, Source
from tests.clocks import HandClock
from tests.store.wishes import ANA, SYNC, TEARDOWN, Wishes, environment, key, service_sync

SHA = "0123456789abcdef0123456789abcdef01234567"


async def claimed(wishes: Wishes, branch: str = "a") -> Claim:
    await wishes.create(branch)
    (claim,) = await wishes.claim()
    return claim


def env_of(claim: Claim) -> EnvId:
    assert claim.operation.env
    return claim.operation.env


def progress_of(claim: Claim) -> Progress:
    assert isinstance(claim.operation.progress, Progress)
    return claim.operation.progress


def plan(service: str, *, sha: str = SHA) -> ServicePlan:
    return ServicePlan(
        ServiceName(service), Source.BRANCH, "feat/a", sha, Build.PASSED, "https://ci/1", "Ünïcode"
    )


async def commit(wishes: Wishes, claim: Claim, step: str, *changes: Change) -> None:
    await wishes.journal.commit(claim, step, {"n": 1}, changes)


async def test_recorded_steps_come_with_the_next_claim(wishes: Wishes) -> None:
    claim = await claimed(wishes)
    await wishes.journal.commit(claim, "one", [1, {"a": None}])
    await wishes.journal.commit(claim, "two", None)
    await wishes.journal.release(claim)
    (again,) = await wishes.claim()
    assert again.steps == {"one": [1, {"a": None}], "two": None}


async def test_a_step_repeated_because_its_answer_was_lost_changes_nothing(wishes: Wishes) -> None:
    claim = await claimed(wishes)
    await commit(wishes, claim, "one", Audited("thing.made", "done"))
    await commit(wishes, claim, "one", Audited("thing.made", "done"))
    assert len(await wishes.look("select seq from audit where action = 'thing.made'")) == 1


async def test_changes_commit_with_their_step_or_not_at_all(wishes: Wishes) -> None:
    claim = await claimed(wishes)
    impossible = PhaseChanged(env_of(claim), Phase.STUCK)
    with pytest.raises(ValueError, match="cannot go from creating to stuck"):
        await commit(wishes, claim, "one", Audited("thing.made", "done"), impossible)
    assert await wishes.look("select name from op_steps") == []
    assert await wishes.look("select seq from audit where action = 'thing.made'") == []


async def test_plans_are_kept_in_order_changed_and_dropped(wishes: Wishes) -> None:
    claim = await claimed(wishes)
    env = env_of(claim)
    await commit(wishes, claim, "one", PlansChanged(env, (plan("web"), plan("cart"), plan("api"))))
    newer = plan("cart", sha=SHA[::-1])
    await commit(wishes, claim, "two", PlansChanged(env, (newer, plan("db"))))
    await commit(wishes, claim, "three", PlansDropped(env, (ServiceName("web"),)))
    stored = await wishes.database.store.environment(env)
    assert stored
    assert stored.plans == (newer, plan("api"), plan("db"))


async def test_an_audit_row_names_the_actor_operation_and_environment(wishes: Wishes) -> None:
    claim = await claimed(wishes)
    change = Audited("application.created", "done", (("application", "qbot-a-web"),))
    await commit(wishes, claim, "one", change)
    (row,) = await wishes.look("select * from audit where action = 'application.created'")
    assert (row["team"], row["user_id"], row["op_id"], row["env_id"], row["outcome"]) == (
        "T1",
        "UANA",
        claim.operation.id,
        env_of(claim),
        "done",
    )
    assert row["detail"] == '{"application":"qbot-a-web"}'


@pytest.mark.parametrize("statement", ["update audit set action = 'x'", "delete from audit"])
async def test_audit_rows_are_never_changed(wishes: Wishes, statement: str) -> None:
    await wishes.create("a")
    with pytest.raises(Exception, match="append-only"):
        await wishes.look(statement)


async def test_a_worker_that_lost_its_claim_writes_nothing(wishes: Wishes) -> None:
    lost = await claimed(wishes)
    await wishes.journal.release(lost)
    (current,) = await wishes.claim("worker-b")
    progress = replace(progress_of(lost), step=Step.DEPLOYING)
    changes = [Audited("thing.made", "done")]
    with pytest.raises(Fenced):
        await wishes.journal.commit(lost, "one", None, changes)
    with pytest.raises(Fenced):
        await wishes.journal.report(lost, progress)
    with pytest.raises(Fenced):
        await wishes.journal.finish(lost, End.SUCCEEDED, "", changes)
    with pytest.raises(Fenced):
        await wishes.journal.nap(lost, "topic", lost.operation.created_at)
    await wishes.journal.release(lost)
    assert await wishes.look("select name from op_steps") == []
    assert await wishes.look("select seq from audit where action = 'thing.made'") == []
    assert (await wishes.operation(lost.operation.id)).state is OpState.RUNNING
    await wishes.journal.finish(current, End.SUCCEEDED, "")


async def test_nothing_is_written_after_the_end(wishes: Wishes) -> None:
    claim = await claimed(wishes)
    await wishes.journal.finish(claim, End.SUCCEEDED, "")
    with pytest.raises(Fenced):
        await wishes.journal.commit(claim, "late", None)


async def test_the_end_is_read_as_it_was_written(wishes: Wishes, clock: HandClock) -> None:
    claim = await claimed(wishes)
    clock.advance(90)
    ready = PhaseChanged(env_of(claim), Phase.READY)
    await wishes.journal.finish(claim, End.SUCCEEDED, "All 11 services run.", [ready])
    ended = await wishes.operation(claim.operation.id)
    assert (ended.state, ended.end, ended.headline) == (
        OpState.DONE,
        End.SUCCEEDED,
        "All 11 services run.",
    )
    assert ended.ended_at == clock.now()


async def test_the_card_shows_the_end_even_if_the_handler_forgot_it(
    wishes: Wishes, clock: HandClock
) -> None:
    claim = await claimed(wishes)
    clock.advance(5)
    await wishes.journal.finish(claim, End.FAILED, "It broke.")
    card = await wishes.database.cards.card(claim.operation.id)
    assert card
    shown = card.progress
    assert (shown.step, shown.end, shown.headline) == (Step.ENDED, End.FAILED, "It broke.")
    assert shown.ended_at == clock.now()


async def test_the_card_of_the_handler_counts_at_the_end(wishes: Wishes) -> None:
    claim = await claimed(wishes)
    last = replace(
        progress_of(claim), step=Step.ENDED, end=End.FAILED, headline="cart failed", url="https://x"
    )
    await wishes.journal.finish(claim, End.FAILED, "other words", [CardChanged(last)])
    card = await wishes.database.cards.card(claim.operation.id)
    assert card
    assert card.progress == last


async def test_an_end_has_exactly_one_audit_row(wishes: Wishes) -> None:
    forgetful = await claimed(wishes, "a")
    await wishes.journal.finish(forgetful, End.FAILED, "")
    careful = await claimed(wishes, "b")
    await wishes.journal.finish(careful, End.FAILED, "", [Audited("environment.create", "failed")])
    rows = await wishes.look("select action from audit where outcome = 'failed' order by seq")
    assert [row["action"] for row in rows] == ["create.ended", "environment.create"]


async def test_a_report_is_on_the_card_at_once(wishes: Wishes) -> None:
    claim = await claimed(wishes)
    progress = replace(progress_of(claim), step=Step.DEPLOYING)
    await wishes.journal.report(claim, progress)
    card = await wishes.database.cards.card(claim.operation.id)
    assert card
    assert (card.progress, card.version) == (progress, 2)
    assert (await wishes.operation(claim.operation.id)).progress == progress


async def test_hostile_text_is_stored_as_it_is_or_made_harmless(wishes: Wishes) -> None:
    claim = await claimed(wishes)
    text = "nul \0, half \ud800, 'quote', `tick` <!channel> \u202e"
    progress = replace(progress_of(claim), headline=text, trouble=text)
    await wishes.journal.report(claim, progress)
    await wishes.journal.commit(claim, "one", {"text": text})
    titled = replace(plan("web"), title=text)
    change = PlansChanged(env_of(claim), (titled,))
    await wishes.journal.finish(claim, End.FAILED, text, [change])
    headline = (await wishes.operation(claim.operation.id)).headline
    assert headline == "nul , half ?, 'quote', `tick` <!channel> \u202e"


async def test_earlier_cards_are_superseded_and_the_own_one_is_not(
    wishes: Wishes, clock: HandClock
) -> None:
    env = await wishes.living("a")
    other = await wishes.create("b")
    teardown = (await wishes.submit(env, TEARDOWN)).operation
    later = (await wishes.submit(env, SYNC)).operation
    claims = {c.operation.id: c for c in await wishes.claim()}
    gone = CardsSuperseded(env, "Deleted.", clock.now())
    await commit(wishes, claims[teardown.id], "one", gone)
    cards = {c.op: c for c in await wishes.database.cards.behind()}
    assert {op: c.superseded for op, c in cards.items() if c.superseded} == {"op1": "Deleted."}
    assert {other.id, teardown.id, later.id} < cards.keys()


async def test_earlier_cards_without_success_point_on_to_what_goes_on(
    wishes: Wishes, clock: HandClock
) -> None:
    env = await wishes.living("a")
    for end in (End.FAILED, End.SUCCEEDED, End.CANCELLED):
        await wishes.submit(env, SYNC)
        (claim,) = await wishes.claim()
        last = replace(progress_of(claim), end=end, updated_at=clock.now())
        await wishes.journal.finish(claim, end, "", [CardChanged(last)])
        clock.advance(60)
    by = Continued(Kind.SYNC, ANA, clock.now())
    for _ in range(2):  # what was continued before is not edited again
        await wishes.submit(env, SYNC)
        (claim,) = await wishes.claim()
        await commit(wishes, claim, "begin", CardsContinued(env, by))
        by = replace(by, resumed=True)
        await wishes.journal.finish(claim, End.SUCCEEDED, "")
    cards = {str(c.op): c for c in await wishes.database.cards.behind()}
    shown = {op: c.progress for op, c in cards.items() if isinstance(c.progress, Progress)}
    went_on = {op: progress.continued for op, progress in shown.items() if progress.continued}
    assert went_on == dict.fromkeys(("op2", "op4"), replace(by, resumed=False))
    assert [cards[op].followed_by for op in ("op2", "op3", "op4")] == ["op5", None, "op5"]
    assert cards["op2"].progress.updated_at == clock.now() - timedelta(minutes=3)


async def test_only_the_newest_five_posted_cards_are_superseded(
    wishes: Wishes, clock: HandClock
) -> None:
    env, cards = await wishes.living("a"), wishes.database.cards
    for _ in range(7):
        await wishes.submit(env, SYNC)
        (claim,) = await wishes.claim()
        await wishes.journal.finish(claim, End.SUCCEEDED, "")
    for row in await cards.behind():
        for end in (False, True):
            await cards.posted(
                row.op, end=end, channel="C1", ts="1.2", version=row.version, shown_hash="h"
            )
    never = (await wishes.submit(env, SYNC)).operation.id
    (claim,) = await wishes.claim()
    await wishes.journal.finish(claim, End.SUCCEEDED, "")
    await cards.leave(never, version=2, end=True)
    assert await cards.behind() == []
    await wishes.submit(env, TEARDOWN)
    (claim,) = await wishes.claim()
    await commit(wishes, claim, "one", CardsSuperseded(env, "Deleted.", clock.now()))
    touched = {c.op for c in await cards.behind() if c.superseded}
    assert touched == {"op4", "op5", "op6", "op7", "op8"}


async def test_durations_count_from_the_first_claim_newest_first(
    wishes: Wishes, clock: HandClock
) -> None:
    env = await wishes.living("a")
    for seconds in (10, 20, 30):
        await wishes.submit(env, SYNC)
        clock.advance(100)  # in the queue
        (claim,) = await wishes.claim()
        clock.advance(seconds)
        await wishes.journal.finish(claim, End.SUCCEEDED, "")
    other = await wishes.living("b")
    await wishes.submit(other, SYNC)
    (claim,) = await wishes.claim()
    clock.advance(5)
    await wishes.journal.finish(claim, End.SUCCEEDED, "")
    await wishes.submit(env, SYNC)
    (claim,) = await wishes.claim()
    clock.advance(timedelta(days=1).total_seconds())
    await wishes.journal.finish(claim, End.FAILED, "")
    found = await wishes.database.store.durations(env, Kind.SYNC, limit=2)
    assert (found.of_environment, found.of_catalog) == ((30, 20), (5, 30))


async def test_durations_are_of_runs_about_every_service(wishes: Wishes, clock: HandClock) -> None:
    env = await wishes.living("a")
    few = environment("few")
    chosen = CreateInput(few.branch, services=(ServiceName("web"),))
    wish = Submission(Kind.CREATE, chosen, few.id, ANA, Place("C1"), key())
    await wishes.journal.submit(wish, NewEnvironment(few, 100, 100))
    await finish(wishes, clock, 1)
    for asked, seconds in (
        (SYNC, 10),
        (service_sync("web"), 20),
        (SyncInput(resume=True), 30),
        (SyncInput(retry=True), 40),
    ):
        await wishes.submit(env, asked)
        await finish(wishes, clock, seconds)
    await wishes.submit(few.id, SYNC)
    await finish(wishes, clock, 50)
    store = wishes.database.store
    syncs, creates = [await store.durations(env, k, limit=9) for k in (Kind.SYNC, Kind.CREATE)]
    assert (syncs.of_environment, syncs.of_catalog) == ((10,), (10,))
    assert (creates.of_environment, creates.of_catalog) == ((0,), (0,))
    assert (await store.durations(few.id, Kind.SYNC, limit=9)).of_environment == (50,)


async def finish(wishes: Wishes, clock: HandClock, seconds: float) -> None:
    (claim,) = await wishes.claim()
    clock.advance(seconds)
    await wishes.journal.finish(claim, End.SUCCEEDED, "")
