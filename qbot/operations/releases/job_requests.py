"""`run ENV|STAGE job`: which job, where it may run, and the operation that carries it."""

from datetime import datetime
from difflib import get_close_matches

from qbot.domain.barriers import Barrier
from qbot.domain.environment import Environment
from qbot.domain.inputs import JobInput
from qbot.domain.jobs import Job
from qbot.domain.names import EnvId
from qbot.domain.operation import Submitted
from qbot.domain.people import Actor
from qbot.domain.progress import Kind
from qbot.domain.release_commands import RunJob
from qbot.domain.stages import ENVIRONMENTS, Stage
from qbot.errors import UserError
from qbot.operations.locking import ensure_free
from qbot.operations.releases.admission import unpassed
from qbot.operations.releases.context import ReleaseContext
from qbot.operations.releases.passing import barred_by
from qbot.operations.requests import Asked, Requests
from qbot.operations.rolling import going


async def passed(
    context: ReleaseContext,
    place: Stage | Environment,
    actor: Actor,
    *,
    reason: str,
    asked_at: datetime,
) -> tuple[Barrier, ...]:
    """What would be in the way of a job, was it not for a reason and an exempt role.

    A job may change what it runs on, so it is stopped by what stops a deployment; holds are
    about versions.

    Raises:
        BarredError: a freeze, or somebody else's lock.
    """
    if isinstance(place, Environment):
        await ensure_free(context.promotions, place, actor)
        return ()
    found = await context.barriers(place, (), actor, back=False)
    stops = await unpassed(context, place, found, actor, reason=reason, asked_at=asked_at)
    if stops:
        raise barred_by(stops, place, back=False)
    return found


class JobRequests:
    """Submits named jobs."""

    def __init__(self, context: ReleaseContext, requests: Requests) -> None:
        self._context = context
        self._requests = requests

    async def run(self, wanted: RunJob, asked: Asked) -> Submitted:
        """Queue a job for a stage or else an environment.

        Raises:
            UserError: no such place or job, or the job is not for that place.
            BarredError: a freeze or a lock is in the way.
        """
        place = await self._place(wanted.place)
        job = self._job(wanted.job, place)
        now = self._context.base.clock.now()
        await passed(self._context, place, asked.actor, reason=wanted.reason, asked_at=now)
        stage = place.name if isinstance(place, Stage) else None
        env: EnvId | None = place.id if isinstance(place, Environment) else None
        asked_for = JobInput(job.name, stage, wanted.reason)
        return await self._requests.submit(Kind.JOB, asked_for, env, asked, stage=stage)

    async def _place(self, text: str) -> Stage | Environment:
        if text in self._context.stages:
            return self._context.stage(text)
        env = await self._requests.living(text)
        if gone := going(env):
            raise gone
        return env

    def _job(self, name: str, place: Stage | Environment) -> Job:
        here = place.name if isinstance(place, Stage) else ENVIRONMENTS
        fitting = [job.name for job in self._context.jobs.values() if here in job.places]
        some = ", ".join(f"`{n}`" for n in fitting[:12]) or "none, as qbot.yaml allows none"
        found = self._context.jobs.get(name)
        if found is None:
            near = get_close_matches(name, fitting, n=1)
            meant = f" Did you mean `{near[0]}`?" if near else ""
            raise UserError(f"There is no job `{name[:40]}`.{meant}", hint=f"Jobs there: {some}.")
        if here not in found.places:
            where = f"`{here}`" if isinstance(place, Stage) else "branch environments"
            raise UserError(f"The job `{name}` is not for {where}.", hint=f"Jobs there: {some}.")
        return found
