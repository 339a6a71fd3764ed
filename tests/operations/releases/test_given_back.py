"""How often a promotion gives its stage back: its job before the merge runs anew each time."""

from typing_extensions import override

from qbot.domain.operation import Operation
from qbot.domain.progress import End
from qbot.domain.promotion import PromotionState
from qbot.domain.stages import Stage
from tests.databases import clock, database, database_url
from tests.operations.engine.shop import Shop, shop
from tests.operations.releases.fakes import FakeSurvey
from tests.operations.releases.test_unseen import World
from tests.store.promoting import carried
from tests.store.wishes import until, wishes

__all__ = ["clock", "database", "database_url", "shop", "wishes"]


class Flapping(FakeSurvey):
    """Whenever a job has run it fails to answer so often in a row, up to a number of jobs."""

    def __init__(self, jobs: list[str], *, fails: int, until: int) -> None:
        super().__init__()
        self._jobs, self._fails, self._until = jobs, fails, until
        self._after = 0

    @override
    async def ask(self, stage: Stage, *, within: float) -> None:
        if self._after < len(self._jobs) <= self._until:
            self._after, self.vain = len(self._jobs), self._fails
        await super().ask(stage, within=within)


async def ended(shop: Shop, *, fails: int, until_: int) -> tuple[World, Operation]:
    world = World(shop, held=False)
    world.here.come_back()
    world.argocd = Flapping(world.runner.keys, fails=fails, until=until_)
    world.context = world.seen_by(world.argocd)
    op = await world.begun()

    async def over() -> bool:
        shop.clock.advance(1)
        return (await shop.wishes.operation(op.id)).end is not None

    await until(over, seconds=20)
    return world, await shop.wishes.operation(op.id)


async def test_one_call_in_vain_is_asked_once_more_before_the_stage_is_given_back(
    shop: Shop,
) -> None:
    world, _ = await ended(shop, fails=1, until_=3)
    assert world.gitlab.done == ["job", "merge"]


async def test_an_argo_cd_that_comes_and_goes_a_few_times_ends_nothing(shop: Shop) -> None:
    world, _ = await ended(shop, fails=2, until_=3)
    assert world.gitlab.done == [*["job"] * 4, "merge"]


async def test_one_that_does_so_again_and_again_ends_it_where_retry_can_go_on(shop: Shop) -> None:
    world, op = await ended(shop, fails=2, until_=99)
    assert world.gitlab.done == ["job"] * 11
    assert op.end is End.FAILED
    assert op.headline == (
        "P-1 cannot be merged: production could not be seen right before it, 11 times by now: "
        "Argo CD does not answer. Press Retry when it has become quiet."
    )
    row = await carried(shop.wishes, op)
    assert (row.state, world.gitlab.closed) == (PromotionState.FAILED, [])
