"""Services in full (state, version, sync, health, wave, what they say), or many in few words."""

from collections.abc import Iterable, Sequence
from itertools import groupby

from qbot.domain.progress import ServiceProgress, Stage
from qbot.domain.services import Source
from qbot.render.escape import code, link, mention, prose
from qbot.render.style import Style
from qbot.render.words import STAGES, joined, stage_phrase

_QUIET = frozenset({Stage.READY, Stage.PLANNED, Stage.GONE})
_ORDER = (Source.BRANCH, Source.SET, Source.FROM, Source.PINNED, Source.DEFAULT)
_ORDINARY = frozenset({"", "Synced", "Healthy"})
_CHARACTERS = 2_500  # of one text of `together`: one more service stays below a section's limit


def source(service: ServiceProgress) -> str:
    """Why it runs what it runs, escaped: `from the branch feat/x`, `as in feat/base`."""
    ref = prose(service.ref, 60)
    match service.source:
        case Source.BRANCH:
            return f"from the branch {ref}"
        case Source.DEFAULT:
            return f"from the default branch {ref}".rstrip()
        case Source.FROM:
            return f"as in {prose(service.origin, 80) or 'another environment'}"
        case Source.SET:
            return "set by hand"
        case Source.PINNED:
            return "put back"


def version(service: ServiceProgress) -> str:
    """`from the branch feat/x at 1a2b3c4d`; empty while it is not known."""
    if not service.version:
        return ""
    at = code(service.version, 40)
    if service.stays:
        at = f"{code(service.stays, 40)}, not yet at {at}"
    what = f"at {at}"
    if service.source in {Source.SET, Source.PINNED}:
        what = f"to the image {at}" if service.image else f"to {prose(service.ref, 60)} at {at}"
    by = f" by {mention(service.by.user)}" if service.by else ""
    known = {"", service.version, service.stays}
    was = f" (was {code(service.was, 40)})" if service.was not in known else ""
    gone = ", gone in GitLab" if service.gone else ""
    return f"{source(service)} {what}{by}{was}{gone}"


def unchecked(service: ServiceProgress) -> str:
    """That nobody could look whether its image exists; once it runs, it does."""
    if not service.unchecked or service.stage is Stage.READY:
        return ""
    return f", not checked whether it exists: {prose(service.unchecked, 120)}"


def in_short(service: ServiceProgress, *, known: bool = True) -> str:
    """One line; `known`: whether Argo CD says it now."""
    word, sign = STAGES[service.stage]
    sign = sign if known else ":white_circle:"
    return joined([f"{sign} *{prose(service.service, 40)}* {word}", version(service)])


def in_full(service: ServiceProgress, style: Style, *, waves: bool) -> str:
    """Two lines: what it is, and why; `waves`: there are several."""
    sign, word = STAGES[service.stage][1], stage_phrase(service.stage)
    name = f"{sign} *{prose(service.service, 40)}* {word}"
    wave = f"wave {service.wave}" if waves else ""
    pipeline = link(service.url, "Pipeline", style.hosts) if service.url else ""
    why = joined([prose(service.reason, 300), _condition(service), wave, pipeline])
    return "\n".join(line for line in (joined([name, version(service)]), why) if line)


def is_quiet(service: ServiceProgress) -> bool:
    """Whether nothing is to be said of it but how it is."""
    return service.stage in _QUIET and not service.reason


def together(services: Iterable[ServiceProgress], *, waves: bool) -> list[str]:
    """Those of one wave, state and source under one heading, with the commit of each."""
    texts = []
    for _, group in groupby(sorted(services, key=_alike), key=_alike):
        alike = list(group)
        texts += [f"{_heading(alike, waves=waves)}\n{names}" for names in _lines(alike)]
    return texts


def _alike(service: ServiceProgress) -> tuple[int, str, str, str, int, str]:
    order = _ORDER.index(service.source) if service.version else -1
    named = source(service) if service.version else ""
    return (service.wave, service.stage, service.sync, service.health, order, named)


def _heading(alike: Sequence[ServiceProgress], *, waves: bool) -> str:
    first = alike[0]
    word, sign = STAGES[first.stage]
    count = f"{len(alike)} {word}"
    lead = f"{sign} *Wave {first.wave}* · {count}" if waves else f"{sign} *{count}*"
    named = source(first) if first.version else ""
    return joined([lead, named, _condition(first)])


def _lines(alike: Sequence[ServiceProgress]) -> list[str]:
    """All names in as few texts as fit."""
    lines = [""]
    for service in alike:
        name = f"*{prose(service.service, 40)}* {prose(service.version, 24)}".rstrip()
        if len(lines[-1]) > _CHARACTERS:
            lines.append(name)
        else:
            lines[-1] = joined([lines[-1], name])
    return lines


def _condition(service: ServiceProgress) -> str:
    """In Argo CD's words, where they tell more than the state and the reason do."""
    said = [word for word in (service.sync, service.health) if word not in _ORDINARY]
    return f"Argo CD: {', '.join(prose(word, 20) for word in said)}" if said else ""
