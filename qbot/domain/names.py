"""Branch names -> names that Kubernetes, Argo CD and DNS accept, without two branches meeting.

A lossy slug carries a hash of the full branch name, so `feat/x`, `feat-x` and `FEAT/X` stay
three environments.
"""

import hashlib
import re
import unicodedata
from typing import NewType

from qbot.errors import UserError

BranchName = NewType("BranchName", str)
EnvName = NewType("EnvName", str)
EnvId = NewType("EnvId", str)
OpId = NewType("OpId", str)
ServiceName = NewType("ServiceName", str)
AppName = NewType("AppName", str)
ProjectPath = NewType("ProjectPath", str)
StageName = NewType("StageName", str)
PromotionId = NewType("PromotionId", int)  # shown as P-123

MAX_APPLICATION = 63  # a label value, as Argo CD's tracking label needs
MAX_ENV = 40
MAX_SERVICE = MAX_APPLICATION - 1 - MAX_ENV
MAX_PREFIX = 12
MAX_BRANCH = 244  # git's 255-byte path component less refs/heads/
BASE = ServiceName("base")

_HASH_LENGTH = 6
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_LOOKS_HASHED = re.compile(rf"-[0-9a-f]{{{_HASH_LENGTH}}}$")
_GIT_FORBIDDEN = re.compile(
    r"[\x00-\x20\x7f~^:?*\[\\\ud800-\udfff]|\.\.|@\{|//|^[/-]|[/.]$|/\.|^\.|\.lock(/|$)"
)


_THING = re.compile(r"[eo][0-9a-f]{12}")


def thing_in(value: str) -> str:
    """The environment's or operation's id in the value of a button; empty: there is none."""
    return next((part for part in value.split(":") if _THING.fullmatch(part)), "")


def is_label(text: str) -> bool:
    """Whether `text` is a DNS label (RFC 1123) as Kubernetes checks it."""
    return len(text) <= MAX_APPLICATION and _LABEL.fullmatch(text) is not None


def branch_name(text: str) -> BranchName:
    """A git branch name, checked by git's own rules (git-check-ref-format).

    Raises:
        UserError: git could not have such a branch.
    """
    text = unicodedata.normalize("NFC", text)
    if len(text.encode(errors="replace")) > MAX_BRANCH:
        raise UserError(
            f"`{text[:40]}…` is too long for the name of a git branch.",
            hint=f"The most is {MAX_BRANCH} bytes. Copy the branch name from GitLab.",
        )
    if not text or _GIT_FORBIDDEN.search(text) or text == "@":
        raise UserError(
            f"`{text}` cannot be the name of a git branch.",
            hint="Copy the branch name from GitLab, for instance `feat/checkout`.",
        )
    return BranchName(text)


def env_name(branch: BranchName, *, prefix: str) -> EnvName:
    """The DNS name of a branch's environment: `<prefix>-<slug>`, at most 40 characters.

    The slug ends in a hash of the full branch name unless the branch is its own slug, fits,
    and could not be mistaken for a name that carries a hash.
    """
    room = MAX_ENV - len(prefix) - 1
    slug = re.sub(r"[^a-z0-9]+", "-", branch.lower()).strip("-")
    if slug == branch and len(slug) <= room and not _LOOKS_HASHED.search(slug):
        return EnvName(f"{prefix}-{slug}")
    digest = hashlib.sha256(branch.encode()).hexdigest()[:_HASH_LENGTH]
    head = slug[: room - _HASH_LENGTH - 1].strip("-")
    return EnvName(f"{prefix}-{head}-{digest}" if head else f"{prefix}-{digest}")


def app_name(env: EnvName, service: ServiceName) -> AppName:
    """The Argo CD Application of one service in one environment."""
    return AppName(f"{env}-{service}")
