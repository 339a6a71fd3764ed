"""Named jobs as steps of any operation: started once, followed, their end recorded."""

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, TypeVar

from qbot.domain.changes import Audited
from qbot.domain.environment import Environment
from qbot.domain.jobs import Job, JobRun, JobState
from qbot.domain.release_ports import JobRunner
from qbot.errors import NotTakenError, TransientError
from qbot.operations.context import Context
from qbot.operations.needed import Still, rested, while_needed
from qbot.operations.run import Run
from qbot.operations.sitting_out import KNOWN, Deadline

_NOT_STARTED = "It could not be started in time"
_NOT_KNOWN = "Whether it was started is not known"
_FIRST, _LONGEST, _GROWTH = 2.0, 30.0, 1.5  # seconds between two looks

T = TypeVar("T")


class _LateError(Exception):
    """Its time is over, and it is not begun."""


def of_environment(env: Environment) -> dict[str, str]:
    """What a job's braces stand for, where it is run for an environment."""
    return {
        "env": env.name,
        "url": env.url,
        "branch": env.branch,
        "services": ",".join(p.service for p in env.plans),
    }


async def run_job(
    run: Run,
    runner: JobRunner,
    job: Job,
    values: Mapping[str, str],
    *,
    key: str,
    show: Callable[[JobRun], None],
    context: Context,
    still: Still | None = None,
) -> JobRun:
    """Run a job to its end; after a crash the one that was started is followed further.

    Args:
        run: whose steps it consists of.
        runner: starts and looks.
        job: as qbot.yaml describes it.
        values: what its braces stand for.
        key: names this go at it, among all jobs of all operations.
        show: told how it stands whenever it was looked at.
        context: for its time limit, which an outage of GitLab puts off.
        still: raises Cancelled when it is not to be waited for any more; asked every few seconds,
            whether looks are answered or not. A start that is under way is not broken off.

    Returns:
        How it ended; one that is late or cannot be started has failed, and `note` says so.

    Raises:
        PermanentError: it cannot be run at all: a setting or a right is missing.
        Cancelled: somebody asked to cancel, or `still` does; what runs outside goes on by itself.
    """
    show(JobRun(job.name, JobState.RUNNING))
    deadline = await context.deadline(run, f"job:{key}:until", job.timeout.total_seconds())
    facts = (("job", job.name), ("key", key))
    heard = _Hearing()

    async def start() -> str:
        if not deadline.is_over:
            return await heard.start(runner.start(job, values, key=key, since=since))
        # One that is begun late would run on outside while it is called failed, and run again;
        # the answer to a start in time may have been lost.
        found = await runner.found(job, values, key=key, since=since)
        if found is None:
            raise _LateError(heard.last)
        return found

    try:
        since = await run.step(
            f"job:{key}:since",
            lambda: heard.before(runner.before(job, values)),
            within=max(deadline.left, KNOWN),
            sits_out=True,
            still=still,
        )
        handle = await run.step(
            f"job:{key}:start",
            start,
            changes=lambda made: [Audited("job.started", "done", (*facts, ("handle", made[:80])))],
            within=max(deadline.left, KNOWN),
            sits_out=True,
            still=still,
        )
    except (TransientError, _LateError) as error:
        what = _NOT_KNOWN if heard.may_be_begun else _NOT_STARTED
        why = f": {error}" if str(error) else "."
        ended = JobRun(job.name, JobState.FAILED, note=f"{what}{why}")
        show(ended)
        return ended
    watch = _Watch(run, runner, job, handle, deadline, show, still)
    state, url, note = await run.step(
        f"job:{key}:end",
        watch.until_ended,
        changes=lambda end: [Audited("job.ended", _outcome(end[0]), (*facts, ("url", end[1])))],
    )
    ended = JobRun(job.name, JobState(state), url, note)
    show(ended)
    return ended


def _outcome(state: str) -> str:
    return "done" if state == JobState.PASSED.value else "failed"


class _Hearing:
    """Keeps why the latest try was in vain, and whether one may have begun the job."""

    def __init__(self) -> None:
        self.last = ""
        self.may_be_begun = True  # by a run that died, unless this one is the first to prepare it

    async def before(self, asking: Awaitable[T]) -> T:
        """What is there before the first start."""
        self.may_be_begun = False
        return await self._through(asking)

    async def start(self, asking: Awaitable[T]) -> T:
        """Its handle."""
        try:
            return await self._through(asking)
        except TransientError as error:
            self.may_be_begun |= not isinstance(error, NotTakenError)
            raise

    async def _through(self, asking: Awaitable[T]) -> T:
        try:
            return await asking
        except TransientError as error:
            self.last = str(error)
            raise


class _Watch:
    """Looks at a job that was started, at growing distances."""

    def __init__(
        self,
        run: Run,
        runner: JobRunner,
        job: Job,
        handle: str,
        deadline: Deadline,
        show: Callable[[JobRun], None],
        still: Still | None,
    ) -> None:
        self._run = run
        self._runner = runner
        self._job = job
        self._handle = handle
        self._deadline = deadline
        self._show = show
        self._still = still
        self._seen = JobRun(job.name, JobState.RUNNING)

    async def until_ended(self) -> list[str]:
        """Its state, URL and note in the end."""
        pause = _FIRST
        while True:
            unseen = await self._look()
            left = self._deadline.left
            if self._seen.state is not JobState.RUNNING:
                return [self._seen.state.value, self._seen.url, self._seen.note]
            if left <= 0:
                late = f"Whether it has ended is not known: {unseen}"
                note = late if unseen else "It did not end in time."
                return [JobState.FAILED.value, self._seen.url, note]
            await rested(min(pause, left), self._still, self._run.sleep)
            pause = min(pause * _GROWTH, _LONGEST)

    async def _look(self) -> str:
        """Why it could not be looked at until its time was over; mostly empty."""
        looking = self._run.call(
            f"look at the job {self._job.name}",
            lambda: self._runner.look(self._job, self._handle),
            within=max(self._deadline.left, KNOWN),
            sits_out=True,
        )
        try:
            self._seen = await self._answered(looking)
        except TransientError as error:
            return str(error)
        self._show(self._seen)
        return ""

    async def _answered(self, looking: Coroutine[Any, Any, JobRun]) -> JobRun:
        if self._still is None:
            return await looking
        return await while_needed(looking, self._still, self._run.sleep)
