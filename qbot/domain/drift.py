"""What runs of a service in a stage, against what is written for it. Pure."""

from collections.abc import Collection
from dataclasses import dataclass

from qbot.domain.health import Broken, is_failing, verdict
from qbot.domain.names import ServiceName
from qbot.domain.release_ports import StageApp

_WELL = ("Healthy", "Suspended")


@dataclass(frozen=True, slots=True)
class Running:
    """What Argo CD runs of one service."""

    texts: tuple[str, ...]  # tag and digest of its image; empty: not known
    problem: str  # in Argo CD's words why that is not settled; empty: it is

    @property
    def text(self) -> str:
        """As it would be written; empty: not known."""
        return self.texts[0] if self.texts else ""

    def is_settled_at(self, written: str) -> bool:
        """Whether exactly this version runs, synced and healthy."""
        return not self.problem and written in self.texts


def running(service: ServiceName, app: StageApp | None, repositories: Collection[str]) -> Running:
    """The version of the service's own image.

    `repositories` are image names that are the service's for sure; else one whose last part is
    the service's name counts, else the only one.
    """
    if app is None:
        return Running((), "Argo CD shows no Application of it")
    images = [_parts(image) for image in app.images]
    mine = (
        [i for i in images if i[0] in repositories]
        or [i for i in images if i[0].rpartition("/")[2] == service]
        or (images if len(images) == 1 else [])
    )
    versions = {(tag, digest) for _, tag, digest in mine}
    if len(versions) > 1:
        return Running((), "several versions of it run at once")
    texts = tuple(text for version in versions for text in version if text)
    return Running(texts, _problem(app) or ("" if texts else "Argo CD names no image of it"))


def may_be_deploying(app: StageApp | None) -> bool:
    """Whether it gets there by itself, as far as can be seen: nothing of it fails."""
    if app is None or is_failing(app.state):
        return False
    return not isinstance(verdict(app.state, wanted="", since=None), Broken)


def _parts(image: str) -> tuple[str, str, str]:
    """Repository, tag and digest of `host:5000/group/name:tag@sha256:...`."""
    name, _, digest = image.partition("@")
    folder, slash, last = name.rpartition("/")
    base, _, tag = last.partition(":")
    return f"{folder}{slash}{base}", tag, digest


def _problem(app: StageApp) -> str:
    state = app.state
    if state.deleting:
        return "it is being deleted"
    if state.requested or state.phase in ("Running", "Terminating"):
        return "it is being synced"
    if state.sync != "Synced":
        return f"its sync status is {state.sync or 'Unknown'}"
    if state.health not in _WELL:
        return f"its health is {state.health or 'Unknown'}"
    return ""
