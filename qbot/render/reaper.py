"""What goes by itself, when and why: in lists, in `show`, and as the whole plan."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from qbot.domain.brake import Go, Hold, Pause
from qbot.domain.environment import Environment
from qbot.domain.names import EnvId
from qbot.domain.reaper_ports import NO_GO_HOLDS, Question, Stopped
from qbot.domain.reaping import Cause, Goes, Keep, Reason, Verdict
from qbot.render.blocks import Block, Message, context, header, message, paragraphs, section
from qbot.render.escape import WHEN, code, link, mention, moment, prose
from qbot.render.style import Style
from qbot.render.words import joined, plural, rough

WARNED = "Owners are told first, in time to keep theirs."
_SHOWN = 15  # of each part of the plan
_NAMED = 3
CAUSES: Mapping[Cause, str] = {
    Cause.IDLE: "nobody uses it",
    Cause.OVER: "its lifetime is over",
    Cause.OLD: "it is as old as environments may be",
    Cause.GONE: "its branch is gone in GitLab",
    Cause.MERGED: "its branch is merged",
    Cause.CLOSED: "its merge request was closed",
}
_WHY: Mapping[Reason, str] = {
    Reason.STATIC: "no branch environment",
    Reason.EXCLUDED: "never go, says `reaper.exclude`",
    Reason.GOING: "being created or deleted, or failed half-way and waiting for somebody",
    Reason.BUSY: "being worked on",
    Reason.LOCKED: "locked",
    Reason.PINNED: "pinned",
    Reason.YOUNG: "new",
    Reason.UNPROVEN: "not known well enough",
    Reason.ACTIVE: "in use",
}


@dataclass(frozen=True, slots=True)
class Waiting:
    """What only a human lets go; `untold`: whose owners are told once something has let go."""

    envs: Collection[EnvId] = ()
    untold: Collection[EnvId] = ()
    refusal: Question | None = None  # the No-go that holds
    buttons: Block | None = None


def because(goes: Goes, style: Style) -> str:
    """`nobody uses it`, `its branch is merged (!12)`."""
    said, since = CAUSES[goes.cause], moment(goes.since, WHEN)
    match goes.cause:
        case Cause.IDLE:
            return said
        case Cause.MERGED | Cause.CLOSED:
            return f"{said}{_requests(goes, style)}"
        case Cause.GONE:
            where = ", ".join(code(p, 80) for p in goes.proof[:_NAMED])
            return f"{said} since {since}: {where}"
        case Cause.OVER | Cause.OLD:
            return f"{said} since {since}"


def goes_words(goes: Goes, style: Style, *, now: datetime | None) -> str:
    """When, and why. Without `now`: something holds it, whenever it was due."""
    when = "due to go now" if now and goes.due(now) else f"due to go {moment(goes.due_at, WHEN)}"
    return f":hourglass_flowing_sand: {when}, because {because(goes, style)}"


def shown_words(verdict: Verdict, env: Environment, style: Style, *, now: datetime) -> str:
    """For `show`, which is a use itself; empty: there is nothing to say."""
    if isinstance(verdict, Goes):
        return f"{goes_words(verdict, style, now=now)}. {_keeping(env, style)}"
    if verdict.until is not None:
        return f"Due to go {moment(verdict.until, WHEN)} unless somebody uses it until then."
    if verdict.reason is Reason.UNPROVEN:
        return f"It would be due to go, and stays: {prose(verdict.said, 200)}."
    return ""


def keeping_all(envs: Sequence[Environment], style: Style) -> str:
    """What to do about those of a list; empty: there are none."""
    return f"{_keeping(envs[0], style)} {WARNED}" if envs else ""


def plan(
    environments: Mapping[EnvId, Environment],
    verdicts: Sequence[Verdict],
    brake: Go | Hold,
    style: Style,
    *,
    now: datetime,
    pause: Pause | None = None,
    doubts: Sequence[str] = (),
    waiting: Waiting | None = None,
) -> Message:
    """The whole of it: the brake first, then what goes now, what goes later and what stays.

    Args:
        environments: by id.
        verdicts: those that go in the order in which they do, then the others.
        brake: whether it lets them.
        style: the installation.
        now: of the plan.
        pause: somebody has stopped it.
        doubts: what is not known, as outside text.
        waiting: what only a human lets go.
    """
    wait = waiting or Waiting()
    goes = [v for v in verdicts if isinstance(v, Goes)]
    asked = [g for g in goes if g.env in wait.envs]
    due = [g for g in goes if g.due(now) and g.env not in wait.envs]
    later = [g for g in goes if not g.due(now) and g.env not in wait.envs]
    heading = f"Reaper: {plural(len(due), 'environment')} due to go, {len(later)} later"
    if asked:
        heading += f", {len(asked)} {'waits' if len(asked) == 1 else 'wait'} for a Go"
    lead = "\n".join([_brake(brake, pause, doubts, len(asked)), *_said(wait)])
    parts = [
        _part("Due now", due, environments, style, now),
        _part("Wait for a Go", asked, environments, style, now, wait),
        _part("Later", later, environments, style, now, wait),
        _stays([v for v in verdicts if isinstance(v, Keep)], environments),
    ]
    hint = joined([keeping_all([environments[g.env] for g in goes], style) or WARNED])
    texts = [heading, lead, *(line for lines in parts for line in lines), hint]
    blocks: list[Block | None] = [header(heading), section(lead), wait.buttons]
    for lines in parts:
        blocks += [section(text) for text in paragraphs(lines)]
    return message("\n".join(texts), [*blocks, context(hint)])


def paused(pause: Pause, style: Style, *, new: bool) -> Message:
    """It is stopped."""
    lead = f":double_vertical_bar: The reaper is {_paused(pause)}."
    if not new:
        lead += " It was already."
    return _told(lead, f"{code(f'{style.command} reaper resume')} lets it go on.")


def stopped(said: Stopped, style: Style) -> Message:
    """To the reaper's channel: nothing goes, or how long nothing did."""
    was = _paused(Pause(said.by, said.since, said.reason))
    if said.ended_by is None or said.ended_at is None:
        lead = f":double_vertical_bar: The reaper is {was}. Nothing goes by itself."
        return _told(lead, f"{code(f'{style.command} reaper resume')} lets it go on.")
    ended = f"by {mention(said.ended_by.user)} {moment(said.ended_at, WHEN)}"
    return _told(f":white_check_mark: The reaper goes on, {ended}. It was {was}.")


