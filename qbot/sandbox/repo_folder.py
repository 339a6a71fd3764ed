"""All repositories of one sandbox, in a folder of their own."""

from collections.abc import Iterator
from pathlib import Path

import pygit2

from qbot.sandbox.kernel import Kernel
from qbot.sandbox.own_folder import OwnFolder
from qbot.sandbox.packed import Packed, unpack
from qbot.sandbox.repos import DEFAULT_BRANCH, Repository


class Repositories:
    """All repositories of one sandbox, in a temporary folder made when the first one is."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._folder: OwnFolder | None = None
        self._all: dict[str, Repository] = {}

    def __iter__(self) -> Iterator[Repository]:
        return iter(list(self._all.values()))

    def create(self, path: str) -> Repository:
        """An empty repository, for instance `create("shop/cart")`."""
        folder = str(self._place(path))
        git = pygit2.init_repository(folder, bare=True, initial_head=DEFAULT_BRANCH)
        return self._add(path, git)

    def restore(self, path: str, packed: Packed) -> Repository:
        """A repository with everything that the packed one has."""
        return self._add(path, unpack(packed, self._place(path)))

    def _place(self, path: str) -> Path:
        if self._folder is None:
            self._folder = OwnFolder()
        return self._folder.path / f"{path}.git"

    def _add(self, path: str, git: pygit2.Repository) -> Repository:
        repository = self._all[path] = Repository(path, git)
        return repository

    def get(self, path: str) -> Repository | None:
        """The repository of a project, by its full path."""
        return self._all.get(path)

    def url(self, path: str) -> str:
        """The clone URL of a project."""
        return f"{self._kernel.url}/gitlab/{path}.git"

    def find(self, url: str) -> Repository | None:
        """The repository with this clone URL, with or without `.git`."""
        root = f"{self._kernel.url}/gitlab/"
        path = url.removeprefix(root).removesuffix("/").removesuffix(".git")
        return self._all.get(path) if url.startswith(root) else None

    def clear(self) -> None:
        """Remove everything, also from the disk."""
        for repository in self._all.values():
            repository.git.free()
        self._all.clear()
        if self._folder is not None:
            self._folder.remove()
            self._folder = None
