"""The card: one message for one operation, edited in place. Outcome first, then what is in the way.

Every line is built once, as mrkdwn, and used for the blocks and for the fallback `text`, which
is all that a screen reader reads.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from qbot.domain.branches import Newer
from qbot.domain.lifetime import Term
from qbot.domain.progress import NOT_MADE, End, Kind, Progress, Proof, Step, Tries, Usual
from qbot.domain.release import Shown
from qbot.render.attention import attention
from qbot.render.blocks import FRESH, Message, context, header, message, section
from qbot.render.buttons import card_buttons
from qbot.render.counts import activity, bar, tally
from qbot.render.errors import with_command
from qbot.render.escape import link, mention, moment, prose, with_people
from qbot.render.jobs import job_lines
from qbot.render.lifetimes import term_words
from qbot.render.moves import back_line, goal_line, moves
from qbot.render.newer import newer_lines, switched_line
from qbot.render.sources import gone_line, progress_lines
from qbot.render.style import Style
from qbot.render.titles import title
from qbot.render.words import (
    NOUNS,
    capital,
    duration,
    hook_words,
    joined,
    plural,
    span,
    spoken,
)

_OPENED = {Kind.CREATE, Kind.SYNC, Kind.DEPLOY, Kind.RESTORE}
_NAMED = 4  # services that a success names; more are counted


@dataclass(frozen=True, slots=True)
class Fresh:
    """How soon a change of the state can be on the card: said honestly, changes with the load.

    Attributes:
        every: seconds between two edits of one card at present.
        running: how many operations share the budget.
    """

    every: float
    running: int = 1


@dataclass(frozen=True, slots=True)
class Links:
    """Slack's own links to the messages around this one; empty: there is none, or not yet."""

    before: str = ""  # the one that this one goes on from
    after: str = ""  # the one that tells how this one goes on


ALONE = Links()
MISSING_LINE = ":warning: It is missing in Argo CD. Restore makes it again, at the same commits."


def card(
    progress: Progress,
    style: Style,
    *,
    fresh: Fresh | None = None,
    superseded: str = "",
    links: Links = ALONE,
    newer: Sequence[Newer] = (),
    term: Term | None = None,
    missing: bool = False,
) -> Message:
    """The message for one state.

    Args:
        progress: what to show.
        style: the installation.
        fresh: left out, the card does not say how often it is updated.
        superseded: why this card no longer counts; it loses its buttons.
        links: to the messages before and after it.
        newer: commits that the environment does not run yet.
        term: its lifetime, where that was changed meanwhile.
        missing: Argo CD was found to have nothing of the environment.
    """
    heading = f"Gone: {progress.branch}" if superseded else title(progress)
    lines = (
        [with_people(prose(superseded, 300))] if superseded else _summary(progress, style, links)
    )
    summary = "\n".join(lines)
    rows = "" if superseded else "\n".join([*_rows(progress, style), *newer_lines(newer)])
    rows = f"{MISSING_LINE}\n{rows}".strip() if missing and not superseded else rows
    sources = "\n".join(_sources(progress))
    facts = fact_line(progress, closed=bool(superseded), term=term)
    before = neighbours_line(links) if superseded else before_line(links)
    text = "\n".join(t for t in (prose(heading), summary, rows, sources, facts, before) if t)
    blocks = [
        header(heading),
        section(summary) if summary else None,
        section(rows) if rows else None,
        context(sources),
        context(facts),
        context(fresh_line(progress, fresh), block_id=FRESH) if fresh else None,
        context(before),
        None if superseded else card_buttons(progress, style, term, missing=missing),
    ]
    return message(text, blocks)


