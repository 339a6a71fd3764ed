"""`show ENV`: one environment, its services and versions, and what can be done with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from qbot.domain import actions
from qbot.domain.barriers import Lock
from qbot.domain.environment import Environment, Phase
from qbot.domain.operation import Operation
from qbot.domain.outages import Away, Vendor
from qbot.domain.people import Actor
from qbot.domain.progress import End, Kind, Progress, ServiceProgress, Step
from qbot.domain.reaping import Verdict
from qbot.render.attention import ROWS, failed, needing, row
from qbot.render.away import away_lines, silence
from qbot.render.blocks import Block, Message, button, context, header, message, paragraphs, section
from qbot.render.blocks import actions as in_a_row
from qbot.render.buttons import again_button, delete_button, restore_button
from qbot.render.card import MISSING_LINE
from qbot.render.escape import WHEN, allowed, code, link, mention, moment, prose
from qbot.render.lifetimes import extend_menu, pin_button, pin_words
from qbot.render.listing import ends
from qbot.render.reaper import shown_words
from qbot.render.services import in_short, version
from qbot.render.shown import title_of
from qbot.render.sources import gone_line, source_lines
from qbot.render.style import Style
from qbot.render.words import NOUNS, PHASES, capital, joined, noun_of, plural

_SERVICES = 20
_BETWEEN = frozenset({Phase.FAILED, Phase.PARTIAL})
_UNFINISHED = _BETWEEN | {Phase.STUCK}
_TELLS = {Phase.CREATING: Kind.CREATE, Phase.DELETING: Kind.TEARDOWN}
_OVER = {End.CANCELLED: "was cancelled", End.FAILED: "failed"}


@dataclass(frozen=True, slots=True)
class Shown:
    """What is known of one environment at a moment."""

    environment: Environment
    services: Sequence[ServiceProgress]
    as_of: datetime
    operation: Operation | None = None  # the newest one
    trouble: str = ""  # why it may be out of date
    card_url: str = ""  # Slack's own link to the newest card
    lock: Lock | None = None
    verdict: Verdict | None = None  # the reaper's
    missing: bool = False  # Argo CD was found to have nothing of it
    away: Sequence[Away] = ()  # neighbours that do not answer
    viewer: Actor | None = (
        None  # whoever is kept out by somebody else's lock gets no buttons for it
    )


def show(shown: Shown, style: Style, *, now: datetime) -> Message:
    """State first, then what is in the way, then versions."""
    env = shown.environment
    word, sign = PHASES[env.phase]
    sick = len(failed(shown.services)) if env.phase is Phase.READY else 0
    state = f":red_circle: {plural(sick, 'service')} failing" if sick else f"{sign} {capital(word)}"
    if shown.trouble and env.phase is Phase.READY:
        state = _last_known(f"{plural(sick, 'service')} failing" if sick else word, shown.as_of)
    stale = [*(_stale(shown) or _missing(shown)), *_branches(shown)]
    lead = [state, *stale, *_locked(shown), *_pinned(env, now), *_goes(shown, style, now)]
    lead += _links(shown, style)
    needy = needing(shown.services, ended=env.phase is Phase.FAILED)[:ROWS]
    rows = [joined([row(s, style, env.name), version(s)]) for s in needy]
    others = [s for s in shown.services if s not in needy]
    services = [in_short(s, known=not shown.trouble) for s in others[:_SERVICES]]
    if len(others) > _SERVICES:
        services.append(f"and {len(others) - _SERVICES} more, see Details")
    sources = ""  # the rows say it, unless there are too many of them
    if len(shown.services) > _SERVICES:
        sources = "\n".join(source_lines(shown.services))
    facts = joined([code(env.name), f"owned by {mention(env.owner.user)}", *_ends(env, now)])
    fresh = f"As of {moment(shown.as_of, '{time_secs}')}"
    text = [prose(env.branch, 200), *lead, *rows, *services, sources, facts, fresh]
    return message(
        "\n".join(t for t in text if t),
        [
            header(env.branch),
            section("\n".join(lead)),
            section("\n".join(rows)) if rows else None,
            *(section(text) for text in paragraphs(services)),
            context(sources),
            context(facts, fresh),
            _buttons(shown, style, now),
        ],
    )


def _stale(shown: Shown) -> list[str]:
    """Why its Argo CD says nothing, and since when."""
    if not shown.trouble:
        return []
    its = Vendor.ARGOCD, shown.environment.instance
    found = next((a for a in shown.away if (a.vendor, a.server) == its), None)
    if found is None:
        return [f":warning: {prose(shown.trouble)}"]
    return [f":warning: {silence(found)}; how it runs is shown as of {moment(shown.as_of, WHEN)}."]


def _branches(shown: Shown) -> list[str]:
    """That nobody can say whether its branches are still there."""
    return away_lines([a for a in shown.away if a.vendor is Vendor.GITLAB])


def _last_known(state: str, at: datetime) -> str:
    """A headline that does not say more than Argo CD does."""
    return f":white_circle: Last known: {state}, at {moment(at, '{time}')}"


def _missing(shown: Shown) -> list[str]:
    """That a sweep of Argo CD has found nothing of it, and what to do."""
    if not shown.missing:
        return []
    return [MISSING_LINE]


def _pinned(env: Environment, now: datetime) -> list[str]:
    """By whom it is kept, until when and why."""
    if (pin := env.pinned_at(now)) is None:
        return []
    return [f":pushpin: {capital(pin_words(pin))}."]


def _goes(shown: Shown, style: Style, now: datetime) -> list[str]:
    """When it goes by itself, and why."""
    if shown.verdict is None:
        return []
    said = shown_words(shown.verdict, shown.environment, style, now=now)
    return [said] if said else []


def _ends(env: Environment, now: datetime) -> list[str]:
    """How old it is and until when it lives, to the minute where it is no pin."""
    end = env.ends_at
    if end is None or end <= now or env.pinned_at(now):
        return [ends(env, now=now)]
    return [ends(env, now=now), moment(end, WHEN)]


def _term(env: Environment, now: datetime) -> list[Block]:
    """What changes how long it lives."""
    pinned = env.pinned_at(now) is not None
    menu = [] if env.ends_at is None else [extend_menu(env.id)]
    return [*menu, pin_button(env.id, pinned=pinned)]


def _locked(shown: Shown) -> list[str]:
    """Who has locked it, until when and why."""
    if (lock := shown.lock) is None:
        return []
    until = f" until {moment(lock.until, WHEN)}" if lock.until else ""
    why = f": {prose(lock.reason.rstrip('.'), 300)}" if lock.reason else ""
    return [f":lock: Locked by {mention(lock.by.user)}{until}{why}."]


def _links(shown: Shown, style: Style) -> list[str]:
    lines = []
    operation = shown.operation
    if operation and operation.progress and operation.end is None:
        if not _says_it(shown.environment.phase, operation):
            lines.append(prose(title_of(operation.progress)))
    elif operation and shown.environment.phase in _UNFINISHED:
        lines += _why(operation)
    if gone := gone_line(shown.services, style):
        lines.append(gone)
    if shown.environment.url:
        lines.append(link(shown.environment.url, shown.environment.url, style.hosts))
    if shown.card_url.startswith(("https://", "http://")):
        lines.append(f"<{prose(shown.card_url, 500)}|Go to its card>")
    return lines


def _says_it(phase: Phase, operation: Operation) -> bool:
    """Whether how it is tells what is done to it."""
    progress = operation.progress
    if not isinstance(progress, Progress) or progress.cancelling or progress.brings_back:
        return False
    if progress.step is Step.QUEUED:
        return False
    return _TELLS.get(phase) is operation.purpose


def _why(operation: Operation) -> list[str]:
    """What came in between, where the newest operation did not come to its end."""
    if operation.end not in _OVER:
        return []
    by = f" by {mention(operation.cancel_by.user)}" if operation.cancel_by else ""
    progress = operation.progress
    noun = noun_of(progress) if isinstance(progress, Progress) else NOUNS[operation.purpose]
    text = f"Its {noun.lower()} {_OVER[operation.end]}{by}."
    return [f"{text} {prose(operation.headline, 400)}".rstrip()]


def _again(shown: Shown) -> Block | None:
    """As on the card of what was cancelled or failed."""
    operation = shown.operation
    if operation is None or operation.kind is Kind.JOB or operation.end not in _OVER:
        return None
    if shown.environment.phase not in _BETWEEN or not isinstance(operation.progress, Progress):
        return None
    return again_button(operation.progress)


def _buttons(shown: Shown, style: Style, now: datetime) -> Block | None:
    env = shown.environment
    if not env.phase.alive:
        return None
    op = shown.operation.id if shown.operation else ""
    url = env.url if allowed(env.url, style.hosts) else ""
    argocd = style.argocd(env.name)
    look = "primary" if env.phase is Phase.READY else ""
    works = bool(look) or (bool(shown.services) and all(s.serves for s in shown.services))
    deleting = env.phase is Phase.DELETING
    free = shown.lock is None or shown.lock.by == shown.viewer
    return in_a_row(
        [
            button("Open", actions.OPEN, op, url=url, style=look) if url and works else None,
            _again(shown) if free else None,
            restore_button(env.id) if free and shown.missing else None,
            button("Details", actions.DETAILS, op) if op else None,
            button("Argo CD", actions.ARGOCD, op, url=argocd) if argocd else None,
            *([] if deleting or env.phase is Phase.STUCK else _term(env, now)),
            delete_button(env.id, env.branch) if free and not deleting else None,
        ],
        block_id=f"show:{env.id}",
    )
