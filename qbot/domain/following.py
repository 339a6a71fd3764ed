"""Whether a newer commit of an environment's branch may run now. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from qbot.domain.branches import Newer, NewerState, Tip
from qbot.domain.environment import Environment
from qbot.domain.names import ProjectPath
from qbot.domain.rules import Catalog
from qbot.domain.services import Build, ServicePlan, Source

MOVABLE = (Source.BRANCH, Source.DEFAULT, Source.FROM)
"""What a push may move: not what somebody set by hand or put back."""
PIPELINE_MADE_WITHIN = timedelta(seconds=60)
"""After a push; GitLab makes the pipeline of a commit some time after it tells of it."""

Commit = tuple[ProjectPath, str]


@dataclass(frozen=True, slots=True)
class Behind:
    """A service whose branch has a commit that it does not run."""

    plan: ServicePlan
    tip: Tip

    @property
    def commit(self) -> Commit:
        """The newer one."""
        return self.tip.fact.project, self.tip.fact.sha


def behind(env: Environment, catalog: Catalog, tips: Collection[Tip]) -> tuple[Behind, ...]:
    """The services of an environment that its branch has left behind, in their order."""
    by_project = {tip.fact.project: tip for tip in tips}
    return tuple(
        Behind(plan, tip)
        for plan in env.plans
        if plan.source in MOVABLE
        and plan.service in catalog
        and (tip := by_project.get(catalog[plan.service].project)) is not None
        and tip.fact.sha != plan.sha
    )


def may_run(
    build: Build, before: ServicePlan, seen_at: datetime, now: datetime, *, wait: bool
) -> bool:
    """Whether a commit's pipeline lets it be deployed.

    Args:
        build: how its pipeline stands.
        before: what the service runs.
        seen_at: since when the commit is there.
        now: the present moment.
        wait: whether pipelines count at all.
    """
    if not wait:
        return True
    if build is Build.NONE and before.build not in (Build.NONE, Build.UNKNOWN):
        return now - seen_at >= PIPELINE_MADE_WITHIN  # there is CI: its pipeline is being made
    return build not in (Build.RUNNING, Build.FAILED)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of the services that are behind."""

    moving: tuple[Behind, ...] = ()
    newer: tuple[Newer, ...] = ()  # those that stay for now, for the card


def judge(
    found: Collection[Behind],
    builds: Mapping[Commit, Build],
    now: datetime,
    *,
    wait: bool,
    locked: bool,
) -> Verdict:
    """Which of them move now, and why the others do not."""
    moving: list[Behind] = []
    newer: list[Newer] = []
    for one in found:
        build = builds[one.commit]
        ready = may_run(build, one.plan, one.tip.fact.seen_at, now, wait=wait)
        if ready and not locked:
            moving.append(one)
            continue
        state = NewerState.BUILD_FAILED if build is Build.FAILED else NewerState.BUILDING
        state = NewerState.LOCKED if ready else state
        newer.append(Newer(one.plan.service, one.tip.fact.sha, one.tip.by, state))
    return Verdict(tuple(moving), tuple(newer))
