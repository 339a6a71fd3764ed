"""Which commit of which service: the branch where a repository has it, else what was asked.

Reads GitLab only; the result is journaled by the operation that asked.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from pydantic import TypeAdapter

from qbot.domain.environment import Environment
from qbot.domain.images import names_image
from qbot.domain.inputs import CreateInput
from qbot.domain.listing import some
from qbot.domain.names import BranchName, ProjectPath, ServiceName
from qbot.domain.people import Actor
from qbot.domain.ports import GitLab
from qbot.domain.services import Commit, Service, ServicePlan, Source
from qbot.errors import UserError
from qbot.operations.nearest import did_you_mean, nearest
from qbot.operations.overrides import at_ref, moved, with_image

PLANS = TypeAdapter(tuple[ServicePlan, ...])
_NAMED = 4  # repositories in one sentence


@dataclass(frozen=True, slots=True)
class Wish:
    """What a set of services should run."""

    branch: BranchName
    services: Mapping[ServiceName, Service]
    overrides: Mapping[ServiceName, str]
    fallback: Mapping[ServiceName, ServicePlan]  # as in another environment
    repositories: tuple[ProjectPath, ...]  # of the whole catalog: one of them has the branch
    by: Actor | None = None


def wish(
    asked: CreateInput,
    catalog: Mapping[ServiceName, Service],
    source: Environment | None,
    by: Actor | None = None,
) -> Wish:
    """The wish of a create; services that are only named in `--set` are included."""
    overrides = dict(asked.overrides)
    chosen = {*asked.services, *overrides} if asked.services else set(catalog)
    fallback = {p.service: _as_in(source, p) for p in source.plans} if source else {}
    services = {name: s for name, s in catalog.items() if name in chosen}
    repositories = tuple(dict.fromkeys(s.project for s in catalog.values()))
    return Wish(asked.branch, services, overrides, fallback, repositories, by)


async def ensure_branch(gitlab: GitLab, wanted: Wish) -> None:
    """Look whether any of the services has the branch.

    Raises:
        UserError: none has; the hint has the nearest names.
    """
    heads = await gitlab.heads([s.project for s in wanted.services.values()], wanted.branch)
    if not any(heads.values()) and not wanted.overrides:
        await _refuse_branch(gitlab, wanted)


async def resolve(gitlab: GitLab, wanted: Wish) -> tuple[ServicePlan, ...]:
    """The version of each service, with how its build stands.

    Raises:
        UserError: the branch is in none of the repositories, or an override names no commit.
    """
    images = {n: text for n, text in wanted.overrides.items() if names_image(text)}
    refs = {n: ref for n, ref in wanted.overrides.items() if n not in images}
    free = {n: s for n, s in wanted.services.items() if n not in refs}
    heads = await gitlab.heads([s.project for s in free.values()], wanted.branch)
    plans = [
        _plan(n, Source.BRANCH, wanted.branch, head)
        for n, s in free.items()
        if (head := heads[s.project]) is not None
    ]
    if not plans and not await _is_elsewhere(gitlab, wanted, {s.project for s in free.values()}):
        await _refuse_branch(gitlab, wanted)
    plans += [await at_ref(gitlab, wanted.services[n], r, wanted.by) for n, r in refs.items()]
    have = {p.service for p in plans}
    plans += [wanted.fallback[n] for n in free if n in wanted.fallback.keys() - have]
    have |= wanted.fallback.keys()
    rest = [s for n, s in free.items() if n not in have]
    plans += (await gitlab.defaults(rest)).values() if rest else ()
    plans = [
        with_image(p, wanted.services[p.service], images[p.service], wanted.by)
        if p.service in images
        else p
        for p in plans
    ]
    order = list(wanted.services)
    built = await with_builds(gitlab, wanted.services, plans)
    return tuple(sorted(built, key=lambda p: order.index(p.service)))


async def left_out(
    gitlab: GitLab, wanted: Wish, catalog: Mapping[ServiceName, Service]
) -> tuple[ServiceName, ...]:
    """Services that were not asked for, although they have the branch; in the catalog's order."""
    others = {n: s.project for n, s in catalog.items() if n not in wanted.services}
    heads = await gitlab.heads(set(others.values()), wanted.branch) if others else {}
    return tuple(n for n, project in others.items() if heads[project] is not None)


