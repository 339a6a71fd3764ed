"""What tests do with memory: their files lie in it, where there is plenty, and it is tidied seldom.

Most of what PostgreSQL, SQLite and git cost a test is the making of small files, and on a disk
that costs several times as much.
"""

import os
import tempfile
from pathlib import Path

SELDOM = (20_000, 20, 100)
"""When garbage is looked for: as often as usual it takes a twentieth of the time of the tests."""

_MEMORY = Path("/dev/shm")  # noqa: S108  (each user of it makes a folder of its own, 0700)
_PLENTY = 4 * 1024**3  # a whole run takes about one; containers often get 64 MiB
_MANY = 500_000  # files: it can run out of names long before it runs out of bytes


def taken_for_files() -> None:
    """From now on, by this process and those that it starts; who has set TMPDIR has decided."""
    if "TMPDIR" not in os.environ and _roomy():
        os.environ["TMPDIR"] = tempfile.tempdir = str(_MEMORY)


def _roomy() -> bool:
    if not os.access(_MEMORY, os.W_OK):
        return False
    free = os.statvfs(_MEMORY)
    if free.f_flag & os.ST_NOEXEC:
        return False  # programs are copied as well
    return free.f_bavail * free.f_frsize >= _PLENTY and free.f_favail >= _MANY
