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
from qbot.domain.services import ServicePlan
from qbot.errors import PermanentError, TransientError
from qbot.operations.context import Context
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
    wanted: Versions
    told: Versions  # what Argo CD was last told to run, where it was told

    def was(self, plans: Sequence[ServicePlan]) -> Versions:
        """The versions of before of those that move."""
        moving = (p for p in plans if self.told.get(p.service, p.version) != p.version)
        return {p.service: self.told[p.service] for p in moving}


async def standing(run: Run, argocd: Applications, env: Environment) -> Standing:
    """What was so when the operation began."""

    async def wanted() -> dict[str, tuple[str, str]]:
        return {p.service: (p.sha, p.version) for p in env.plans}

    async def look() -> dict[str, str]:
        return {str(name): target for name, target in (await targets(argocd, env)).items()}

    recorded = await run.step("wanted", wanted)
    plans = {ServiceName(name): (sha, version) for name, (sha, version) in recorded.items()}
    found = await run.step("before", look)
    pointed = {ServiceName(name): target for name, target in found.items()}
    return Standing(
        pointed, {n: version for n, (_, version) in plans.items()}, _told(plans, pointed)
    )


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
    return _told({p.service: (p.sha, p.version) for p in plans}, pointed)


def _told(plans: Mapping[ServiceName, tuple[str, str]], pointed: Targets) -> Versions:
    def version(target: str, sha: str, wanted: str) -> str:
        return target[:8] if target != sha and _COMMIT.fullmatch(target) else wanted

    return {name: version(pointed[name], *plan) for name, plan in plans.items() if name in pointed}
