"""The command line: quick to help, and errors in sentences."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from qbot.cli import main
from tests.catalog.test_catalog import GOOD as CATALOG
from tests.test_settings import GOOD as SETTINGS


def run(*arguments: str, **env: str) -> Result:
    """In this process, with no setting from outside."""
    outer = {name: None for name in os.environ if name.upper().startswith("QBOT_")}
    return CliRunner().invoke(main, arguments, env={**outer, **env})


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    (tmp_path / "qbot.yaml").write_text(CATALOG)
    lines = [f"{name}={value}" for name, value in SETTINGS.items()]
    file = tmp_path / "env"
    file.write_text("\n".join([*lines, f"QBOT_CONFIG={tmp_path / 'qbot.yaml'}"]))
    return file


def test_help_loads_no_library_that_it_does_not_need() -> None:
    program = (
        "import sys\nfrom qbot.cli import main\n"
        "main(['--help'], standalone_mode=False)\n"
        "print(sorted({m.partition('.')[0] for m in sys.modules}), file=sys.stderr)"
    )
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30
    )
    for heavy in (
        "slack_bolt", "slack_sdk", "sqlite_utils", "sqlite3", "httpx", "aiohttp", "pydantic",
        "gitlab", "apscheduler", "structlog", "pygit2", "asyncpg", "ruamel",
    ):  # fmt: skip
        assert f"'{heavy}'" not in told.stderr
    for command in ("serve", "demo", "sandbox", "check-config"):
        assert command in told.stdout


@pytest.mark.parametrize("command", ["serve", "demo", "sandbox", "check-config"])
def test_every_command_explains_itself(command: str) -> None:
    told = run(command, "--help")
    assert told.exit_code == 0
    assert len(told.output) > 100


def test_a_good_configuration_is_called_complete(env_file: Path) -> None:
    told = run("check-config", "--env-file", str(env_file))
    assert told.exit_code == 0, told.output
    assert "settings: complete" in told.stdout
    assert "2 services" in told.stdout
    assert "every command, button, form, page and timed job has a rule" in told.stdout
    assert "no address or token was tried" in told.stdout


@pytest.mark.parametrize(
    ("setting", "value", "says"),
    [
        ("QBOT_LOG_LEVEL", "loud", "QBOT_LOG_LEVEL: must be"),
        ("QBOT_TYPO", "x", "QBOT_TYPO: there is no such setting"),
        ("QBOT_CONFIG", "/none/qbot.yaml", "/none/qbot.yaml: cannot be read"),
    ],
)
@pytest.mark.parametrize("command", ["check-config", "serve"])
def test_a_bad_setting_ends_with_a_sentence(
    env_file: Path, command: str, setting: str, value: str, says: str
) -> None:
    told = run(command, "--env-file", str(env_file), **{setting: value})
    assert told.exit_code == 2
    assert told.stderr.startswith("qbot: ")
    assert says in told.stderr
    assert "Traceback" not in told.output
    assert "xoxb-secret" not in told.output


@pytest.mark.parametrize("command", ["check-config", "serve"])
def test_an_argo_cd_that_is_not_configured_is_found_by_both(env_file: Path, command: str) -> None:
    catalog = env_file.parent / "qbot.yaml"
    catalog.write_text(CATALOG + "  argocd: west\n")
    told = run(command, "--env-file", str(env_file))
    assert told.exit_code == 2
    assert f"{catalog}:10: environments.argocd: there is no QBOT_ARGOCD__WEST__URL" in told.stderr


def test_what_is_missing_is_named_with_the_places_to_give_it() -> None:
    told = run("check-config")
    assert told.exit_code == 2
    assert "QBOT_SLACK__BOT_TOKEN: is missing" in told.stderr
    assert "--env-file, the environment, or files in QBOT_SECRETS_DIR" in told.stderr


def test_a_missing_env_file_is_named(tmp_path: Path) -> None:
    told = run("serve", "--env-file", str(tmp_path / "none"))
    assert told.exit_code == 2
    assert "does not exist" in told.stderr


def test_a_sandbox_whose_port_is_taken_says_so_and_how_to_choose_another() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        told = subprocess.run(
            [sys.executable, "-m", "qbot", "sandbox", "--port", port],
            capture_output=True, text=True, check=False, timeout=30,
        )  # fmt: skip
    assert told.returncode == 2
    assert told.stderr.startswith("qbot: the sandbox cannot listen: ")
    assert "--port" in told.stderr
    assert "Traceback" not in told.stderr
