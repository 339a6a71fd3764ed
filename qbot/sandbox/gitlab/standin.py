"""GitLab as one object: its world, its HTTP surface, what can be done to it from outside."""

import secrets
from collections.abc import Sequence
from typing import Any

from aiohttp import web

from qbot.sandbox import http
from qbot.sandbox.gitlab import (
    approvals,
    branches,
    commits,
    committing,
    deployments,
    environments,
    files,
    meta,
    people,
    pipelines,
    projects,
    refs,
    statuses,
)
from qbot.sandbox.gitlab.activity import Activity
from qbot.sandbox.gitlab.api import MOUNT, Api
from qbot.sandbox.gitlab.cache import ListCache
from qbot.sandbox.gitlab.ci import Ci
from qbot.sandbox.gitlab.drive import Drive
from qbot.sandbox.gitlab.errors import FaultShapes
from qbot.sandbox.gitlab.hooks.office import HookOffice
from qbot.sandbox.gitlab.hooks.sender import TIMEOUT
from qbot.sandbox.gitlab.merge_request_lists import MergeRequestLists
from qbot.sandbox.gitlab.merge_request_parts import MergeRequestParts
from qbot.sandbox.gitlab.merge_requests import MergeRequests
from qbot.sandbox.gitlab.merging import MergeMachine
from qbot.sandbox.gitlab.model import Project, Protection, Role
from qbot.sandbox.gitlab.oauth import Application, OAuth
from qbot.sandbox.gitlab.pages import Pages
from qbot.sandbox.gitlab.registry import Registry
from qbot.sandbox.gitlab.routing import Router
from qbot.sandbox.gitlab.throttle import Throttle
from qbot.sandbox.gitlab.world import World
from qbot.sandbox.kernel import Kernel
from qbot.sandbox.repo_folder import Repositories
from qbot.sandbox.repos import Person
from qbot.sandbox.shop.fresh import settle
from qbot.sandbox.shop.people import ACCOUNTS, PEOPLE
from qbot.sandbox.shop.services import GROUP, Service
from qbot.sandbox.shop.stages import (
    Placement,
    Variant,
    stages_default_branch,
    stages_project,
)

RATE_LIMIT = 2000  # of gitlab.com: for each token, in a minute
MANAGERS = "release-managers"
DEFAULT_TOKEN = "gitlab-sandbox-token"
OAUTH_CLIENT, OAUTH_SECRET = "qbot-sandbox", "gloas-sandbox-secret"


