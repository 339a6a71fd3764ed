"""Qbot's doors as they are built, in one process: the stand-in for Slack in front, SQLite behind.

Nothing carries operations on: what was submitted stays queued, and a test ends it by hand.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Literal, cast
from zoneinfo import ZoneInfo

from slack_bolt.async_app import AsyncApp

from qbot.domain import progress
from qbot.domain.approvals import Person
from qbot.domain.argocd_ports import ArgoCD
from qbot.domain.authority import Authority, Rule
from qbot.domain.brake import Brake
from qbot.domain.changes import CardChanged, PhaseChanged
from qbot.domain.diagnosis.findings import Area, Notes, Report, report
from qbot.domain.environment import Environment, Phase
from qbot.domain.health import AppState
from qbot.domain.morning import Mornings
from qbot.domain.names import BranchName, EnvId, ProjectPath, ServiceName
from qbot.domain.operation import Operation
from qbot.domain.outages import WhetherAway, never
from qbot.domain.people import Actor
from qbot.domain.ports import Answers, Audit, GitLab
from qbot.domain.progress import End, ServiceProgress, Step
from qbot.domain.promotion import Account
from qbot.domain.reaping import ReapRule, Terms
from qbot.domain.release_ports import Images, JobRunner
from qbot.domain.repository_ports import ConfigRepository
from qbot.domain.rules import Rules
from qbot.domain.services import Commit, Service
from qbot.domain.stages import Stage as ReleaseStage
from qbot.domain.store_ports import Store
from qbot.domain.unfinished import UnfinishedRows
from qbot.errors import TransientError
from qbot.gateways.clock import SystemClock
from qbot.gateways.slack import SlackGateway, open_slack
from qbot.operations.context import Context
from qbot.operations.reaping import Planner
from qbot.operations.releases.context import ReleaseContext
from qbot.operations.releases.job_requests import JobRequests
from qbot.operations.releases.known import Register
from qbot.operations.releases.obstacles import Obstacles
from qbot.operations.releases.requests import ReleaseRequests
from qbot.operations.releases.verdicts import Verdicts
from qbot.operations.requests import Requests
from qbot.operations.rights import Rights
from qbot.operations.version_requests import VersionRequests
from qbot.render.blocks import Message as Rendered
from qbot.render.style import Style
from qbot.sandbox.slack import content, payloads
from qbot.sandbox.slack.arguments import Arguments
from qbot.sandbox.slack.delivery.outcome import Delivery, Outcome
from qbot.sandbox.slack.delivery.signed_http import SignedHttp
from qbot.sandbox.slack.delivery.socket_mode import SocketMode as Sockets
from qbot.sandbox.slack.model import Json, Message, View
from qbot.sandbox.slack.seed import TEAM
from qbot.slack.answers import SlackAnswers
from qbot.slack.desk import Desk
from qbot.slack.guard import PATIENCE, Guard
from qbot.slack.home import HomeTab
from qbot.slack.listeners import Listeners
from qbot.slack.names import Names
from qbot.slack.register import SocketMode, bolt_app
from qbot.slack.releases.desk import ReleaseDesk
from qbot.slack.releases.notices import SlackNotices
from qbot.slack.still import AFTER, CARD, Still
from qbot.slack.unfinished import Unfinished
from qbot.slack.untold import Untold
from qbot.slack.versions import Versions
from qbot.slack.visitors import Visitors
from qbot.store import Database, open_store
from qbot.store.statements import Row, Script, sql
from qbot.web.metrics import Metrics
from qbot.web.slack import slack_app
from tests.operations.releases.fakes import FakeRepository
from tests.sandbox.slack.stage import ANA, GENERAL, Stage, served, stage, until

SERVICES = ("cart", "orders", "payments")

SYNC_LINE = "p, role:qbot, applications, sync, qbot-*/*, allow"


class Survey:
    """The one question that the doors ask Argo CD; `error` is raised instead of an answer."""

    def __init__(self) -> None:
        self.states: Mapping[ServiceName, AppState] = {}
        self.failing_now: Mapping[EnvId, int] = {}
        self.listed: list[Collection[EnvId]] = []
        self.error: Exception | None = None
        self.answering = asyncio.Event()
        self.answering.set()

    async def failing(self, envs: Collection[EnvId]) -> Mapping[EnvId, int]:
        self.listed.append(envs)
        if self.error:
            raise self.error
        return self.failing_now

    async def survey(self, env: Environment) -> Mapping[ServiceName, AppState]:
        await self.answering.wait()
        if self.error:
            raise self.error
        return self.states


class Branches:
    """The questions that the doors ask GitLab; every repository has every branch at first."""

    def __init__(self) -> None:
        self.known: Sequence[str] | None = None
        self.answering = asyncio.Event()
        self.answering.set()

    async def heads(
        self, projects: Collection[ProjectPath], branch: BranchName
    ) -> Mapping[ProjectPath, Commit | None]:
        await self.answering.wait()
        there = self.known is None or branch in self.known
        return {p: Commit("a" * 40) if there else None for p in projects}

    async def branch_names(self, projects: Collection[ProjectPath], text: str) -> Sequence[str]:
        assert projects
        return [b for b in self.known or () if text in b]

    async def resolve(self, project: ProjectPath, ref: str) -> Commit | None:
        """There are no tags, and no commit is asked for."""
        assert project
        assert ref
        return None


class People:
    """Who people are and which roles they have; nobody has a GitLab account unless it is said."""

    def __init__(self) -> None:
        self.known: dict[str, Person] = {}
        self.fresh: list[str] = []  # users that were asked for anew
        self.asked: list[str] = []
        self.urgent: list[str] = []
        self.limited: list[float] = []  # pauses that are asked for, one a question
        self.forgotten = 0
        self.answering = asyncio.Event()
        self.answering.set()

    def know(self, user: str, number: int | None, *roles: str, active: bool = True) -> None:
        account = None if number is None else Account(number, f"git{number}")
        self.known[user] = Person(Actor(TEAM, user), account, frozenset(roles), active=active)

    async def persons(
        self, actors: Sequence[Actor], *, fresh: bool = False, urgent: bool = False
    ) -> Sequence[Person]:
        return [await self.person(actor, fresh=fresh, urgent=urgent) for actor in actors]

    async def person(self, actor: Actor, *, fresh: bool = False, urgent: bool = False) -> Person:
        (self.fresh if fresh else self.asked).append(actor.user)
        if urgent:
            self.urgent.append(actor.user)
        await self.answering.wait()
        if fresh and self.limited:
            raise TransientError("Slack limits", retry_after=self.limited.pop())
        return self.known.get(actor.user) or Person(actor, None)

    def forget_groups(self) -> None:
        self.forgotten += 1

    async def holders(self, roles: Collection[str]) -> Sequence[Actor]:
        return [p.actor for p in self.known.values() if p.roles & set(roles)]

    async def authors(self, emails: Collection[str]) -> Mapping[str, int]:
        return {}

    async def accounts(self, roles: Collection[str]) -> frozenset[int]:
        return frozenset()


@dataclass
class Scene:
    """What a test does and sees."""

    played: Stage
    bolt: AsyncApp
    database: Database
    desk: Desk
    guard: Guard
    listeners: Listeners
    argocd: Survey
    gitlab: Branches
    transport: SignedHttp | Sockets
    metrics: Metrics
    releases: ReleaseDesk
    people: People

    @property
    def slack(self) -> SlackGateway:
        return self.desk.slack

    # What people do

    def line(self, text: str, user: str = ANA, channel: str = GENERAL) -> Json:
        """The payload of a typed command, with a trigger and a response_url of its own."""
        world, who = self.played.slack.world, self.played.slack.world.users[user]
        trigger = world.trigger(user)
        where = world.channels.get(channel) or world.dm(who)
        url = self.played.slack.responses.issue("commands", user, where.id, trigger)
        return payloads.slash(who, where, "/env", text, trigger=trigger, response_url=url)

    async def send(self, kind: Delivery, payload: Json) -> Outcome:
        return await self.transport.send(kind, payload, None)

    async def type(self, text: str, user: str = ANA, channel: str = GENERAL) -> Message | None:
        """Type `/env ...`; the answer in the acknowledgement, as a message that can be pressed."""
        payload = self.line(text, user, channel)
        return self.taken(await self.send("slash", payload), payload)

    def taken(self, outcome: Outcome, payload: Json) -> Message | None:
        """What Slack makes of an acknowledgement of a command."""
        assert outcome.status == 200, outcome
        if outcome.body is None:
            return None
        body = dict(outcome.body)
        assert body.pop("response_type") == "ephemeral"
        said = content.read(Arguments(body), self.played.kernel.calls)
        return self.played.slack.responses.post(
            said, payload["user_id"], payload["channel_id"], payload["trigger_id"], public=False
        )

    def pressed(self, message: Message, action_id: str, value: str = "", user: str = ANA) -> Json:
        """The payload of a press of a button that a message shows or once showed."""
        world = self.played.slack.world
        trigger, channel = world.trigger(user), world.channels[message.channel]
        element = {"type": "button", "action_id": action_id, "block_id": "b", "value": value}
        action = element | {"action_ts": world.next_ts()}
        url = self.played.slack.responses.issue("actions", user, channel.id, trigger, message)
        return payloads.message_action(
            world.users[user], channel, message, action, {}, trigger=trigger, response_url=url
        )

    async def press(
        self, message: Message, action_id: str, value: str = "", user: str = ANA
    ) -> None:
        payload = self.pressed(message, action_id, value, user)
        outcome = await self.send("interactive", payload)
        assert (outcome.status, outcome.body) == (200, None), outcome
        await self.settled()

    async def press_in(self, view: View, action_id: str, value: str, user: str = ANA) -> None:
        """Press a button of an open modal."""
        world = self.played.slack.world
        element = {"type": "button", "action_id": action_id, "block_id": "b", "value": value}
        action = element | {"action_ts": world.next_ts()}
        trigger = world.trigger(user, view.id)
        payload = payloads.view_action(world.users[user], view, action, trigger)
        assert (await self.send("interactive", payload)).status == 200
        await self.settled()

    async def submit(self, view: View, values: Json, user: str = ANA) -> Json:
        """Submit the open form; the errors below its inputs, or nothing."""
        answer = await self.played.drive("submit", user=user, view_id=view.id, values=values)
        assert (answer["http_status"], answer["status"]) == (200, 200), answer
        await self.settled()
        errors: Json = answer["errors"]
        return errors

    async def settled(self) -> None:
        """Nothing is being answered any more."""
        await until(lambda: not self.desk.background)

    # What people see

    def view(self, user: str = ANA) -> View | None:
        """The modal on top."""
        stack = self.played.slack.world.modals.get(user)
        return stack[-1] if stack else None

    def private(self, user: str = ANA, channel: str = GENERAL) -> list[Message]:
        """Ephemeral messages that somebody still sees in a channel, oldest first."""
        found = self.played.slack.world.channels[channel].messages.values()
        return [m for m in found if m.only_for == user and not m.deleted]

    def direct(self, user: str = ANA) -> list[Message]:
        """What is in somebody's conversation with Qbot."""
        world = self.played.slack.world
        return list(world.dm(world.users[user]).messages.values())

    def counted(self, rule: str) -> float:
        """How many requests were turned away by a rule."""
        registry = self.metrics.registry
        labels = {"rule": rule}
        return registry.get_sample_value("qbot_slack_requests_refused_total", labels) or 0

    # What there is

    async def audited(self, action: str) -> list[tuple[str, str, dict[str, str]]]:
        """Rows of the audit log, oldest first: who, outcome and detail."""

        def rows() -> Script[list[Row]]:
            return (yield sql("select * from audit where action = ? order by seq", action))

        found = await self.database.driver.run(rows())
        return [(r["user_id"], r["outcome"], json.loads(r["detail"])) for r in found]

    async def operations(self, branch: str) -> list[Operation]:
        """Of one environment, oldest first."""
        env = await self.database.store.find(branch)
        assert env is not None
        return list(reversed(await self.database.store.operations(env.id, limit=50)))

    async def environment(self, branch: str, user: str = ANA) -> Environment:
        """An environment whose create waits to be carried out."""
        assert await self.type(f"create {branch}", user) is None
        found = await self.database.store.find(branch)
        assert found is not None
        return found

    async def end(
        self,
        phase: Phase,
        end: End = End.SUCCEEDED,
        *,
        headline: str = "",
        goal: progress.Goal | None = None,
    ) -> Operation:
        """Claim the oldest operation and end it, with its environment in this phase."""
        (claim, *_) = await self.database.journal.claim("worker", 1)
        operation = claim.operation
        assert isinstance(operation.progress, progress.Progress)
        stage_ = progress.Stage.READY if end is End.SUCCEEDED else progress.Stage.FAILED
        rows = tuple(ServiceProgress(ServiceName(s), stage_) for s in SERVICES)
        shown = replace(
            operation.progress, step=Step.ENDED, end=end, services=rows,
            ended_at=self.database.clock.now(), headline=headline, goal=goal,
        )  # fmt: skip
        env = cast("EnvId", operation.env)
        moves = [PhaseChanged(env, phase)]
        if phase is Phase.DELETED:
            moves.insert(0, PhaseChanged(env, Phase.DELETING))
        await self.database.journal.finish(claim, end, headline, [*moves, CardChanged(shown)])
        return replace(operation, progress=shown, end=end)

    async def post(self, message: Rendered, channel: str = GENERAL) -> Message:
        """A message of Qbot's that everybody sees."""
        posted = await self.slack.post(channel, message)
        return self.played.slack.world.channels[posted.channel].messages[posted.ts]


