"""What is seen of branches is kept with since when; what nobody saw is never called gone."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from qbot.domain.branches import (
    BranchFact,
    BranchFacts,
    Look,
    MergeFact,
    MergeState,
    Newer,
    Seen,
)
from qbot.domain.branches import NewerState as State
from qbot.domain.changes import BranchSeen, PlansChanged
from qbot.domain.environment import Phase
from qbot.domain.following import MOVABLE
from qbot.domain.hearsay import BuildMoved, Pushed
from qbot.domain.names import BranchName, EnvId, OpId, ProjectPath, ServiceName
from qbot.domain.reading import Reading
from qbot.domain.services import Commit, ServicePlan, Source
from qbot.store.branch_rows import SqlBranches, SqlBuildNews
from tests.clocks import START, HandClock
from tests.store.wishes import SYNC, Wishes

CART, ORDERS = ProjectPath("shop/cart"), ProjectPath("shop/orders")
X = BranchName("feat/x")
ONE, TWO = "1" * 40, "2" * 40
MINUTE = 60.0
RUNS = {(CART, ServiceName("cart")), (ORDERS, ServiceName("orders"))}


def ended(at: datetime, ended_at: datetime | None, state: MergeState) -> MergeFact:
    return replace(merge(state, at), ended_at=ended_at)


def pushed(sha: str = ONE, branch: BranchName = X, at: datetime = START) -> Pushed:
    return Pushed(CART, branch, sha, "ana", at)


def merge(state: MergeState, at: datetime, sha: str = ONE) -> MergeFact:
    return MergeFact(CART, X, 7, state, at, BranchName("main"), sha, "https://git.test/7")


@pytest.fixture
def rows(wishes: Wishes) -> SqlBranches:
    return wishes.database.branches


async def looked(rows: SqlBranches) -> Look:
    (look,) = await rows.take_looks(10)
    return look


async def fact(rows: SqlBranches) -> BranchFact:
    (found,) = (await rows.facts([X]))[X].branches
    return found


async def seen(rows: SqlBranches, sha: str = ONE) -> BranchFact:
    assert await rows.hear(f"seen-{sha}", pushed(sha))
    await rows.saw(await looked(rows), Commit(sha, author="Ana"), START)
    return await fact(rows)


async def test_what_was_heard_before_changes_nothing(rows: SqlBranches, wishes: Wishes) -> None:
    await wishes.living(X)
    assert await rows.hear("d-1", pushed())
    look = await looked(rows)
    assert (look.pushed, look.pushed_by, look.number) == (ONE, "ana", 1)
    await rows.saw(look, Commit(ONE), START)
    assert not await rows.hear("d-1", pushed())
    assert await rows.take_looks(10) == []


async def test_only_branches_of_living_environments_are_looked_at(
    rows: SqlBranches, wishes: Wishes
) -> None:
    await wishes.living(X)
    assert await rows.hear("d-1", pushed(branch=BranchName("feat/X")))
    assert await rows.hear("d-2", pushed(branch=BranchName("feat/\ud800\0")))
    assert await rows.take_looks(10) == []


async def test_a_look_belongs_to_one_worker_for_a_minute(
    rows: SqlBranches, wishes: Wishes, clock: HandClock
) -> None:
    await wishes.living(X)
    await rows.hear("d-1", pushed())
    await looked(rows)
    assert await rows.take_looks(10) == []
    clock.advance(MINUTE)
    await looked(rows)


async def test_a_push_during_a_look_is_another_look(rows: SqlBranches, wishes: Wishes) -> None:
    await wishes.living(X)
    await rows.hear("d-1", pushed())
    first = await looked(rows)
    await rows.hear("d-2", pushed(TWO))
    await rows.saw(first, Commit(ONE), START)
    second = await looked(rows)
    assert (second.pushed, second.number) == (TWO, 2)
    await rows.put_off(second, MINUTE)
    assert await rows.take_looks(10) == []


async def test_a_commit_is_known_since_it_was_first_seen(
    rows: SqlBranches, wishes: Wishes, clock: HandClock
) -> None:
    await wishes.living(X)
    assert await seen(rows) == BranchFact(CART, X, ONE, START, pushed_at=START)
    clock.advance(MINUTE)
    await rows.hear("again", pushed(""))  # a rumour: it is there
    await rows.saw(await looked(rows), Commit(ONE), clock.now())
    assert await fact(rows) == BranchFact(CART, X, ONE, START, pushed_at=START)
    await rows.hear("later", pushed("3" * 40))
    await rows.saw(await looked(rows), Commit(TWO), clock.now())  # nobody told of this one
    assert await fact(rows) == BranchFact(CART, X, TWO, START + timedelta(seconds=MINUTE))


@pytest.mark.incident("wrong-deletion")
async def test_gone_is_what_is_missed_twice_minutes_apart(
    rows: SqlBranches, wishes: Wishes, clock: HandClock
) -> None:
    await wishes.living(X)
    await seen(rows)
    await rows.hear("deleted", pushed(""))
    await rows.missed(await looked(rows), clock.now())
    first = await fact(rows)
    assert (first.gone_at, first.gone_again_at, first.gone) == (START, None, False)
    assert await rows.tips(X) == []
    assert await rows.take_looks(10) == []  # the second one is not due yet
    await rows.hear("deleted again", pushed(""))
    await rows.missed(await looked(rows), clock.now())
    assert not (await fact(rows)).gone
    clock.advance(3 * MINUTE)
    await rows.hear("deleted thrice", pushed(""))
    await rows.missed(await looked(rows), clock.now())
    assert (await fact(rows)).gone
    await rows.hear("back", pushed(TWO))
    await rows.saw(await looked(rows), Commit(TWO), clock.now())
    assert (await fact(rows)).gone_at is None


async def test_the_second_look_comes_by_itself(
    rows: SqlBranches, wishes: Wishes, clock: HandClock
) -> None:
    await wishes.living(X)
    await seen(rows)
    await rows.hear("deleted", pushed(""))
    await rows.missed(await looked(rows), clock.now())
    clock.advance(3 * MINUTE)
    await rows.missed(await looked(rows), clock.now())
    assert (await fact(rows)).gone


async def test_a_look_before_its_time_asks_for_another_one(
    rows: SqlBranches, wishes: Wishes, clock: HandClock
) -> None:
    await wishes.living(X)
    await seen(rows)
    await rows.hear("deleted", pushed(""))
    await rows.missed(await looked(rows), START)
    clock.advance(MINUTE)
    await rows.hear("late", pushed(""))
    await rows.missed(await looked(rows), clock.now())
    clock.advance(MINUTE)
    assert await rows.take_looks(10) == []
    clock.advance(MINUTE)
    await rows.missed(await looked(rows), clock.now())
    assert (await fact(rows)).gone


async def test_a_list_asks_for_the_second_look_that_was_lost(
    rows: SqlBranches, wishes: Wishes
) -> None:
    await wishes.living(X)
    await seen(rows)
    await rows.hear("deleted", pushed(""))
    await rows.missed(await looked(rows), START)
    await wishes.look("delete from looks")
    assert not await rows.listed("l", CART, {})  # that is no news
    await looked(rows)


ANSWERS = [Commit(ONE), Commit(TWO), None]


@pytest.mark.parametrize("early", ANSWERS)
@pytest.mark.parametrize("late", ANSWERS)
async def test_of_two_answers_the_one_that_was_asked_for_later_counts(
    rows: SqlBranches, wishes: Wishes, early: Commit | None, late: Commit | None
) -> None:
    env = await wishes.living(X)
    first, second = START + timedelta(seconds=1), START + timedelta(seconds=2)
    await wishes.submit(env, SYNC)
    (claim,) = await wishes.claim()

    async def told(name: str, *answers: tuple[Commit | None, datetime]) -> BranchFact:
        changes = [BranchSeen(X, (Seen(CART, commit, at),)) for commit, at in answers]
        await wishes.journal.commit(claim, name, None, changes)
        return await fact(rows)

    await told("before", (Commit("0" * 40), START))
    found = await told("both", (late, second), (early, first))
    assert (found.gone_at is not None, found.seen_at >= first) == (late is None, late is not None)
    assert late is None or found.sha == late.sha


async def test_what_a_clock_that_was_ahead_has_written_stands_in_nobodys_way(
    rows: SqlBranches, wishes: Wishes
) -> None:
    ahead = START + timedelta(days=1)
    await wishes.living(X)
    await rows.hear("d-1", pushed())
    await rows.saw(await looked(rows), Commit(ONE), ahead)
    await rows.hear("d-2", pushed(TWO))
    await rows.saw(await looked(rows), Commit(TWO), START)
    found = await fact(rows)
    assert (found.sha, found.seen_at) == (TWO, ahead)  # a use, for as long
    await rows.hear("d-3", pushed(""))
    await rows.missed(await looked(rows), ahead + timedelta(seconds=1))
    await rows.hear("d-4", pushed(""))
    await rows.missed(await looked(rows), START)
    found = await fact(rows)
    assert (found.gone_at, found.gone_again_at) == (START, None)
    await rows.hear("d-5", pushed())
    await rows.saw(await looked(rows), Commit(ONE), START)
    assert (await fact(rows)).gone_at is None


async def test_an_answer_that_stood_still_on_its_way_is_no_news(
    rows: SqlBranches, wishes: Wishes, clock: HandClock
) -> None:
    """Its process was frozen between GitLab's answer and the row, for longer than clocks differ."""
    await wishes.living(X)
    await rows.hear("d-1", pushed())
    frozen = await looked(rows)
    clock.advance(11 * MINUTE)
    await rows.saw(await looked(rows), Commit(TWO), clock.now())
    newest = await fact(rows)
    await rows.saw(frozen, Commit(ONE), START)
    await rows.missed(frozen, START)
    assert await fact(rows) == newest == BranchFact(CART, X, TWO, clock.now())
    await rows.hear("deleted", pushed(""))
    await rows.missed(await looked(rows), clock.now())
    gone = await fact(rows)
    await rows.saw(frozen, Commit(ONE), START)
    assert await fact(rows) == gone


