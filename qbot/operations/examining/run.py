"""Everything at once, within a minute."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

import structlog

from qbot.domain.diagnosis.clock import judge_clock
from qbot.domain.diagnosis.database import judge_database
from qbot.domain.diagnosis.findings import Area, Notes, Report, Unread, report
from qbot.domain.diagnosis.gitlab import GitLabNeeds, judge_blind
from qbot.domain.diagnosis.hooks import HookNeeds, Running
from qbot.domain.diagnosis.ports import (
    DatabaseReader,
    FileReader,
    GitLabReader,
    HookReader,
    RunningReader,
    SlackReader,
)
from qbot.domain.diagnosis.repositories import RepositoryNeeds
from qbot.domain.diagnosis.running import judge_running
from qbot.domain.diagnosis.slack import SlackNeeds
from qbot.domain.ports import Clock
from qbot.operations.caught import caught
from qbot.operations.examining.argocd import Instance, examine_argocd
from qbot.operations.examining.gitlab import (
    examine_gitlab,
    examine_repositories,
    read_projects,
    readable,
)
from qbot.operations.examining.hooks import examine_hooks
from qbot.operations.examining.reading import tried
from qbot.operations.examining.slack import examine_slack

log = structlog.get_logger()
MOST = 36.0  # seconds for one vendor; what its library has begun may take 20 more to end
_FIRST = 12.0  # seconds for its first answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Readers:
    """Where facts come from."""

    slack: SlackReader
    argocd: Sequence[Instance]
    gitlab: GitLabReader
    files: FileReader
    hooks: HookReader
    database: DatabaseReader
    running: RunningReader


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What settings and qbot.yaml ask for. `services`: the projects that webhooks tell of."""

    slack: SlackNeeds
    gitlab: GitLabNeeds
    repositories: RepositoryNeeds
    hooks: HookNeeds
    services: Sequence[str]


@dataclass(slots=True)
class _Round:
    """One examination."""

    offsets: dict[str, float] = field(default_factory=dict)


class Examiner:
    """May be asked again and again; several who ask at once share one examination.

    Args:
        needs: what has to be.
        readers: what is.
        clock: this machine's.
        clean: leaves no secret in a text.
        most: seconds for each vendor.
    """

    def __init__(
        self,
        needs: Needs,
        readers: Readers,
        clock: Clock,
        *,
        clean: Callable[[str], str],
        most: float = MOST,
    ) -> None:
        self._needs = needs
        self._readers = readers
        self._clock = clock
        self._clean = clean
        self._most = most
        self._running: asyncio.Task[Report] | None = None

    async def run(self) -> Report:
        """All findings, the worst first."""
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._examine())
        return await asyncio.shield(self._running)

    async def _examine(self) -> Report:
        one, readers = _Round(), self._readers
        running = await tried(readers.running.read())
        parts = await asyncio.gather(
            self._within(Area.SLACK, "Slack", partial(self._slack, one)),
            self._within(Area.GITLAB, "GitLab", partial(self._gitlab, one, running)),
            *(
                self._within(
                    Area.ARGOCD, f"Argo CD {each.needs.instance}", partial(self._argocd, one, each)
                )
                for each in readers.argocd
            ),
            self._within(Area.DATABASE, "The database", self._database),
        )
        notes = [note for part in parts for note in part]
        found = report(
            *notes, judge_running(running), judge_clock(dict(sorted(one.offsets.items())))
        )
        return found.through(self._clean)

    async def _within(
        self, area: Area, name: str, work: Callable[[], Awaitable[Sequence[Notes]]]
    ) -> Sequence[Notes]:
        """Its findings, or that it took too long, or that Qbot itself stumbled."""
        try:
            async with asyncio.timeout(self._most):
                found = await caught(work())
        except TimeoutError:
            return [_given_up(area, name, self._most)]
        return [_stumbled(area, name, found)] if isinstance(found, Exception) else found

    async def _slack(self, one: _Round) -> Sequence[Notes]:
        found = await tried(self._readers.slack.token(), _FIRST)
        if isinstance(found, Unread):
            return [_unreached(Area.SLACK, "slack", "Slack", "QBOT_SLACK__BOT_TOKEN", found)]
        token, at = found
        self._compare(one, "Slack", at)
        return [await examine_slack(self._needs.slack, self._readers.slack, token)]

    async def _argocd(self, one: _Round, instance: Instance) -> Sequence[Notes]:
        name = instance.needs.instance
        found = await tried(instance.reader.version(), _FIRST)
        if isinstance(found, Unread):
            setting, told = f"{instance.needs.setting}URL", f"Argo CD {name}"
            return [_unreached(Area.ARGOCD, f"argocd.{name}", told, setting, found)]
        version, at = found
        self._compare(one, f"Argo CD {name}", at)
        return [await examine_argocd(instance, version)]

    async def _gitlab(self, one: _Round, running: Running | Unread) -> Sequence[Notes]:
        needs, readers = self._needs, self._readers
        found = await tried(readers.gitlab.token(), _FIRST)
        if isinstance(found, Unread):
            setting = "QBOT_GITLAB__URL and QBOT_GITLAB__TOKEN"
            return [_unreached(Area.GITLAB, "gitlab", "GitLab", setting, found)]
        token, at = found
        self._compare(one, "GitLab", at)
        if token.reads_nothing:
            return [judge_blind(needs.gitlab, token)]
        today = self._clock.now().date()
        seen = await read_projects(needs.gitlab, readers.gitlab, token)
        return await asyncio.gather(
            examine_gitlab(needs.gitlab, readers.gitlab, token, seen, today),
            examine_repositories(
                needs.repositories, readers.gitlab, readers.files, readable(seen, token)
            ),
            examine_hooks(
                needs.hooks, readers.hooks, needs.services, seen, running, admin=token.admin
            ),
        )

    async def _database(self) -> Sequence[Notes]:
        return [judge_database(await tried(self._readers.database.read()))]

    def _compare(self, one: _Round, vendor: str, at: datetime | None) -> None:
        if at is not None:
            one.offsets[vendor] = (self._clock.now() - at).total_seconds()


def _given_up(area: Area, name: str, most: float) -> Notes:
    notes = Notes.of(area)
    notes.lacking(
        f"{name.lower().replace(' ', '-')}.slow",
        f"{name} could not be examined within {most:g} s.",
        cause="It answers slowly, or limits Qbot.",
        remedy="Look at its status; then examine again.",
    )
    return notes


def _stumbled(area: Area, name: str, error: Exception) -> Notes:
    log.error("an examination failed", part=name, exc_info=error)
    notes = Notes.of(area)
    notes.lacking(
        f"{name.lower().replace(' ', '-')}.failed",
        f"{name} could not be examined: its answers are not of the documented form.",
        cause=type(error).__name__,
        remedy="The log has more; does a proxy answer in its place?",
    )
    return notes


def _unreached(area: Area, name: str, vendor: str, setting: str, why: Unread) -> Notes:
    """Nothing else of it can be told."""
    notes = Notes.of(area)
    notes.broken(
        name,
        f"{vendor} does not answer." if why.away else f"{vendor} refuses Qbot.",
        cause=why.why,
        remedy=f"Look how {vendor} is, and at the way there; the token was not tried."
        if why.away
        else f"Check {setting}.",
    )
    notes.unchecked(f"{name}.all", f"Everything else about {vendor}", "See above.")
    return notes