async def examined() -> Report:
    """By a doctor who finds one thing to mend, and one that cannot be told."""
    notes = Notes.of(Area.ARGOCD)
    notes.broken(
        "argocd.main.right",
        "The account qbot lacks `sync` of applications.",
        cause="Syncs cannot be started.",
        remedy="Add to policy.csv:",
        lines=(SYNC_LINE,),
    )
    notes.unchecked("argocd.main.cluster", "The clusters", "Nobody tells.")
    notes.well.append("Argo CD main: version 3.5.1")
    return report(notes)


def said(message: Message | None) -> str:
    """All that a message says: its fallback and, so that nothing differs, its blocks."""
    assert message is not None
    return f"{message.text}\n{json.dumps(message.blocks, ensure_ascii=False)}"


def _context(
    database: Database, argocd: Survey, gitlab: Branches, answers: Answers, per_owner: int,
    stages: Sequence[ReleaseStage],
) -> Context:  # fmt: skip
    catalog = {
        ServiceName(s): Service(ServiceName(s), ProjectPath(f"shop/{s}"), f"https://g/{s}", "main")
        for s in SERVICES
    }
    rules = Rules(
        prefix="qbot", instance="main", cluster="https://k", url="https://{env}.shop.example",
        ttl=timedelta(days=3), per_owner=per_owner, total=30, wait_for_builds=True,
        follow_branch=False,
        deploy_time=timedelta(minutes=9), build_time=timedelta(minutes=9),
        delete_time=timedelta(minutes=9),
    )  # fmt: skip
    return Context(
        catalog=catalog, rules=rules, argocd={"main": cast("ArgoCD", argocd)},
        gitlab=cast("GitLab", gitlab), store=database.store, answers=answers, clock=database.clock,
        locks=database.promotions, images=cast("Images", None),
        stages=tuple(s.name for s in stages),
    )  # fmt: skip


