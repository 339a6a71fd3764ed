"""`diff A B`: what two places run, side by side; a read that takes as long as its neighbours do."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from qbot.domain.differences import Difference, Differences, Side
from qbot.domain.environment import Environment
from qbot.domain.health import AppState, Ready, verdict
from qbot.domain.names import ServiceName
from qbot.domain.promotion import Version
from qbot.domain.repository_ports import Comparison
from qbot.domain.services import ServicePlan
from qbot.domain.stages import Stage
from qbot.errors import PermanentError, TransientError
from qbot.operations.gathering import gather
from qbot.operations.releases.context import ReleaseContext
from qbot.operations.releases.offers import sides

Place = Stage | Environment
_COMPARED = 60  # services whose commits are counted; an answer shows fewer
_PATIENCE = 10.0  # seconds for one count; a person waits for this answer
_NOWHERE = Side(None)


async def differences(context: ReleaseContext, left: Place, right: Place) -> Differences:
    """Services that are not in one version in both, or that drift in one of them.

    Raises:
        UserError: a stage's configuration cannot be read.
        TransientError, PermanentError: a neighbour does not answer, or refuses.
    """
    here, there = await asyncio.gather(_sides(context, left), _sides(context, right))
    rows, same = [], 0
    for service in (s for s in context.base.catalog if s in here or s in there):
        row = Difference(service, here.get(service, _NOWHERE), there.get(service, _NOWHERE))
        if row.is_same and not row.drifts:
            same += 1
        else:
            rows.append(row)
    counted = await gather([_counted(context, r) for r in rows[:_COMPARED]])
    done = [r if isinstance(r, Difference) else old for r, old in zip(counted, rows, strict=False)]
    found = (*done, *rows[_COMPARED:])
    now = context.base.clock.now()
    return Differences(name_of(left), name_of(right), found, same, now)


def name_of(place: Place) -> str:
    """As people say it."""
    return place.branch if isinstance(place, Environment) else place.name


async def _sides(context: ReleaseContext, place: Place) -> Mapping[ServiceName, Side]:
    found = await sides(context, place)
    if not isinstance(place, Environment):
        return found
    states = await context.base.instance(place).survey(place)
    follows = context.base.rules.follow_branch
    return {
        p.service: replace(
            found[p.service], drift=_drift(p, states.get(p.service), follows=follows)
        )
        for p in place.plans
    }


def _drift(plan: ServicePlan, state: AppState | None, *, follows: bool) -> str:
    """How what runs in an environment is not what it wants."""
    if state is None:
        return "Argo CD shows no Application of it"
    if not follows and state.revision and state.revision != plan.sha:
        return f"`{plan.short_sha}` is wanted, `{state.revision[:8]}` runs"
    seen = verdict(state, wanted="" if follows else plan.sha, since=None)
    return "" if isinstance(seen, Ready) else seen.reason.rstrip(".") or "it is not ready"


async def _counted(context: ReleaseContext, row: Difference) -> Difference:
    """With what lies between the two commits, where both are known and GitLab answers in time."""
    left, right = row.left.version, row.right.version
    if row.is_same or not (left and right and left.sha and right.sha):
        return row
    try:
        async with asyncio.timeout(_PATIENCE):
            ahead = await _between(context, row.service, right, left)
            if ahead is not None and ahead.commits:
                return _with(row, ahead, ahead.commits)
            behind = await _between(context, row.service, left, right)
    except (TransientError, PermanentError, TimeoutError):
        return row
    return _with(row, behind, -behind.commits) if behind else row


async def _between(
    context: ReleaseContext, service: ServiceName, old: Version, new: Version
) -> Comparison | None:
    project = context.base.catalog[service].project
    return await context.repository.compare(project, old.sha, new.sha)


def _with(row: Difference, found: Comparison, commits: int) -> Difference:
    return replace(row, commits=commits, authors=found.authors, compare_url=found.url)
