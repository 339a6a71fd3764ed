"""The catalog's stages, jobs and rights -> the frozen values that operations are built from."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from qbot.catalog import Catalog
from qbot.catalog.jobs import HttpPart, JobPart, PipelinePart
from qbot.catalog.names import EVERYBODY
from qbot.catalog.stages import ApplicationsPart, ApprovalsPart, ConfigPart, StagePart
from qbot.domain.authority import Rule, Who
from qbot.domain.barriers import Window
from qbot.domain.jobs import HttpJob, Job, PipelineJob
from qbot.domain.names import ProjectPath, ServiceName, StageName
from qbot.domain.roles import RoleSource
from qbot.domain.stages import Applications, ApprovalRule, ConfigSource, Format, Stage


def sets(catalog: Catalog) -> Mapping[str, tuple[ServiceName, ...]]:
    """Names that stand for several services."""
    return MappingProxyType(
        {name: tuple(ServiceName(s) for s in members) for name, members in catalog.sets.items()}
    )


def stages(catalog: Catalog) -> Mapping[StageName, Stage]:
    """The stages in the order of the file."""
    return MappingProxyType({StageName(s.name): _stage(catalog, s) for s in catalog.stages})


def jobs(catalog: Catalog) -> Mapping[str, Job]:
    """The jobs by name."""
    return MappingProxyType({part.name: _job(part) for part in catalog.jobs})


def windows(catalog: Catalog) -> Sequence[Window]:
    """The freezes of the calendar."""
    return tuple(
        Window(
            name=part.name,
            stages=tuple(StageName(name) for name in part.stages),
            when=part.when(catalog.zone),
            zone=part.zone or catalog.zone,
        )
        for part in catalog.freezes
    )


def roles(catalog: Catalog) -> Mapping[str, RoleSource]:
    """Who has which role, by its name."""
    return MappingProxyType(
        {n: RoleSource(part.slack, part.gitlab, part.people) for n, part in catalog.roles.items()}
    )


def people(catalog: Catalog) -> Mapping[str, str]:
    """GitLab usernames by Slack user id."""
    return MappingProxyType(dict(catalog.people))


def policy(catalog: Catalog) -> Mapping[str, Rule]:
    """Rules that take the place of the defaults, by verb."""
    return MappingProxyType(
        {verb: Rule(Who.ROLE, part.roles, own=part.own) for verb, part in catalog.policy.items()}
    )


def _stage(catalog: Catalog, part: StagePart) -> Stage:
    every = tuple(ServiceName(s.name) for s in catalog.services)
    return Stage(
        name=StageName(part.name),
        sources=tuple(StageName(name) for name in part.sources),
        services=_members(catalog, part.services) or every,
        instance=part.argocd,
        applications=_applications(part.applications),
        config=_config(catalog, part.config),
        version=part.version,
        approvals=_approvals(catalog, part.approvals),
        rollback=_rollback(part),
        channel=part.channel,
        break_glass=part.rollback.break_glass,
        exempt=part.exempt,
        before=part.before,
        after=part.after,
        unmerged=part.unmerged,
        digests=part.digest == "required",
        soak=part.soak,
        deploy_time=part.deploy_time,
        url=part.url,
    )


def _members(catalog: Catalog, named: Sequence[str]) -> tuple[ServiceName, ...]:
    """Services, with the members of sets in the place of their sets, each once."""
    found = (member for name in named for member in catalog.sets.get(name, (name,)))
    return tuple(dict.fromkeys(ServiceName(name) for name in found))


def _applications(part: ApplicationsPart) -> Applications:
    return Applications(part.pattern, part.selector, part.label, part.prune)


def _config(catalog: Catalog, part: ConfigPart) -> ConfigSource:
    if part.helm is not None:
        form, file, key = Format.HELM, part.helm.file, part.helm.key
    elif part.kustomize is not None:
        form, file, key = Format.KUSTOMIZE, part.kustomize.file, part.kustomize.image
    else:
        raise TypeError(part)
    return ConfigSource(
        project=ProjectPath(part.project),
        branch=part.branch,
        format=form,
        file=file,
        key=key,
        keys={} if key else _values_keys(catalog),
        whole=part.whole,
    )


def _values_keys(catalog: Catalog) -> Mapping[ServiceName, str]:
    """Where each service's own chart takes its tag."""
    keys = {ServiceName(s.name): s.image.values_key for s in catalog.services if s.image}
    return MappingProxyType(keys)


def _approvals(catalog: Catalog, part: ApprovalsPart) -> ApprovalRule:
    teams: dict[ServiceName, tuple[str, ...]] = {}
    for name, team in part.teams.items():
        for service in _members(catalog, [name]):
            teams[service] = tuple(dict.fromkeys((*teams.get(service, ()), *team)))
    return ApprovalRule(
        count=part.count,
        roles=_approvers(part.roles),
        by_requester=part.self_,
        by_authors=part.authors,
        expires=part.expires,
        remind=part.remind,
        teams=MappingProxyType(teams),
    )


def _rollback(stage: StagePart) -> ApprovalRule:
    """By those who approve promotions, unless others are named."""
    part = stage.rollback
    return ApprovalRule(
        count=part.count,
        roles=_approvers(part.roles or stage.approvals.roles),
        by_requester=part.self_,
        expires=part.expires,
        remind=part.remind,
    )


def _approvers(roles: Sequence[str]) -> tuple[str, ...]:
    return tuple(role for role in roles if role != EVERYBODY)


def _job(part: JobPart) -> Job:
    return Job(
        name=part.name,
        what=_what(part.pipeline or part.http),
        places=part.places,
        timeout=part.timeout,
    )


def _what(part: PipelinePart | HttpPart | None) -> PipelineJob | HttpJob:
    match part:
        case PipelinePart():
            variables = MappingProxyType(dict(part.variables))
            return PipelineJob(ProjectPath(part.project), part.ref, variables)
        case HttpPart():
            body = MappingProxyType(dict(part.body))
            return HttpJob(part.url, part.method, body, part.secret)
        case None:
            raise TypeError(part)
