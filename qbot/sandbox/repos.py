"""Real bare git repositories, through libgit2: the demo also runs where no `git` is installed.

What every reader needs: revisions, files, branches, and writing a commit. History (log, compare,
merge) is for GitLab's stand-in alone and lives there.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import pygit2
from pygit2.enums import FileMode, ObjectType

_HEX = re.compile(r"[0-9a-f]{7,40}")
_HEADS, _TAGS = "refs/heads/", "refs/tags/"
DEFAULT_BRANCH = "main"


@dataclass(frozen=True, slots=True)
class Person:
    """Who wrote or committed something, as git stores it."""

    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit; the moments are aware and in UTC."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    message: str
    author: Person
    authored_at: datetime
    committer: Person
    committed_at: datetime

    @property
    def title(self) -> str:
        """The first line of the message."""
        return self.message.split("\n", 1)[0]


@dataclass(frozen=True, slots=True)
class File:
    """One version of one file."""

    id: str
    data: bytes
    executable: bool


@dataclass(frozen=True, slots=True)
class Annotation:
    """What an annotated tag adds to the commit it names."""

    id: str
    message: str
    at: datetime


def valid_branch(name: str) -> bool:
    """Whether git and GitLab would take this name for a branch."""
    if not _reaches_git(name) or not name or name.startswith("-"):
        return False
    return pygit2.reference_is_valid_name(_HEADS + name)


def _reaches_git(text: str) -> bool:
    """Whether libgit2 would see all of a text: for it a zero byte is where a text ends."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


