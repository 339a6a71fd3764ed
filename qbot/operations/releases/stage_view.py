"""How a stage is now: a read for `show STAGE`."""

import asyncio
from collections.abc import Mapping

from qbot.domain.differences import Side
from qbot.domain.names import ServiceName
from qbot.domain.promotion import Promotion, PromotionState
from qbot.domain.stage_view import StageView
from qbot.domain.stages import Stage
from qbot.errors import QbotError
from qbot.operations.releases.context import ReleaseContext
from qbot.operations.releases.offers import sides
from qbot.operations.releases.past import past_of_stage

_PATIENCE = 15.0  # seconds for Argo CD and GitLab: a person waits
_LAST = 5  # promotions that are over, and jobs
_OPEN = tuple(state for state in PromotionState if state.open)
_MOST = 10  # that are under way


async def stage_view(context: ReleaseContext, stage: Stage) -> StageView:
    """What the neighbours do not tell is left out, and said."""
    under_way = await context.promotions.promotions(stage.name, limit=_MOST, states=_OPEN)
    past = await past_of_stage(context, stage, start=0, most=_LAST + len(under_way))
    numbers = {p.id for p in under_way}
    over = [r for r in past.rows if not (isinstance(r, Promotion) and r.id in numbers)]
    found, trouble = await _sides(context, stage)
    return StageView(
        stage=stage,
        open=tuple(under_way),
        past=past.of(over[:_LAST]),
        as_of=context.base.clock.now(),
        sides=found,
        trouble=trouble,
    )


async def _sides(context: ReleaseContext, stage: Stage) -> tuple[Mapping[ServiceName, Side], str]:
    try:
        async with asyncio.timeout(_PATIENCE):
            return await sides(context, stage), ""
    except QbotError as error:
        return {}, str(error)
    except TimeoutError:
        return {}, "It takes too long to read what runs."
