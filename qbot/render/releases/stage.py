"""`show STAGE` and `show P-12`: how a stage is now, and one promotion away from its card."""

from collections.abc import Mapping
from dataclasses import replace

from qbot.domain import actions
from qbot.domain.differences import Side
from qbot.domain.history import Entry
from qbot.domain.names import PromotionId, ServiceName
from qbot.domain.release import StageProgress
from qbot.domain.stage_view import StageView
from qbot.domain.stages import ENVIRONMENTS
from qbot.render.blocks import Block, Message, button, context, header, message, section
from qbot.render.blocks import actions as row
from qbot.render.escape import allowed, code, link, moment, prose
from qbot.render.history import Turn, line_of
from qbot.render.releases.approving import in_the_way
from qbot.render.releases.buttons import looks
from qbot.render.releases.card import paragraphs, stage_card
from qbot.render.releases.past import promotion_line
from qbot.render.releases.reminding import go_to
from qbot.render.releases.versions import short
from qbot.render.style import Style
from qbot.render.words import joined, plural

_ROWS = 25
_SHOWN = 24  # characters of a tag


def stage_shown(found: StageView, cards: Mapping[PromotionId, str], style: Style) -> Message:
    """What is in the way and under way first, then what runs, then what was last.

    Args:
        found: the stage.
        cards: Slack's own links to the cards of what is under way.
        style: the installation.
    """
    name = found.stage.name
    parts = [
        in_the_way(found.past.barriers, style),
        [_under_way(found, number, cards) for number in range(len(found.open))],
        _services(found),
        _last(found),
    ]
    small = joined([f"As of {moment(found.as_of, '{time_secs}')}", *_ways(found, style)])
    history = button("History", actions.HISTORY_ON, Turn(found.stage.scope).value())
    blocks: list[Block | None] = [
        header(name),
        *(section(text) for part in parts for text in paragraphs(part)),
        context(small),
        row([history], block_id=f"stage:{name}"),
    ]
    lines = [line for part in parts for line in part]
    return message("\n".join([prose(name), *lines, small]), blocks)


def promotion_shown(progress: StageProgress, card_url: str, style: Style) -> Message:
    """What its card says, with the way to it: only there it is decided."""
    card = stage_card(progress, style)
    way = go_to(card_url) or "Its card cannot be found in Slack."
    blocks = [block for block in card.blocks if block["type"] != "actions"]
    shown = row(looks(progress, style), block_id=f"shown:{progress.op}")
    return message(f"{card.text}\n{way}", [*blocks, context(way), shown])


def _under_way(found: StageView, number: int, cards: Mapping[PromotionId, str]) -> str:
    promotion = found.open[number]
    line = promotion_line(promotion, found.past)
    return f"{line} {go_to(cards.get(promotion.id, ''))}".rstrip()


def _services(found: StageView) -> list[str]:
    """Those that drift first; the others in one version each."""
    if found.trouble:
        return [f":warning: What runs is not known: {prose(found.trouble, 300)}"]
    order = sorted(found.sides.items(), key=lambda pair: (not pair[1].drift, pair[0]))
    lines = [_service(service, side) for service, side in order[:_ROWS]]
    if len(order) > _ROWS:
        lines.append(f"and {plural(len(order) - _ROWS, 'more service')}, as they are written")
    return lines


def _service(service: ServiceName, side: Side) -> str:
    version = code(short(side.version), _SHOWN) if side.version else "no version"
    line = f"*{prose(service, 40)}* {version}"
    return f"{line}\n:warning: {prose(side.drift, 200)}" if side.drift else line


def _last(found: StageView) -> list[str]:
    # What was written last need not run: nobody says so while what runs is not known.
    past = replace(found.past, runs={}) if found.trouble else found.past
    return [line_of(r) if isinstance(r, Entry) else promotion_line(r, past) for r in past.rows]


def _ways(found: StageView, style: Style) -> list[str]:
    """What one may want next."""
    name = found.stage.name
    source = next((s for s in found.stage.sources if s != ENVIRONMENTS), None)
    verbs = [f"history {name}"]
    if source is not None:
        verbs = [f"diff {source} {name}", f"promote {source} {name}", *verbs]
    ways = [code(f"{style.command} {verb}", 120) for verb in verbs]
    url = found.stage.url
    return [*ways, link(url, "open it", style.hosts)] if allowed(url, style.hosts) else ways
