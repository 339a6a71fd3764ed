"""`/env reaper`: what would go by itself, and stopping that."""

from typing import assert_never

from qbot.domain.reaper_grammar import Reaper, Wish
from qbot.domain.reaping import Keep
from qbot.operations.reaping import Plan
from qbot.operations.waiting import slides
from qbot.render import reaper as render
from qbot.render.blocks import Message
from qbot.render.braking import buttons
from qbot.slack import orphans
from qbot.slack.desk import Desk
from qbot.slack.payload import Delivery


async def answer(desk: Desk, command: Reaper, delivery: Delivery) -> Message:
    """For the person who asked."""
    planner, style, asked = desk.planner, desk.style, delivery.asked
    match command.wish:
        case Wish.PLAN:
            return as_read(await planner.plan(), desk)
        case Wish.PAUSE:
            pause, new = await planner.pauses.pause(
                asked.actor,
                command.reason,
                rule=asked.rule,
                channel=planner.channel,
                key=asked.key,
            )
            return render.paused(pause, style, new=new)
        case Wish.RESUME:
            ended = await planner.pauses.resume(asked.actor, rule=asked.rule, key=asked.key)
            return render.resumed(ended, style)
        case Wish.ORPHANS:
            return await orphans.answer(desk)
        case _:
            assert_never(command.wish)


def as_read(plan: Plan, desk: Desk) -> Message:
    """A plan for people, with the buttons of what waits for them."""
    refusal, opened = plan.refusal, plan.known.question
    asked = opened or refusal
    waiting = render.Waiting(
        envs=frozenset(goes.env for goes in plan.waits),
        untold=frozenset(goes.env for goes in plan.goes if slides(goes, plan)),
        refusal=refusal.question if refusal and not opened else None,
        buttons=buttons(asked.question, plan_=False) if asked and plan.waits else None,
    )
    kept = [verdict for verdict in plan.verdicts.values() if isinstance(verdict, Keep)]
    return render.plan(
        plan.environments,
        [*plan.goes, *kept],
        plan.brake,
        desk.style,
        now=plan.at,
        pause=plan.pause,
        doubts=plan.doubts,
        waiting=waiting,
    )
