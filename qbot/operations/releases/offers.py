"""What the place that is promoted from has: a stage, or a branch environment."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from qbot.domain.differences import Side
from qbot.domain.drift import running
from qbot.domain.environment import Environment
from qbot.domain.health import AppState, Ready, verdict
from qbot.domain.names import ServiceName
from qbot.domain.promotion import Version
from qbot.domain.release_ports import StageApp
from qbot.domain.services import ServicePlan, Source
from qbot.domain.stages import Format, Stage
from qbot.errors import UserError
from qbot.operations.releases.context import ReleaseContext
from qbot.operations.releases.versions import (
    DIGEST,
    commit_in,
    template,
    text_of,
    with_commits,
)
from qbot.operations.releases.written import written

_SHA = 40  # characters of a commit id
_SHORT = 8  # digits, as everywhere else


@dataclass(frozen=True, slots=True)
class Offer:
    """One service's version in the source. Texts are as the target would have them written."""

    version: Version
    runs: Version | None  # what runs, where it is known
    since: datetime | None = None  # when that began
    drift: str = ""  # how what runs differs from what is written
    problem: str = ""  # why it cannot be promoted at all


async def of_stage(
    context: ReleaseContext, source: Stage, target: Stage, services: Collection[ServiceName]
) -> Mapping[ServiceName, Offer]:
    """What is written for another stage, and what runs there; services without a text are not in.

    Raises:
        UserError: the target writes versions in another way, and a commit is not known.
    """
    argocd = context.argocd(source)
    there, apps = await asyncio.gather(written(context, source, services), argocd.survey(source))
    found = {
        service: offered(context, source, service, text, apps.get(service))
        for service, text in there.texts.items()
        if text
    }
    return await _translated(context, source, target, found)


def offered(
    context: ReleaseContext, stage: Stage, service: ServiceName, text: str, app: StageApp | None
) -> Offer:
    """One service of a stage: what is written for it, against what its Application runs."""
    seen = running(service, app, repositories(context, stage, service))
    settled = seen.is_settled_at(text)
    return Offer(
        version=Version(text),
        runs=Version(text if text in seen.texts else seen.text) if seen.texts else None,
        since=app.since if app else None,
        drift="" if settled else _drift(text, seen.texts, seen.problem),
    )


async def of_environment(
    context: ReleaseContext, env: Environment, target: Stage, services: Collection[ServiceName]
) -> Mapping[ServiceName, Offer]:
    """What a branch environment runs; a service that is not ready there has a problem.

    Raises:
        UserError: it is gone or going.
    """
    states = await context.base.instance(env).survey(env)
    found = {}
    for plan in env.plans:
        if plan.service in services:
            found[plan.service] = _planned(context, target, plan, states.get(plan.service))
    return found


def own_services(env: Environment) -> tuple[ServiceName, ...]:
    """Those that the environment is about: not what merely runs there because something must."""
    return tuple(p.service for p in env.plans if p.source not in (Source.DEFAULT, Source.FROM))


async def sides(context: ReleaseContext, place: Stage | Environment) -> Mapping[ServiceName, Side]:
    """Each service's version, with its commit where that is known.

    Of a stage what runs, or what is written where that is not known; of an environment what it
    wants.

    Raises:
        UserError: the stage's configuration cannot be read.
    """
    if isinstance(place, Environment):
        return {p.service: Side(_wanted(p)) for p in place.plans}
    offers = await of_stage(context, place, place, place.services)
    versions = await with_commits(
        context, place, {service: o.runs or o.version for service, o in offers.items()}
    )
    return {service: Side(versions[service], offer.drift) for service, offer in offers.items()}


def _wanted(plan: ServicePlan) -> Version:
    """Of which commit an image was made that was asked for by its own name is not known."""
    return Version(plan.image or plan.sha, "" if plan.image else plan.sha, plan.ref)


def repositories(context: ReleaseContext, stage: Stage, service: ServiceName) -> frozenset[str]:
    """Where its images are, as far as qbot.yaml says."""
    image = context.base.catalog[service].image
    known = {image.repository} if image else set()
    if stage.config.format is Format.KUSTOMIZE:
        known.add(stage.config.key_of(service, stage.name))
    return frozenset(known)


def short(text: str) -> str:
    """A version in a sentence."""
    return text.removeprefix(DIGEST)[:_SHORT] if len(text) >= _SHA else text


def _drift(text: str, runs: Collection[str], problem: str) -> str:
    if runs and text not in runs:
        what = f"`{short(text)}` is written, `{short(next(iter(runs)))}` runs"
        return f"{what}, and {problem}" if problem else what
    return f"`{short(text)}` is written, and {problem}"


async def _translated(
    context: ReleaseContext, source: Stage, target: Stage, offers: Mapping[ServiceName, Offer]
) -> Mapping[ServiceName, Offer]:
    """As the target writes them, where that is another way."""
    catalog = context.base.catalog
    other = {
        service
        for service in offers
        if template(source, catalog[service]) != template(target, catalog[service])
    }
    if not other:
        return offers
    versions = await with_commits(context, source, {s: offers[s].version for s in other})
    runs = await with_commits(
        context, source, {s: r for s in other if (r := offers[s].runs) is not None}
    )

    def retold(service: ServiceName, version: Version) -> Version:
        if version.text.startswith(DIGEST):
            return version
        if not version.sha:
            raise UserError(
                f"`{service}`: which commit `{short(version.text)}` in `{source.name}` is made of "
                f"is not known, and `{target.name}` writes versions in another way.",
                hint="`version` of both stages in qbot.yaml says how.",
            )
        return replace(version, text=text_of(template(target, catalog[service]), version.sha))

    return {
        service: offer
        if service not in other
        else replace(
            offer,
            version=retold(service, versions[service]),
            runs=retold(service, runs[service]) if service in runs else None,
        )
        for service, offer in offers.items()
    }


def _planned(
    context: ReleaseContext, target: Stage, plan: ServicePlan, state: AppState | None
) -> Offer:
    form = template(target, context.base.catalog[plan.service])
    if plan.image:
        sha = commit_in(form, plan.image)
        version = Version(plan.image, sha if len(sha) == len(plan.sha) else "", plan.ref)
    else:
        version = Version(text_of(form, plan.sha), plan.sha, plan.ref)
    if state is None:
        return Offer(version, None, problem="Argo CD shows no Application of it")
    wanted = "" if context.base.rules.follow_branch else plan.sha
    seen = verdict(state, wanted=wanted, since=None)
    problem = "" if isinstance(seen, Ready) else seen.reason or "it is not ready"
    return Offer(version, version, state.finished_at, problem=problem)
