"""Whether an environment goes, when and why: from what is known of it to one verdict. Pure.

Everything that could be a mistake keeps it: what is not proved, what is only partly known, what
was read too long ago. Every use puts off the end, so more use never makes it go earlier.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase

from qbot.domain.absence import Absence
from qbot.domain.branches import BranchFact, BranchFacts, MergeFact, MergeState
from qbot.domain.environment import Environment, Phase
from qbot.domain.idle import Calendar, calendar_of, idle_from, opening
from qbot.domain.names import BranchName, EnvId, ProjectPath
from qbot.domain.reading import fresh

CONFIRMED = timedelta(minutes=2)
"""Between two 404s that prove a branch gone, at least."""
READ_MERGES = timedelta(hours=1)
"""How old the last answer about merge requests may be; they are asked for every ten minutes."""
READ_BRANCHES = timedelta(hours=12)
"""The same of a project's branches, which are listed every six hours at least."""
EVERY_BRANCH = "reaper"
"""Where in qbot.yaml the times are of what no rule of its own fits."""
_LAST_CALL = timedelta(days=1)  # before it goes, at most
_HEARD = timedelta(hours=1)  # of working time between a reminder and the end, at most
_STAYING = frozenset({Phase.READY, Phase.FAILED, Phase.PARTIAL})
_ENDED = frozenset({MergeState.MERGED, MergeState.CLOSED})


class Cause(StrEnum):
    """Why one goes."""

    MERGED = "merged"
    CLOSED = "closed"  # its merge request, without being merged
    GONE = "gone"  # its branch, in every project that had it
    OVER = "lifetime-over"
    OLD = "too-old"
    IDLE = "idle"


SAID: Mapping[Cause, str] = {
    Cause.IDLE: "nobody uses it",
    Cause.OVER: "its lifetime is over",
    Cause.OLD: "it is as old as environments may be",
    Cause.GONE: "its branch is gone in GitLab",
    Cause.MERGED: "its branch is merged",
    Cause.CLOSED: "its merge request was closed",
}
"""The rest of a sentence that ends in `because`."""
_OWN = frozenset({Cause.IDLE, Cause.OLD, Cause.OVER})  # of which GitLab knows nothing


class Reason(StrEnum):
    """Why one stays."""

    STATIC = "static"
    EXCLUDED = "excluded"
    GOING = "going"  # it is being deleted already, or a person has to look at what is left
    BUSY = "busy"  # an operation works on it, or waits to
    LOCKED = "locked"
    PINNED = "pinned"
    YOUNG = "young"
    UNPROVEN = "unproven"
    ACTIVE = "active"


@dataclass(frozen=True, slots=True)
class ReapRule:
    """How long branches of one pattern are kept; None: that never makes one go."""

    branches: str  # `*` stands for any characters, `?` for one
    idle_after: timedelta | None
    max_age: timedelta | None
    grace: timedelta
    merged: timedelta | None  # the grace after it
    closed: timedelta | None
    gone: timedelta | None
    key: str = EVERY_BRANCH  # where in qbot.yaml it is


@dataclass(frozen=True, slots=True)
class Terms:
    """What qbot.yaml decides about it; the last rule fits every branch."""

    prefix: str
    rules: tuple[ReapRule, ...]
    excluded: tuple[str, ...] = ()
    calendars: tuple[Calendar, ...] = ()
    young: timedelta = timedelta(hours=4)
    in_working_hours: bool = False  # whether one only goes then
    stages: frozenset[str] = field(default=frozenset())
    longest: timedelta | None = None  # that one may live, unless it is pinned
    mains: Mapping[ProjectPath, frozenset[str]] = field(default_factory=dict)  # default branches
    targets: tuple[str, ...] = ()  # patterns of other branches that a merge into counts

    def disturbs(self, owner: str, now: datetime) -> bool:
        """Whether a Slack user is free now, where one only goes while its owner works."""
        return self.in_working_hours and opening(calendar_of(self.calendars, owner), now) != now

    def ends(self, merge: MergeFact) -> bool:
        """Whether nobody needs its branch any more; one merged into another feature goes on."""
        into = merge.target
        if merge.state is not MergeState.MERGED or into in self.mains.get(merge.project, ()):
            return True
        return any(fnmatchcase(into, pattern) for pattern in self.targets)

    def rule_of(self, branch: BranchName) -> ReapRule:
        """The first that fits."""
        return next(r for r in self.rules if fnmatchcase(branch, r.branches))


