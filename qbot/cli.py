"""The `qbot` command. Thin: each sub-command imports what it runs, so `--help` stays fast."""

import asyncio
import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import click

from qbot.cli_doctor import doctor
from qbot.cli_parts import env_file_option
from qbot.cli_parts import tells_errors as _tells_errors
from qbot.cli_store import store
from qbot.errors import PermanentError

_PORT = click.IntRange(0, 65535)
_stages_option = click.option(
    "--stages",
    type=click.Choice(["helm", "kustomize", "branches"]),
    default="helm",
    show_default=True,
    help="How staging and production are configured.",
)
_lag_option = click.option(
    "--lag",
    type=click.FloatRange(min=0),
    default=1.0,
    show_default=True,
    help="Seconds by which Argo CD's lists, watches and new projects are behind.",
)


def _need_sandbox() -> None:
    """The sandbox keeps real git repositories, which an installation for production does not."""
    if find_spec("pygit2") is None:
        raise PermanentError("The sandbox needs pygit2: pip install 'qbot[sandbox]'")


@contextmanager
def _lasting() -> Iterator[None]:
    """Imports last as long as the process: to look for garbage in them is a quarter of a start."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="qbot")
def main() -> None:
    """Branch environments from Slack, through Argo CD and GitLab."""


@main.command()
@env_file_option
@_tells_errors
def serve(env_file: Path | None) -> None:
    """Run Qbot."""
    with _lasting():
        from qbot.app import serve as run  # noqa: PLC0415  (--help must not pay for it)

    asyncio.run(run(env_file, ready=_say_ready))


def _say_ready(wrong: Sequence[str]) -> None:
    """The demo and scripts wait for the beginning of this line."""
    but = f", but {'; '.join(wrong)} (the log says what to do)" if wrong else ""
    click.echo(f"qbot: ready{but}")


@main.command("check-config")
@env_file_option
@_tells_errors
def check_config(env_file: Path | None) -> None:
    """Check settings, qbot.yaml and that every way in has a rule, without starting anything."""
    with _lasting():
        from qbot.app.checking import checked  # noqa: PLC0415  (as above)

    for line in checked(env_file):
        click.echo(line)


@main.command()
@click.option("--mode", type=click.Choice(["socket", "http"]), default="socket", show_default=True)
@click.option("--url", default="", help="For HTTP mode: the https address leading to QBOT_LISTEN.")
@click.option("--name", default="Qbot", show_default=True, help="Of the app in Slack.")
@click.option("--command", default="/env", show_default=True, help="As QBOT_SLACK__COMMAND.")
@click.option("--json", "plain", is_flag=True, help="JSON, without the reasons.")
@_tells_errors
def manifest(*, mode: str, url: str, name: str, command: str, plain: bool) -> None:
    """Print the manifest to make the Slack app from; each scope in it says why."""
    with _lasting():
        from qbot.app.manifest import printed  # noqa: PLC0415  (as above)

    text = printed(socket_mode=mode == "socket", url=url, name=name, command=command, plain=plain)
    click.echo(text, nl=False)


main.add_command(store)
main.add_command(doctor)


@main.group()
def audit() -> None:
    """The append-only log of what was decided and done."""


@audit.command("export")
@env_file_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["jsonl", "csv", "sqlite"]),
    default="jsonl",
    show_default=True,
    help="JSON lines, CSV, or a SQLite file (for Datasette).",
)
@click.option("--since", default="", help="A day (2026-11-01), a moment, or an age (30d).")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="A new file; else stdout."
)
@_tells_errors
def audit_export(env_file: Path | None, form: str, since: str, out: Path | None) -> None:
    """Write the audit log out, oldest entry first; Qbot may be running."""
    from qbot.app.exporting import exported  # noqa: PLC0415  (as above)

    count = asyncio.run(exported(env_file, form, since, out))
    if out:
        click.echo(f"{out}: {count} entries")


@main.command()
@click.option("--port", type=_PORT, default=8000, show_default=True, help="Of the demo page.")
@click.option("--no-browser", is_flag=True, help="Do not open the page in a browser.")
@click.option("--speed", default=9.0, show_default=True, help="How much faster than real life.")
@click.option("--services", default=11, show_default=True, help="How many services the shop has.")
@_stages_option
@_lag_option
@_tells_errors
def demo(
    port: int, *, no_browser: bool, speed: float, services: int, stages: str, lag: float
) -> None:
    """Run the sandbox and Qbot against it, and open the page to play with."""
    _need_sandbox()
    with _lasting():
        from qbot.sandbox.demo import run  # noqa: PLC0415  (as above)

    run(port=port, browser=not no_browser, speed=speed, services=services, stages=stages, lag=lag)


@main.command()
@click.option(
    "--port", type=_PORT, default=8000, show_default=True, help="Of everything: page, vendors."
)
@click.option(
    "--env-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a qbot.yaml beside this file and every QBOT_* that `qbot serve` needs into it.",
)
@click.option("--speed", default=1.0, show_default=True, help="Of Argo CD and CI only.")
@click.option("--services", default=11, show_default=True, help="How many services the shop has.")
@_stages_option
@_lag_option
@click.option("--mode", type=click.Choice(["http", "socket"]), default="http", show_default=True)
@click.option(
    "--qbot-url", default="http://127.0.0.1:8080", show_default=True, help="Where Qbot listens."
)
@_tells_errors
def sandbox(
    port: int,
    env_file: Path | None,
    speed: float,
    services: int,
    stages: str,
    lag: float,
    mode: str,
    qbot_url: str,
) -> None:
    """Run the stand-ins for Slack, GitLab and Argo CD alone, as a process of their own."""
    _need_sandbox()
    with _lasting():
        from qbot.sandbox.run import run  # noqa: PLC0415  (as above)

    run(
        port=port,
        env_file=env_file,
        speed=speed,
        services=services,
        stages=stages,
        mode=mode,
        lag=lag,
        qbot_url=qbot_url,
    )
