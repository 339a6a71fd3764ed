"""What a deleted environment can be brought back as. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from qbot.domain.environment import Environment, Phase, ReadySet
from qbot.domain.listing import some
from qbot.domain.names import ServiceName
from qbot.domain.people import Actor
from qbot.domain.services import FOLLOWING, Build, ServicePlan, Source
from qbot.errors import UserError

KEY = "reaper.restore"
_NAMED = 6  # services in one sentence


@dataclass(frozen=True, slots=True)
class Deleted:
    """An environment that is proven gone, with the versions that it wanted last."""

    environment: Environment
    at: datetime
    by: Actor


def in_time(deleted: Deleted, within: timedelta, now: datetime) -> bool:
    """Whether it can still be asked for."""
    return now - deleted.at <= within


def ensure_restorable(
    deleted: Deleted, known: Collection[ServiceName], within: timedelta, now: datetime
) -> None:
    """Nothing that is known without asking anybody is against it.

    Args:
        deleted: it.
        known: the services of qbot.yaml.
        within: for how long a deleted one can be brought back.
        now: the present moment.

    Raises:
        UserError: something is.
    """
    env = deleted.environment
    anew = f"`create {env.branch}` makes a new one."
    if not in_time(deleted, within, now):
        raise UserError(
            f"`{env.branch}` was deleted too long ago: `{KEY}` in qbot.yaml says for how long "
            "a deleted environment can be restored.",
            hint=anew,
        )
    if not env.plans:
        raise UserError(
            f"`{env.branch}` was deleted before it was known what it would run.", hint=anew
        )
    ensure_known(env, known)


def ensure_known(env: Environment, known: Collection[ServiceName]) -> None:
    """All that it ran is in qbot.yaml.

    Raises:
        UserError: some of it no longer is.
    """
    if left := [p.service for p in env.plans if p.service not in known]:
        names = some([f"`{name}`" for name in left], _NAMED)
        raise UserError(
            f"`{env.branch}` cannot be restored: qbot.yaml no longer has {names}, which it ran.",
            hint=f"`create {env.branch}` makes a new one of the services that there are now.",
        )


def still_here(env: Environment) -> UserError:
    """Why an environment that lives cannot be restored, and what to do instead."""
    branch = env.branch
    if env.phase is Phase.DELETING:
        return UserError(
            f"`{branch}` is still being deleted.",
            hint=f"`restore {branch}` brings it back when that has ended; `show {branch}` says "
            "how far it is.",
        )
    if env.phase is Phase.STUCK:
        return UserError(
            f"`{branch}` is not fully deleted, so it cannot be restored yet.",
            hint=f"`delete {branch}` tries again; `show {branch}` says what is left.",
        )
    if env.phase is Phase.CREATING:
        return UserError(
            f"`{branch}` is being made already.", hint=f"`show {branch}` says how far it is."
        )
    return UserError(
        f"`{branch}` is there: only what was deleted can be restored.",
        hint=f"`show {branch}` says how it is, `rollback {branch}` goes back to the versions "
        "before.",
    )


def as_it_ran(plans: Sequence[ServicePlan], sets: Sequence[ReadySet]) -> tuple[ServicePlan, ...]:
    """The same plans; what never ran because its build has failed is as it was ready last.

    Args:
        plans: what was wanted last, with how each build stands now.
        sets: of the same environment, newest first.
    """
    ready: Mapping[ServiceName, ServicePlan] = {p.service: p for s in sets[:1] for p in s.plans}
    return tuple(
        ready.get(plan.service, plan) if plan.build is Build.FAILED else plan for plan in plans
    )


def as_before(plan: ServicePlan, *, tip: str | None, by: Actor) -> ServicePlan:
    """One service at the commit that it had.

    It follows its branch where that has not moved. Where it has, or is gone, the service stays at
    its commit until somebody asks for a sync, as after a rollback.

    Args:
        plan: what it ran.
        tip: of its branch now; None: GitLab does not have it any more.
        by: who wants it back.
    """
    if plan.source not in FOLLOWING:
        return plan
    if tip == plan.sha:
        return replace(plan, source=Source.BRANCH, by=None, gone=False)
    return replace(plan, source=Source.PINNED, by=plan.by or by, gone=tip is None)
