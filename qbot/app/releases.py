"""Stages: their context, the people and rights around them, and the desk that answers."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack

from qbot.app.ground import Ground
from qbot.app.release_mapping import jobs, people, policy, roles, stages, windows
from qbot.catalog import Catalog
from qbot.domain.authority import Authority
from qbot.domain.people import Actor
from qbot.domain.progress import Kind
from qbot.gateways.gitlab import GitLabOAuth, GitLabPeople, GitLabRepository
from qbot.gateways.http_jobs import open_http_jobs
from qbot.gateways.jobs import JobGateway
from qbot.gateways.linking import Invitations
from qbot.gateways.people import Directory
from qbot.operations import breaking as of_place
from qbot.operations.context import Context
from qbot.operations.handler import Handler
from qbot.operations.releases import breaking
from qbot.operations.releases.context import ReleaseContext
from qbot.operations.releases.job_requests import JobRequests
from qbot.operations.releases.known import Register
from qbot.operations.releases.obstacles import Obstacles
from qbot.operations.releases.promote import promote
from qbot.operations.releases.requests import ReleaseRequests
from qbot.operations.releases.standalone import job
from qbot.operations.releases.verdicts import Verdicts
from qbot.operations.rights import Rights
from qbot.operations.version_requests import VersionRequests
from qbot.redaction import redact
from qbot.settings import secret
from qbot.slack.desk import Desk
from qbot.slack.guard import Guard
from qbot.slack.releases.chores import Chores
from qbot.slack.releases.desk import ReleaseDesk
from qbot.slack.releases.notices import SlackNotices
from qbot.slack.unfinished import Unfinished
from qbot.slack.versions import Versions
from qbot.slack.visitors import Visitors
from qbot.web.link import Linking


def authority(catalog: Catalog) -> Authority:
    """The rules of qbot.yaml over the defaults."""
    return Authority(policy(catalog))


def open_jobs(ground: Ground, stack: AsyncExitStack) -> JobGateway:
    """What runs jobs; nothing is sent yet. The stack closes it."""
    tokens = {name: secret(value) for name, value in ground.settings.jobs.items()}
    repository = GitLabRepository(ground.neighbours.gitlab.client)
    runner = JobGateway(repository=repository, http=open_http_jobs(tokens))
    stack.push_async_callback(runner.close)
    return runner


def open_releases(ground: Ground, base: Context, runner: JobGateway) -> ReleaseContext:
    """What operations on stages are handed; nothing is sent yet."""
    client, catalog = ground.neighbours.gitlab.client, ground.catalog
    directory = Directory(
        slack=ground.slack,
        gitlab=GitLabPeople(client, base.clock),
        links=ground.database.promotions,
        roles=roles(catalog),
        accounts=people(catalog),
        team=ground.identity.team,
        clock=base.clock,
    )
    return ReleaseContext(
        base=base,
        stages=stages(catalog),
        jobs=jobs(catalog),
        windows=windows(catalog),
        repository=GitLabRepository(client),
        images=base.images,
        applications={name: gw.stages for name, gw in ground.neighbours.argocd.items()},
        people=directory,
        promotions=ground.database.promotions,
        runner=runner,
        notices=SlackNotices(ground.slack, ground.database.cards, ground.style),
        redact=redact,
    )


def release_handlers(context: ReleaseContext) -> Mapping[Kind, Handler]:
    """What carries promotions, rollbacks and jobs by themselves."""
    return {
        Kind.PROMOTE: breaking.handler(promote, context),
        Kind.ROLLBACK: breaking.handler(promote, context),
        Kind.JOB: of_place.handler(lambda run, _: job(run, context), context.base),
    }


def release_desk(
    ground: Ground,
    context: ReleaseContext,
    desk: Desk,
    wake: Callable[[], None],
) -> ReleaseDesk:
    """What the listeners about stages are handed."""
    database, visitors = ground.database, _visitors(ground)
    rights = Rights(authority(ground.catalog), context.people, database.audit)
    register = Register(context, rights)
    return ReleaseDesk(
        desk=desk,
        context=context,
        register=register,
        requests=ReleaseRequests(
            register=register, requests=desk.requests, journal=database.journal, wake=wake
        ),
        verdicts=Verdicts(register),
        obstacles=Obstacles(
            context=context, requests=desk.requests, zone=ground.catalog.zone, wake=wake
        ),
        rights=rights,
        visitors=visitors,
        link=_link(ground, visitors),
    )


def versions(releases: ReleaseDesk) -> Versions:
    """What answers about versions of environments, and runs jobs."""
    requests = releases.desk.requests
    return Versions(
        releases,
        requests=VersionRequests(requests),
        jobs=JobRequests(context=releases.context, requests=requests),
    )


def _visitors(ground: Ground) -> Visitors:
    return Visitors(ground.slack, ground.clock, ground.ears.slack.presence.away)


def guard(ground: Ground, releases: ReleaseDesk, heard: Callable[[], None]) -> Guard:
    """What is around every listener; `heard` is called for each delivery."""
    return Guard(
        team=ground.identity.team,
        visitors=releases.visitors,
        store=ground.database.store,
        audit=ground.database.audit,
        desk=releases.desk,
        rights=releases.rights,
        unfinished=Unfinished(
            ground.database.unfinished,
            ground.clock,
            worker=ground.worker,
            every=ground.lease.seconds,
        ),
        refused=ground.metrics.refused,
        heard=heard,
        without=ground.ears.database.presence.away,
    )


def chores(ground: Ground, releases: ReleaseDesk) -> Chores:
    """What is told by itself."""
    return Chores(
        promotions=ground.database.promotions,
        obstacles=releases.obstacles,
        store=ground.database.store,
        slack=ground.slack,
        clock=ground.clock,
        style=ground.style,
        zone=ground.catalog.zone,
    )


def linking(ground: Ground) -> Linking | None:
    """The pages by which people link their accounts; None where that is not set up."""
    found, gitlab = _invitations(ground), ground.settings.gitlab
    if found is None:
        return None
    sign_in = GitLabOAuth(
        gitlab.url,
        gitlab.oauth_id or "",
        secret(gitlab.oauth_secret),
        callback=found.callback,
        ca_file=gitlab.ca_file,
    )
    return Linking(
        invitations=found,
        sign_in=sign_in,
        accounts=ground.database.promotions,
        once=ground.database.store,
        mapped=people(ground.catalog),
    )


def _invitations(ground: Ground) -> Invitations | None:
    settings = ground.settings
    if not settings.linking or settings.public_url is None:
        return None
    return Invitations(
        public_url=settings.public_url,
        secret=secret(settings.gitlab.oauth_secret),
        clock=ground.clock,
    )


def _link(ground: Ground, visitors: Visitors) -> Callable[[Actor], Awaitable[str]] | None:
    found = _invitations(ground)
    if found is None:
        return None

    async def link(actor: Actor) -> str:
        return found.invite(actor, (await visitors.visitor(actor)).name)

    return link