async def test_a_branch_that_came_back_may_be_asked_for_again(
    rows: SqlBranches, wishes: Wishes, clock: HandClock
) -> None:
    env = await wishes.living(X)
    await seen(rows)
    (tip,) = await rows.tips(X)
    op = (await wishes.submit(env, SYNC)).operation.id
    await rows.asked([tip], op)
    assert [(t.asked_sha, t.asked_op) for t in await rows.tips(X)] == [(ONE, op)]
    await rows.hear("deleted", pushed(""))
    await rows.missed(await looked(rows), START)
    clock.advance(3 * MINUTE)
    await rows.saw(await looked(rows), Commit(ONE), clock.now())
    assert [t.asked_sha for t in await rows.tips(X)] == [""]


async def test_who_pushed_it_is_kept_when_somebody_else_asks(
    rows: SqlBranches, wishes: Wishes, clock: HandClock
) -> None:
    await wishes.living(X)
    await seen(rows)
    await rows.hear("rumour", pushed(TWO))
    await rows.saw(await looked(rows), Commit(ONE, author="Ana A."), clock.now())
    assert [tip.by for tip in await rows.tips(X)] == ["ana"]


async def test_many_names_are_asked_for_at_once(rows: SqlBranches, wishes: Wishes) -> None:
    await wishes.living(X)
    await seen(rows)
    await rows.hear("m", merge(MergeState.OPENED, START))
    names = [BranchName(f"feat/{n}") for n in range(1_100)]
    odd = BranchName("feat/x\0")  # no text of a database; it is the same name there
    found = await rows.facts([*names, X, odd])
    assert len(found) == len(names) + 2
    assert (
        found[odd]
        == found[X]
        == BranchFacts((await fact(rows),), (merge(MergeState.OPENED, START),))
    )
    assert all(found[name] == BranchFacts() for name in names)


