"""Services whose commit is still being built: they join the deployment when it passes."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from qbot.domain.changes import PlansChanged
from qbot.domain.names import ServiceName
from qbot.domain.progress import Stage
from qbot.domain.services import Build, ServicePlan
from qbot.errors import TransientError
from qbot.operations.context import Context
from qbot.operations.run import Run
from qbot.operations.track import Tracker

_POLL = timedelta(seconds=5)
_SLOW = timedelta(seconds=30)  # where a hook tells of each change
_SOURCE = "pipelines"
_STAGES = {Build.RUNNING: Stage.BUILDING, Build.FAILED: Stage.BUILD_FAILED}


class Builds:
    """Belongs to one run. A failed pipeline is looked at too: somebody may run it again."""

    def __init__(
        self, run: Run, context: Context, tracker: Tracker, waiting: Sequence[ServicePlan]
    ) -> None:
        self._run = run
        self._context = context
        self._tracker = tracker
        self._waiting = {plan.service: plan for plan in waiting}
        self._due: datetime | None = None
        self._heard: dict[ServiceName, int] = {}

    @property
    def running(self) -> bool:
        """Whether some pipeline has not ended; failed ones hold nobody up."""
        return any(plan.build is not Build.FAILED for plan in self._waiting.values())

    async def passed(self) -> Sequence[ServicePlan]:
        """Those that have passed since the last call; recorded."""
        now = self._context.clock.now()
        if not self._waiting:
            return ()
        is_news = await self._listen()
        if not is_news and self._due is not None and now < self._due:
            return ()
        self._due = now + (_SLOW if self._heard and all(self._heard.values()) else _POLL)
        passed = [p for p in await self._look() if p.build in (Build.PASSED, Build.NONE)]
        if passed:
            for plan in passed:
                del self._waiting[plan.service]
            await self._record("built", passed)
        return passed

    async def _listen(self) -> bool:
        """Whether a hook said something new of one of the pipelines."""
        catalog = self._context.catalog
        try:
            heard = {
                name: await self._context.news.heard(catalog[name].project, plan.sha)
                for name, plan in self._waiting.items()
            }
        except TransientError:
            return False  # there is the poll as well
        is_news = any(self._heard.get(name, 0) != number for name, number in heard.items())
        self._heard = heard
        return is_news

    async def _look(self) -> Sequence[ServicePlan]:
        """One question that does not wait: what runs already is watched meanwhile."""
        catalog = self._context.catalog
        project = {name: catalog[name].project for name in self._waiting}
        commits = {(project[n], p.sha) for n, p in self._waiting.items()}
        try:
            found = await self._run.call(
                "builds", lambda: self._context.gitlab.builds(commits), within=0
            )
        except TransientError as error:
            pause = max(error.retry_after or 0.0, _POLL.total_seconds())
            self._due = self._context.clock.now() + timedelta(seconds=pause)
            self._run.trouble(str(error), source=_SOURCE)
            return ()
        self._run.trouble("", source=_SOURCE)
        failed = []
        for name, plan in self._waiting.items():
            build, url = found[project[name], plan.sha]
            self._waiting[name] = replace(plan, build=build, build_url=url)
            self._show(name, build)
            if build is Build.FAILED and plan.build is not build:
                failed.append(self._waiting[name])
        if failed:
            await self._record("failed", failed)
        return tuple(self._waiting.values())

    def _show(self, name: ServiceName, build: Build) -> None:
        if stage := _STAGES.get(build):
            self._tracker.stage(name, stage)

    async def _record(self, what: str, plans: Sequence[ServicePlan]) -> None:
        env = self._tracker.env
        names = ",".join(sorted(p.service for p in plans))
        change = PlansChanged(env.id, tuple(plans))
        await self._run.step(f"{what}:{names}", _nothing, changes=[change])


async def _nothing() -> None:
    """A step that only records."""
