"""How an environment stands before an operation changes anything.

What is wanted need not run: an operation that was cancelled, or whose build failed, has told
Argo CD nothing of it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from qbot.domain.argocd_ports import Applications
from qbot.domain.environment import Environment
from qbot.domain.names import ServiceName
from qbot.domain.people import Actor
from qbot.domain.services import ServicePlan, Source
from qbot.errors import PermanentError, TransientError
from qbot.operations.context import Context
from qbot.operations.resolve import PLANS
from qbot.operations.run import Run

Targets = Mapping[ServiceName, str]
"""What each Application points at."""

Versions = Mapping[ServiceName, str]
"""In short."""

_GLANCE = 5.0  # seconds
_UNKNOWN = "Argo CD could not be asked what runs: the versions before are those wanted last."
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class Standing:
    """Recorded before the first change, so that it outlives a crash."""

    targets: Targets
    plans: Mapping[ServiceName, ServicePlan]  # what was wanted
    told: Versions  # what Argo CD was last told to run, where it was told

    def was(self, plans: Sequence[ServicePlan]) -> Versions:
        """The versions of before of those that move."""
        moving = (p for p in plans if self.told.get(p.service, p.version) != p.version)
        return {p.service: self.told[p.service] for p in moving}

    def undone(self, plans: Sequence[ServicePlan]) -> Mapping[ServiceName, Actor]:
        """Whose rollback these plans take back."""
        pairs = [(self.plans[p.service], p) for p in plans if p.service in self.plans]
        back = [b for b, p in pairs if b.source is Source.PINNED and not b.runs_as(p)]
        return {b.service: b.by for b in back if b.by}


async def standing(run: Run, argocd: Applications, env: Environment) -> Standing:
    """What was so when the operation began."""

    async def wanted() -> object:
        return PLANS.dump_python(env.plans, mode="json")

    async def look() -> dict[str, str]:
        return {str(name): target for name, target in (await targets(argocd, env)).items()}

    plans = PLANS.validate_python(await run.step("wanted", wanted))
    found = await run.step("before", look)
    pointed = {ServiceName(name): target for name, target in found.items()}
    return Standing(pointed, {p.service: p for p in plans}, versions_told(plans, pointed))


async def targets(argocd: Applications, env: Environment) -> Targets:
    """Asks Argo CD once."""
    states = await argocd.survey(env)
    return {name: state.wanted for name, state in states.items() if not state.deleting}


async def glance(run: Run, context: Context, env: Environment) -> tuple[Versions, str]:
    """What Argo CD was last told of each service, for a preview; and what is to be said of that.

    A preview is not worth to wait for long: what was wanted last stands in.
    """
    try:
        argocd = context.instance(env)
        pointed = await run.call("what runs", lambda: targets(argocd, env), within=_GLANCE)
    except (PermanentError, TransientError):
        return {p.service: p.version for p in env.plans}, _UNKNOWN
    return versions_told(env.plans, pointed), ""


def versions_told(plans: Sequence[ServicePlan], pointed: Targets) -> Versions:
    """What Argo CD was last told of those services that have an Application.

    Args:
        plans: what is wanted.
        pointed: a commit each, or a branch that Argo CD follows.
    """

    def version(plan: ServicePlan, target: str) -> str:
        other = target != plan.sha and _COMMIT.fullmatch(target)
        return target[:8] if other else plan.version

    return {p.service: version(p, pointed[p.service]) for p in plans if p.service in pointed}
