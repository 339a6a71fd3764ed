"""The history of a stage, page by page."""

from qbot.domain.stages import Stage
from qbot.operations.releases.context import ReleaseContext
from qbot.operations.releases.past import past_of_stage
from qbot.render.blocks import Message
from qbot.render.history import Turn
from qbot.render.releases.past import PAGE, past
from qbot.render.style import Style


async def page(context: ReleaseContext, stage: Stage, turn: Turn, style: Style) -> Message:
    """One page of it."""
    found = await past_of_stage(context, stage, start=turn.number * PAGE, most=PAGE)
    return past(stage.name, found, style, turn)