def planner(context: Context, database: Database) -> Planner:
    """With the defaults of qbot.yaml, and nothing that is new."""
    day = timedelta(days=1)
    rule = ReapRule("*", 2 * day, None, day, 4 * day / 24, day, day)
    terms = Terms("qbot", (rule,), young=timedelta())
    return Planner(
        context=context, terms=terms, brake=Brake(10, 0.3), branches=database.branches,
        pauses=database.reaper, rows=database.reaping,
    )  # fmt: skip


def versions_of(releases: ReleaseDesk) -> Versions:
    """As the app builds it."""
    requests = releases.desk.requests
    jobs = JobRequests(context=releases.context, requests=requests)
    return Versions(releases, requests=VersionRequests(requests), jobs=jobs)


def release_desk(
    around: ReleaseContext,
    desk: Desk,
    audit: Audit,
    policy: Mapping[str, Rule],
    visitors: Visitors,
) -> ReleaseDesk:
    """As the app builds it."""
    rights = Rights(Authority(policy), around.people, audit)
    register = Register(around, rights)
    journal = desk.requests._journal
    return ReleaseDesk(
        desk=desk, context=around, register=register, rights=rights, visitors=visitors,
        requests=ReleaseRequests(
            register=register, requests=desk.requests, journal=journal, wake=lambda: None
        ),
        verdicts=Verdicts(register),
        obstacles=Obstacles(
            context=around, requests=desk.requests, zone=ZoneInfo("Europe/Berlin"),
            wake=lambda: None,
        ),
    )  # fmt: skip


