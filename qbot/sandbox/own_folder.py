"""A temporary folder that is gone when its process is, however that ended."""

import fcntl
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import IO

# Thousands of small files: memory makes them ten times faster than a busy disk does, if it is
# there in plenty (containers often get 64 MiB of it; a repository takes about 0.1).
_MEMORY = Path("/dev/shm")  # noqa: S108  (each world gets a folder of its own below it, 0700)
_PLENTY = 1024**3  # bytes
_MANY = 100_000  # files: it runs out of names long before it runs out of bytes
_PREFIX = "qbot-sandbox-"
_OWNER = "owner"  # the file that whoever lives in the folder holds locked
_YOUNG = 60.0  # seconds in which one that is being made gets its lock


class OwnFolder:
    """A fresh folder with a lock that the system lets go of when the process ends.

    A process that is killed removes nothing, so each new one removes what killed ones left.
    """

    def __init__(self, parent: Path | None = None) -> None:
        parent = parent or _roomy_memory() or Path(tempfile.gettempdir())
        _sweep(parent)
        self._folder = tempfile.TemporaryDirectory(prefix=_PREFIX, dir=parent)
        self.path = Path(self._folder.name)
        self._lock = os.open(self.path / _OWNER, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def remove(self) -> None:
        """With all that is in it; once."""
        self._folder.cleanup()
        os.close(self._lock)


def _roomy_memory() -> Path | None:
    if not os.access(_MEMORY, os.W_OK):
        return None
    free = os.statvfs(_MEMORY)
    roomy = free.f_bavail * free.f_frsize >= _PLENTY and free.f_favail >= _MANY
    return _MEMORY if roomy else None


def _sweep(parent: Path) -> None:
    """Remove the folders there whose owner is gone; those of other people stay."""
    for left in parent.glob(f"{_PREFIX}*/{_OWNER}"):
        try:
            if time.time() - left.stat().st_mtime < _YOUNG:
                continue
            with left.open("rb") as lock:
                _remove_unless_held(left.parent, lock)
        except OSError:  # somebody else's, or removed by another at this moment
            continue


def _remove_unless_held(folder: Path, lock: IO[bytes]) -> None:
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # BlockingIOError is an OSError
    shutil.rmtree(folder, ignore_errors=True)
