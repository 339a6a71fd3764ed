"""Locked environments: whoever has the lock may change them, nobody else.

Judged when something is asked for and again when its turn has come.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from qbot.domain.barriers import BarredError, Barrier, Lock
from qbot.domain.environment import Environment
from qbot.domain.operation import EnvironmentSummary
from qbot.domain.people import Actor


class Locks(Protocol):
    """The part of the database that is needed here."""

    async def locks(self, scope: str | None = None) -> Sequence[Lock]:
        """Those that hold."""


async def ensure_free(locks: Locks, env: Environment, actor: Actor) -> None:
    """Nobody else has locked the environment.

    Raises:
        BarredError: somebody has; names whom, why and until when.
    """
    others = [lock for lock in await locks.locks(env.id) if lock.by != actor]
    if others:
        raise BarredError(tuple(_barrier(env, lock) for lock in others))


async def lock_of(locks: Locks, env: Environment) -> Lock | None:
    """The lock that holds, if one does."""
    return next(iter(await locks.locks(env.id)), None)


async def with_locks(locks: Locks, rows: Sequence[EnvironmentSummary]) -> list[EnvironmentSummary]:
    """The same rows with who has locked them."""
    known = {lock.scope: lock for lock in await locks.locks()}
    return [replace(r, lock=known.get(r.environment.id)) for r in rows]


def _barrier(env: Environment, lock: Lock) -> Barrier:
    reason = lock.reason.strip().rstrip(".")
    why = f"`{env.branch}` is locked: {reason}" if reason else f"`{env.branch}` is locked"
    ways = f"`unlock {env.branch}` is for whoever locked it, and for the environment's owner."
    return Barrier("lock", f"{why}; {ways}", lock.until, lock.by, since=lock.since, scope=env.id)
