"""`qbot doctor` and `/env doctor`: settings and qbot.yaml -> what is examined, and by whom."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest

from qbot.app.ground import Ground, open_clock
from qbot.app.needs import needs, of_argocd
from qbot.app.neighbours import Neighbours, open_neighbours
from qbot.app.release_mapping import stages
from qbot.catalog import Catalog, load_catalog
from qbot.domain.diagnosis.findings import Report
from qbot.domain.lease import Lease
from qbot.domain.ports import Clock
from qbot.gateways.gitlab import GitLabExamination, GitLabHooks, GitLabRepository
from qbot.gateways.running import MetricsReader, served_at, serves_at
from qbot.gateways.slack import SlackExamination, SlackGateway, open_slack
from qbot.logs import Redaction, configure
from qbot.operations.examining.argocd import Instance
from qbot.operations.examining.run import Examiner, Readers
from qbot.settings import Settings, all_secrets, secret
from qbot.settings.loading import from_process
from qbot.store.examining import DatabaseExamination

Text = Callable[[], Awaitable[str]]


async def examined(env_file: Path | None) -> Report:
    """Examine everything, beside a Qbot that runs or without one; logs nothing but errors.

    Raises:
        PermanentError: settings or qbot.yaml are not usable, so nothing can be examined.
    """
    settings = from_process(env_file)
    configure("error", settings.log_format, secrets=all_secrets(settings))
    return await examine(settings)


async def examine(settings: Settings) -> Report:
    """The same by settings that are known.

    Raises:
        PermanentError: qbot.yaml is not usable.
    """
    catalog = load_catalog(settings.config, instances=settings.argocd, secrets=settings.jobs)
    async with AsyncExitStack() as stack:
        clock = await open_clock(settings, stack)
        slack = await _slack(settings, secret(settings.slack.bot_token), stack)
        # Slack opens Socket Mode a few times a minute only, and a Qbot that is there asks itself.
        proven = await serves_at(settings.admin_listen)
        app = "" if proven else secret(settings.slack.app_token)
        # Nobody renews this lease: whatever would change something is not sent.
        lease = Lease(settings.lease)
        neighbours = await open_neighbours(settings, catalog, clock, lease, stack)
        examination = SlackExamination(slack, await _slack(settings, app, stack) if app else None)
        text = served_at(settings.admin_listen)
        readers = _readers(settings, catalog, neighbours, examination, text)
        return await _examiner(settings, catalog, clock, readers, asked=False).run()


def examiner(ground: Ground) -> Examiner:
    """The same from within a Qbot that serves; how Slack reaches it is proven by being asked."""
    settings, catalog = ground.settings, ground.catalog
    slack, text = SlackExamination(ground.slack), _told(ground.metrics.registry)
    readers = _readers(settings, catalog, ground.neighbours, slack, text)
    return _examiner(settings, catalog, ground.clock, readers, asked=True)


async def _slack(settings: Settings, token: str, stack: AsyncExitStack) -> SlackGateway:
    return await stack.enter_async_context(open_slack(token, settings.slack.api_url))


def _told(registry: CollectorRegistry) -> Text:
    async def text() -> str:
        return generate_latest(registry).decode()

    return text


def _readers(
    settings: Settings,
    catalog: Catalog,
    neighbours: Neighbours,
    slack: SlackExamination,
    text: Text,
) -> Readers:
    client, known = neighbours.gitlab.client, stages(catalog)
    return Readers(
        slack=slack,
        argocd=[
            Instance(
                gateway.examined,
                of_argocd(catalog, name, known.values()),
                {s.name: s for s in known.values() if s.instance == name},
            )
            for name, gateway in neighbours.argocd.items()
        ],
        gitlab=GitLabExamination(client),
        files=GitLabRepository(client),
        hooks=GitLabHooks(client),
        database=DatabaseExamination(secret(settings.database_url)),
        running=MetricsReader(text),
    )


def _examiner(
    settings: Settings, catalog: Catalog, clock: Clock, readers: Readers, *, asked: bool
) -> Examiner:
    clean = Redaction(all_secrets(settings)).text
    return Examiner(needs(settings, catalog, asked=asked), readers, clock, clean=clean)
