"""How a stage is now: a read for `show STAGE`."""

from qbot.domain.promotion import Promotion, PromotionState
from qbot.domain.stage_view import StageView
from qbot.domain.stages import Stage
from qbot.operations.releases.context import ReleaseContext
from qbot.operations.releases.past import past_of_stage
from qbot.operations.releases.stage_sides import stage_sides

_LAST = 5  # promotions that are over, and jobs
_OPEN = tuple(state for state in PromotionState if state.open)
_MOST = 10  # that are under way


async def stage_view(context: ReleaseContext, stage: Stage) -> StageView:
    """What the neighbours do not tell is left out, and said."""
    under_way = await context.promotions.promotions(stage.name, limit=_MOST, states=_OPEN)
    past = await past_of_stage(context, stage, start=0, most=_LAST + len(under_way))
    numbers = {p.id for p in under_way}
    over = [r for r in past.rows if not (isinstance(r, Promotion) and r.id in numbers)]
    services = await stage_sides(context, stage, under_way)
    return StageView(
        stage=stage,
        open=tuple(under_way),
        past=past.of(over[:_LAST]),
        as_of=context.base.clock.now(),
        services=services,
    )
