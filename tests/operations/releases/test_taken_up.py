"""A promotion that died right after its proposal: its card says again what can be approved."""

from dataclasses import dataclass
from typing import cast

from qbot.domain.names import ProjectPath
from qbot.domain.promotion_ports import Promotions
from qbot.domain.release import StageProgress
from qbot.domain.release_changes import PromotionOpened, PromotionPlanned
from qbot.domain.repository_ports import MergeRequest
from qbot.domain.stages import Stage
from qbot.errors import PermanentError
from qbot.operations.engine import Outcome, Run
from qbot.operations.releases.context import ReleaseContext
from qbot.operations.releases.promote import promote
from tests.clocks import START, HandClock
from tests.databases import clock, database, database_url
from tests.operations.engine.shop import Shop, shop
from tests.operations.releases.stage_scene import stage
from tests.store.promoting import CART, MERGE_REQUEST, ask, plan
from tests.store.wishes import wishes

__all__ = ["clock", "database", "database_url", "shop", "wishes"]


@dataclass
class Base:
    """The part of the context that is used until GitLab refuses."""

    clock: HandClock


class Refusing:
    """A GitLab that refuses everything."""

    async def merge_request(self, project: ProjectPath, iid: int) -> MergeRequest:
        raise PermanentError(f"GitLab refuses !{iid} of {project}.")


@dataclass
class Few:
    base: Base
    promotions: Promotions
    repository: Refusing

    def stage(self, name: str) -> Stage:
        return stage()


async def _true() -> bool:
    return True


async def test_what_a_crash_kept_from_the_card_comes_from_the_database(shop: Shop) -> None:
    promotions = shop.wishes.database.promotions
    context = cast("ReleaseContext", Few(Base(shop.clock), promotions, Refusing()))

    async def body(run: Run) -> Outcome:
        shown = run.operation.progress
        assert isinstance(shown, StageProgress)
        assert shown.promotion is not None
        opened = PromotionOpened(shown.promotion, MERGE_REQUEST, START)
        planned = PromotionPlanned(shown.promotion, plan(CART))
        await run.step("propose", _true, changes=[planned, opened])
        return await promote(run, context)

    await shop.engine(body)
    operation = await shop.ended((await ask(shop.wishes, CART)).id)
    shown = operation.progress
    assert isinstance(shown, StageProgress)
    assert (shown.digest, shown.items) == (plan(CART).digest, plan(CART).items)
    assert (shown.merge_request, shown.expires_at) == (MERGE_REQUEST.url, START)
