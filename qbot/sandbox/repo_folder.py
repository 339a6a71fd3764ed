"""All repositories of one sandbox, in a folder of their own."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pygit2

from qbot.sandbox.kernel import Kernel
from qbot.sandbox.repos import DEFAULT_BRANCH, Repository

# Thousands of small files: memory makes them ten times faster than a busy disk does, if it is
# there in plenty (containers often get 64 MiB of it; a repository takes about 0.1).
_MEMORY = Path("/dev/shm")  # noqa: S108  (each world gets a folder of its own below it, 0700)
_PLENTY = 1024**3


def _roomy_memory() -> Path | None:
    if not os.access(_MEMORY, os.W_OK) or shutil.disk_usage(_MEMORY).free < _PLENTY:
        return None
    return _MEMORY


class Repositories:
    """All repositories of one sandbox, in a temporary folder made when the first one is."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._folder: TemporaryDirectory[str] | None = None
        self._all: dict[str, Repository] = {}

    def __iter__(self) -> Iterator[Repository]:
        return iter(list(self._all.values()))

    def create(self, path: str) -> Repository:
        """An empty repository, for instance `create("shop/cart")`."""
        if self._folder is None:
            self._folder = TemporaryDirectory(prefix="qbot-sandbox-", dir=_roomy_memory())
        folder = Path(self._folder.name, f"{path}.git")
        git = pygit2.init_repository(str(folder), bare=True, initial_head=DEFAULT_BRANCH)
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
            self._folder.cleanup()
            self._folder = None
