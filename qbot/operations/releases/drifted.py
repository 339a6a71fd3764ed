"""Which stages do not run what is written for them, for digests: a read of all of them at once."""

import asyncio
from collections.abc import Sequence

from qbot.domain.digest import Drifted
from qbot.domain.stages import Stage
from qbot.errors import PermanentError, TransientError, UserError
from qbot.operations.releases.context import ReleaseContext
from qbot.operations.releases.offers import of_stage

_PATIENCE = 15.0  # seconds; a digest that is a little late is better than half of one


async def drifted(context: ReleaseContext) -> Sequence[Drifted]:
    """Those that do, and those of which it is not known.

    What is under way is no drift: a promotion says itself how far it is.
    """
    found = await asyncio.gather(*(_of(context, stage) for stage in context.stages.values()))
    return [one for one in found if one.services or one.trouble]


async def _of(context: ReleaseContext, stage: Stage) -> Drifted:
    try:
        async with asyncio.timeout(_PATIENCE):
            offers = await of_stage(context, stage, stage, stage.services)
            under_way = await context.promotions.places(stage.name)
    except TimeoutError:
        return Drifted(stage.name, trouble="no answer in time")
    except (UserError, TransientError, PermanentError) as error:
        return Drifted(stage.name, trouble=str(error))
    services = [
        (service, offer.drift)
        for service, offer in sorted(offers.items())
        if offer.drift and service not in under_way
    ]
    return Drifted(stage.name, services)
