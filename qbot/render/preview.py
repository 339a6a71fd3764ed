"""A dry run: the same card, marked, with the exact names of what would be made."""

from qbot.domain.names import BASE, app_name
from qbot.domain.progress import Kind, Progress, ServiceProgress, Stage
from qbot.render.blocks import Message, context, header, message, section
from qbot.render.escape import code, link, prose, with_people
from qbot.render.moves import goal_line, step
from qbot.render.services import unchecked
from qbot.render.sources import gone_line, progress_lines
from qbot.render.style import Style
from qbot.render.titles import title
from qbot.render.words import STAGES, duration, plural

_LINES_A_BLOCK = 12  # of at most 240 characters each: below a section's limit
_LINES = 150  # below what all blocks of a message may hold

_WOULD = {
    Kind.CREATE: "would be made",
    Kind.TEARDOWN: "would be deleted",
    Kind.DEPLOY: "would be deployed",
    Kind.RESTORE: "would go back",
}
_NOT = {
    Kind.CREATE: "made",
    Kind.SYNC: "synced",
    Kind.TEARDOWN: "deleted",
    Kind.DEPLOY: "deployed",
}


def preview(progress: Progress, style: Style) -> Message:
    """For the person who asked; has no buttons, because there is nothing to act on."""
    heading = title(progress)
    would = _WOULD.get(progress.kind, "would be synced")
    lead = [
        f"*Preview: nothing was {_NOT.get(progress.kind, 'changed')}.* {_count(progress)} {would}.",
        f"Project and namespace {code(progress.name)}",
    ]
    if progress.kind is Kind.CREATE:
        lead.append(f"Base {code(app_name(progress.name, BASE), 64)}, which holds the namespace")
        if progress.lifetime:
            lead.append(f"Its lifetime would be {duration(progress.lifetime.total_seconds())}")
    if progress.headline:
        lead.insert(1, with_people(prose(progress.headline, 600)))
    if goal := goal_line(progress):
        lead.append(goal)
    if progress.kind is Kind.SYNC and progress.services:
        lead.append("Hooks of their charts run again, such as migrations.")
    if gone := gone_line(progress.services, style):
        lead.append(gone)
    told = [s for s in progress.services if progress.kind is not Kind.SYNC or _changes(s)]
    lines = [_application(progress, s, style) for s in told[:_LINES]]
    if len(told) > _LINES:
        lines.append(f"and {len(told) - _LINES} more")
    if same := len(progress.services) - len(told):
        others = plural(same, "other") if told else "All"
        one = "It would keep its version."
        lines.append(one if same == 1 and not told else f"{others} would keep their version.")
    chunks = [lines[i : i + _LINES_A_BLOCK] for i in range(0, len(lines), _LINES_A_BLOCK)]
    sources = "\n".join(progress_lines(progress))
    text = "\n".join([prose(heading), *lead, sources, *lines])
    return message(
        text,
        [
            header(heading),
            section("\n".join(lead)),
            *(section("\n".join(chunk)) for chunk in chunks),
            context(sources),
        ],
    )


def _changes(service: ServiceProgress) -> bool:
    """Whether something is to be told of it beyond that it is synced."""
    return service.was != service.version or service.stage is not Stage.PLANNED


def _count(progress: Progress) -> str:
    """A create makes one Application more than there are services."""
    services = len(progress.services)
    if progress.kind is not Kind.CREATE:
        return plural(services, "Application")
    parts = f"{plural(services, 'service')} and the base"
    return f"{plural(services + 1, 'Application')} ({parts})"


def _application(progress: Progress, service: ServiceProgress, style: Style) -> str:
    name = code(app_name(progress.name, service.service), 64)
    version = f"{prose(service.ref, 60)} at {code(service.version, 40)}" if service.sha else ""
    if service.image:
        version = f"image {code(service.version, 60)}{unchecked(service)}"
    if service.was:
        version = step(service)
    note = ""
    if service.stage is not Stage.PLANNED:
        reason = f": {prose(service.reason, 100)}" if service.reason else ""
        word = link(service.url, STAGES[service.stage][0], style.hosts)
        note = f" ({word}{reason})"
    return f"{name} {version}{note}".rstrip()
