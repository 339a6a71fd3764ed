"""The card of a promotion: one message from the request to the end, and the same as a preview.

As on other cards each line is built once and used for the blocks and for the fallback `text`.
"""

from collections.abc import Sequence

from qbot.domain.progress import End, Step
from qbot.domain.release import StageProgress
from qbot.render.blocks import FRESH, Block, Message, context, header, message, section
from qbot.render.card import ALONE, Fresh, Links, neighbours_line
from qbot.render.escape import mention, prose
from qbot.render.jobs import job_lines
from qbot.render.releases import approving, running, versions
from qbot.render.releases.buttons import stage_buttons
from qbot.render.releases.facts import change_line, fact_line, freshness
from qbot.render.releases.outcomes import headline, outcome_lines
from qbot.render.releases.titles import title
from qbot.render.style import Style
from qbot.render.words import plural

_PARAGRAPH = 2_800  # characters: below a section's limit


def stage_card(
    progress: StageProgress,
    style: Style,
    *,
    fresh: Fresh | None = None,
    superseded: str = "",
    links: Links = ALONE,
) -> Message:
    """The message for one state.

    Args:
        progress: what to show; of a dry run nothing can be pressed.
        style: the installation.
        fresh: left out, the card does not say how often it is updated.
        superseded: why this card no longer counts; it loses its buttons.
        links: to the messages before and after it.
    """
    heading = title(progress)
    parts = [[prose(superseded, 300)]] if superseded else _parts(progress, style)
    small = [change_line(progress, style), fact_line(progress), neighbours_line(links)]
    text = "\n".join(t for t in (prose(heading), *(x for p in parts for x in p), *small) if t)
    blocks: list[Block | None] = [
        header(heading),
        *(section(p) for part in parts for p in paragraphs(part)),
        *(context(line) for line in small[:2]),
        context(freshness(progress, fresh), block_id=FRESH),
        context(small[2]),
        None if superseded else stage_buttons(progress, style),
    ]
    return message(text, blocks)


def stage_preview(progress: StageProgress, style: Style) -> Message:
    """`--dry-run`: the same card for the person who asked, with nothing to press."""
    return stage_card(progress, style)


def paragraphs(lines: Sequence[str]) -> list[str]:
    """Lines in as few sections as fit; none is cut."""
    packed: list[str] = []
    for line in (x for x in lines if x):
        if packed and len(packed[-1]) + len(line) < _PARAGRAPH:
            packed[-1] += f"\n{line}"
        else:
            packed.append(line)
    return packed


def _parts(progress: StageProgress, style: Style) -> list[list[str]]:
    """Paragraphs: how it stands, what changes, what came of it."""
    lead = [*_alarm(progress), *_lead(progress, style)]
    rows = versions.rows(progress, style)
    if progress.step in running.DEPLOYING or progress.end is not None:
        deployed = [] if _is_past(progress) else running.deployment(progress, style)
        jobs = job_lines(progress.jobs, style)
        failed = progress.end is End.FAILED and not _is_past(progress)
        log = running.log_block(progress) if failed else ""
        return [[*lead, *jobs], deployed, [log], rows]
    return [lead, job_lines(progress.jobs, style), rows]


def _is_past(progress: StageProgress) -> bool:
    """A full bar says nothing more, and how far something was that is undone nobody needs."""
    return progress.end is End.SUCCEEDED or progress.undone


def _alarm(progress: StageProgress) -> list[str]:
    """A reason that was given; shouted where approvals were left out."""
    why = prose(progress.reason, 300)
    passed = [f"Passed as an exception: {prose(said, 300)}" for said in progress.exempted]
    if progress.emergency:
        by = mention(progress.actor.user)
        return [f":rotating_light: *EMERGENCY by {by}, without approvals:* {why}", *passed]
    return [f"Reason: {why}", *passed] if why else passed


def _lead(progress: StageProgress, style: Style) -> list[str]:
    if progress.dry_run:
        return [_would(progress), headline(progress, style), *_waits(progress, style)]
    if progress.end is not None:
        return outcome_lines(progress, style)
    lead = [f"*{running.doing(progress)}*", headline(progress, style), running.trouble(progress)]
    if progress.step is Step.APPROVING:
        lead += approving.words(progress)
    return [*lead, *_waits(progress, style)]


def _would(progress: StageProgress) -> str:
    if progress.barriers:
        return "*Nothing was changed.* It would be refused now."
    if progress.needed is None:
        return "*Nothing was changed.* This is what would be asked for."
    count = progress.needed.count
    approvals = plural(count, "approval") if count else "no approval"
    return f"*Nothing was changed.* It would need {approvals}."


def _waits(progress: StageProgress, style: Style) -> list[str]:
    """Who is asked, and what is in the way."""
    blocked = approving.in_the_way(progress.barriers, style)
    if blocked and not progress.dry_run and not approving.is_missing(progress):
        blocked.append("It goes on by itself once that is over.")
    return [*approving.asked(progress.needed), *blocked, *approving.rivals(progress)]
