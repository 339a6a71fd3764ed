"""Somebody's own digest, and the answers about it: what needs them, then what they run."""

from qbot.domain import actions
from qbot.domain.morning import Morning, Wish
from qbot.domain.names import StageName
from qbot.render.away import stale_lines
from qbot.render.blocks import FRESH, Block, Message, button, context, header, message, section
from qbot.render.escape import WHEN, code, moment, prose
from qbot.render.home import needy_of, what_needs
from qbot.render.listing import in_groups
from qbot.render.notices import notice
from qbot.render.style import Style
from qbot.render.words import plural

_NEEDY = 7  # environments that are shown, each with its buttons
_BARRIERS = 5


def morning(of: Morning, style: Style) -> Message | None:
    """The message; None: nothing waits for the reader."""
    seen, needy = of.home, needy_of(of.home)
    barriers = [
        *((h.stage, f"You hold *{prose(h.service)}* back in {prose(h.stage)}", h.since)
          for h in of.holds),
        *((f.stage, f"You have frozen *{prose(f.stage)}*", f.since) for f in of.freezes),
    ]  # fmt: skip
    if not (seen.waiting or needy or barriers):
        return None
    heading = _heading(of, len(needy))
    blocks: list[Block | None] = [header(heading), *what_needs(seen, needy[:_NEEDY], style)]
    blocks += [_barrier(stage, f"{text} since {moment(at, WHEN)}")
               for stage, text, at in barriers[:_BARRIERS]]  # fmt: skip
    if more := max(len(needy) - _NEEDY, 0) + max(len(barriers) - _BARRIERS, 0):
        blocks.append(context(f"and {more} more, in the App Home of Qbot"))
    if seen.mine:
        text = f"*{plural(len(seen.mine), 'environment')} of yours*\n{in_groups(seen.mine)}"
        blocks.append(section(text, accessory=button("List All", actions.LIST)))
    stale = stale_lines(seen.away, known=seen.known)
    ends = f"{code(f'{style.command} digest off')} ends these messages"
    blocks.append(context(f"As of {moment(seen.as_of, WHEN)}", *stale, ends, block_id=FRESH))
    return message(heading, blocks)


def wanted(wish: Wish, zone: str, style: Style) -> Message:
    """The answer to `digest on`, and how it is now."""
    when = f"{wish.at:%H:%M} on working days ({prose(zone.replace('_', ' '), 60)})"
    off = code(f"{style.command} digest off")
    return notice(f"Your digest comes at {when}, and only if something needs you. {off} ends that.")


def unwanted(style: Style, *, ended: bool) -> Message:
    """The answer to `digest off`, and where there is none."""
    on = code(f"{style.command} digest on 8:30")
    said = "Your digest comes no more." if ended else "You get no digest of your own."
    return notice(f"{said} {on} sends you one on the mornings of working days.")


def _heading(of: Morning, needy: int) -> str:
    waiting, holds, freezes = len(of.home.waiting or ()), len(of.holds), len(of.freezes)
    said = {
        f"{plural(waiting, 'promotion')} {'waits' if waiting == 1 else 'wait'} "
        "for your approval": waiting,
        f"{plural(needy, 'environment')} {'needs' if needy == 1 else 'need'} you": needy,
        f"{plural(holds, 'hold')} of yours": holds,
        f"{plural(freezes, 'freeze')} of yours": freezes,
    }
    return ", ".join(words for words, count in said.items() if count)


def _barrier(stage: StageName, text: str) -> Block:
    show = button("Show", actions.SHOW_PLACE, stage, about=f"Show {stage}")
    return section(f":lock: {text}", accessory=show)
