"""`run ENV|STAGE job`: which job, where it may run, and the operation that carries it."""

from difflib import get_close_matches

from qbot.domain.environment import Environment, Phase
from qbot.domain.inputs import JobInput
from qbot.domain.jobs import Job
from qbot.domain.names import EnvId
from qbot.domain.operation import Submitted
from qbot.domain.progress import Kind
from qbot.domain.release_commands import RunJob
from qbot.domain.stages import ENVIRONMENTS, Stage
from qbot.errors import UserError
from qbot.operations.releases.context import ReleaseContext
from qbot.operations.requests import Asked, Requests


class JobRequests:
    """Submits named jobs."""

    def __init__(self, context: ReleaseContext, requests: Requests) -> None:
        self._context = context
        self._requests = requests

    async def run(self, wanted: RunJob, asked: Asked) -> Submitted:
        """Queue a job for a stage or else an environment.

        Raises:
            UserError: no such place or job, or the job is not for that place.
        """
        place = await self._place(wanted.place)
        job = self._job(wanted.job, place)
        stage = place.name if isinstance(place, Stage) else None
        env: EnvId | None = place.id if isinstance(place, Environment) else None
        asked_for = JobInput(job.name, stage)
        return await self._requests.submit(Kind.JOB, asked_for, env, asked, stage=stage)

    async def _place(self, text: str) -> Stage | Environment:
        if text in self._context.stages:
            return self._context.stage(text)
        env = await self._requests.living(text)
        if env.phase in (Phase.DELETING, Phase.STUCK):
            raise UserError(
                f"`{env.branch}` is being deleted.", hint=f"`show {env.branch}` says how far it is."
            )
        return env

    def _job(self, name: str, place: Stage | Environment) -> Job:
        here = place.name if isinstance(place, Stage) else ENVIRONMENTS
        fitting = [job.name for job in self._context.jobs.values() if here in job.places]
        some = ", ".join(f"`{n}`" for n in fitting[:12]) or "none: qbot.yaml allows no job there"
        found = self._context.jobs.get(name)
        if found is None:
            near = get_close_matches(name, fitting, n=1)
            meant = f" Did you mean `{near[0]}`?" if near else ""
            raise UserError(f"There is no job `{name[:40]}`.{meant}", hint=f"There are {some}.")
        if here not in found.places:
            where = f"`{here}`" if isinstance(place, Stage) else "branch environments"
            raise UserError(f"The job `{name}` is not for {where}.", hint=f"There are {some}.")
        return found