def _rows(progress: Progress, style: Style) -> list[str]:
    ended = progress.end is not None
    services = progress.services
    if progress.end is End.CANCELLED:  # nobody follows them any more: what they did is not so now
        return moves([s for s in services if s.stage not in NOT_MADE])
    goal = goal_line(progress)
    return [
        *([goal] if goal else []),
        *([back] if (back := back_line(progress)) else []),
        *([switched] if (switched := switched_line(progress)) else []),
        *moves(services),
        *job_lines([progress.test] if progress.test else [], style),
        *attention(services, style, ended=ended, env=progress.name),
        *proof_lines(progress),
    ]


def _sources(progress: Progress) -> list[str]:
    if progress.kind is Kind.TEARDOWN:
        return []
    return progress_lines(progress)


def before_line(links: Links) -> str:
    """A link to the message that this one goes on from; empty: there is none."""
    return _linked(links.before, "goes on from an earlier message")


def neighbours_line(links: Links) -> str:
    """Links to the messages before and after this one, as far as there are any."""
    return joined([before_line(links), _linked(links.after, "goes on in a newer message")])


def _linked(url: str, words: str) -> str:
    host = urlsplit(url).hostname
    return link(url, words, {host}) if host else ""


def _summary(progress: Progress, style: Style, links: Links) -> list[str]:
    """What it is busy with or how it ended, how far it is, and what keeps it."""
    if progress.end is not None:
        ended = [*_end_lines(progress, style), *_gone(progress, style)]
        return [*ended, *_continued(progress, links)]
    lines = [f"*{activity(progress)}*"]
    if progress.headline:
        lines.append(prose(progress.headline))
    if progress.services:
        lines.append(f"{bar(progress)}  {tally(progress)}".strip())
    if progress.trouble:
        lines.append(trouble_line(progress))
    return [*lines, *_gone(progress, style)]


def _gone(progress: Progress, style: Style) -> list[str]:
    line = "" if progress.kind is Kind.TEARDOWN else gone_line(progress.services, style)
    return [line] if line else []


def trouble_line(progress: Shown) -> str:
    """Which neighbour does not answer, since when, how often that was tried and when next."""
    since = f"since {moment(progress.trouble_since)}" if progress.trouble_since else ""
    tries = progress.tries or Tries(progress.updated_at)
    tried = f"tried {'once' if tries.count == 1 else f'{tries.count} times'}" if tries.count else ""
    then = f"next try {moment(tries.next_at, '{time_secs}')}" if tries.next_at else ""
    facts = ", ".join(f for f in (since, tried, then) if f)
    why = prose(progress.trouble).rstrip(".")
    return f":warning: {why}{f' ({facts})' if facts else ''}. Qbot waits and goes on."


def _end_lines(progress: Progress, style: Style) -> list[str]:
    lines, services = [], progress.services
    if progress.end is End.SUCCEEDED:
        lines.append(_success(progress))
    if progress.end is End.SUCCEEDED and progress.purpose is Kind.SYNC and not moves(services):
        lines.append("No version has changed.")
    if progress.headline:
        lines.append(with_command(prose(progress.headline, 600), style.command))
    if progress.end is End.FAILED and progress.services:
        lines.append(f"{bar(progress)}  {tally(progress)}")
    if progress.end is End.SUCCEEDED and progress.purpose in _OPENED and progress.url:
        lines.append(link(progress.url, progress.url, style.hosts))
    return lines


def _continued(progress: Progress, links: Links) -> list[str]:
    if (by := progress.continued) is None:
        return []
    word = "Being deleted" if by.kind is Kind.TEARDOWN else "Continued"
    word = "Resumed" if by.resumed else word
    who = f"{mention(by.actor.user)} {moment(by.at)}"
    newer = _linked(links.after, "a newer card") or "a newer card"
    return [f":arrow_right: {word} by {who}: {newer} tells how that goes."]


def _success(progress: Progress) -> str:
    names = [f"*{prose(s.service, 40)}*" for s in progress.services]
    count = len(names)
    if progress.kind is Kind.TEARDOWN:
        unchecked = any(p.gone is None for p in progress.proofs)
        return "All that could be checked is gone." if unchecked else "Nothing is left."
    if progress.kind is Kind.JOB:
        return f"{job_name(progress)} has passed."
    if 0 < count <= _NAMED:
        return f"{spoken(names)} {'is' if count == 1 else 'are'} ready."
    return f"All {plural(count, 'service')} are ready." if count else "It is ready."


