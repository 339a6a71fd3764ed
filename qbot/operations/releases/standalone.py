"""A named job by itself: `run ENV|STAGE job`. It holds nothing, and may run beside anything."""

from dataclasses import replace

from qbot.domain.barriers import BarredError
from qbot.domain.changes import Audited, CardChanged, Change
from qbot.domain.closing import closed
from qbot.domain.environment import Environment
from qbot.domain.inputs import JobInput
from qbot.domain.jobs import JobRun, JobState
from qbot.domain.progress import End, Progress, Step
from qbot.domain.stages import Stage
from qbot.errors import PermanentError
from qbot.operations.handler import Cancelled, Outcome
from qbot.operations.jobs import of_environment, run_job
from qbot.operations.releases.context import ReleaseContext
from qbot.operations.releases.job_requests import passed
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
        place = await _place(run, context, asked)
        await _admit(run, context, place, asked.reason)
        values = await _values(run, place)
        ended = await run_job(
            run,
            context.runner,
            found,
            values,
            key=run.operation.id,
            show=card.show,
            context=context.base,
        )
    except Cancelled:
        return card.ended(End.CANCELLED, _LEFT)
    except BarredError as error:
        return card.ended(End.REFUSED, str(error))
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
        last = closed(self._shown, end, headline, at)
        facts = (("job", seen.job if seen else ""), ("url", seen.url if seen else ""))
        return Outcome(end, headline, [CardChanged(last), Audited("job.run", end.value, facts)])


async def _place(run: Run, context: ReleaseContext, asked: JobInput) -> Stage | Environment:
    if asked.place is not None:
        return context.stage(asked.place)
    return await run.call("the database", lambda: context.base.environment(run.operation.env))


async def _admit(
    run: Run, context: ReleaseContext, place: Stage | Environment, reason: str
) -> None:
    """Judge once more when it begins; what was passed as an exception is written down.

    Raises:
        BarredError: something has come in its way since it was asked for.
    """
    by = run.operation

    async def judge() -> list[list[str]]:
        found = await passed(context, place, by.actor, reason=reason, asked_at=by.created_at)
        return [[barrier.rule, barrier.reason] for barrier in found]

    roles = ", ".join(place.exempt) if isinstance(place, Stage) else ""
    right = (("right", "exempt"), ("roles", roles), ("by", reason))

    def changes(found: list[list[str]]) -> list[Change]:
        return [
            Audited("job.exempted", "done", (("rule", rule), ("why", why), *right))
            for rule, why in found
        ]

    await run.step("admit", judge, changes=changes)


async def _values(run: Run, place: Stage | Environment) -> dict[str, str]:
    """What the braces of the job stand for, as of when it began."""

    async def look() -> dict[str, str]:
        if isinstance(place, Stage):
            return {
                "env": place.name,
                "stage": place.name,
                "url": place.url,
                "branch": place.config.branch,
                "services": ",".join(place.services),
            }
        return of_environment(place)

    return await run.step("values", look)
