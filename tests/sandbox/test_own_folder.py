"""The temporary folder of a sandbox."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from qbot.sandbox.own_folder import OwnFolder

_KILLED = """
import os, signal, sys
from pathlib import Path
from qbot.sandbox.own_folder import OwnFolder
made = OwnFolder(Path(sys.argv[1]))
(made.path / "shop").mkdir()
print(made.path, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def aged(folder: Path) -> None:
    owner = next(folder.glob("owner"))
    os.utime(owner, (owner.stat().st_mtime - 3600,) * 2)


def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _KILLED, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    left = Path(ended.stdout.strip())
    OwnFolder(tmp_path).remove()
    assert left.is_dir(), "it may still be in the making"
    aged(left)
    OwnFolder(tmp_path).remove()
    assert list(tmp_path.iterdir()) == []


def test_what_another_one_lives_in_stays(tmp_path: Path) -> None:
    living = OwnFolder(tmp_path)
    aged(living.path)
    OwnFolder(tmp_path).remove()
    assert living.path.is_dir()
    living.remove()
    assert list(tmp_path.iterdir()) == []


def test_folders_of_others_stay(tmp_path: Path) -> None:
    others = tmp_path / "qbot-sandbox-plans"
    others.mkdir()
    OwnFolder(tmp_path).remove()
    assert others.is_dir()