@asynccontextmanager
async def scene(
    folder: Path,
    mode: Literal["http", "socket"] = "http",
    *,
    patience: float = PATIENCE,
    still_after: float = AFTER,
    card_after: float = CARD,
    without: WhetherAway = never,
    store: Callable[[Store], Store] = lambda real: real,
    audit: Callable[[Audit], Audit] = lambda real: real,
    unfinished: Callable[[UnfinishedRows], UnfinishedRows] = lambda real: real,
    style: Style | None = None,
    per_owner: int = 9,
    stages: Sequence[ReleaseStage] = (),
    policy: Mapping[str, Rule] = MappingProxyType({}),
) -> AsyncIterator[Scene]:
    """Everything between Slack and the journal; `store`, `audit` and `unfinished` may stand in
    front of the guard's."""
    clock, metrics, argocd, gitlab = SystemClock(), Metrics(), Survey(), Branches()
    async with stage(mode) as played:
        api = f"{played.kernel.url}/slack/api/"
        async with open_slack(played.slack.bot_token, api) as slack:
            database = await open_store(f"sqlite:///{folder}/qbot.db", clock=clock)
            style = style or Style(hosts=frozenset({".shop.example"}))
            untold = Untold(unfinished(database.unfinished), slack, clock, worker="slack")
            names = Names(database.store, style.command)
            still = Still(slack, database.cards, names, after=still_after, card=card_after)
            answers = SlackAnswers(
                slack, style, cards=database.cards, names=names, still=still, untold=untold
            )
            context = _context(database, argocd, gitlab, answers, per_owner, stages)
            requests = Requests(context=context, journal=database.journal, wake=lambda: None)
            desk = Desk(
                context=context,
                requests=requests,
                slack=slack,
                cards=database.cards,
                style=style,
                lifetimes=database.lifetimes,
                planner=planner(context, database),
                reaping=database.reaping,
                orphans=database.orphans,
                mornings=Mornings(database.mornings, (), ZoneInfo("UTC")),
                examine=examined,
                untold=untold,
                still=still,
            )
            people = People()
            around = ReleaseContext(
                base=context, stages={s.name: s for s in stages}, jobs={}, windows=(),
                repository=cast("ConfigRepository", FakeRepository()), images=cast("Images", None),
                applications={},
                people=people, promotions=database.promotions, runner=cast("JobRunner", None),
                notices=SlackNotices(slack, database.cards, style), redact=str,
            )  # fmt: skip
            releases = release_desk(
                around, desk, audit(database.audit), policy, Visitors(slack, clock)
            )
            guard = Guard(
                team=played.slack.team_id, visitors=releases.visitors,
                store=store(database.store), audit=audit(database.audit), desk=desk,
                rights=releases.rights, refused=metrics.refused, heard=lambda: None,
                unfinished=Unfinished(
                    unfinished(database.unfinished), clock, worker="slack", every=60.0
                ),
                patience=patience, without=without,
            )  # fmt: skip
            tab = HomeTab(
                team=played.slack.team_id, visitors=releases.visitors, rights=releases.rights,
                audit=audit(database.audit), rows=database.homes, refused=metrics.refused,
                later=desk.later,
            )  # fmt: skip
            listeners = Listeners(desk, releases, versions_of(releases))
            bolt = bolt_app(
                command=style.command, token=played.slack.bot_token, api_url=api,
                team=played.slack.team_id, bot_user=played.slack.world.bot.id, guard=guard,
                listeners=listeners, opened=tab.opened,
            )  # fmt: skip
            made = Scene(
                played, bolt, database, desk, guard, listeners, argocd, gitlab, played.slack.http,
                metrics, releases, people,
            )  # fmt: skip
            try:
                async with _door(made, mode):
                    yield made
            finally:
                await desk.settle(1)
                await database.close()
        assert played.kernel.calls.refused == []


@asynccontextmanager
async def _door(made: Scene, mode: str) -> AsyncIterator[None]:
    played, clock = made.played, made.database.clock
    if mode == "http":
        app = slack_app(
            made.bolt, secret=played.slack.signing_secret, now=clock.now,
            refused=made.metrics.refused,
        )  # fmt: skip
        async with served(app) as played.slack.app_url:
            yield
        return
    made.transport = played.slack.sockets
    async with open_slack(played.slack.app_token, f"{played.kernel.url}/slack/api/") as opener:
        url = (await opener.call("apps.connections.open"))["url"]
    socket = SocketMode(made.bolt, played.slack.app_token)
    await socket.start(url)
    assert await socket.connected()
    try:
        yield
    finally:
        await socket.stop()