async def test_what_was_never_seen_is_not_gone(rows: SqlBranches, wishes: Wishes) -> None:
    await wishes.living(X)
    await rows.hear("deleted", pushed(""))
    await rows.missed(await looked(rows), START)
    assert await rows.facts([X]) == {X: BranchFacts()}


async def test_a_merge_request_is_as_gitlab_last_changed_it(rows: SqlBranches) -> None:
    late = START + timedelta(minutes=1)
    assert await rows.hear("m-2", merge(MergeState.MERGED, late))
    assert await rows.hear("m-1", merge(MergeState.OPENED, START))  # it was on its way for long
    assert (await rows.facts([X]))[X].merges == (merge(MergeState.MERGED, late),)
    await rows.merged("merges:shop", [merge(MergeState.MERGED, late, TWO)], late)
    assert (await rows.facts([X]))[X].merges == (merge(MergeState.MERGED, late, TWO),)
    assert await rows.hear("m-3", merge(MergeState.OPENED, late))  # in the same second
    assert (await rows.facts([X]))[X].merges == (merge(MergeState.MERGED, late, TWO),)
    found = await rows.readings(["merges:shop", "merges:other"])
    assert found == {"merges:shop": Reading(late), "merges:other": Reading()}
    await rows.failed("merges:shop", "503")
    assert (await rows.readings(["merges:shop"]))["merges:shop"].failed == "503"