def resumed(pause: Pause | None, style: Style) -> Message:
    """It goes on."""
    if pause is None:
        return _told("The reaper was not paused. Nothing was changed.")
    lead = ":white_check_mark: The reaper goes on."
    plan_ = code(f"{style.command} reaper plan")
    return _told(f"{lead} It was {_paused(pause)}.", f"{plan_} shows what is due.")


def _paused(pause: Pause) -> str:
    why = f": {prose(pause.reason, 300).rstrip('.')}" if pause.reason else ""
    return f"paused by {mention(pause.by.user)} since {moment(pause.since, WHEN)}{why}"


def _brake(brake: Go | Hold, pause: Pause | None, doubts: Sequence[str], waits: int) -> str:
    """Whether it is held, and what is not known in any case."""
    if isinstance(brake, Go):
        lines = [f"• {prose(doubt, 300)}" for doubt in doubts]
        if waits:
            verb = "waits" if waits == 1 else "wait"
            held = f":octagonal_sign: *{plural(waits, 'environment')} {verb} for a Go*"
            why = "GitLab said that too many were over at once. Nothing holds the others back."
            return "\n".join([f"{held}: {why}", *lines])
        return "\n".join([":white_check_mark: Nothing holds it back.", *lines])
    lines = [f"• {prose(reason, 300)}" for reason in brake.reasons]
    if pause:
        lines[0] = f"• The reaper is {_paused(pause)}."
    lines += [f"• {prose(doubt, 300)}" for doubt in doubts if doubt not in brake.reasons]
    return "\n".join([":octagonal_sign: *On hold: nothing of that is deleted*", *lines])


