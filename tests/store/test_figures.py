"""How much there is of what."""

from datetime import timedelta

from qbot.domain.environment import Phase
from qbot.domain.figures import Figures, Some
from qbot.domain.operation import OpState
from qbot.domain.progress import End, Kind
from tests.clocks import START, HandClock
from tests.store.wishes import SYNC, Wishes


async def test_an_empty_database_has_nothing(wishes: Wishes) -> None:
    assert await wishes.database.figures() == Figures({}, {})


async def test_living_environments_and_unended_operations_are_counted_with_the_oldest(
    wishes: Wishes, clock: HandClock
) -> None:
    env = await wishes.living("a")
    await wishes.create("b")
    clock.advance(60)
    await wishes.create("c")
    clock.advance(60)
    (first, second) = await wishes.claim()
    clock.advance(60)
    await wishes.submit(env, SYNC)
    assert await wishes.database.figures() == Figures(
        environments={Phase.READY: 1, Phase.CREATING: 2},
        operations={
            (Kind.CREATE, OpState.RUNNING): Some(2, START + timedelta(seconds=120)),
            (Kind.SYNC, OpState.QUEUED): Some(1, START + timedelta(seconds=180)),
        },
    )
    await wishes.look("update operations set kind = 'of a newer replica' where kind = 'sync'")
    for claim in (first, second):
        await wishes.journal.finish(claim, End.REFUSED, "")
    assert await wishes.database.figures() == Figures({Phase.READY: 1}, {})