async def test_a_list_says_where_to_look_and_never_what_is_gone(
    rows: SqlBranches, wishes: Wishes
) -> None:
    await wishes.living(X)
    assert not await rows.listed("l", CART, {X: ONE, BranchName("other"): TWO})
    assert await fact(rows) == BranchFact(CART, X, ONE, START)
    assert not await rows.listed("l", CART, {X: ONE})
    assert await rows.listed("l", CART, {})  # empty
    look = await looked(rows)
    assert (look.project, look.branch, look.pushed) == (CART, X, "")
    assert await fact(rows) == BranchFact(CART, X, ONE, START)
    await rows.saw(look, Commit(ONE), START)
    assert await rows.listed("l", CART, {X: TWO})
    assert (await fact(rows)).sha == ONE  # a list may be old


async def plan(wishes: Wishes, env: EnvId, source: Source, sha: str, *, second: str = "") -> None:
    await wishes.submit(env, SYNC)
    (claim,) = await wishes.claim()
    plans = [ServicePlan(ServiceName("cart"), source, X, sha)]
    if second:
        plans.append(ServicePlan(ServiceName("orders"), source, X, second))
    await wishes.journal.commit(claim, "plans", None, [PlansChanged(env, tuple(plans))])


async def test_an_environment_is_behind_while_no_service_runs_the_newest(
    rows: SqlBranches, wishes: Wishes
) -> None:
    env = await wishes.living(X)
    await plan(wishes, env, Source.BRANCH, ONE)
    assert await rows.behind(RUNS) == []
    await seen(rows, ONE)
    assert await rows.behind(RUNS) == []
    await seen(rows, TWO)
    assert await rows.behind(RUNS) == [env]
    await rows.hear("deleted", pushed(""))
    await rows.missed(await looked(rows), START)
    assert await rows.behind(RUNS) == []


@pytest.mark.parametrize("source", list(Source))
async def test_behind_is_what_may_move_and_does_not_run_the_newest(
    rows: SqlBranches, wishes: Wishes, source: Source
) -> None:
    env = await wishes.living(X)
    await plan(wishes, env, source, ONE)
    await seen(rows, TWO)
    assert await rows.behind(RUNS) == ([env] if source in MOVABLE else [])
    assert await rows.behind({(ORDERS, ServiceName("cart"))}) == []
    assert await rows.behind({(CART, ServiceName("left-out"))}) == []


async def test_a_second_service_of_a_project_is_behind_although_the_first_is_not(
    rows: SqlBranches, wishes: Wishes
) -> None:
    env = await wishes.living(X)
    both = {(CART, ServiceName("cart")), (CART, ServiceName("orders"))}
    await plan(wishes, env, Source.BRANCH, ONE, second=TWO)
    await seen(rows, ONE)
    assert await rows.behind(both) == [env]
    assert await rows.behind({(CART, ServiceName("cart"))}) == []


async def test_the_newest_card_says_what_is_newer_until_it_is_not(
    rows: SqlBranches, wishes: Wishes
) -> None:
    env = await wishes.living(X)
    first = (await wishes.database.store.operations(env, limit=1))[0].id
    newer = (Newer(ServiceName("cart"), TWO, "ana", State.BUILDING),)

    async def card(op: OpId) -> tuple[tuple[Newer, ...], int]:
        found = await wishes.database.cards.card(op)
        assert found is not None
        return found.newer, found.version

    version = (await card(first))[1]
    await rows.note(env, newer)
    await rows.note(env, newer)
    assert await card(first) == (newer, version + 1)
    assert await rows.behind(RUNS) == [env]
    second = (await wishes.submit(env, SYNC)).operation.id
    await rows.note(env, newer)
    assert (await card(first))[0] == ()
    assert (await card(second))[0] == newer
    await rows.note(env, ())
    assert (await card(second))[0] == ()
    assert await rows.behind(RUNS) == []


