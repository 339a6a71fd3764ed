"""Deployed is not ready yet: the URL is asked until it answers, then a job says whether all works.

Only where qbot.yaml wants it (`environments.ready`), and only once every service is deployed.
"""

from dataclasses import dataclass
from datetime import datetime

from qbot.domain.changes import Audited, Change
from qbot.domain.environment import Phase
from qbot.domain.jobs import Job, JobState
from qbot.domain.progress import End, Step
from qbot.domain.ready import Ready
from qbot.operations.context import Context
from qbot.operations.jobs import of_environment, run_job
from qbot.operations.outcome import Result
from qbot.operations.run import Run
from qbot.operations.track import Tracker

_PAUSE = 2.0  # seconds between two questions
_NOT_FOUND_OUT = "Whether it answers and works was not found out."


async def proven(run: Run, context: Context, tracker: Tracker, result: Result) -> Result:
    """The same result, unless everything is deployed and does not answer or work.

    Raises:
        PermanentError: the job cannot be run at all.
        Cancelled: somebody asked to cancel; a job that was started goes on outside.
    """
    if context.ready is None or result.end is not End.SUCCEEDED:
        return result
    proof = _Proof(run, context, tracker, context.ready)
    why = await proof.of_url() or await proof.of_job()
    if not why:
        return result
    return Result(End.FAILED, Phase.FAILED, f"Everything is deployed, but {why}")


def not_proven(tracker: Tracker, headline: str) -> str:
    """The headline of what was cancelled while this was under way says so."""
    under_way = tracker.progress.step in (Step.ANSWERING, Step.AFTER)
    return f"{headline} {_NOT_FOUND_OUT}" if under_way else headline


@dataclass(frozen=True, slots=True)
class _Proof:
    run: Run
    context: Context
    tracker: Tracker
    ready: Ready

    async def of_url(self) -> str:
        """Why the URL does not answer well; empty: it does, or is not asked."""
        env, seen = self.tracker.env, self.tracker.progress.services
        here = {p.service for p in env.plans} | {s.service for s in seen}
        url = self.context.rules.answered(self.ready.url_of(env.name), here)
        if not url:
            return ""
        self.tracker.step(Step.ANSWERING)
        until = await self.run.deadline("deadline:url", self.ready.within.total_seconds())

        async def ask() -> str:
            return await self._until_well(url, until)

        def changes(said: str) -> list[Change]:
            outcome = "failed" if said else "done"
            return [Audited("environment.answered", outcome, (("url", url), ("said", said)))]

        said = await self.run.step("url", ask, changes=changes)
        self.tracker.says("")
        return f"its URL {said}." if said else ""

    async def _until_well(self, url: str, until: datetime) -> str:
        """What it said last, once the time is over; empty as soon as it answers well."""
        clock = self.context.clock
        while True:
            answer = await self.run.interruptible(self.ready.addresses.ask(url, self.ready.good))
            if answer.well:
                return ""
            left = (until - clock.now()).total_seconds()
            if left <= 0:
                return answer.said
            self.tracker.says(f"Its URL {answer.said}.")
            await self.run.sleep(min(_PAUSE, left))

    async def of_job(self) -> str:
        """Why the job failed; empty: it passed, or there is none."""
        return await self._ran(self.ready.job) if self.ready.job else ""

    async def _ran(self, job: Job) -> str:
        self.tracker.step(Step.AFTER)
        op, here = self.run.operation.id, self.tracker.env.id
        env = await self.run.call("the database", lambda: self.context.environment(here))
        ended = await run_job(
            self.run,
            self.ready.runner,
            job,
            of_environment(env),
            key=f"{op}:ready",
            show=self.tracker.tests,
            context=self.context,
        )
        if ended.state is JobState.PASSED:
            return ""
        return f"the job {job.name} failed{f': {ended.note}' if ended.note else '.'}"
