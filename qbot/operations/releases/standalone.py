"""A named job by itself: `run ENV|STAGE job`. It holds nothing, and may run beside anything."""

from dataclasses import replace

from qbot.domain.changes import Audited, CardChanged
from qbot.domain.inputs import JobInput
from qbot.domain.jobs import JobRun, JobState
from qbot.domain.progress import End, Progress, Step
from qbot.errors import PermanentError
from qbot.operations.handler import Cancelled, Outcome
from qbot.operations.jobs import run_job
from qbot.operations.releases.context import ReleaseContext
from qbot.operations.run import Run

_LEFT = "It is not followed any more; what runs outside goes on by itself."


async def job(run: Run, context: ReleaseContext) -> Outcome:
    """Run it to its end.

    Raises:
        PermanentError: qbot.yaml has no such job any more, or it cannot be run at all.
    """
    asked, card = run.operation.input, _Card(run, context)
    if not isinstance(asked, JobInput):
        raise TypeError(asked)
    found = context.jobs.get(asked.job)
    if found is None:
        raise PermanentError(f"qbot.yaml has no job {asked.job!r} any more.")
    card.show(JobRun(found.name, JobState.RUNNING))
    try:
        values = await _values(run, context, asked)
        ended = await run_job(
            run,
            context.runner,
            found,
            values,
            key=run.operation.id,
            show=card.show,
            clock=context.base.clock,
        )
    except Cancelled:
        return card.ended(End.CANCELLED, _LEFT)
    passed = ended.state is JobState.PASSED
    return card.ended(End.SUCCEEDED if passed else End.FAILED, ended.note)


class _Card:
    """What is shown of one run; the newest is written."""

    def __init__(self, run: Run, context: ReleaseContext) -> None:
        shown = run.operation.progress
        if not isinstance(shown, Progress):
            raise PermanentError(
                f"The card of operation {run.operation.id} is not in the database."
            )
        self._run = run
        self._clock = context.base.clock
        self._shown = replace(shown, step=Step.RUNNING, headline="")

    def show(self, seen: JobRun) -> None:
        """How the job stands."""
        self._shown = replace(self._shown, job=seen, updated_at=self._clock.now())
        self._run.report(self._shown)

    def ended(self, end: End, headline: str) -> Outcome:
        """The end of the operation, with the card and the audit row."""
        at, seen = self._clock.now(), self._shown.job
        last = replace(
            self._shown,
            step=Step.ENDED,
            end=end,
            ended_at=at,
            updated_at=at,
            headline=headline,
            trouble="",
            trouble_since=None,
        )
        facts = (("job", seen.job if seen else ""), ("url", seen.url if seen else ""))
        return Outcome(end, headline, [CardChanged(last), Audited("job.run", end.value, facts)])


async def _values(run: Run, context: ReleaseContext, asked: JobInput) -> dict[str, str]:
    """What the braces of the job stand for, as of when it began."""

    async def look() -> dict[str, str]:
        if asked.place is not None:
            stage = context.stage(asked.place)
            return {
                "env": stage.name,
                "stage": stage.name,
                "url": stage.url,
                "branch": stage.config.branch,
                "services": ",".join(stage.services),
            }
        env = await context.base.environment(run.operation.env)
        return {
            "env": env.name,
            "url": env.url,
            "branch": env.branch,
            "services": ",".join(p.service for p in env.plans),
        }

    return await run.step("values", look)
