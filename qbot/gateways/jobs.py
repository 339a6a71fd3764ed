"""The port `JobRunner`: pipelines of GitLab and HTTP requests, told apart by the job."""

import json
from collections.abc import Mapping

from qbot.domain.jobs import Job, JobRun, JobState, PipelineJob, filled
from qbot.domain.repository_ports import Pipelines
from qbot.gateways.http_jobs import HttpJobs

KEY = "QBOT_KEY"  # a variable by which a pipeline is found again; not to be set by qbot.yaml

_STATES = {
    "success": JobState.PASSED,
    "failed": JobState.FAILED,
    "canceled": JobState.FAILED,
    "skipped": JobState.FAILED,
}
_NOTES = {
    "failed": "Its pipeline failed.",
    "canceled": "Its pipeline was cancelled.",
    "skipped": "Its pipeline was skipped.",
    "manual": "Its pipeline waits for somebody to start a manual job.",
}


class JobGateway:
    """Both kinds of jobs.

    Args:
        repository: starts pipelines.
        http: sends requests.
    """

    def __init__(self, *, repository: Pipelines, http: HttpJobs) -> None:
        self._repository = repository
        self._http = http

    async def before(self, job: Job, values: Mapping[str, str]) -> str:
        """The newest pipeline of Qbot's own; a request needs no such thing."""
        if not isinstance(job.what, PipelineJob):
            return ""
        ref = filled(job.what.ref, values)
        return str(await self._repository.newest_pipeline(job.what.project, ref))

    async def start(self, job: Job, values: Mapping[str, str], *, key: str, since: str) -> str:
        """A pipeline's id, or the answer that a request had."""
        if isinstance(job.what, PipelineJob):
            variables = {k: filled(v, values) for k, v in job.what.variables.items() if k != KEY}
            ref, project = filled(job.what.ref, values), job.what.project
            return str(
                await self._repository.start_pipeline(
                    project, ref, variables, key=key, after=int(since)
                )
            )
        answer = await self._http.call(
            job.name, job.what, values, key=key, within=job.timeout.total_seconds()
        )
        return json.dumps([answer.passed, answer.note])

    async def found(
        self, job: Job, values: Mapping[str, str], *, key: str, since: str
    ) -> str | None:
        """A pipeline's id; a request leaves nothing that could be found."""
        if not isinstance(job.what, PipelineJob):
            return None
        project, ref = job.what.project, filled(job.what.ref, values)
        number = await self._repository.found_pipeline(project, ref, key=key, after=int(since))
        return None if number is None else str(number)

    async def look(self, job: Job, handle: str) -> JobRun:
        """A word for a pipeline's status that is not known counts as running."""
        if isinstance(job.what, PipelineJob):
            status, url = await self._repository.pipeline(job.what.project, int(handle))
            state = _STATES.get(status, JobState.RUNNING)
            return JobRun(job.name, state, url, _NOTES.get(status, ""))
        passed, note = json.loads(handle)
        return JobRun(job.name, JobState.PASSED if passed else JobState.FAILED, note=note)

    async def close(self) -> None:
        """Close the connections that are its own."""
        await self._http.close()
