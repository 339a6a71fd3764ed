"""A channel's digest: calm and short. People are named, never mentioned: it disturbs nobody."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from qbot.domain import actions
from qbot.domain.digest import LINES, OWNERS, Digest, Drifted, Facts, Section
from qbot.domain.listing import some
from qbot.domain.names import StageName
from qbot.domain.operation import EnvironmentSummary
from qbot.domain.people import Actor
from qbot.domain.progress import End, Kind
from qbot.domain.release import StageProgress
from qbot.render.away import stale_lines
from qbot.render.blocks import FRESH, Block, Message, button, context, header, message, section
from qbot.render.escape import WHEN, code, mention, moment, prose
from qbot.render.lifetimes import extend_menu
from qbot.render.listing import in_groups, state
from qbot.render.reaper import CAUSES
from qbot.render.releases.titles import is_back, name, outcome, title, what
from qbot.render.style import Style
from qbot.render.trend import chart
from qbot.render.words import DONE, capital, duration, joined, plural

T = TypeVar("T")
_WORDS = (Kind.CREATE, Kind.DEPLOY, Kind.SYNC, Kind.RESTORE, Kind.TEARDOWN)
_NL = "\n"
_ABOUT = 0.05  # of the time to ready: less is no difference


def digest(of: Digest, style: Style) -> Message | None:
    """The message; None: there is nothing to say."""
    if of.quiet:
        return None
    heading = _heading(of)
    parts: dict[Section, Callable[[], Iterable[Block | None]]] = {
        Section.APPROVALS: lambda: (*_approvals(of.facts), *_questions(of.facts)),
        Section.FAILING: lambda: (*_failing(of.facts, style), *_alerts(of.facts)),
        Section.ENDING: lambda: _ending(of.facts, style),
        Section.DRIFTED: lambda: _drifted(of.facts, style),
        Section.BARRIERS: lambda: _barriers(of.facts, style),
        Section.DEPLOYMENTS: lambda: _deployments(of, style),
        Section.ENVIRONMENTS: lambda: _environments(of.facts),
        Section.SPEED: lambda: _speed(of.facts),
    }
    blocks: list[Block | None] = [header(heading), context(f"Digest since {_at(of.since)}")]
    for which, part in parts.items():
        if which in of.sections:
            blocks += part()
    blocks.append(chart(of.picture) if of.picture else None)
    stale = stale_lines(of.facts.away, known=of.facts.known)
    blocks.append(context(f"As of {_at(of.facts.at)}", *stale, block_id=FRESH))
    return message(heading, blocks)


def _heading(of: Digest) -> str:
    """What matters most, as it is read in a notification."""
    facts, sections = of.facts, of.sections
    drifted = [d.stage for d in facts.drifted if d.services]
    failing, ending, waiting = len(facts.failing), len(facts.ending), len(facts.waiting)
    said = [
        f"{waiting} {'waits' if waiting == 1 else 'wait'} for approval"
        if waiting and Section.APPROVALS in sections
        else "",
        f"{failing} {'needs' if failing == 1 else 'need'} attention"
        if failing and Section.FAILING in sections
        else "",
        f"{ending} {'goes' if ending == 1 else 'go'} soon"
        if ending and Section.ENDING in sections
        else "",
        "the reaper reports" if facts.alerts and Section.FAILING in sections else "",
        "the reaper asks" if facts.questions and Section.APPROVALS in sections else "",
        f"{prose(', '.join(drifted), 100)} {'drifts' if len(drifted) == 1 else 'drift'}"
        if drifted and Section.DRIFTED in sections
        else "",
    ]
    return ", ".join(s for s in said if s) or f"{plural(len(facts.rows), 'environment')}, all well"


def _approvals(facts: Facts) -> Iterator[Block | None]:
    def line(progress: StageProgress) -> Block:
        until, expires = progress.expires_at, ""
        if until:
            expires = f"{'expires' if until > facts.at else 'expired'} {_at(until)}"
        small = joined([f"Asked for by {_who(facts, progress.actor)}", expires])
        text = f":ballot_box_with_ballot: *{name(progress)}* {prose(what(progress), 200)}\n{small}"
        details = button("Details", actions.PROMO_DETAILS, name(progress))
        return section(text, accessory=details)

    yield from _listed("Waiting for approval", facts.waiting, line, "in the App Home of Qbot")


def _questions(facts: Facts) -> Iterator[Block | None]:
    """Which may go: answered in the plan as well as in the channel."""
    for question in facts.questions[:1]:  # a newer one stands for those before it
        many = plural(len(question.envs), "environment")
        text = (
            f":octagonal_sign: *The reaper asks whether {many} may go*, since "
            f"{_at(question.asked_at)}"
        )
        yield section(text, accessory=button("Show Plan", actions.REAPER_PLAN))


def _alerts(facts: Facts) -> Iterator[Block | None]:
    for alert in facts.alerts[:1]:
        why = prose(some(alert.reasons, 1), 300)
        yield section(f":warning: *The reaper reports*, since {_at(alert.since)}: {why}")


def _failing(facts: Facts, style: Style) -> Iterator[Block | None]:
    def line(row: EnvironmentSummary) -> Block:
        env = row.environment
        word, sign = state(row, known=facts.known)
        text = f"{sign} *{prose(env.branch, 100)}* {word}\n{_who(facts, env.owner)}"
        show = button("Show", actions.SHOW, env.id, about=f"Show {env.branch}")
        return section(text, accessory=show)

    more = code(f"{style.command} list --failed")
    yield from _listed("Needs attention", facts.failing, line, more)


def _ending(facts: Facts, style: Style) -> Iterator[Block | None]:
    def line(row: EnvironmentSummary) -> Block:
        env = row.environment
        over = env.ends_at is not None and env.ends_at <= facts.at
        words = "lifetime over since" if over else "lifetime ends"
        when = f"{words} {_at(env.ends_at)}" if env.ends_at else ""
        if going := row.goes:
            stays = f"stays for now: {prose(going.held, 200)}; " if going.held else ""
            due = f"{stays}due to go {_at(going.at)}"
            when = f"{due}, because {CAUSES[going.because]}"
        small = joined([_who(facts, env.owner), when])
        text = f":hourglass_flowing_sand: *{prose(env.branch, 100)}*\n{small}"
        return section(text, accessory=extend_menu(env.id))

    more = code(f"{style.command} list --all")
    yield from _listed("Going soon", facts.ending, line, more)


def _listed(
    heading: str, found: Sequence[T], line: Callable[[T], Block], more: str
) -> Iterator[Block | None]:
    """A heading, the first few, and where the others are."""
    if not found:
        return
    yield section(f"*{heading} ({len(found)})*")
    yield from (line(one) for one in found[:LINES])
    if len(found) > LINES:
        yield context(f"and {len(found) - LINES} more: {more}")


def _drifted(facts: Facts, style: Style) -> Iterator[Block | None]:
    def line(one: Drifted) -> Block:
        said = [f"`{prose(service, 40)}`: {prose(how, 200)}" for service, how in one.services]
        text = f":warning: *{prose(one.stage)}*\n{some(said, LINES, between=_NL)}"
        return section(text, accessory=_show(one.stage))

    known = [one for one in facts.drifted if one.services]
    more = code(f"{style.command} show STAGE")
    yield from _listed("Stages that drifted", known, line, more)
    unknown = ", ".join(one.stage for one in facts.drifted if not one.services)
    if unknown:
        yield context(f"What runs in {prose(unknown)} is not known now")


def _show(stage: StageName) -> Block:
    return button("Show", actions.SHOW_PLACE, stage, about=f"Show {stage}")


def _barriers(facts: Facts, style: Style) -> Iterator[Block | None]:
    lines = [
        (
            closed.stages[0],
            (
                f":snowflake: *{prose(', '.join(closed.stages))}* is closed until "
                f"{_at(closed.until)}: {prose(closed.name, 100)}"
            ),
        )
        for closed in facts.closed
    ]
    for freeze in facts.freezes:
        until = f" until {_at(freeze.until)}" if freeze.until else ""
        why = f": {prose(freeze.reason, 200)}" if freeze.reason else ""
        who = _who(facts, freeze.by)
        text = f":snowflake: *{prose(freeze.stage)}* is frozen by {who}{until}{why}"
        lines.append((freeze.stage, text))
    for hold in facts.holds:
        since = f"{_who(facts, hold.by)} since {_at(hold.since)}"
        text = f":lock: *{prose(hold.service)}* is held back in {prose(hold.stage)} by {since}"
        lines.append((hold.stage, text))

    def line(one: tuple[StageName, str]) -> Block:
        return section(one[1], accessory=_show(one[0]))

    yield from _listed("Holds and freezes", lines, line, code(f"{style.command} show STAGE"))


def _deployments(of: Digest, style: Style) -> Iterator[Block | None]:
    def line(progress: StageProgress) -> Block:
        at = f" · {_ended(progress)}{_at(progress.ended_at)}" if progress.ended_at else ""
        details = button("Details", actions.PROMO_DETAILS, name(progress))
        sign, told = _came(progress)
        return section(f"{sign} {prose(told, 200)}{at}", accessory=details)

    kinds = of.done.kinds
    counts = [f"{kinds[k]:,} {_word(k)}" for k in _WORDS if kinds.get(k)]
    if not counts and not of.deployments:
        return
    said = f"\nEnvironments: {', '.join(counts)}" if counts else ""
    yield section(f"*Done*{said}")
    yield from (line(one) for one in of.deployments[:LINES])
    if len(of.deployments) > LINES:
        more = code(f"{style.command} history STAGE")
        yield context(f"and {len(of.deployments) - LINES} more: {more}")


def _came(progress: StageProgress) -> tuple[str, str]:
    """Its sign and title: what is merged came to its stage, however it ended then."""
    told, well = title(progress), progress.end is End.SUCCEEDED
    if progress.bypass is not None and not progress.undone:
        return ":rotating_light:", told
    if progress.undone or (well and is_back(progress)):
        return ":rewind:", told
    if well:
        return ":rocket:", told
    whole = progress.deployed.issuperset(item.service for item in progress.items)
    came = "Deployed" if whole and progress.items else "Merged"
    return ":warning:", f"{came}, then {told[:1].lower()}{told[1:]}"


def _ended(progress: StageProgress) -> str:
    """What the time of its end is that of, where the title tells what became of it later."""
    if not progress.undone:
        return ""
    then = outcome(replace(progress, undone_by=None))
    return f"{then[:1].lower()}{then[1:]} "


def _word(kind: Kind) -> str:
    return DONE[kind].removesuffix(" to")


def _environments(facts: Facts) -> Iterator[Block | None]:
    if not facts.rows:
        return
    owners = [f"{_who(facts, owner)} {count}" for owner, count in facts.owners]
    text = f"*{plural(len(facts.rows), 'environment')}*\n{in_groups(facts.rows)}"
    text += f"\nBy owner: {some(owners, OWNERS)}"
    yield section(text, accessory=button("List All", actions.LIST))


def _speed(facts: Facts) -> Iterator[Block | None]:
    now, then = facts.speed.now, facts.speed.then
    if now is None:
        return
    text = f"Ready {duration(now)} after the command this week, at the median"
    if then is not None:
        text += f": {_compared(now, then)}"
    yield context(f":stopwatch: {text}")


def _compared(now: float, then: float) -> str:
    if abs(now - then) <= then * _ABOUT:
        return "as fast as the week before"
    word = "faster" if now < then else "slower"
    return f"{duration(abs(now - then))} {word} than the week before"


def _who(facts: Facts, actor: Actor) -> str:
    """Somebody's name; whoever has none that is known is mentioned."""
    known = facts.names.get(actor)
    return prose(capital(known), 60) if known else mention(actor.user)


def _at(moment_: datetime) -> str:
    return moment(moment_, WHEN)
