"""How people name an image that exists already, in the place of a commit. Pure.

No git ref holds a colon, so every text with one names an image: `image:1.4.2`, `sha256:...`, or
the service's own repository with a tag or a digest, as a registry's page shows it.
"""

import re

from qbot.domain.services import Image, Service
from qbot.errors import UserError

_EXPLICIT = "image:"
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")  # of the OCI distribution specification
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_SHOWN = 80


def names_image(text: str) -> bool:
    """Whether the text can only be an image."""
    return ":" in text


def image_of(service: Service, text: str) -> str:
    """The tag, or the `sha256:` digest, that such a text names.

    Raises:
        UserError: the service has no image of its own, it is another one's, or no image at all.
    """
    image = service.image
    if image is None:
        raise UserError(
            f"Qbot does not know how `{service.name}` takes an image.",
            hint="qbot.yaml has no `image` for it. A branch, tag or commit works.",
        )
    rest = _without_repository(image, text)
    tag, _, digest = rest.rpartition("@")
    if digest.startswith("sha256:") and _DIGEST.fullmatch(digest) and (not tag or is_tag(tag)):
        return digest
    if not tag and is_tag(rest):
        return rest
    raise UserError(
        f"`{text[:_SHOWN]}` is no image of `{service.name}`.",
        hint=f"Write `{service.name}=image:TAG`, `{service.name}=sha256:` with 64 digits, "
        f"or `{image.repository}` with either.",
    )


def parameter_of(image: Image, wanted: str) -> str:
    """What the chart's parameter takes for it; a digest follows the tag, which then only tells."""
    return f"{image.tag}@{wanted}" if wanted.startswith("sha256:") else wanted


def _without_repository(image: Image, text: str) -> str:
    """The tag and digest alone; of another repository's image nothing."""
    if text.startswith(_EXPLICIT):
        return text.removeprefix(_EXPLICIT)
    if text.startswith("sha256:"):
        return text
    if text.startswith((f"{image.repository}:", f"{image.repository}@")):
        return text.removeprefix(image.repository).removeprefix(":")
    return ""


def is_tag(text: str) -> bool:
    """Whether a registry could have an image of that tag."""
    return _TAG.fullmatch(text) is not None
