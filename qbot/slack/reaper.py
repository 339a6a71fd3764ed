"""`/env reaper`: what would go by itself, and stopping that."""

from typing import assert_never

from qbot.domain.reaper_grammar import Reaper, Wish
from qbot.domain.reaping import Keep
from qbot.operations.reaping import Plan
from qbot.render import reaper as render
from qbot.render.blocks import Message
from qbot.slack import orphans
from qbot.slack.desk import Desk
from qbot.slack.payload import Delivery


async def answer(desk: Desk, command: Reaper, delivery: Delivery) -> Message:
    """For the person who asked."""
    planner, style, asked = desk.planner, desk.style, delivery.asked
    match command.wish:
        case Wish.PLAN:
            return _shown(await planner.plan(), desk)
        case Wish.PAUSE:
            reason, rule = command.reason, asked.rule
            pause, new = await planner.pauses.pause(asked.actor, reason, rule=rule)
            return render.paused(pause, style, new=new)
        case Wish.RESUME:
            ended = await planner.pauses.resume(asked.actor, rule=asked.rule)
            return render.resumed(ended, style)
        case Wish.ORPHANS:
            return await orphans.answer(desk)
        case _:
            assert_never(command.wish)


def _shown(plan: Plan, desk: Desk) -> Message:
    kept = [verdict for verdict in plan.verdicts.values() if isinstance(verdict, Keep)]
    return render.plan(
        plan.environments,
        [*plan.goes, *kept],
        plan.brake,
        desk.style,
        now=plan.at,
        pause=plan.pause,
        doubts=plan.doubts,
    )
