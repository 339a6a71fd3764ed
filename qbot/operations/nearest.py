"""What somebody may have meant: existing branches with a similar name."""

from collections.abc import Collection, Sequence
from difflib import get_close_matches

from qbot.domain.names import ProjectPath
from qbot.domain.ports import GitLab

_NEAREST = 5
_TELLING = 3  # letters of a part of a name; with fewer everything matches


async def nearest(gitlab: GitLab, projects: Collection[ProjectPath], text: str) -> list[str]:
    """Existing branches with a similar name, best first."""
    parts = sorted({p for p in text.replace("-", "/").split("/") if len(p) >= _TELLING}, key=len)
    found: set[str] = set()
    for part in parts[-2:] or [text]:
        found.update(
            await gitlab.branch_names(list(projects), part[: max(_TELLING, len(part) - 1)])
        )
    near = get_close_matches(text, sorted(found), n=_NEAREST, cutoff=0.5)
    return near or sorted(found)[:_NEAREST]


def did_you_mean(near: Sequence[str]) -> str:
    """The question, or nothing where there is nothing near."""
    names = [f"`{n}`" for n in near]
    some = ", ".join(names[:-1])
    return f"Did you mean {f'{some} or ' if some else ''}{names[-1]}?" if names else ""
