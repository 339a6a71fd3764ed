"""The catalog's reaper -> the frozen values that it decides by, and who plans."""

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial
from zoneinfo import ZoneInfo

from qbot.app.ending import in_background
from qbot.app.ground import Ground
from qbot.app.mapping import rules
from qbot.cards.dispatcher import Dispatcher
from qbot.cards.reaper import ReaperMessages
from qbot.cards.warnings import Beside
from qbot.catalog import Catalog
from qbot.catalog.reaper import CalendarPart, ReaperPart, ReapRulePart
from qbot.domain.barriers import Weekday
from qbot.domain.brake import Brake
from qbot.domain.idle import Calendar
from qbot.domain.names import ProjectPath
from qbot.domain.reaping import ReapRule, Terms
from qbot.gateways.clock import SystemClock
from qbot.operations.acting import Reaper
from qbot.operations.at_once import AtOnce
from qbot.operations.context import Context
from qbot.operations.opening import to_open
from qbot.operations.presence import Presence
from qbot.operations.reaping import Planner

_WEEK = frozenset(Weekday) - {Weekday.SAT, Weekday.SUN}


def terms(catalog: Catalog) -> Terms:
    """What decides about each environment."""
    part = catalog.reaper
    rules = tuple(_rule(part, rule, index) for index, rule in enumerate(part.rules))
    return Terms(
        prefix=catalog.environments.prefix,
        rules=(*rules, _every(part)),
        excluded=part.exclude,
        calendars=tuple(_calendar(c, catalog.zone) for c in part.calendars),
        young=part.young,
        in_working_hours=part.delete == "working-hours",
        stages=frozenset(stage.name for stage in catalog.stages),
        longest=catalog.environments.max_ttl,
        mains=_mains(catalog),
        targets=part.targets,
    )


def planner(ground: Ground, context: Context, unasked: Callable[[], None]) -> Planner:
    """Says what would go; tells when there is something at which nobody has looked."""
    brake = ground.catalog.reaper.brake
    return Planner(
        context=context,
        terms=terms(ground.catalog),
        brake=Brake(brake.count, brake.share, brake.daily_count, brake.daily_share),
        branches=ground.database.branches,
        pauses=ground.database.reaper,
        channel=ground.catalog.reaper.channel,
        rows=ground.database.reaping,
        unasked=unasked,
    )


def presence(ground: Ground, stack: AsyncExitStack) -> Presence:
    """Begin to notice when nobody could answer; the stack ends it."""
    made = Presence(ground.database.reaping, ground.clock, SystemClock())
    in_background(made.beats(), "presence", stack)
    return made


def reaper(
    ground: Ground, planner_: Planner, presence_: Presence, wake: Callable[[], None]
) -> Reaper:
    """Plans and acts by itself; `wake` tells the engine."""
    database = ground.database
    return Reaper(
        planner=planner_,
        rows=database.reaping,
        gitlab=ground.neighbours.gitlab,
        cards=database.reaper,
        once=database.store,
        clock=ground.clock,
        channel=ground.catalog.reaper.channel,
        wake=wake,
        counted=ground.metrics.reaped,
        presence=presence_,
    )


def at_once(ground: Ground, reaper_: Reaper) -> AtOnce:
    """Has it look when something was heard, where anything goes without a grace."""
    rules = terms(ground.catalog).rules
    wanted = any(rule.merged == timedelta() for rule in rules)
    return AtOnce(reaper_, clock=ground.clock, wanted=wanted)


def open_messages(ground: Ground, dispatcher: Dispatcher, stack: AsyncExitStack) -> None:
    """Begin to say what the reaper has to say; the stack ends it."""
    database = ground.database
    messages = ReaperMessages(
        rows=database.notices,
        around=Beside(
            database.store,
            ground.catalog.reaper.restore,
            door=partial(to_open, rules=rules(ground.catalog)),
        ),
        slack=ground.slack,
        budget=dispatcher,
        clock=ground.clock,
        style=ground.style,
    )
    database.subscribe(messages.wake)
    messages.start()
    stack.push_async_callback(messages.stop)


def _mains(catalog: Catalog) -> Mapping[ProjectPath, frozenset[str]]:
    found: dict[ProjectPath, frozenset[str]] = {}
    for service in catalog.services:
        project = ProjectPath(service.project)
        found[project] = found.get(project, frozenset()) | {service.default_branch}
    return found


def _every(part: ReaperPart) -> ReapRule:
    return ReapRule(
        branches="*",
        idle_after=part.idle_after,
        max_age=part.max_age,
        grace=part.grace,
        merged=part.merged,
        closed=part.closed,
        gone=part.gone,
    )


def _rule(part: ReaperPart, rule: ReapRulePart, index: int) -> ReapRule:
    """What it leaves out is as for every branch; `never` is left out by nobody."""
    said = rule.model_fields_set
    return ReapRule(
        branches=rule.branches,
        idle_after=rule.idle_after if "idle_after" in said else part.idle_after,
        max_age=rule.max_age if "max_age" in said else part.max_age,
        grace=rule.grace or part.grace,
        merged=rule.merged if "merged" in said else part.merged,
        closed=rule.closed if "closed" in said else part.closed,
        gone=rule.gone if "gone" in said else part.gone,
        key=f"reaper.rules[{index}]",
    )


def _calendar(part: CalendarPart, zone: ZoneInfo) -> Calendar:
    start, end = part.hours
    return Calendar(
        zone=part.zone or zone,
        days=frozenset(part.days) or _WEEK,
        start=start,
        end=end,
        holidays=frozenset(part.holidays),
        people=frozenset(part.people),
    )