async def resolve_again(
    gitlab: GitLab,
    catalog: Mapping[ServiceName, Service],
    branch: BranchName,
    plans: Sequence[ServicePlan],
    *,
    refresh: bool,
    keep: bool,
) -> tuple[ServicePlan, ...]:
    """The newest versions for services that an environment has already.

    The branch moves to its tip, a service that has the branch by now switches to it, and an
    override moves if it is a branch. What is pinned (default, as in another environment) moves on
    `refresh` only; with `keep` nothing moves. A service that the catalog no longer has, and one
    whose branch is gone, keep what they run.
    """
    free = [p for p in plans if p.service in catalog and p.source is not Source.SET]
    heads = (
        await gitlab.heads([catalog[p.service].project for p in free], branch)
        if free and not keep
        else {}
    )
    found = {p.service: p for p in plans}
    stale = []
    for plan in free:
        head = heads.get(catalog[plan.service].project)
        if head is not None:
            found[plan.service] = _plan(plan.service, Source.BRANCH, branch, head)
        elif _is_gone(plan, refresh=refresh) and not keep:
            found[plan.service] = replace(plan, gone=True)
        elif refresh and not keep:
            stale.append(catalog[plan.service])
    found.update(await gitlab.defaults(stale) if stale else {})
    for plan in plans:
        if plan.source is Source.SET and plan.service in catalog and not keep:
            found[plan.service] = await moved(gitlab, catalog[plan.service], plan)
    return tuple(await with_builds(gitlab, catalog, [found[p.service] for p in plans]))


async def with_builds(
    gitlab: GitLab, services: Mapping[ServiceName, Service], plans: Sequence[ServicePlan]
) -> list[ServicePlan]:
    """The same plans with the state of each build; the default's last green commit needs none."""

    def is_asked(plan: ServicePlan) -> bool:
        is_built = plan.source is not Source.DEFAULT and not plan.image
        return is_built and plan.service in services

    commits = {(services[p.service].project, p.sha) for p in plans if is_asked(p)}
    builds = await gitlab.builds(commits) if commits else {}

    def known(plan: ServicePlan) -> ServicePlan:
        if not is_asked(plan):
            return plan
        build, url = builds[services[plan.service].project, plan.sha]
        return replace(plan, build=build, build_url=url)

    return [known(p) for p in plans]


def _is_gone(plan: ServicePlan, *, refresh: bool) -> bool:
    """Whether it ran a branch that GitLab does not have any more."""
    return plan.source is Source.BRANCH or (plan.source is Source.PINNED and not refresh)


def _plan(service: ServiceName, source: Source, ref: str, commit: Commit) -> ServicePlan:
    return ServicePlan(service, source, ref, commit.sha, title=commit.title)


def _as_in(source: Environment, plan: ServicePlan) -> ServicePlan:
    return replace(plan, source=Source.FROM, by=None, origin=source.branch, gone=False)


async def _is_elsewhere(gitlab: GitLab, wanted: Wish, asked: Collection[ProjectPath]) -> bool:
    """Whether a repository that was not asked yet has the branch: overrides may replace it all."""
    others = [p for p in wanted.repositories if p not in asked]
    if not wanted.overrides or not others:
        return False
    return any((await gitlab.heads(others, wanted.branch)).values())


async def _refuse_branch(gitlab: GitLab, wanted: Wish) -> None:
    chosen = tuple(dict.fromkeys(s.project for s in wanted.services.values()))
    projects = wanted.repositories if wanted.overrides else chosen
    await _refuse_choice(gitlab, wanted, projects)
    near = await nearest(gitlab, projects, wanted.branch)
    many = len(projects)
    where = f"any of the {many} repositories" if many > 1 else f"`{projects[0]}`"
    raise UserError(
        f"There is no branch `{wanted.branch}` in {where}.",
        hint=f"Nothing was made. {did_you_mean(near) or 'Push the branch first, then try again.'}",
    )


async def _refuse_choice(gitlab: GitLab, wanted: Wish, asked: Collection[ProjectPath]) -> None:
    """Others than the services that were asked for have the branch: pushing it is no answer."""
    others = [p for p in wanted.repositories if p not in asked]
    heads = await gitlab.heads(others, wanted.branch) if others else {}
    have = [f"`{p}`" for p in others if heads[p] is not None]
    if have:
        raise UserError(
            f"None of the services that were asked for has the branch `{wanted.branch}`.",
            hint=f"It is in {some(have, _NAMED)}: name one of these services as well, "
            "or leave `--services` out.",
        )
