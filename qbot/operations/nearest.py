"""What somebody may have meant: existing branches with a similar name."""

from collections.abc import Collection, Iterable, Sequence
from difflib import SequenceMatcher

from qbot.domain.names import ProjectPath
from qbot.domain.ports import GitLab

_NEAREST = 5
_ALIKE, _SAME = 0.6, 0.8  # of 1: what is behind the last `/`, and the whole
_TELLING = 3  # letters of a part of a name; with fewer everything matches


async def nearest(gitlab: GitLab, projects: Collection[ProjectPath], text: str) -> list[str]:
    """Existing branches with a similar name, best first."""
    parts = sorted({p for p in text.replace("-", "/").split("/") if len(p) >= _TELLING}, key=len)
    found: set[str] = set()
    for part in parts[-2:] or [text]:
        found.update(
            await gitlab.branch_names(list(projects), part[: max(_TELLING, len(part) - 1)])
        )
    return alike(text, found)[:_NEAREST]


def alike(text: str, known: Iterable[str]) -> list[str]:
    """Names that could be a slip for `text` or hold it, best first.

    What is behind the last `/` counts: all of `feat/...` are alike in what tells nothing.
    """
    wanted = _tail(text)

    def likeness(name: str) -> tuple[float, float]:
        holds = len(wanted) >= _TELLING and wanted in name.lower()
        tails = 1.0 if holds else SequenceMatcher(None, wanted, _tail(name)).ratio()
        return tails, SequenceMatcher(None, text.lower(), name.lower()).ratio()

    found = {name: likeness(name) for name in known}
    near = [name for name, (tails, whole) in found.items() if tails >= _ALIKE or whole >= _SAME]
    return sorted(near, key=lambda name: (*(-part for part in found[name]), name))


def _tail(name: str) -> str:
    return name.lower().rpartition("/")[2]


def did_you_mean(near: Sequence[str]) -> str:
    """The question, or nothing where there is nothing near."""
    names = [f"`{n}`" for n in near]
    some = ", ".join(names[:-1])
    return f"Did you mean {f'{some} or ' if some else ''}{names[-1]}?" if names else ""
