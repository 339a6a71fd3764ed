"""Settings and catalog -> the frozen values that everything below is built from."""

from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import urlsplit

from qbot.catalog import Catalog, ServicePart
from qbot.catalog.services import ImagePart
from qbot.domain.auto_creation import AutoCreation, Occasion
from qbot.domain.names import ProjectPath, ServiceName
from qbot.domain.rules import Rules
from qbot.domain.services import Image, Service
from qbot.gateways.argocd.policy import BaseChart, SpecPolicy
from qbot.render.style import Style
from qbot.settings import Settings

_ENV = "qbot-env"  # stands for an environment's name in a host


def services(catalog: Catalog, gitlab_url: str) -> Mapping[ServiceName, Service]:
    """The catalog's services as domain values, in the order of the file."""
    return MappingProxyType(
        {ServiceName(s.name): _service(s, gitlab_url) for s in catalog.services}
    )


def _service(part: ServicePart, gitlab_url: str) -> Service:
    return Service(
        name=ServiceName(part.name),
        project=ProjectPath(part.project),
        repo_url=part.repo_url or _clone_url(gitlab_url, part.project),
        default_branch=part.default_branch,
        chart=part.chart,
        value_files=part.value_files,
        parameters=MappingProxyType(dict(part.parameters)),
        wave=part.wave,
        image=_image(part.image) if part.image else None,
    )


def _image(part: ImagePart) -> Image:
    return Image(part.repository, part.tag, part.parameter, part.values_key)


def _clone_url(gitlab_url: str, project: str) -> str:
    return f"{gitlab_url}/{project}.git"


def rules(catalog: Catalog) -> Rules:
    """qbot.yaml's rules of environments as domain values."""
    part = catalog.environments
    return Rules(
        prefix=part.prefix,
        instance=part.argocd,
        cluster=part.cluster,
        url=part.url,
        ttl=part.ttl,
        per_owner=part.limits.per_owner,
        total=part.limits.total,
        wait_for_builds=part.builds == "wait",
        follow_branch=part.sync.track == "branch",
        deploy_time=part.times.deploy,
        build_time=part.times.build,
        delete_time=part.times.delete,
        follow_pushes=part.follow,
        auto_create=tuple(
            AutoCreation(p.branches, Occasion(p.on), p.channel, p.owner) for p in part.auto_create
        ),
        longest=part.max_ttl,
        restorable=catalog.reaper.restore,
        door=ServiceName(part.ready.service) if part.ready.service else None,
    )


def spec_policy(catalog: Catalog, gitlab_url: str) -> SpecPolicy:
    """qbot.yaml's part of every Application and AppProject."""
    part = catalog.environments
    base = part.base
    return SpecPolicy(
        base=BaseChart(
            repo_url=base.repo_url or _clone_url(gitlab_url, base.project),
            path=base.path,
            revision=base.revision,
            value_files=base.value_files,
            parameters=MappingProxyType(dict(base.parameters)),
        ),
        kinds=part.kinds,
        track=part.sync.track,
        prune=part.sync.prune,
        self_heal=part.sync.self_heal,
        retries=part.sync.retries,
        sync_options=part.sync.options,
    )


def style_of(settings: Settings, catalog: Catalog) -> Style:
    """Links go to hosts that the owner configured, and nowhere else."""
    argocd = settings.argocd.get(catalog.environments.argocd)
    urls = [settings.gitlab.url, *(a.url for a in settings.argocd.values())]
    hosts = {urlsplit(u).hostname or "" for u in urls}
    hosts.add(_host_of_environments(catalog.environments.url))
    return Style(
        command=settings.slack.command,
        argocd_url=argocd.url if argocd else "",
        hosts=frozenset(h for h in hosts if h),
    )


def _host_of_environments(url: str) -> str:
    """Where {env} is part of the host's name, everything below what follows that part."""
    host = urlsplit(url.replace("{env}", _ENV)).hostname or ""
    below = host.rpartition(_ENV)[2].partition(".")[2]
    return f".{below}" if _ENV in host and below else host
