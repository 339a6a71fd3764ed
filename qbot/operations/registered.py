"""Whether an image that people name exists: asked of GitLab's registry, before anything is changed.

Where images are in another registry, or are named by digest, nobody can say: that is told.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from qbot.domain.images import image_of
from qbot.domain.names import ServiceName
from qbot.domain.release_ports import Images, Unreadable
from qbot.domain.services import Service, ServicePlan
from qbot.errors import UserError
from qbot.operations.gathering import gather

_BY_DIGEST = "it is named by its digest"


async def registered(
    images: Images,
    catalog: Mapping[ServiceName, Service],
    plans: Sequence[ServicePlan],
    named: Collection[ServiceName],
) -> tuple[ServicePlan, ...]:
    """The same plans; those of `named` that are images know whether the registry has them.

    Raises:
        UserError: it has one of them not.
        TransientError: it does not answer.
    """
    asked = [p for p in plans if p.image and p.service in named]
    found = await gather([doubt(images, catalog[p.service], p.image) for p in asked])
    doubts: dict[ServiceName, str] = {}
    for plan, why in zip(asked, found, strict=True):
        if isinstance(why, Exception):
            raise why
        doubts[plan.service] = why
    return tuple(replace(p, unchecked=doubts.get(p.service, "")) for p in plans)


async def doubt(images: Images, service: Service, text: str) -> str:
    """Why nobody can say whether there is such an image; empty: there is.

    `text` is a tag, a digest, or however else people write it.

    Raises:
        UserError: there is none, or the text names none of this service.
        TransientError: the registry does not answer.
    """
    image = image_of(service, text if ":" in text else f"image:{text}")
    if image.startswith("sha256:"):
        return _BY_DIGEST
    there = {service.image.repository} if service.image else set()
    try:
        found = await images.digest(service.project, there, image)
    except Unreadable as why:
        return str(why).rstrip(".")
    if found is None:
        raise UserError(
            f"GitLab's registry has no image `{image}` of `{service.name}`.",
            hint=f"Nothing was changed. A branch is written `{service.name}=BRANCH`.",
        )
    return ""
