"""What people ask single services to run, by name: a branch, a tag, a commit, or an image.

A branch is followed by later syncs; a tag, a commit and an image stay where they are.
"""

from dataclasses import replace

from qbot.domain.images import image_of
from qbot.domain.names import ProjectPath, branch_name
from qbot.domain.people import Actor
from qbot.domain.ports import GitLab
from qbot.domain.services import Build, Commit, Service, ServicePlan, Source
from qbot.errors import UserError
from qbot.operations.nearest import did_you_mean, nearest

CLEARED = "default"
"""Asked for in the place of a ref: what the environment would run otherwise."""


async def at_ref(gitlab: GitLab, service: Service, ref: str, by: Actor | None) -> ServicePlan:
    """A service at a branch, tag or commit of its project; of equal names the branch counts.

    Raises:
        UserError: GitLab knows no such thing; names the nearest branches.
    """
    project = service.project
    commit = await tip(gitlab, project, ref) or await gitlab.resolve(project, ref)
    if commit is None:
        near = did_you_mean(await nearest(gitlab, [project], ref))
        raise UserError(
            f"`{ref}` is no branch, tag or commit of `{project}`.",
            hint=f"{near or 'Nothing was changed. Check its name.'}{_image_hint(service)}",
        )
    return ServicePlan(service.name, Source.SET, ref, commit.sha, title=commit.title, by=by)


async def tip(gitlab: GitLab, project: ProjectPath, ref: str) -> Commit | None:
    """The newest commit of a branch of exactly this name; None: there is no such branch."""
    try:
        branch = branch_name(ref)
    except UserError:
        return None
    return (await gitlab.heads([project], branch))[project]


def with_image(plan: ServicePlan, service: Service, text: str, by: Actor | None) -> ServicePlan:
    """An image that exists already; the chart stays at the commit of `plan`.

    Raises:
        UserError: the text names no image of this service.
    """
    image = image_of(service, text)
    return replace(
        plan,
        source=Source.SET,
        ref=image,
        build=Build.NONE,
        build_url="",
        title="",
        image=image,
        by=by,
    )


async def moved(gitlab: GitLab, service: Service, plan: ServicePlan) -> ServicePlan:
    """What was asked for by name, as of now: a branch at its tip, anything else unchanged."""
    if plan.image:
        return plan
    commit = await tip(gitlab, service.project, plan.ref)
    return replace(plan, sha=commit.sha, title=commit.title) if commit else plan


def _image_hint(service: Service) -> str:
    if service.image is None:
        return ""
    return f" An image is written `{service.name}=image:TAG`."
