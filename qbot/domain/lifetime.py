"""How long an environment may live: extending, pinning, and who has it. Pure.

Each move answers with the environment before and after; where both are equal it was done before,
or there was nothing to do.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from qbot.domain.environment import LEFT, Environment, Phase, Pin
from qbot.domain.people import Actor
from qbot.domain.reaping import Cause
from qbot.domain.release_commands import When
from qbot.errors import UserError

MAX_KEY = "environments.max_ttl"
OWNER_KEY = "environments.limits.per_owner"
TOTAL_KEY = "environments.limits.total"
OFFERED = (timedelta(hours=4), timedelta(days=1), timedelta(days=3))
"""By how much a menu extends."""
UNTIL_MERGE = "merge"
"""What the menu of a warning offers beside."""
STAYING = frozenset({Phase.CREATING, Phase.READY, Phase.FAILED, Phase.PARTIAL})
"""Of what goes or is gone nothing can be extended, pinned or handed over."""


@dataclass(frozen=True, slots=True)
class Moved:
    """What a move did. `capped`: less than was asked for, because of the longest lifetime."""

    before: Environment
    after: Environment
    capped: bool = False

    @property
    def changed(self) -> bool:
        """Whether anything was."""
        return self.before != self.after


@dataclass(frozen=True, slots=True)
class Term:
    """What a card says of a lifetime that was changed since it was begun."""

    ends_at: datetime | None
    pin: Pin | None = None
    goes_at: datetime | None = None  # by itself, as the reaper planned last
    because: Cause | None = None


def term_of(env: Environment) -> Term:
    """Of an environment as it is."""
    return Term(env.ends_at, env.pin)


def settled(env: Environment, now: datetime) -> Environment:
    """The same with a pin that is over taken off: it has its end back, with a day at least."""
    if env.pin is None or env.pinned_at(now):
        return env
    return replace(env, expires_at=env.ends_at, pin=None)


def extended(
    env: Environment, by: timedelta, *, now: datetime, most: timedelta | None = None
) -> Moved:
    """Let it live longer, from the later of now and its present end.

    What is pinned without an end, or never had one, stays as it is; of the latter the longest
    lifetime holds all the same.

    Args:
        env: it.
        by: how much longer.
        now: when that is asked for.
        most: the longest lifetime, from the creation on.

    Raises:
        UserError: it has the longest lifetime already.
    """
    there = settled(env, now)
    if there.ends_at is None and there.pin:
        return Moved(env, env)
    start = max(now, there.ends_at or now)
    wanted = start + by
    last = there.created_at + most if most else wanted
    if last <= start:
        raise UserError(
            f"`{env.branch}` cannot be extended: no environment lives longer than "
            f"`{MAX_KEY}` in qbot.yaml allows.",
            hint=f"`pin {env.branch}` keeps it, for those who may.",
        )
    if there.ends_at is None:
        return Moved(env, env)
    return Moved(env, replace(there, expires_at=min(wanted, last)), capped=wanted > last)


def pinned(env: Environment, pin: Pin, *, now: datetime) -> Moved:
    """Keep it, whatever its lifetime; a pin that holds and says the same stays."""
    old = env.pinned_at(now)
    if old and (old.until, old.why) == (pin.until, pin.why):
        return Moved(env, env)
    return Moved(env, replace(settled(env, now), pin=pin))


def unpinned(env: Environment, *, now: datetime) -> Moved:
    """Give it back its end, with a day at least."""
    if env.pinned_at(now) is None:
        return Moved(env, env)
    end = max(env.expires_at, now + LEFT) if env.expires_at else None
    return Moved(env, replace(env, expires_at=end, pin=None))


def transferred(env: Environment, to: Actor) -> Moved:
    """Somebody else's from now on."""
    return Moved(env, replace(env, owner=to))


def within(ttl: timedelta | None, most: timedelta | None) -> timedelta | None:
    """The lifetime that was asked for.

    Raises:
        UserError: it is longer than any may be.
    """
    if ttl and most and ttl > most:
        raise UserError(
            f"That is longer than `{MAX_KEY}` in qbot.yaml allows.",
            hint="Ask for less, or leave `--ttl` out.",
        )
    return ttl


def moment_of(when: When | None, *, now: datetime, zone: ZoneInfo) -> datetime | None:
    """What somebody typed as a moment; one that names no zone is of the installation's.

    Raises:
        UserError: it is past.
    """
    if when is None:
        return None
    if isinstance(when, timedelta):
        return now + when
    until = when if when.tzinfo else when.replace(tzinfo=zone)
    if until <= now:
        raise UserError(f"`{when.isoformat(timespec='minutes')}` is past already.")
    return until