class Repository:
    """One bare repository. Reads go to the disk each time: there is nothing to go stale."""

    def __init__(self, path: str, git: pygit2.Repository) -> None:
        self.path = path
        self.git = git

    def branches(self) -> dict[str, str]:
        """Branch name -> commit, in the order of the names."""
        return self._references(_HEADS)

    def tags(self) -> dict[str, str]:
        """Tag name -> commit (an annotated tag is followed), in the order of the names."""
        found = self._references(_TAGS)
        return {
            name: str(self.git[target].peel(pygit2.Commit).id) for name, target in found.items()
        }

    def resolve(self, revision: str) -> str | None:
        """The commit behind a branch, tag, commit id (7 hex digits or more), full ref or HEAD."""
        if not _reaches_git(revision):
            return None
        for name in (revision, _HEADS + revision, _TAGS + revision):
            if name != "HEAD" and not name.startswith("refs/"):
                continue
            try:
                return str(self.git.lookup_reference(name).peel(pygit2.Commit).id)
            except (KeyError, pygit2.GitError, ValueError):
                continue
        return self._commit_id(revision) if _HEX.fullmatch(revision) else None

    def commit(self, sha: str) -> Commit:
        """The commit with this full id.

        Raises:
            KeyError: there is none.
        """
        found = self.git[sha].peel(pygit2.Commit)
        return Commit(
            sha=str(found.id),
            tree=str(found.tree_id),
            parents=tuple(str(parent) for parent in found.parent_ids),
            message=found.message,
            author=Person(found.author.name, found.author.email),
            authored_at=datetime.fromtimestamp(found.author.time, UTC),
            committer=Person(found.committer.name, found.committer.email),
            committed_at=datetime.fromtimestamp(found.committer.time, UTC),
        )

    def tree(self, sha: str, folder: str = "") -> pygit2.Tree | None:
        """The tree of a folder at a commit; None where there is no such folder."""
        if not _reaches_git(folder):
            return None
        found: pygit2.Object = self.git[sha].peel(pygit2.Tree)
        for part in filter(None, folder.split("/")):
            if not isinstance(found, pygit2.Tree) or part not in found:
                return None
            found = found[part]
        return found if isinstance(found, pygit2.Tree) else None

    def file(self, sha: str, path: str) -> File | None:
        """One file at a commit; None where there is none."""
        folder, _, name = path.rpartition("/")
        tree = self.tree(sha, folder) if _reaches_git(name) else None
        found = tree[name] if tree is not None and name and name in tree else None
        if not isinstance(found, pygit2.Blob):
            return None
        executable = found.filemode == FileMode.BLOB_EXECUTABLE
        return File(id=str(found.id), data=found.data, executable=executable)

    def read(self, sha: str, path: str) -> str | None:
        """The text of one file at a commit; None where there is none."""
        found = self.file(sha, path)
        return found.data.decode(errors="replace") if found else None

    def files(self, sha: str, folder: str = "") -> dict[str, str]:
        """Every text file below a folder at a commit, by its path below that folder."""
        tree = self.tree(sha, folder)
        return dict(_texts(tree, "")) if tree is not None else {}

    def write(
        self,
        branch: str,
        changes: Mapping[str, str | bytes | None],
        *,
        message: str,
        author: Person,
        at: datetime,
        start: str | None = None,
    ) -> str:
        """Commit `changes` (path -> content, None removes) to a branch; the new commit's id.

        A branch that does not exist yet starts at the commit `start`, else at an empty tree.
        """
        parent = start or self.branches().get(branch)
        sha = self.store_changes(parent, changes, message=message, author=author, at=at)
        self.set_branch(branch, sha)
        return sha

    def store_changes(
        self,
        parent: str | None,
        changes: Mapping[str, str | bytes | None],
        *,
        message: str,
        author: Person,
        at: datetime,
        committer: Person | None = None,
    ) -> str:
        """Make a commit on top of `parent` that no branch knows yet; its id.

        Raises:
            ValueError: git refuses a path, for instance one that leaves the repository.
        """
        tree = self._changed_tree(parent, changes)
        parents = [parent] if parent is not None else []
        return self.store(tree, parents, message=message, author=author, at=at, committer=committer)

    def _changed_tree(self, parent: str | None, changes: Mapping[str, str | bytes | None]) -> str:
        index = pygit2.Index()
        if parent is not None:
            index.read_tree(self.git[parent].peel(pygit2.Tree))
        try:
            for path, content in changes.items():
                if content is None:
                    index.remove(path)
                    continue
                if not _reaches_git(path):
                    raise ValueError("invalid path")
                data = content.encode() if isinstance(content, str) else content
                index.add(pygit2.IndexEntry(path, self.git.create_blob(data), FileMode.BLOB))
            return str(index.write_tree(self.git))
        except (pygit2.GitError, OSError) as error:
            raise ValueError(str(error)) from error

    def store(
        self,
        tree: str,
        parents: list[str],
        *,
        message: str,
        author: Person,
        at: datetime,
        committer: Person | None = None,
    ) -> str:
        """Make a commit of a tree that exists; no branch knows it yet. Its id."""
        seconds, by = int(at.timestamp()), committer or author
        return str(
            self.git.create_commit(
                None,
                pygit2.Signature(author.name, author.email, seconds, 0),
                pygit2.Signature(by.name, by.email, seconds, 0),
                message,
                pygit2.Oid(hex=tree),
                [pygit2.Oid(hex=parent) for parent in parents],
            )
        )

    def set_branch(self, name: str, sha: str) -> None:
        """Point a branch at a commit; made where it is missing.

        Raises:
            ValueError: git refuses the name, for instance `a/b` beside a branch `a`.
        """
        self._set(_HEADS + name, sha)

    def set_tag(self, name: str, target: str) -> None:
        """Point a tag at a commit."""
        self._set(_TAGS + name, target)

    def annotate(self, name: str, sha: str, *, message: str, author: Person, at: datetime) -> None:
        """Turn a plain tag into an annotated one."""
        self.delete_tag(name)
        tagger = pygit2.Signature(author.name, author.email, int(at.timestamp()), 0)
        self.git.create_tag(name, pygit2.Oid(hex=sha), ObjectType.COMMIT, tagger, message)

    def annotation(self, name: str) -> Annotation | None:
        """The tag object behind a tag's name; None for a plain tag."""
        found: pygit2.Object = self.git[self.git.lookup_reference(_TAGS + name).target]
        if not isinstance(found, pygit2.Tag) or found.tagger is None:
            return None
        at = datetime.fromtimestamp(found.tagger.time, UTC)
        return Annotation(str(found.id), found.message, at)

    def delete_branch(self, name: str) -> None:
        """Forget a branch; its commits can still be read by their ids."""
        self.git.lookup_reference(_HEADS + name).delete()

    def delete_tag(self, name: str) -> None:
        """Forget a tag."""
        self.git.lookup_reference(_TAGS + name).delete()

    def _set(self, reference: str, target: str) -> None:
        try:
            self.git.references.create(reference, target, force=True)
        except (pygit2.GitError, OSError) as error:
            raise ValueError(f"git refuses to make {reference}") from error

    def _references(self, prefix: str) -> dict[str, str]:
        found = (r for r in self.git.references.iterator() if r.name.startswith(prefix))
        return dict(sorted((r.name.removeprefix(prefix), str(r.target)) for r in found))

    def _commit_id(self, digits: str) -> str | None:
        try:
            found: pygit2.Object = self.git[digits]
        except (KeyError, ValueError):
            return None
        return str(found.id) if found.type == ObjectType.COMMIT else None


def _texts(tree: pygit2.Tree, prefix: str) -> Iterator[tuple[str, str]]:
    for entry in tree:
        path = f"{prefix}{entry.name}"
        if isinstance(entry, pygit2.Tree):
            yield from _texts(entry, f"{path}/")
        elif isinstance(entry, pygit2.Blob) and not entry.is_binary:
            yield path, entry.data.decode(errors="replace")
