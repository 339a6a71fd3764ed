"""What settings and qbot.yaml ask of everything that Qbot stands on, for `doctor`."""

from collections.abc import Iterable, Iterator
from posixpath import join, normpath

from qbot.app.release_mapping import stages
from qbot.app.scopes import LOST
from qbot.catalog import Catalog
from qbot.domain.diagnosis.gitlab import GitLabNeeds, Level, Use
from qbot.domain.diagnosis.hooks import HookNeeds
from qbot.domain.diagnosis.repositories import Place, RepositoryNeeds, Version
from qbot.domain.diagnosis.rights import ArgoCDNeeds, StageNeeds
from qbot.domain.diagnosis.slack import SlackNeeds
from qbot.domain.stages import Stage
from qbot.operations.examining.run import Needs
from qbot.settings import SIGNING, Settings
from qbot.web.hooks.gitlab import PATH

_READS, _MERGES, _STARTS = "reading", "merging versions", "starting pipelines"


def needs(settings: Settings, catalog: Catalog, *, asked: bool) -> Needs:
    """All that has to be so, but for Argo CD's part; `asked`: from Slack."""
    return Needs(
        slack=SlackNeeds(
            lost=LOST,
            team=settings.slack.team_id,
            socket_mode=settings.socket_mode,
            asked=asked,
            channels=dict(_channels(catalog)),
            groups={g: name for name, part in catalog.roles.items() for g in part.slack},
        ),
        gitlab=_gitlab(settings, catalog),
        repositories=_repositories(catalog),
        hooks=HookNeeds(
            wanted=bool(settings.webhook_secrets),
            path=PATH,
            url=f"{settings.public_url}{PATH}" if settings.public_url else "",
            notifications=tuple(n for n, part in settings.argocd.items() if part.webhook_token),
        ),
        services=list(dict.fromkeys(service.project for service in catalog.services)),
    )


def _channels(catalog: Catalog) -> Iterator[tuple[str, str]]:
    """Those that are posted to, and which key names each."""
    if catalog.reaper.channel:
        yield catalog.reaper.channel, "reaper.channel"
    for rule in catalog.environments.auto_create:
        yield rule.channel, "environments.auto_create.channel"
    for digest in catalog.digests:
        yield digest.channel, "digests.channel"
    for stage in catalog.stages:
        if stage.channel:
            yield stage.channel, f"stages.{stage.name}.channel"


def of_argocd(catalog: Catalog, instance: str, known: Iterable[Stage]) -> ArgoCDNeeds:
    """What one of them has to have."""
    part = catalog.environments
    return ArgoCDNeeds(
        instance=instance,
        prefix=part.prefix if part.argocd == instance else "",
        stages=tuple(_stage(stage) for stage in known if stage.instance == instance),
    )


def _stage(stage: Stage) -> StageNeeds:
    by_name = stage.services if stage.applications.pattern else ()
    names: dict[str, str] = {service: stage.app(service) for service in by_name}
    return StageNeeds(stage.name, stage.services, names)


def _gitlab(settings: Settings, catalog: Catalog) -> GitLabNeeds:
    secrets = settings.webhook_secrets
    return GitLabNeeds(
        uses=tuple(_uses(catalog)),
        groups={g: name for name, part in catalog.roles.items() for g in part.gitlab},
        writes=bool(catalog.stages) or any(job.pipeline for job in catalog.jobs),
        notes=catalog.environments.merge_request_note,
        signed=bool(secrets) and all(one.startswith(SIGNING) for one in secrets),
    )


def _uses(catalog: Catalog) -> Iterator[Use]:
    for service in catalog.services:
        yield Use(service.project, Level.REPORTER, _READS)
    yield Use(catalog.environments.base.project, Level.REPORTER, _READS)
    for stage in catalog.stages:
        yield Use(stage.config.project, Level.DEVELOPER, _MERGES, stage.config.branch)
    for job in catalog.jobs:
        if job.pipeline is not None:
            yield Use(job.pipeline.project, Level.DEVELOPER, _STARTS)


def _repositories(catalog: Catalog) -> RepositoryNeeds:
    base = catalog.environments.base
    charts = [_chart(base.project, base.revision, base.path, "environments.base.path")]
    values = list(_values(base.project, base.revision, base.path, base.value_files, "base"))
    branches = [Place(base.project, base.revision, "", "environments.base.revision")]
    for s in catalog.services:
        key = f"services.{s.name}"
        branches.append(Place(s.project, s.default_branch, "", f"{key}.default_branch"))
        charts.append(_chart(s.project, s.default_branch, s.chart, f"{key}.chart"))
        values += _values(s.project, s.default_branch, s.chart, s.value_files, key)
    for job in catalog.jobs:
        if job.pipeline is not None:
            ref = job.pipeline.ref
            branches.append(Place(job.pipeline.project, ref, "", f"jobs.{job.name}.pipeline.ref"))
    for stage in catalog.stages:
        config = stage.config
        key = f"stages.{stage.name}.config.branch"
        branches.append(Place(config.project, config.branch, "", key))
    return RepositoryNeeds(
        branches=tuple(_once(branches)),
        charts=tuple(charts),
        values=tuple(values),
        versions=tuple(_versions(catalog)),
    )


def _once(branches: Iterable[Place]) -> Iterable[Place]:
    """Each once, by whichever key names it first."""
    return {(p.project, p.ref): p for p in reversed(list(branches))}.values()


def _chart(project: str, ref: str, folder: str, key: str) -> Place:
    return Place(project, ref, normpath(join(folder, "Chart.yaml")), key)


def _values(project: str, ref: str, folder: str, files: Iterable[str], key: str) -> Iterator[Place]:
    """Those that are in the same repository: others are Argo CD's to find."""
    for file in files:
        path = normpath(join(folder, file.removeprefix("/")))
        if "://" not in file and not file.startswith("$") and not path.startswith(".."):
            yield Place(project, ref, path, f"{key}.value_files")


def _versions(catalog: Catalog) -> Iterator[Version]:
    for stage in stages(catalog).values():
        config, key = stage.config, f"stages.{stage.name}.config"
        for service in stage.services:
            file = config.file_of(service, stage.name)
            place = Place(config.project, config.branch, file, key)
            wanted = config.key_of(service, stage.name)
            yield Version(stage.name, service, place, wanted, config.format)
