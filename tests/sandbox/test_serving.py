"""What a sandbox says that cannot begin: a sentence, and what to type."""

import socket
from pathlib import Path

from click.testing import CliRunner

from qbot.cli import main


def said(*words: str) -> str:
    result = CliRunner().invoke(main, ["sandbox", "--services", "1", *words])
    assert result.exit_code == 2, result.output
    return result.stderr.splitlines()[-1]


def test_a_port_that_there_is_not() -> None:
    assert said("--port", "99999").startswith("Error: Invalid value for '--port': 99999")


def test_an_env_file_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "env"
    assert said("--port", "0", "--env-file", str(path)).startswith(
        f"qbot: --env-file {path} cannot be written: "
    )


def test_a_port_in_use_is_answered_with_the_option_that_was_typed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        line = said("--port", str(other.getsockname()[1]))
    assert line.endswith("Choose another port with --port")
    assert "make" not in line
