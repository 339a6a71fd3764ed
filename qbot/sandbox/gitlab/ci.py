"""Pipelines in time: each push starts one, which builds, tests and ends as it was told to."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from qbot.sandbox.gitlab.ci_config import CiConfigError, PlannedJob, plan
from qbot.sandbox.gitlab.happenings import PipelineMoved
from qbot.sandbox.gitlab.model import (
    ZERO_SHA,
    Job,
    MergeRequest,
    Pipeline,
    Project,
    Push,
    User,
)
from qbot.sandbox.gitlab.world import World

ENDINGS = frozenset({"success", "failed", "canceled"})
HELD = "running"  # does not end until told how
_CONFIG = ".gitlab-ci.yml"
_CREATED = 3  # seconds from a new head to its pipeline: longer than a look at mergeability
_PICKED_UP = 2  # seconds until a runner takes the first job
_PICKED_UP_SOON = 0.5  # the same for jobs that are known to be short
_SHORTEST, _SPREAD = 58, 30  # seconds of work: every commit has its own, always the same, length
_BUILD_SHARE = 0.6
_TEST_SHARE = 1 - _BUILD_SHARE


class Ci:
    """Runs pipelines as background tasks of the kernel."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._coming: set[asyncio.Task[None]] = set()  # pipelines that are about to be made
        self._verdicts: dict[int, str] = {}  # pipeline id -> how it ends
        self._next: dict[tuple[int, str], str] = {}  # project id, ref -> how its next one ends
        self._told = asyncio.Event()
        self.on_change: list[Callable[[Project, Pipeline], None]] = []

    def pushed(self, push: Push) -> None:
        """Start a pipeline for what was pushed, if the project has any jobs for pushes."""
        kind, _, ref = push.ref.removeprefix("refs/").partition("/")
        if push.after == ZERO_SHA:
            return
        with suppress(CiConfigError):
            pipeline = self.start(push.project, ref, push.after, push.user, "push")
            pipeline.before_sha, pipeline.tag = push.before, kind == "tags"

    def merge_request_moved(self, project: Project, found: MergeRequest, user: User) -> None:
        """Soon start a pipeline for a merge request's newest commit, if there are jobs for that.

        GitLab leaves that to a background job: until then the merge request has no pipeline.
        """
        work = self._start_soon(project, found, user)
        task = self._world.kernel.spawn(work, f"pipeline of !{found.iid} to come")
        self._coming.add(task)
        task.add_done_callback(self._coming.discard)

    async def _start_soon(self, project: Project, found: MergeRequest, user: User) -> None:
        head = found.sha
        await self._world.kernel.clock.sleep(_CREATED)
        if found.sha == head:
            with suppress(CiConfigError):
                self.start_for(project, found, user)

    def start_for(self, project: Project, found: MergeRequest, user: User) -> Pipeline:
        """A pipeline of a merge request.

        Raises:
            CiConfigError: there is nothing to run for merge requests.
        """
        ref, branch = f"refs/merge-requests/{found.iid}/head", found.source_branch
        return self.start(
            project, ref, found.sha, user, "merge_request_event", source_branch=branch
        )

    def start(
        self,
        project: Project,
        ref: str,
        sha: str,
        user: User,
        source: str,
        *,
        source_branch: str = "",
        variables: Sequence[dict[str, str]] = (),
        inputs: Mapping[str, str] | None = None,
    ) -> Pipeline:
        """A new pipeline, on its way.

        Raises:
            CiConfigError: there is nothing to run.
        """
        known = {each["key"]: each["value"] for each in variables}
        jobs = self._plan(project, sha, source, known, inputs or {})
        pipeline = self._record(project, ref, sha, user, source)
        pipeline.source_branch, pipeline.variables = source_branch, list(variables)
        pipeline.jobs = [self._job(job, user) for job in jobs]
        self._verdicts[pipeline.id] = self._verdict(project, pipeline)
        self._launch(project, pipeline)
        return pipeline

    def record_passed(self, project: Project, ref: str, user: User) -> None:
        """A pipeline that ended well some time ago, for the tip of a branch."""
        sha = project.repository.branches()[ref]
        try:
            jobs = self._plan(project, sha, "push", {}, {})
        except CiConfigError:
            return
        pipeline = self._record(project, ref, sha, user, "push")
        pipeline.jobs = [self._job(job, user) for job in jobs]
        at = project.repository.commit(sha).committed_at
        pipeline.created_at = pipeline.started_at = at
        for job in pipeline.jobs:
            job.status, job.created_at, job.started_at, job.finished_at = "success", at, at, at
        pipeline.status, pipeline.finished_at, pipeline.updated_at = "success", at, at

    def decide(self, project: Project, ref: str, status: str) -> None:
        """How the pipeline of a ref ends that is running now, or else its next one.

        Raises:
            ValueError: pipelines do not end like that.
        """
        if status not in ENDINGS | {HELD}:
            raise ValueError(f"status must be one of {sorted(ENDINGS | {HELD})}")
        latest = next((p for p in reversed(project.pipelines) if p.about(ref)), None)
        if latest is not None and latest.id in self._tasks:
            self._verdicts[latest.id] = status
            told, self._told = self._told, asyncio.Event()
            told.set()
        else:
            self._next[project.id, ref] = status

    def cancel(self, project: Project, pipeline: Pipeline) -> None:
        """End it now."""
        if (task := self._tasks.pop(pipeline.id, None)) is not None:
            task.cancel()
        for job in pipeline.jobs:
            if job.status in ("created", "pending", "running"):
                self._end(job, "canceled")
        if pipeline.active:
            self._set(project, pipeline, "canceled")

    def retry(self, project: Project, pipeline: Pipeline, user: User) -> None:
        """Run again what did not end well."""
        again = [j for j in pipeline.jobs if j.status in ("failed", "canceled") and not j.retried]
        for job in again:
            job.retried = True
            planned = PlannedJob(job.name, job.stage, job.script, job.seconds)
            pipeline.jobs.append(self._job(planned, user))
        if again:
            self._verdicts[pipeline.id] = self._verdict(project, pipeline)
            self._launch(project, pipeline)

    def stop(self) -> None:
        """Forget everything that is on its way."""
        for task in (*self._tasks.values(), *self._coming):
            task.cancel()
        for records in (self._tasks, self._verdicts, self._next):
            records.clear()

    def _launch(self, project: Project, pipeline: Pipeline) -> None:
        pipeline.finished_at = None
        self._set(project, pipeline, "pending")
        name = f"pipeline {pipeline.id} of {project.path}"
        task = self._world.kernel.spawn(self._run(project, pipeline), name)
        self._tasks[pipeline.id] = task

    async def _run(self, project: Project, pipeline: Pipeline) -> None:
        work = self._world.kernel.clock.work
        seconds = _SHORTEST + int(pipeline.sha[:4], 16) % _SPREAD
        await work(_PICKED_UP if pipeline.jobs[0].seconds is None else _PICKED_UP_SOON)
        pipeline.started_at = pipeline.started_at or self._world.now()
        self._set(project, pipeline, "running")
        jobs = [job for job in pipeline.jobs if job.status == "created"]
        for job in jobs:
            job.status, job.started_at = "running", self._world.now()
            self._changed(project, pipeline)
            share = seconds * (_BUILD_SHARE if job.stage == "build" else _TEST_SHARE)
            await work(share if job.seconds is None else job.seconds)
            last = job is jobs[-1]
            self._end(job, await self._ending(pipeline) if last else "success")
        del self._tasks[pipeline.id]
        self._set(project, pipeline, jobs[-1].status)

    async def _ending(self, pipeline: Pipeline) -> str:
        while (verdict := self._verdicts[pipeline.id]) == HELD:
            await self._told.wait()
        return verdict

    def _end(self, job: Job, status: str) -> None:
        job.status, job.finished_at = status, self._world.now()

    def _set(self, project: Project, pipeline: Pipeline, status: str) -> None:
        pipeline.status = status
        if not pipeline.active:
            pipeline.finished_at = self._world.now()
        self._world.tell(PipelineMoved(project, pipeline))
        self._changed(project, pipeline)

    def _changed(self, project: Project, pipeline: Pipeline) -> None:
        pipeline.updated_at = self._world.now()
        for listener in self.on_change:
            listener(project, pipeline)
        self._world.kernel.feed.publish(
            "pipeline", project=project.path, ref=pipeline.ref, status=pipeline.status
        )

    def _record(self, project: Project, ref: str, sha: str, user: User, source: str) -> Pipeline:
        number, now = self._world.next_id(), self._world.now()
        iid = len(project.pipelines) + 1
        pipeline = Pipeline(number, iid, ref, sha, source, user, now, now)
        project.pipelines.append(pipeline)
        return pipeline

    def _plan(
        self,
        project: Project,
        sha: str,
        source: str,
        variables: Mapping[str, str],
        inputs: Mapping[str, str],
    ) -> list[PlannedJob]:
        text = project.repository.read(sha, _CONFIG)
        if text is None:
            raise CiConfigError("Missing CI config file")
        return plan(text, source, variables, inputs)

    def _verdict(self, project: Project, pipeline: Pipeline) -> str:
        """How it ends: as told for its ref or for the source branch behind it, else well."""
        for ref in (pipeline.ref, pipeline.source_branch):
            if (told := self._next.pop((project.id, ref), None)) is not None:
                return told
        return "success"

    def _job(self, job: PlannedJob, user: User) -> Job:
        number, now = self._world.next_id(), self._world.now()
        made = Job(number, job.name, job.stage, "created", user, now)
        made.script, made.seconds = job.script, job.seconds
        return made


def latest_pipeline(project: Project, *, ref: str = "", sha: str = "") -> Pipeline | None:
    """The newest one of a ref, of a commit, or of both."""
    for pipeline in reversed(project.pipelines):
        if (not ref or pipeline.ref == ref) and (not sha or pipeline.sha == sha):
            return pipeline
    return None
