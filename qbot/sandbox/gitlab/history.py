"""Questions about how commits relate: logs, merge bases, differences, merges. Reads git only."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import pygit2
from pygit2.enums import DeltaStatus, DiffFind, SortMode

from qbot.sandbox.repos import Commit, Repository


@dataclass(frozen=True, slots=True)
class FileDiff:
    """How one file differs; `patch` starts at the first `@@`."""

    old_path: str
    new_path: str
    old_mode: int
    new_mode: int
    added: bool
    deleted: bool
    renamed: bool
    patch: str


@dataclass(frozen=True, slots=True)
class Stats:
    """Lines that a commit added and removed."""

    additions: int
    deletions: int


def log(
    repository: Repository,
    tips: list[str],
    *,
    without: str | None = None,
    first_parent: bool = False,
    topological: bool = False,
) -> Iterator[Commit]:
    """Commits reachable from `tips` and not from `without`, newest first."""
    mode = SortMode.TIME | SortMode.TOPOLOGICAL if topological else SortMode.TIME
    walker = repository.git.walk(None, mode)
    for tip in tips:
        walker.push(pygit2.Oid(hex=tip))
    if without is not None:
        walker.hide(pygit2.Oid(hex=without))
    if first_parent:
        walker.simplify_first_parent()
    for found in walker:
        yield repository.commit(str(found.id))


def touches(repository: Repository, commit: Commit, path: str) -> bool:
    """Whether a commit changed a file or anything in a folder, against each of its parents."""
    after = _object_at(repository, commit.sha, path)
    if not commit.parents:
        return after is not None
    return all(_object_at(repository, parent, path) != after for parent in commit.parents)


def last_change(repository: Repository, sha: str, path: str) -> str | None:
    """The newest commit in this history that changed a file, as `git log -1` finds it.

    A merge that only brings the change in does not count: its branch is followed.
    """
    while True:
        here, parents = _object_at(repository, sha, path), repository.commit(sha).parents
        same = next((p for p in parents if _object_at(repository, p, path) == here), None)
        if same is None:
            return sha if parents or here is not None else None
        sha = same


def merge_base(repository: Repository, one: str, other: str) -> str | None:
    """The best common ancestor."""
    found = cast(  # unrelated histories have none, whatever pygit2's stubs say
        "pygit2.Oid | None",
        repository.git.merge_base(pygit2.Oid(hex=one), pygit2.Oid(hex=other)),
    )
    return str(found) if found is not None else None


def ahead_behind(repository: Repository, one: str, other: str) -> tuple[int, int]:
    """How many commits `one` has that `other` lacks, and the other way round."""
    return repository.git.ahead_behind(pygit2.Oid(hex=one), pygit2.Oid(hex=other))


def is_strict_ancestor(repository: Repository, old: str, new: str) -> bool:
    """Whether `old` is in the history of `new` without being `new` itself."""
    if old == new:
        return False
    return repository.git.descendant_of(pygit2.Oid(hex=new), pygit2.Oid(hex=old))


def diff(repository: Repository, old: str | None, new: str) -> list[FileDiff]:
    """The files that differ between two commits; from nothing where `old` is None."""
    return [_file_diff(patch) for patch in _diff(repository, old, new) if patch is not None]


def stats(repository: Repository, commit: Commit) -> Stats:
    """A commit's line counts against its first parent."""
    found = _diff(repository, commit.parents[0] if commit.parents else None, commit.sha).stats
    return Stats(found.insertions, found.deletions)


def merge_tree(repository: Repository, ours: str, theirs: str) -> str | None:
    """The tree that merging two commits gives; None where they conflict."""
    index = repository.git.merge_commits(pygit2.Oid(hex=ours), pygit2.Oid(hex=theirs))
    if index.conflicts is not None:
        return None
    return str(index.write_tree(repository.git))


def _diff(repository: Repository, old: str | None, new: str) -> pygit2.Diff:
    after = repository.git[new].peel(pygit2.Tree)
    if old is None:
        found = after.diff_to_tree(swap=True)
    else:
        found = repository.git[old].peel(pygit2.Tree).diff_to_tree(after)
    found.find_similar(DiffFind.FIND_RENAMES)
    return found


def _file_diff(patch: pygit2.Patch) -> FileDiff:
    delta = patch.delta
    text = patch.data.decode(errors="replace")
    start = text.find("@@")
    return FileDiff(
        old_path=delta.old_file.path,
        new_path=delta.new_file.path,
        old_mode=int(delta.old_file.mode),
        new_mode=int(delta.new_file.mode),
        added=delta.status == DeltaStatus.ADDED,
        deleted=delta.status == DeltaStatus.DELETED,
        renamed=delta.status == DeltaStatus.RENAMED,
        patch=text[start:] if start >= 0 else "",
    )


def _object_at(repository: Repository, sha: str, path: str) -> str | None:
    tree = repository.tree(sha)
    try:
        return str(tree[path.strip("/")].id) if tree is not None else None
    except KeyError:
        return None
