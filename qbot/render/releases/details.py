"""The Details of a promotion: everything that was said, every service, every changed line."""

from qbot.domain import actions
from qbot.domain.progress import ServiceProgress
from qbot.domain.release import StageProgress
from qbot.render.blocks import Block, button, context, section
from qbot.render.blocks import actions as row
from qbot.render.escape import code, moment, prose
from qbot.render.forms import View, view
from qbot.render.jobs import job_lines
from qbot.render.releases import approving, running, versions
from qbot.render.releases.changes import change_parts, left_out
from qbot.render.releases.titles import name, title
from qbot.render.style import Style
from qbot.render.words import STAGES, joined, plural, stage_phrase

PAGE = 40  # blocks of a page; every one is below a section's limit
_WORDS = 8  # approvals in one block


def loading(number: str) -> View:
    """Opened at once, within the three seconds that a trigger lives; `number` is `P-12`."""
    looking = section(f"Looking at *{prose(number, 40)}*…")
    return view("Details", [looking], callback=actions.PROMO_DETAILS_VIEW, metadata=number)


def stage_details(progress: StageProgress, style: Style, *, page: int = 0) -> View:
    """One page; `page` counts from 0, and one that does not exist becomes the last."""
    parts = _parts(progress, style)
    pages = max((len(parts) + PAGE - 1) // PAGE, 1)
    page = min(max(page, 0), pages - 1)
    where = f"page {page + 1} of {pages}" if pages > 1 else ""
    as_of = f"as of {moment(progress.updated_at, '{time_secs}')}"
    digest = f"digest {code(progress.digest[:16])}" if progress.digest else ""
    blocks: list[Block | None] = [
        section(f"*{prose(title(progress), 200)}*"),
        context(joined([plural(len(progress.items), "service"), digest, as_of, where])),
        *(section(p) for p in parts[page * PAGE : (page + 1) * PAGE]),
        None if parts else section("Nothing is known of it yet."),
        row(_paging(page, pages), block_id=f"details:{page}"),
    ]
    return view("Details", blocks, callback=actions.PROMO_DETAILS_VIEW, metadata=name(progress))


def _parts(progress: StageProgress, style: Style) -> list[str]:
    """One text for each block."""
    said = approving.every_word(progress)
    lines = [
        *(said[i : i + _WORDS] for i in range(0, len(said), _WORDS)),
        approving.asked(progress.needed) if progress.end is None else [],
        approving.in_the_way(progress.barriers, style),
        job_lines(progress.jobs, style),
        [running.log_block(progress)],
    ]
    state, to = {s.service: s for s in progress.services}, dict(progress.left_out)
    order = sorted(progress.items, key=lambda i: i.service)
    return [
        *("\n".join(part) for part in lines if any(part)),
        *(
            _joined(versions.in_full(i, style, left_to=to.get(i.service)), state.get(i.service))
            for i in order
        ),
        *change_parts(progress.changes.lines),
        *filter(None, [left_out(progress, style)]),
    ]


def _joined(text: str, service: ServiceProgress | None) -> str:
    """With how its deployment stands, once there is one."""
    if service is None:
        return text
    reason = f": {prose(service.reason, 200)}" if service.reason else ""
    return f"{text}\n{STAGES[service.stage][1]} {stage_phrase(service.stage)}{reason}"


def _paging(page: int, pages: int) -> list[Block | None]:
    back = button("Previous", actions.PROMO_DETAILS_BACK, str(page - 1))
    on = button("Next", actions.PROMO_DETAILS_ON, str(page + 1))
    return [
        button("Refresh", actions.PROMO_DETAILS_REFRESH, str(page)),
        back if page > 0 else None,
        on if page < pages - 1 else None,
    ]
