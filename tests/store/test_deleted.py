"""What was deleted and may be wanted back, on both databases."""

from datetime import timedelta

from qbot.domain.changes import PhaseChanged, PlansChanged
from qbot.domain.environment import Phase
from qbot.domain.names import EnvId, ServiceName
from qbot.domain.progress import End
from qbot.domain.services import ServicePlan, Source
from tests.clocks import START, HandClock
from tests.store.wishes import BEN, TEARDOWN, Wishes

DAY = timedelta(days=1)
PLAN = ServicePlan(ServiceName("web"), Source.BRANCH, "a", "a" * 40)


async def gone(wishes: Wishes, branch: str) -> EnvId:
    """An environment that was made and deleted."""
    env = await wishes.living(branch)
    await wishes.submit(env, TEARDOWN, actor=BEN)
    (claim,) = await wishes.claim()
    await wishes.journal.commit(
        claim, "begin", None, [PlansChanged(env, (PLAN,)), PhaseChanged(env, Phase.DELETING)]
    )
    await wishes.journal.finish(claim, End.SUCCEEDED, "", [PhaseChanged(env, Phase.DELETED)])
    return env


async def test_the_newest_of_a_branch_or_name_with_what_it_ran(
    wishes: Wishes, clock: HandClock
) -> None:
    await gone(wishes, "feat/a")
    clock.advance(3_600)
    newest = await gone(wishes, "feat/a")
    for text in ("feat/a", "qbot-feat-a"):
        found = await wishes.database.store.deleted(text)
        assert found
        assert (found.environment.id, found.environment.plans) == (newest, (PLAN,))
        assert (found.at, found.by) == (clock.now(), BEN)
    assert await wishes.database.store.deleted("feat/b") is None


async def test_what_never_came_to_be_or_lives_is_not_among_them(wishes: Wishes) -> None:
    await wishes.living("lives")
    await wishes.create("never")
    (claim,) = await wishes.claim()
    assert claim.operation.env
    refused = PhaseChanged(claim.operation.env, Phase.DELETED)
    await wishes.journal.finish(claim, End.REFUSED, "", [refused])
    for text in ("lives", "never"):
        assert await wishes.database.store.deleted(text) is None
    assert await wishes.database.store.deleted_since(START - DAY) == []


async def test_each_branch_is_listed_once_and_only_while_nothing_lives_there(
    wishes: Wishes, clock: HandClock
) -> None:
    await gone(wishes, "old")
    clock.advance(3 * 86_400)
    await gone(wishes, "a")
    clock.advance(60)
    again, other = await gone(wishes, "a"), await gone(wishes, "b")
    await gone(wishes, "back")
    await wishes.living("back")
    found = await wishes.database.store.deleted_since(clock.now() - DAY)
    assert {d.environment.id for d in found} == {again, other}
    assert len(found) == 2


async def test_what_it_ran_is_forgotten_when_nobody_can_want_it_any_more(
    wishes: Wishes, clock: HandClock
) -> None:
    env = await gone(wishes, "a")
    clock.advance(14 * 86_400 - 1)
    await wishes.database.forget_old()
    kept = await wishes.database.store.deleted("a")
    assert kept
    assert kept.environment.plans == (PLAN,)
    clock.advance(2)
    await wishes.database.forget_old()
    forgotten = await wishes.database.store.deleted("a")
    assert forgotten
    assert (forgotten.environment.id, forgotten.environment.plans) == (env, ())
