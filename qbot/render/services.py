"""One service in full: state, version, sync, health, wave, and what it says."""

from qbot.domain.progress import ServiceProgress
from qbot.domain.services import Source
from qbot.render.escape import code, link, prose
from qbot.render.style import Style
from qbot.render.words import STAGES, joined

_SOURCES = {
    Source.BRANCH: "from the branch",
    Source.DEFAULT: "borrowed from",
    Source.FROM: "taken over at",
    Source.SET: "set by hand to",
}


def version(service: ServiceProgress) -> str:
    """`from the branch feat/x at 1a2b3c4d`; empty while it is not known."""
    if not service.sha:
        return ""
    return f"{_SOURCES[service.source]} {prose(service.ref, 60)} at {code(service.sha[:8], 12)}"


def in_short(service: ServiceProgress) -> str:
    """One line."""
    word, sign = STAGES[service.stage]
    return joined([f"{sign} *{prose(service.service, 40)}* {word}", version(service)])


def in_full(service: ServiceProgress, style: Style) -> str:
    """Up to three lines."""
    word, sign = STAGES[service.stage]
    state = joined([f"sync {prose(service.sync, 20)}" if service.sync else "",
                    f"health {prose(service.health, 20)}" if service.health else "",
                    f"wave {service.wave}"])  # fmt: skip
    lines = [f"{sign} *{prose(service.service, 40)}* {word}", joined([version(service), state])]
    if service.reason:
        lines.append(prose(service.reason, 300))
    if service.url:
        lines.append(link(service.url, "Pipeline", style.hosts))
    return "\n".join(line for line in lines if line)