@dataclass(frozen=True, slots=True)
class Kept:
    """What people said about one environment; none of it makes it go earlier."""

    until: datetime | None = None  # extended: it does not go before
    causes: tuple[tuple[Cause, datetime], ...] = ()  # count no more if they came about by then
    until_merge: bool = False  # only what GitLab says of its branch counts

    def counts(self, cause: Cause, since: datetime) -> bool:
        """Whether a cause still does."""
        if self.until_merge and cause in _OWN:
            return False
        return not any(cause is kept and since <= by for kept, by in self.causes)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one environment. Nothing is no proof of anything."""

    environment: Environment
    used_at: datetime  # by people or operations
    branch: BranchFacts = field(default_factory=BranchFacts)
    projects: frozenset[ProjectPath] = frozenset()  # whose branch it runs
    merges_read: datetime | None = None  # the oldest of these projects'; None: one never was
    branches_read: datetime | None = None
    unread: str = ""  # why one of those was not: the rest of a sentence, outside text
    locked: bool = False
    busy: bool = False
    kept: Kept = field(default_factory=Kept)
    warned_at: datetime | None = None  # when its owner was last told that it goes; None: never
    warned_of: Cause | None = None
    reminded_at: datetime | None = None  # of that; when it stood in Slack, once it does
    reminder_waits: bool = False  # Slack has not taken it yet
    absence: Absence | None = None  # of Qbot, the last one


@dataclass(frozen=True, slots=True)
class Keep:
    """It stays. `until`: when it would go if nobody used it from now on; None: nobody knows."""

    env: EnvId
    reason: Reason
    said: str = ""  # the rest of the sentence, for people; holds outside text
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Goes:
    """It goes at `due_at`, unless somebody uses, extends or pins it.

    Until its owner is warned that is only when it would go if the warning came now.
    """

    env: EnvId
    cause: Cause
    since: datetime  # when the cause came about
    due_at: datetime
    rule: str  # the key in qbot.yaml
    proof: tuple[str, ...] = ()  # addresses and ids that prove it; outside text
    grace: timedelta = timedelta()  # after the cause, the last use and the warning
    warned_at: datetime | None = None  # None: nobody was, or it was used since

    @property
    def because(self) -> str:
        """Why, in words, with what proves it; outside text."""
        proof = f" ({', '.join(self.proof)})" if self.proof else ""
        return f"{SAID[self.cause]}{proof}"

    def due(self, now: datetime) -> bool:
        """Whether its time has come: its owner was warned and let it pass."""
        return self.warned_at is not None and self.due_at <= now

    @property
    def remind_at(self) -> datetime:
        """When its owner is told once more."""
        return self.due_at - last_call(self.grace)


def last_call(grace: timedelta) -> timedelta:
    """How long before it goes its owner is told once more."""
    return min(grace / 4, _LAST_CALL)


Verdict = Keep | Goes


def judge(facts: Facts, terms: Terms, *, now: datetime) -> Verdict:
    """The verdict on one environment.

    Args:
        facts: of it.
        terms: of the installation.
        now: what time it is; moments after it were written by a clock that was ahead, and keep
            the environment for as long.
    """
    env = facts.environment
    if kept := _kept(facts, terms, now):
        return kept
    rule = terms.rule_of(env.branch)
    calendar = calendar_of(terms.calendars, env.owner.user)
    found: list[Goes] = []
    for cause, since, grace, proof in _causes(facts, rule, calendar, terms):
        if not _counts(facts, cause, since, terms, now):
            continue
        warned_at = _warned(facts, cause)
        due = max(since, last_used(facts), warned_at or now) + grace
        due = max(due, facts.kept.until or due)
        if warned_at is not None and facts.absence is not None:
            due = max(due, facts.absence.puts_off(warned_at, grace))
        if warned_at is not None:
            due = max(due, _heard(facts, grace, now) or due)
        due_at = _at_work(calendar, due, grace, now) if terms.in_working_hours else due
        if due_at is not None:
            found.append(Goes(env.id, cause, since, due_at, rule.key, proof, grace, warned_at))
    if not found:
        return Keep(env.id, Reason.ACTIVE)
    first = min(found, key=lambda goes: (goes.due_at, goes.since, list(Cause).index(goes.cause)))
    if max(first.since, last_used(facts)) > now:
        return Keep(env.id, Reason.ACTIVE, until=first.due_at)
    if doubt := _doubt(facts, now):
        return Keep(env.id, Reason.UNPROVEN, doubt)
    return first


def over(facts: Facts, terms: Terms) -> Goes | None:
    """What GitLab says to be over, whatever keeps it; None: nothing that makes one go."""
    rule = terms.rule_of(facts.environment.branch)
    found = [
        Goes(facts.environment.id, cause, since, since + grace, rule.key, proof, grace)
        for cause, since, grace, proof in _causes(facts, rule, None, terms)
        if cause not in _OWN
    ]
    return min(found, key=lambda goes: goes.due_at, default=None)


def _heard(facts: Facts, grace: timedelta, now: datetime) -> datetime | None:
    """Up to when its owner may answer the reminder, which Slack may not have taken yet."""
    if facts.reminder_waits:
        return now + last_call(grace)
    return facts.reminded_at and facts.reminded_at + min(last_call(grace), _HEARD) / 2


def _at_work(
    calendar: Calendar | None, due: datetime, grace: timedelta, now: datetime
) -> datetime | None:
    """In working hours, also where it is late; some of them follow the reminder."""
    reminded = opening(calendar, due - last_call(grace))
    heard = idle_from(calendar, reminded, min(last_call(grace), _HEARD)) if reminded else None
    return opening(calendar, max(due, heard, now)) if heard else None


def _counts(facts: Facts, cause: Cause, since: datetime, terms: Terms, now: datetime) -> bool:
    """Whether nobody has said that it does not; until a merge is no longer than any may live."""
    kept, env = facts.kept, facts.environment
    if terms.longest is not None and now >= env.created_at + terms.longest:
        kept = replace(kept, until_merge=False)
    return kept.counts(cause, since)


def _warned(facts: Facts, cause: Cause) -> datetime | None:
    """When its owner was warned of this cause; a use since then makes it void."""
    at = facts.warned_at if facts.warned_of is cause else None
    return at if at is not None and at >= last_used(facts) else None


def last_used(facts: Facts) -> datetime:
    """By whatever: people, operations, pushes, its creation."""
    pushes = [b.pushed_at or b.seen_at for b in facts.branch.branches]
    return max([facts.environment.created_at, facts.used_at, *pushes])


def _kept(facts: Facts, terms: Terms, now: datetime) -> Keep | None:
    """What no cause can overrule."""
    env = facts.environment
    foreign = not env.name.startswith(f"{terms.prefix}-") or env.name in terms.stages
    pin = env.pinned_at(now)
    excluded = next((p for p in terms.excluded if fnmatchcase(env.branch, p)), "")
    kept: tuple[tuple[object, Reason, str], ...] = (
        (foreign, Reason.STATIC, ""),
        (env.phase not in _STAYING, Reason.GOING, ""),
        (facts.busy, Reason.BUSY, ""),
        (excluded, Reason.EXCLUDED, excluded),
        (facts.locked, Reason.LOCKED, ""),
        (pin, Reason.PINNED, ""),
        (now < env.created_at + terms.young, Reason.YOUNG, ""),
    )
    return next((Keep(env.id, reason, said) for holds, reason, said in kept if holds), None)


def _causes(
    facts: Facts, rule: ReapRule, calendar: Calendar | None, terms: Terms
) -> Iterator[tuple[Cause, datetime, timedelta, tuple[str, ...]]]:
    """What makes it go now or later: the cause, since when, the grace after it, and the proof."""
    env = facts.environment
    if rule.idle_after is not None:
        since = idle_from(calendar, last_used(facts), rule.idle_after)
        if since is not None:
            yield Cause.IDLE, since, rule.grace, ()
    if rule.max_age is not None:
        yield Cause.OLD, env.created_at + rule.max_age, rule.grace, ()
    if env.ends_at is not None:
        yield Cause.OVER, env.ends_at, rule.grace, ()
    if rule.gone is not None and (gone := _gone(facts.branch.branches)):
        yield Cause.GONE, gone, rule.gone, tuple(b.project for b in facts.branch.branches)
    ended = _ended(facts)
    if ended and all(map(terms.ends, ended)):
        merged = all(m.state is MergeState.MERGED for m in ended)
        grace = rule.merged if merged else rule.closed
        if grace is not None:
            cause = Cause.MERGED if merged else Cause.CLOSED
            yield cause, max(m.ended_at or m.at for m in ended), grace, tuple(m.url for m in ended)


def _gone(branches: Sequence[BranchFact]) -> datetime | None:
    """Since when all of them are, each by two answers that are minutes apart."""
    proved = [b.gone_at for b in branches if _proved(b) and b.gone_at]
    return max(proved) if proved and len(proved) == len(branches) else None


def _proved(fact: BranchFact) -> bool:
    first, again = fact.gone_at, fact.gone_again_at
    return first is not None and again is not None and again - first >= CONFIRMED


def _ended(facts: Facts) -> Sequence[MergeFact]:
    """The newest merge request of each project; empty unless each has ended with its branch.

    One that was over before the environment was made says nothing about it, whoever comments on
    it later; nor does one of a branch that was pushed to afterwards. Of one that ended at an
    unknown moment nobody knows whether it does.
    """
    env, known = facts.environment, facts.branch
    if any(m.state not in _ENDED or m.ended_at is None for m in known.merges):
        return ()
    newest: dict[ProjectPath, MergeFact] = {}
    for merge in sorted(known.merges, key=lambda m: (m.ended_at or m.at, m.iid)):
        if (merge.ended_at or merge.at) >= env.created_at:
            newest[merge.project] = merge
    for branch in known.branches:
        merge_of = newest.get(branch.project)
        if not _proved(branch) and (merge_of is None or not _whole(merge_of, branch)):
            return ()
    there = {b.project for b in known.branches}
    return tuple(m for m in newest.values() if m.project in there)


def _whole(merge: MergeFact, branch: BranchFact) -> bool:
    """Whether it holds the branch as it is."""
    return bool(merge.sha) and merge.sha == branch.sha


def _doubt(facts: Facts, now: datetime) -> str:
    """Why what is known is not enough for anything; empty: it is."""
    seen = {b.project for b in facts.branch.branches}
    if unseen := sorted(facts.projects - seen):
        return f"nothing is known of its branch in {unseen[0]}"
    if not seen:
        return ""
    if not fresh(facts.branches_read, READ_BRANCHES, now):
        return facts.unread or "what is known of its branches is too old"
    if not fresh(facts.merges_read, READ_MERGES, now):
        return facts.unread or "what is known of its merge requests is too old"
    return ""


def goers(verdicts: Collection[Verdict]) -> list[Goes]:
    """Those that go, the first one first."""
    return sorted((v for v in verdicts if isinstance(v, Goes)), key=lambda g: (g.due_at, g.env))
