"""The Details view: every service, what needs attention first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from qbot.domain import actions
from qbot.domain.environment import Environment
from qbot.domain.progress import ServiceProgress, Stage
from qbot.render.blocks import Block, button, context, section
from qbot.render.blocks import actions as row
from qbot.render.escape import moment, prose
from qbot.render.forms import View, view
from qbot.render.listing import ends
from qbot.render.services import in_full, is_quiet, together
from qbot.render.style import Style
from qbot.render.words import plural

PAGE = 40  # blocks: a service in full (at most 700 characters), or many quiet ones together
_WORST_FIRST = (
    Stage.FAILED,
    Stage.BUILD_FAILED,
    Stage.LEFT,
    Stage.FALTERING,
    Stage.RETRYING,
    Stage.DELETING,
    Stage.SYNCING,
    Stage.BUILDING,
)


@dataclass(frozen=True, slots=True)
class Details:
    """What the view shows. `op` is the operation whose card it was opened from."""

    op: str
    branch: str
    services: Sequence[ServiceProgress]
    as_of: datetime
    trouble: str = ""  # why it may be out of date
    page: int = 0  # from 0; one that does not exist becomes the last
    lives: Environment | None = None  # which says until when, while it lives


def loading(op: str, branch: str) -> View:
    """Opened at once, within the three seconds that a trigger lives; filled by an update."""
    return view(
        "Details",
        [section(f"Looking at *{prose(branch, 120)}*…")],
        callback=actions.DETAILS_VIEW,
        metadata=op,
    )


def details(shown: Details, style: Style) -> View:
    """Services that need attention first, each in full; then the quiet ones, in groups."""
    lives = ends(shown.lives, now=shown.as_of) if shown.lives else ""
    parts = _parts(shown.services, style)
    pages = max((len(parts) + PAGE - 1) // PAGE, 1)
    page = min(max(shown.page, 0), pages - 1)
    part = parts[page * PAGE : (page + 1) * PAGE]
    count = plural(len(shown.services), "service")
    facts = f"{count} · as of {moment(shown.as_of, '{time_secs}')}"
    trouble = f":warning: {prose(shown.trouble, 300)}" if shown.trouble else ""
    if pages > 1:
        facts += f" · page {page + 1} of {pages}"
    blocks: list[Block | None] = [
        section(f"*{prose(shown.branch, 200)}*"),
        context(facts, lives, trouble),
        *(section(text) for text in part),
        None if part else section("No service is known yet."),
        row(_buttons(page, pages), block_id=f"details:{page}"),
    ]
    return view("Details", blocks, callback=actions.DETAILS_VIEW, metadata=shown.op)


def _parts(services: Sequence[ServiceProgress], style: Style) -> list[str]:
    """One text for each block."""
    loud = sorted((s for s in services if not is_quiet(s)), key=_order)
    quiet = [s for s in services if is_quiet(s)]
    waves = len({s.wave for s in services}) > 1
    return [*(in_full(s, style, waves=waves) for s in loud), *together(quiet, waves=waves)]


def _order(service: ServiceProgress) -> tuple[int, int]:
    worst = (
        _WORST_FIRST.index(service.stage) if service.stage in _WORST_FIRST else len(_WORST_FIRST)
    )
    return (worst, service.wave)


def _buttons(page: int, pages: int) -> list[Block | None]:
    back = button("Previous", actions.DETAILS_BACK, str(page - 1))
    on = button("Next", actions.DETAILS_ON, str(page + 1))
    return [
        button("Refresh", actions.DETAILS_REFRESH, str(page)),
        back if page > 0 else None,
        on if page < pages - 1 else None,
    ]
