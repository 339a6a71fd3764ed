"""What every operation is handed, and the values that they share."""

import statistics
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import partial

from qbot.domain.argocd_ports import ArgoCD
from qbot.domain.branch_ports import BuildNews, NoNews, NoTips, Tips
from qbot.domain.environment import Environment
from qbot.domain.names import EnvId, ServiceName, StageName
from qbot.domain.operation import Durations
from qbot.domain.outages import Outages
from qbot.domain.ports import Answers, Clock, GitLab
from qbot.domain.progress import Usual
from qbot.domain.ready import Ready
from qbot.domain.release_ports import Images
from qbot.domain.rules import Rules, Sets
from qbot.domain.services import Service
from qbot.domain.store_ports import Store
from qbot.errors import PermanentError
from qbot.operations.locking import Locks
from qbot.operations.run import Run
from qbot.operations.sitting_out import LEAST, Deadline

HISTORY = 20  # earlier runs that say how long one usually takes
_ENOUGH = 3  # earlier runs before they say anything


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The ports and rules; built once."""

    catalog: Mapping[ServiceName, Service]
    rules: Rules
    argocd: Mapping[str, ArgoCD]
    gitlab: GitLab
    store: Store
    answers: Answers
    clock: Clock
    locks: Locks
    images: Images
    sets: Sets = field(default_factory=dict)
    stages: Collection[StageName] = ()  # by name only, to tell them from environments
    tips: Tips = field(default_factory=NoTips)
    news: BuildNews = field(default_factory=NoNews)
    outages: Outages = field(default_factory=Outages)
    ready: Ready | None = None  # more than being deployed, where that is wanted

    async def environment(self, env: EnvId | None) -> Environment:
        """The environment that an operation belongs to.

        Raises:
            PermanentError: there is no such row: a bug.
        """
        found = await self.store.environment(env) if env else None
        if found is None:
            raise PermanentError(f"The environment {env} is not in the database.")
        return found

    async def deadline(
        self, run: Run, name: str, seconds: float, instance: str = "", *, deploying: bool = True
    ) -> Deadline:
        """Put off while somebody is away whom it depends on.

        That is the Argo CD `instance`, if any, and unless it is for a deletion GitLab.

        A run after a restart has a little left in any case: it knows of no outage yet, has heard
        nothing yet of what may have come to be by now, and must not judge by that.
        """
        again = run.has(name)
        recorded = await run.deadline(name, seconds)
        spans = partial(self.outages.spans, instance, deploying=deploying)
        made = Deadline(recorded, self.clock, spans)
        if again:
            made.leave(LEAST)
        return made

    def instance(self, env: Environment) -> ArgoCD:
        """The Argo CD that runs an environment.

        Raises:
            PermanentError: its settings have gone since it was created.
        """
        try:
            return self.argocd[env.instance]
        except KeyError:
            raise PermanentError(
                f"Argo CD instance {env.instance!r} is not configured: "
                f"QBOT_ARGOCD__{env.instance}__URL and __TOKEN are missing."
            ) from None


def usual(durations: Durations, *, like_others: bool) -> Usual | None:
    """How long such an operation takes here, else (it is `like_others`) in the whole catalog."""
    own, others = durations.of_environment, durations.of_catalog
    if len(own) >= _ENOUGH:
        return Usual(statistics.median(own), len(own), here=True)
    if like_others and len(others) >= _ENOUGH:
        return Usual(statistics.median(others), len(others), here=False)
    return None
