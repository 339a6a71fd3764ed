"""What a deleted environment ran, for the one that takes its place.

What is asked of people and the database first is `qbot.operations.restore_requests`; the rest of
the way is a create's.
"""

from collections.abc import Sequence

from qbot.domain.bringing_back import as_before, as_it_ran, ensure_known
from qbot.domain.changes import CardsSuperseded, Change
from qbot.domain.environment import Environment
from qbot.domain.inputs import CreateInput
from qbot.domain.listing import some
from qbot.domain.services import FOLLOWING, Service, ServicePlan
from qbot.errors import UserError
from qbot.operations.context import Context
from qbot.operations.gathering import gather
from qbot.operations.registered import doubt
from qbot.operations.resolve import with_builds
from qbot.operations.run import Run

_NAMED = 6  # versions in one sentence


async def brought_back(run: Run, context: Context, asked: CreateInput) -> tuple[ServicePlan, ...]:
    """The versions that it wanted last, each still there.

    Raises:
        UserError: a service left qbot.yaml, or GitLab no longer has a commit or an image.
    """
    env = await context.environment(asked.brings_back)
    ensure_known(env, context.catalog)  # it may have changed since
    sets = await context.store.ready_sets(env.id)
    wanted = await with_builds(context.gitlab, context.catalog, env.plans)
    ran = as_it_ran(wanted, sets)
    await _ensure_there(env, context, ran)
    projects = {context.catalog[p.service].project for p in ran if p.source in FOLLOWING}
    heads = await context.gitlab.heads(projects, env.branch) if projects else {}
    back = []
    for plan in ran:
        head = heads.get(context.catalog[plan.service].project)
        back.append(as_before(plan, tip=head.sha if head else None, by=run.operation.actor))
    return tuple(await with_builds(context.gitlab, context.catalog, back))


def superseding(run: Run, context: Context, asked: CreateInput) -> Sequence[Change]:
    """The cards of the deleted one say that it is back; its button would do it twice."""
    if asked.brings_back is None:
        return ()
    by = run.operation.actor.user
    note = f"This environment was deleted, and has been restored by {by}: a newer card shows it."
    return (CardsSuperseded(asked.brings_back, note, context.clock.now()),)


async def _ensure_there(env: Environment, context: Context, plans: Sequence[ServicePlan]) -> None:
    """All of what is gone is named at once."""
    lost = await gather([_lost(context, context.catalog[p.service], p) for p in plans])
    if errors := [why for why in lost if isinstance(why, Exception)]:
        raise errors[0]
    if gone := [str(why) for why in lost if why]:
        raise UserError(
            f"`{env.branch}` cannot be restored: GitLab no longer has {some(gone, _NAMED)}.",
            hint=f"Nothing was made. `create {env.branch}` makes a new one, if a repository has "
            "that branch.",
        )


async def _lost(context: Context, service: Service, plan: ServicePlan) -> str:
    """What of one service is gone, in words; empty: it is all there.

    Raises:
        TransientError, PermanentError: GitLab or its registry does not say.
    """
    if await context.gitlab.resolve(service.project, plan.sha) is None:
        return f"the commit `{plan.short_sha}` of `{service.name}`"
    if plan.image:
        try:
            await doubt(context.images, service, plan.image)
        except UserError:
            return f"the image `{plan.image}` of `{service.name}`"
    return ""
