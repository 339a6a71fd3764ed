"""The whole sandbox: three stand-ins, their drive calls and the demo page on one port."""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from aiohttp import web

from qbot.sandbox.argocd import ArgoCDStandIn
from qbot.sandbox.clock import SandboxClock
from qbot.sandbox.drive import App, Drive
from qbot.sandbox.files import catalog, write_env, write_yaml
from qbot.sandbox.gitlab import GitLabStandIn
from qbot.sandbox.host import Host
from qbot.sandbox.kernel import Kernel
from qbot.sandbox.shop.stages import Variant
from qbot.sandbox.slack import SlackStandIn
from qbot.sandbox.slack.seed import DEFAULT_SCOPES
from qbot.sandbox.standin import StandIn
from qbot.sandbox.storefront import PATH, Storefront

GITLAB_CALLBACK = "/link/callback"  # below Qbot's address, as registered with GitLab
GITLAB_HOOKS = "/webhooks/gitlab"  # likewise: what every project's webhook is told
ARGOCD_NOTIFICATIONS = "/webhooks/argocd"


class Sandbox:
    """A world of its own; several can run beside each other in one process.

    Args:
        port: 0 takes any free one; `url` knows it after `start`.
        speed: how much faster than really Argo CD and pipelines work.
        services: how many services the web shop has.
        stages: how staging and production are configured.
        mode: how Slack reaches Qbot.
        lag: seconds by which what Argo CD's API server knows is behind; a write waits for it, too.
        qbot_url: where Qbot listens, for Slack's requests and webhooks; its admin port is the
            next one.
        hooks: whether every project has a webhook that leads to Qbot.
        scopes: what Slack lets the bot do.
        host: the address to listen on.
        app: Qbot, where a fresh world should restart it.
        digest: whether #general gets one every hour.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        speed: float = 1.0,
        services: int = 11,
        stages: Variant = "helm",
        mode: Literal["http", "socket"] = "http",
        lag: float = 0.0,
        qbot_url: str = "http://127.0.0.1:8080",
        hooks: bool = True,
        scopes: Iterable[str] = DEFAULT_SCOPES,
        host: str = "127.0.0.1",
        app: App | None = None,
        digest: bool = False,
    ) -> None:
        self._host, self._port = host, port
        self._mode, self._qbot_url, self._digest = mode, qbot_url, digest
        self.kernel = Kernel(clock=SandboxClock(speed=speed))
        self.slack = SlackStandIn(self.kernel, mode=mode, app_url=qbot_url, scopes=scopes)
        self.gitlab = GitLabStandIn(
            self.kernel,
            services=services,
            stages=stages,
            oauth_callbacks=[f"{qbot_url}{GITLAB_CALLBACK}"],
            hooks_to=f"{qbot_url}{GITLAB_HOOKS}" if hooks else "",
        )
        self.argocd = ArgoCDStandIn(
            self.kernel,
            self.gitlab.repositories,
            stages=lambda: self.gitlab.placements,
            notify=f"{qbot_url}{ARGOCD_NOTIFICATIONS}",
            visibility_lag=lag,
            lag=lag,
        )
        # GitLab before Argo CD: the one's repositories are what the other deploys from.
        standins: dict[str, StandIn] = {
            "slack": self.slack,
            "gitlab": self.gitlab,
            "argocd": self.argocd,
        }
        self._standins = standins
        self._drive = Drive(self.kernel, standins, [self.slack, self.gitlab], app)
        pages = [
            *self.gitlab.pages(),
            *self.argocd.pages(),
            *Storefront(self.argocd).routes(),
        ]
        self._server = Host(self.kernel, standins, [*self._drive.routes(), *pages])

    @property
    def url(self) -> str:
        """The root of everything, without a slash at its end."""
        return self.kernel.url

    async def start(self) -> None:
        """Seed the worlds and answer.

        Raises:
            OSError: the port is taken.
        """
        await self._server.start(self._host, self._port)

    async def stop(self) -> None:
        """Stop everything; nothing is left running or on the disk."""
        await self._server.stop()

    def drive_routes(self) -> list[web.RouteDef]:
        """Everything below /drive."""
        own = (standin.drive_routes() for standin in self._standins.values())
        return [*self._drive.routes(), *(route for routes in own for route in routes)]

    def write_env_file(self, path: Path) -> None:
        """Write `path` and, beside it, the qbot.yaml that it names; only after `start`."""
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = path.resolve().parent
        url = f"{self.url}{PATH}/{{env}}"
        rules = catalog(self.gitlab.services, self.gitlab.stages, url, digest=self._digest)
        write_yaml(folder / "qbot.yaml", rules)
        write_env(path, self._variables(folder))

    def _variables(self, folder: Path) -> dict[str, str]:
        qbot = urlsplit(self._qbot_url)
        host, port = qbot.hostname or "127.0.0.1", qbot.port or 80
        socket = {"QBOT_SLACK__APP_TOKEN": self.slack.app_token} if self._mode == "socket" else {}
        return socket | {
            "QBOT_SLACK__BOT_TOKEN": self.slack.bot_token,
            "QBOT_SLACK__SIGNING_SECRET": self.slack.signing_secret,
            "QBOT_SLACK__API_URL": f"{self.url}/slack/api/",
            "QBOT_SLACK__TEAM_ID": self.slack.team_id,
            "QBOT_GITLAB__URL": f"{self.url}/gitlab",
            "QBOT_GITLAB__TOKEN": self.gitlab.token,
            "QBOT_GITLAB__WEBHOOK_SECRET": self.gitlab.hook_secret,
            "QBOT_GITLAB__OAUTH_ID": self.gitlab.oauth.application.client_id,
            "QBOT_GITLAB__OAUTH_SECRET": self.gitlab.oauth.application.secret,
            "QBOT_ARGOCD__MAIN__URL": f"{self.url}/argocd",
            "QBOT_ARGOCD__MAIN__TOKEN": self.argocd.token,
            "QBOT_ARGOCD__MAIN__WEBHOOK_TOKEN": self.argocd.notify_token,
            "QBOT_DATABASE_URL": f"sqlite:///{folder / 'qbot.db'}",
            "QBOT_CONFIG": str(folder / "qbot.yaml"),
            "QBOT_LISTEN": f"{host}:{port}",
            "QBOT_PUBLIC_URL": self._qbot_url,
            "QBOT_ADMIN_LISTEN": f"{host}:{port + 1}",
            "QBOT_CLOCK_URL": f"{self.url}/drive/clock",
        }
