"""What operations on stages are handed, beside the context of all operations."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from qbot.domain.barriers import Barrier, Window, barriers
from qbot.domain.jobs import Job
from qbot.domain.names import ServiceName, StageName
from qbot.domain.people import Actor
from qbot.domain.promotion_ports import Promotions
from qbot.domain.release_ports import Images, JobRunner, Notices, People, StageApplications
from qbot.domain.repository_ports import ConfigRepository
from qbot.domain.stages import Stage
from qbot.errors import PermanentError, UserError
from qbot.operations.context import Context


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseContext:
    """The ports and rules; built once."""

    base: Context
    stages: Mapping[StageName, Stage]
    jobs: Mapping[str, Job]
    windows: Sequence[Window]
    repository: ConfigRepository
    images: Images
    applications: Mapping[str, StageApplications]  # by Argo CD instance
    people: People
    promotions: Promotions
    runner: JobRunner
    notices: Notices
    redact: Callable[[str], str]

    def stage(self, name: str) -> Stage:
        """By name.

        Raises:
            UserError: there is none; names the nearest.
        """
        found = self.stages.get(StageName(name))
        if found is not None:
            return found
        near = get_close_matches(name, self.stages, n=1)
        meant = f" Did you mean `{near[0]}`?" if near else ""
        some = ", ".join(f"`{n}`" for n in self.stages) or "none, as qbot.yaml has none"
        raise UserError(f"There is no stage `{name[:40]}`.{meant}", hint=f"Stages: {some}.")

    def argocd(self, stage: Stage) -> StageApplications:
        """The Argo CD that runs a stage.

        Raises:
            PermanentError: its settings are missing.
        """
        try:
            return self.applications[stage.instance]
        except KeyError:
            raise PermanentError(
                f"Argo CD instance {stage.instance!r} of the stage {stage.name} is not configured: "
                f"QBOT_ARGOCD__{stage.instance}__URL and __TOKEN are missing."
            ) from None

    async def barriers(
        self, stage: Stage, services: Collection[ServiceName], actor: Actor, *, back: bool
    ) -> tuple[Barrier, ...]:
        """Everything in the way now, from the database and the calendar."""
        freezes = await self.promotions.freezes(stage.name)
        locks = await self.promotions.locks(stage.scope)
        holds = await self.promotions.holds(stage.name)
        return barriers(
            stage.name,
            services,
            actor,
            now=self.base.clock.now(),
            windows=self.windows,
            freezes=freezes,
            locks=locks,
            holds=holds,
            back=back,
        )