async def test_a_pipeline_is_news_to_whoever_asks(
    rows: SqlBranches, wishes: Wishes, clock: HandClock
) -> None:
    news = wishes.database.news
    assert await news.heard(CART, ONE) == 0
    await rows.hear("p-1", BuildMoved(CART, ONE))
    clock.advance(1)
    first = await news.heard(CART, ONE)
    assert first > 0
    assert await news.heard(ORDERS, ONE) == await news.heard(CART, TWO) == 0
    await rows.hear("p-2", BuildMoved(CART, ONE))
    clock.advance(1)
    assert await news.heard(CART, ONE) > first


@pytest.mark.incident("unbounded-body")
async def test_of_very_many_pipelines_the_oldest_news_are_forgotten(
    rows: SqlBranches, wishes: Wishes, clock: HandClock
) -> None:
    news = SqlBuildNews(wishes.database.driver, clock=clock, most=2)
    shas = [str(n) * 40 for n in range(4)]
    for n in (0, 1, 2, 0, 3):
        await rows.hear(f"p-{clock.monotonic()}", BuildMoved(CART, shas[n]))
        clock.advance(1)
    heard = [await news.heard(CART, sha) for sha in shas]
    assert [bool(number) for number in heard] == [True, False, False, True]


async def test_what_was_seen_of_branches_without_an_environment_is_forgotten(
    rows: SqlBranches, wishes: Wishes, clock: HandClock
) -> None:
    await wishes.living(X)
    await seen(rows)
    await rows.hear("m", merge(MergeState.OPENED, START))
    other = MergeFact(CART, BranchName("y"), 8, MergeState.OPENED, START, X, ONE, "")
    await rows.hear("m-8", other)
    await rows.hear("p", BuildMoved(CART, ONE))
    clock.advance(31 * 86_400)
    await wishes.database.forget_old()
    assert len((await rows.facts([X]))[X].merges) == 1
    assert (await fact(rows)).sha == ONE
    assert (await rows.facts([other.branch]))[other.branch] == BranchFacts()
    assert await wishes.look("select * from build_news") == []


async def test_what_a_merge_request_was_told_is_kept_as_long_as_the_request(
    rows: SqlBranches, wishes: Wishes, clock: HandClock
) -> None:
    await wishes.living(X)
    assert await rows.notes_due() == []
    await rows.hear("m", merge(MergeState.OPENED, START))
    (due,) = await rows.notes_due()
    assert (due.project, due.iid, due.phase, due.note) == (CART, 7, Phase.READY, None)
    await rows.noted(due, 12, "digest")
    (due,) = await rows.notes_due()
    assert (due.note, due.shown) == (12, "digest")
    await wishes.look("update environments set phase = 'deleted'")
    (due,) = await rows.notes_due()
    assert (due.phase, due.url, due.note) == (None, "", 12)
    clock.advance(31 * 86_400)
    await wishes.database.forget_old()
    assert await rows.notes_due() == []
    assert await wishes.look("select * from merge_notes") == []


async def test_when_a_merge_request_ended_outlives_what_does_not_say_and_not_its_reopening(
    rows: SqlBranches,
) -> None:
    over, late = START, START + timedelta(hours=1)
    assert await rows.hear("e-1", ended(over, over, MergeState.CLOSED))
    assert await rows.hear("e-2", ended(late, None, MergeState.CLOSED))
    (found,) = (await rows.facts([X]))[X].merges
    assert (found.at, found.ended_at) == (late, over)
    await rows.merged("merges:shop", [ended(late, late, MergeState.CLOSED)], late)
    assert (await rows.facts([X]))[X].merges[0].ended_at == late
    assert await rows.hear("e-3", ended(late, None, MergeState.OPENED))
    assert (await rows.facts([X]))[X].merges[0].ended_at is None