def _part(
    title: str,
    goes: Sequence[Goes],
    environments: Mapping[EnvId, Environment],
    style: Style,
    now: datetime,
    waiting: Waiting | None = None,
) -> list[str]:
    """Lines, the first with the title; none where nothing is in it."""
    wait = waiting or Waiting()
    lines = [_line(g, environments[g.env], style, now, wait) for g in goes[:_SHOWN]]
    if len(goes) > _SHOWN:
        lines.append(f"and {len(goes) - _SHOWN} more")
    if lines:
        lines[0] = f"*{title} ({len(goes)})*\n{lines[0]}"
    return lines


def _line(goes: Goes, env: Environment, style: Style, now: datetime, waiting: Waiting) -> str:
    age = f"{rough((now - env.created_at).total_seconds())} old"
    at = None if env.id in waiting.envs else now
    untold = env.id in waiting.untold
    words = _after(goes, style) if untold else goes_words(goes, style, now=at)
    told = "" if untold else _told_at(goes)
    who = mention(env.owner.user)
    return joined([f"*{prose(env.branch, 100)}*", who, words, told, age, code(goes.rule, 40)])


def _told_at(goes: Goes) -> str:
    """Whether its owner knows."""
    if goes.warned_at is None:
        return "its owner is not told yet"
    return f"its owner was told {moment(goes.warned_at, WHEN)}"


def _after(goes: Goes, style: Style) -> str:
    """Of one whose owner is told only when something has let go of it: nobody knows when."""
    after = f"{rough(goes.grace.total_seconds())} after its owner is told"
    return f":hourglass_flowing_sand: goes {after}, because {because(goes, style)}"


def _said(waiting: Waiting) -> list[str]:
    """Who answered No-go, and for how long that holds."""
    no = waiting.refusal
    if no is None or no.by is None or no.at is None or not waiting.envs:
        return []
    until = f"asked again {moment(no.at + NO_GO_HOLDS, WHEN)}, or with a Go here"
    return [f"{mention(no.by.user)} said No-go {moment(no.at, WHEN)}: {until}."]


def _stays(kept: Sequence[Keep], environments: Mapping[EnvId, Environment]) -> list[str]:
    """How many for which reason; of what is not known, which and why."""
    counts = Counter(keep.reason for keep in kept)
    lines = [f"{counts[reason]} {_WHY[reason]}" for reason in Reason if counts[reason]]
    unproven = [k for k in kept if k.reason is Reason.UNPROVEN]
    lines += [
        f"• *{prose(environments[k.env].branch, 100)}*: {prose(k.said, 200)}"
        for k in unproven[:_NAMED]
    ]
    if lines:
        lines[0] = f"*Stay ({len(kept)})*\n{lines[0]}"
    return lines


def _keeping(env: Environment, style: Style) -> str:
    """What would prevent it."""
    pin, extend = (
        code(f"{style.command} {verb}", 160)
        for verb in (f"pin {env.branch}", f"extend {env.branch} 1d")
    )
    return f"Using it puts that off, {extend} too, and {pin} keeps it."


def _requests(goes: Goes, style: Style) -> str:
    """Links to merge requests, as far as they may be linked."""
    shown = goes.proof[:_NAMED]
    found = [link(url, _number(url, among=len(shown)), style.hosts) for url in shown]
    return f" ({', '.join(found)})" if found else ""


def _number(url: str, *, among: int) -> str:
    """`!12`; of one among several with its project, as each project counts from one."""
    project, _, number = url.partition("/-/merge_requests/")
    return f"{project.rpartition('/')[2] if among > 1 else ''}!{number.rpartition('/')[2]}"


def _told(lead: str, hint: str = "") -> Message:
    return message(f"{lead}\n{hint}" if hint else lead, [section(lead), context(hint)])