class GitLabStandIn:
    """A self-managed GitLab with the shop's projects.

    `stages` is the kind of configuration project that staging and production have.

    `token` is Qbot's: an administrator's (`admin`) sees everything, private e-mails too; else it
    is a group's, which sees what a maintainer of `shop` sees. `rate_limit` is requests per minute
    and token (gitlab.com's; None: not limited, as self-managed installations come). `list_cache`
    turns on the 30 seconds for which GitLab repeats a branch list. `oauth_callbacks` are the
    addresses to which an account link may send a browser back. `hooks_to` is the address to which
    every project's webhook goes (none without it), with the secret token `hook_secret`; GitLab
    waits `hook_timeout` seconds for an answer. `premium` allows webhooks of groups, no more.
    """

    def __init__(
        self,
        kernel: Kernel,
        services: int = 11,
        *,
        stages: Variant = "helm",
        token: str = DEFAULT_TOKEN,
        admin: bool = True,
        rate_limit: int | None = RATE_LIMIT,
        list_cache: bool = True,
        external_url: str = "",
        oauth_callbacks: Sequence[str] = (),
        hooks_to: str = "",
        hook_timeout: float = TIMEOUT,
        premium: bool = False,
    ) -> None:
        self.kernel = kernel
        self.token = token
        self.repositories = Repositories(kernel)
        self._services = services
        self.stages: Variant = stages
        self.services: list[Service] = []  # of the shop, from `start` on
        self.placements: tuple[Placement, ...] = ()  # what the stages run in the fresh world
        self._admin = admin
        self._cache = ListCache(on=list_cache)
        self._throttle = Throttle(rate_limit)
        self.world = World(kernel, self.repositories, external_url)
        self.ci = Ci(self.world)
        self.machine = MergeMachine(self.world)
        self.hook_secret = secrets.token_hex(16)
        self._hooks_to = hooks_to
        self.hooks = HookOffice(self.world, self.machine, premium=premium, timeout=hook_timeout)
        self._activity = Activity(self.world)
        self.world.on_pushes.append(self._activity.pushed)
        self.registry = Registry(self.world)
        application = Application("Qbot", OAUTH_CLIENT, OAUTH_SECRET, tuple(oauth_callbacks))
        self.oauth = OAuth(self.world, application)
        self.world.on_push += [self.ci.pushed, self.machine.pushed]
        # The image is there when a merge that waited for the pipeline happens.
        self.ci.on_change += [self.registry.pipeline_changed, self.machine.pipeline_changed]
        self.machine.on_head.append(self.ci.merge_request_moved)

    def router(self) -> Router:
        """Every endpoint."""
        modules = (approvals, projects, people, meta, commits, committing, deployments,
                   environments, files, refs, statuses)  # fmt: skip
        return Router(
            [
                *branches.routes(self._cache),
                *pipelines.routes(self.ci),
                *MergeRequestLists(self.machine).routes(),
                *MergeRequests(self.machine).routes(),
                *MergeRequestParts(self.machine, self.ci).routes(),
                *self.registry.routes(),
                *self.hooks.routes(),
                *self._activity.routes(),
                *(found for module in modules for found in module.routes()),
            ]
        )

    def app(self) -> web.Application:
        """Everything below `/gitlab`."""
        api = Api(self.world, self.router(), self._throttle)
        app = web.Application(
            middlewares=[http.middleware(self.kernel, "gitlab", MOUNT, FaultShapes())],
            client_max_size=30 * 1024**2,
        )
        app.add_routes(self.oauth.routes())
        app.router.add_route("*", "/{path:.*}", api.serve)
        return app

    def pages(self) -> list[web.RouteDef]:
        """What a person looks at, below `/gitlab`."""
        return Pages(self.world, self.machine).routes()

    def drive_routes(self) -> list[web.RouteDef]:
        """What a person or a test may do to this GitLab."""
        return Drive(
            self.world, self.ci, self.machine, self.registry, self.hooks, self.token
        ).routes()

    def state(self) -> dict[str, Any]:
        """Every branch of every project, every merge request, every webhook."""
        return {
            "hooks": self.hooks.state(),
            "branches": {r.path: r.branches() for r in self.repositories},
            "merge_requests": [
                {
                    "project": project.path,
                    "iid": found.iid,
                    "title": found.title,
                    "state": found.state,
                    "source_branch": found.source_branch,
                    "target_branch": found.target_branch,
                    "sha": found.sha,
                    "merge_commit_sha": found.merge_commit_sha,
                }
                for project in self.world.projects.values()
                for found in project.merge_requests
            ],
        }

    def set_member(self, group: str, user: str, *, present: bool) -> None:
        """Put somebody into a GitLab group (as what its members are) or take them out of it.

        Raises:
            ValueError: an unknown group or user.
        """
        place, who = self.world.group(group), self.world.user(user)
        if place is None or who is None:
            raise ValueError(f"no group {group}" if place is None else f"no user {user}")
        if present:
            level = Role.MAINTAINER if place.path == MANAGERS else Role.DEVELOPER
            place.members.setdefault(who.id, level)
        else:
            place.members.pop(who.id, None)

    def issue_token(self, user: str, *scopes: str) -> str:
        """A new token of somebody, with scope `api` unless told otherwise.

        Raises:
            ValueError: an unknown user.
        """
        who = self.world.user(user)
        if who is None:
            raise ValueError(f"no user {user}")
        secret = f"glpat-{secrets.token_hex(10)}"
        return self.world.add_token(secret, who, scopes or ("api",)).secret

    async def start(self) -> None:
        """Make the shop."""
        await self.reset()

    async def stop(self) -> None:
        """End what is on its way and remove the repositories from the disk."""
        self.ci.stop()
        self.machine.stop()
        await self.hooks.stop()
        self._activity.clear()
        self.oauth.clear()
        self.world.clear()
        self.repositories.clear()

    async def reset(self) -> None:
        """A fresh shop; ids go on counting, as nothing in GitLab gets an old id again."""
        await self.stop()
        self._cache.clear()
        self._people()
        self.services, self.placements = settle(
            self.repositories, self._services, self.stages, self.kernel.clock.now()
        )
        runner = next(iter(self.world.users.values()))
        building = {service.project for service in self.services}
        for repository in self.repositories:
            project = self.world.add_project(repository)
            if project.path == stages_project(self.stages):
                self._guard(project)
            for branch in repository.branches():
                self.ci.record_passed(project, branch, runner)
            if project.path in building:
                self.registry.open(project)
            if self._hooks_to:
                self.hooks.register(project, self._hooks_to, self.hook_secret)

    def _guard(self, project: Project) -> None:
        """Only release managers (and Qbot) merge what the stages run, and only what CI passed."""
        project.default_branch = stages_default_branch(self.stages)
        project.needs_pipeline = True
        project.shared[MANAGERS] = Role.MAINTAINER
        guard = Protection(push=Role.MAINTAINER, merge=Role.MAINTAINER)
        project.protected |= {p.branch: guard for p in self.placements}

    def _people(self) -> None:
        world = self.world
        shop = world.add_group(GROUP, "Shop")
        world.add_group(MANAGERS, "Release managers")
        for username, person in ACCOUNTS.items():
            user = world.add_user(username, person, public=username in PEOPLE)
            shop.members[user.id] = Role.DEVELOPER
        for username in ("chloe", "dan"):
            self.set_member(MANAGERS, username, present=True)
        bot = world.add_user(
            "qbot" if self._admin else f"group_{shop.id}_bot_4f1a9c",
            Person("Qbot", "qbot@shop.example"),
            admin=self._admin,
            bot=not self._admin,
        )
        shop.members[bot.id] = Role.MAINTAINER
        world.add_token(self.token, bot, ("api",))