def job_name(progress: Progress) -> str:
    """The job that is run, escaped; the link to its output is a button."""
    return f"The job *{prose(progress.job.job, 60)}*" if progress.job else "The job"


def proof_lines(progress: Progress) -> list[str]:
    """What a tear-down looked for afterwards, each with its answer in words."""
    return [_proof(p) for p in progress.proofs[:12]]


def _proof(proof: Proof) -> str:
    answers = {
        True: (":white_check_mark:", "gone"),
        False: (":red_circle:", "still there"),
        None: (":white_circle:", "not checked"),
    }
    sign, word = answers[proof.gone]
    note = f": {prose(proof.note, 200)}" if proof.note else ""
    return f"{sign} {prose(capital(proof.thing), 80)} {word}{note}"


def fact_line(progress: Progress, *, closed: bool = False, term: Term | None = None) -> str:
    """Who started it, how long it took or usually takes, for how long the environment is wanted.

    Args:
        progress: of the operation.
        closed: the environment is gone, so it has no lifetime any more.
        term: its lifetime, where that was changed meanwhile.
    """
    who = f"Started by {_starter(progress)} {moment(progress.started_at)}"
    if progress.end is End.REFUSED:
        return who
    usual = _usual(progress.usual, progress.purpose) if progress.usual else ""
    took = ""
    if progress.end is not None and progress.ended_at is not None:
        took = f"took {span(progress.worked_from, progress.ended_at)}"
        usual = usual if progress.end is End.SUCCEEDED else ""
    nothing = progress.end and progress.kind is Kind.CREATE and not progress.services
    mortal = progress.kind is not Kind.TEARDOWN and not (closed or nothing)
    stopped = f"cancelled by {mention(progress.ended_by.user)}" if progress.ended_by else ""
    lives = term_words(term, progress.updated_at) if term else _lifetime(progress)
    return joined([who, stopped, took, usual, lives if mortal else ""])


def _starter(progress: Progress) -> str:
    """A person, or what GitLab told and whose environment that makes."""
    if progress.hook is None:
        return "a push" if progress.pushed else mention(progress.actor.user)
    words = hook_words(progress.hook)
    if progress.pushed or progress.owner is None:
        return words
    return f"{words} for {mention(progress.owner.user)}, who owns it,"


def _usual(usual: Usual, kind: Kind) -> str:
    where = "here" if usual.here else "of all environments"
    basis = f"last {plural(usual.runs, NOUNS[kind].lower())} {where}"
    return f"usually {duration(usual.seconds)} ({basis})"


def _lifetime(progress: Progress) -> str:
    """How long it was asked for: nothing acts on it."""
    if progress.expires_at is None:
        return ""
    if progress.expires_at <= progress.updated_at:
        return f"lifetime over since {moment(progress.expires_at, '{date_short_pretty} {time}')}"
    until = f"until {moment(progress.expires_at, '{date_short_pretty} {time}')}"
    if progress.lifetime is None:
        return f"lifetime {until}"
    return f"lifetime {duration(progress.lifetime.total_seconds())}, {until}"


def fresh_line(progress: Shown, fresh: Fresh) -> str:
    """When it was true, and how soon a change is to be seen."""
    if progress.end is not None:
        return ""
    at = progress.updated_at
    if progress.tries:  # what is known is older; that nothing was heard, or that it was again, not
        at = max(at, progress.tries.at)
    shown = moment(at, "{time_secs}")
    so_far = ""
    if progress.step is not Step.QUEUED:
        so_far = f", {span(progress.worked_from, at)} so far"
    return f"As of {shown}{so_far} · changes show within about {duration(fresh.every)}"
