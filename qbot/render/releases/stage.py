"""`show STAGE` and `show P-12`: how a stage is now, and one promotion away from its card."""

from collections.abc import Mapping
from dataclasses import replace

from qbot.domain import actions
from qbot.domain.history import Entry
from qbot.domain.names import PromotionId, ServiceName
from qbot.domain.outages import Away
from qbot.domain.promotion import promotion_name
from qbot.domain.release import StageProgress
from qbot.domain.stage_view import Gap, StageSides, StageView
from qbot.domain.stages import ENVIRONMENTS
from qbot.render.away import silence
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
    """What needs somebody first, then what is on its way; the others in one version each."""
    sides, bringing = found.services.of, found.services.bringing

    def rank(service: ServiceName) -> tuple[bool, bool, ServiceName]:
        drifts = bool(sides[service].drift)
        return not (drifts and service not in bringing), not drifts, service

    order = sorted(sides, key=rank)
    lines = _gaps(found) + [_service(service, found.services) for service in order[:_ROWS]]
    if rest := order[_ROWS:]:
        well = not any(sides[service].drift for service in rest)
        told = not (found.services.argocd or found.services.gitlab)
        said = ", as they are written" if well and told else ""
        lines.append(f"and {plural(len(rest), 'more service')}{said}")
    return lines


def _gaps(found: StageView) -> list[str]:
    """What is not known, because of whom and since when; what the versions are instead."""
    services, project = found.services, code(found.stage.config.project, 100)
    lines = []
    if services.argocd:
        instead = f" Versions are those that {project} asks for." if services.of else ""
        lines.append(f":warning: How it runs is not known: {_why(services.argocd)}.{instead}")
    if services.gitlab:
        instead = " Versions are those that run." if services.of else ""
        lines.append(
            f":warning: What {project} asks for is not known: {_why(services.gitlab)}.{instead}"
        )
    return lines


def _why(gap: Gap) -> str:
    """Without a full stop."""
    return silence(gap) if isinstance(gap, Away) else prose(gap.rstrip("."), 300)


def _service(service: ServiceName, found: StageSides) -> str:
    side, number = found.of[service], found.bringing.get(service)
    none = "version not known" if found.gitlab else "no version"
    version = code(short(side.version), _SHOWN) if side.version else none
    line = f"*{prose(service, 40)}* {version}"
    if not side.drift:
        return line
    drift = prose(side.drift, 200)
    if number is not None:
        return f"{line}\n:large_blue_circle: being deployed with {promotion_name(number)}: {drift}"
    return f"{line}\n:warning: {drift}"


def _last(found: StageView) -> list[str]:
    # What was written last need not run: nobody says so while how it runs is not known.
    past = replace(found.past, runs={}) if found.services.argocd else found.past
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
