"""Bare `/env`: what is mine, and what I can do."""

from collections.abc import Sequence
from datetime import datetime

from qbot.domain import actions
from qbot.domain.operation import EnvironmentSummary
from qbot.domain.outages import Away
from qbot.render.away import stale_lines
from qbot.render.blocks import Block, Message, button, context, header, message, section
from qbot.render.blocks import actions as row
from qbot.render.escape import code
from qbot.render.listing import environment_line, worst_first
from qbot.render.style import Style
from qbot.render.words import plural

_MOST = 10


def overview(
    mine: Sequence[EnvironmentSummary],
    total: int,
    style: Style,
    *,
    now: datetime,
    known: bool = True,
    away: Sequence[Away] = (),
) -> Message:
    """My environments, each with a button, and the ways on.

    Args:
        mine: those of the person.
        total: counts everybody's.
        style: the installation.
        now: for ages.
        known: whether Argo CD has said how they are now.
        away: neighbours that do not answer.
    """
    heading = "Your environments" if mine else "You have no environments"
    mine = worst_first(mine)
    lines = [environment_line(r, style, now=now, own=True, known=known) for r in mine[:_MOST]]
    rest = f"and {len(mine) - _MOST} more: {code(f'{style.command} list --mine')}"
    hint = (
        f"An environment runs one git branch with everything around it. "
        f"{code(f'{style.command} create feat/checkout')} makes one; "
        f"{code(f'{style.command} help')} tells the rest."
    )
    if mine:
        hint = f"{plural(total, 'environment')} in all · {code(f'{style.command} help')}"
    stale = stale_lines(away, known=known) if mine else []
    blocks: list[Block | None] = [
        header(heading),
        *(
            section(line, accessory=button("Show", actions.SHOW, r.environment.id))
            for line, r in zip(lines, mine, strict=False)
        ),
        section(rest) if len(mine) > _MOST else None,
        context(*stale, hint),
        row(_buttons(any_of_mine=bool(mine), total=total), block_id="overview"),
    ]
    more = [rest] if len(mine) > _MOST else []
    return message("\n".join([heading, *lines, *more, *stale, hint]), blocks)


def _buttons(*, any_of_mine: bool, total: int) -> list[Block | None]:
    return [
        button("Create Environment", actions.CREATE_FORM, style="primary"),
        button("Delete Environment", actions.DELETE_FORM) if any_of_mine else None,
        button("List All", actions.LIST) if total else None,
        button("Help", actions.HELP),
    ]
