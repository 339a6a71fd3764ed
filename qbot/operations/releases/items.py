"""What a promotion means for each service: commits, authors, how the new one was built."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from qbot.domain.names import ProjectPath, ServiceName
from qbot.domain.promotion import Item, Pin, Version
from qbot.domain.repository_ports import Comparison
from qbot.domain.services import Build
from qbot.errors import PermanentError, TransientError
from qbot.operations.gathering import gather
from qbot.operations.releases.context import ReleaseContext

_AUTHORS = 10  # on one line of a card
_TITLES = 3
_TITLE = 120  # characters
Builds = Mapping[tuple[ProjectPath, str], tuple[Build, str]]


@dataclass(frozen=True, slots=True)
class Move:
    """One service from one version to another."""

    service: ServiceName
    old: Version
    new: Version
    since: datetime | None = None  # when the source began to run the new one
    drift: str = ""
    pin: Pin = field(default_factory=Pin)

    def between(self, old: Version, new: Version) -> "Move":
        """The same with more known of its versions."""
        return replace(self, old=old, new=new)


async def items(
    context: ReleaseContext, moves: Sequence[Move], *, surely: bool
) -> tuple[Item, ...]:
    """One for each move; numbers that GitLab does not give are left out.

    `surely`: whose yes counts depends on who wrote them, so that it has to be known.

    Raises:
        TransientError: the pipelines cannot be asked for, nor with `surely` the authors.
        PermanentError: with `surely`, GitLab refuses to tell of the authors.
    """
    compared, builds = await asyncio.gather(
        gather([_between(context, move) for move in moves]), _builds(context, moves)
    )
    unknown = [found for found in compared if isinstance(found, Exception)]
    if surely and unknown:
        raise unknown[0]
    known = [None if isinstance(found, Exception) else found for found in compared]
    authors = await _authors(context, [found[1] for found in known if found], surely=surely)
    return tuple(
        _item(context, move, found, builds, authors)
        for move, found in zip(moves, known, strict=True)
    )


async def _authors(
    context: ReleaseContext, compared: Sequence[Comparison], *, surely: bool
) -> Mapping[str, int]:
    """Their GitLab accounts by address; best effort, unless `surely`."""
    try:
        return await context.people.authors({e for found in compared for e in found.emails})
    except (TransientError, PermanentError):
        if surely:
            raise
        return {}


def _project(context: ReleaseContext, move: Move) -> ProjectPath:
    return context.base.catalog[move.service].project


async def _between(context: ReleaseContext, move: Move) -> tuple[int, Comparison] | None:
    """How many commits on it goes, or back (negative)."""
    old, new, project = move.old.sha, move.new.sha, _project(context, move)
    if not old or not new:
        return None
    ahead = await context.repository.compare(project, old, new)
    if ahead is None or ahead.commits or old == new:
        return (ahead.commits, ahead) if ahead else None
    behind = await context.repository.compare(project, new, old)
    return (-behind.commits, behind) if behind else None


async def _builds(context: ReleaseContext, moves: Sequence[Move]) -> Builds:
    """One by one: a project whose pipelines the token may not see hides no other's."""
    known = [move for move in moves if move.new.sha]
    commits = list(dict.fromkeys((_project(context, m), m.new.sha) for m in known))
    answers = await gather([context.base.gitlab.builds([c]) for c in commits])
    found: dict[tuple[ProjectPath, str], tuple[Build, str]] = {}
    for commit, answer in zip(commits, answers, strict=True):
        if isinstance(answer, PermanentError):
            found[commit] = Build.UNKNOWN, ""
        elif isinstance(answer, Exception):
            raise answer
        else:
            found |= answer
    return found


def _item(
    context: ReleaseContext,
    move: Move,
    found: tuple[int, Comparison] | None,
    builds: Builds,
    authors: Mapping[str, int],
) -> Item:
    project = _project(context, move)
    build, build_url = builds.get((project, move.new.sha), (Build.NONE, ""))
    commits, compared = found or (None, None)
    emails = compared.emails if compared else ()
    return Item(
        service=move.service,
        project=project,
        old=move.old,
        new=move.new,
        commits=commits,
        authors=compared.authors[:_AUTHORS] if compared else (),
        compare_url=compared.url if compared else "",
        build=build,
        build_url=build_url,
        since=move.since,
        drift=move.drift,
        pin=move.pin,
        titles=_titles(compared.titles) if compared else (),
        wrote=tuple(sorted({authors[e] for e in emails if e in authors})),
    )


def _titles(found: Sequence[str]) -> tuple[str, ...]:
    """The first of them; what a merge only says again is left out where there is more to say."""
    said = [title for title in found if not title.startswith("Merge ")] or found
    return tuple(title[:_TITLE] for title in said[:_TITLES])
