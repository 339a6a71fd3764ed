"""The manifest of Qbot's Slack app: `qbot manifest`, for Socket Mode or for HTTP mode."""

import json
import re
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ruamel.yaml import YAML

from qbot.domain.commands import SPECS
from qbot.errors import PermanentError
from qbot.web.slack import PATH

_SOURCE = Path(__file__).with_name("slack-app.yaml")
_LONGEST_NAME, _LONGEST_COMMAND = 35, 32  # https://docs.slack.dev/reference/app-manifest
_WIDTH = 100
_BEGIN = """Qbot's Slack app, printed by `qbot manifest`. At https://api.slack.com/apps choose
Create New App, From a manifest; then Install App, which gives QBOT_SLACK__BOT_TOKEN (xoxb-...).
"""
_SOCKET = """Socket Mode: under Basic Information, App-Level Tokens, make a token with the scope
connections:write. It is QBOT_SLACK__APP_TOKEN (xapp-...). Slack needs no way to Qbot.
"""
_HTTP = """HTTP mode: Basic Information has the Signing Secret, QBOT_SLACK__SIGNING_SECRET. Slack
sends everything to the addresses below, which have to lead to QBOT_LISTEN; there is no app token.
Slack asks the address of events for an answer as you save: start Qbot first, or press Retry.
"""
_FIELDS = "\nField by field: https://docs.slack.dev/reference/app-manifest"


def printed(
    *, socket_mode: bool, url: str = "", name: str = "Qbot", command: str = "/env", plain: bool
) -> str:
    """The manifest as YAML that says why each scope is asked for, or `plain` as JSON.

    `url` leads to QBOT_LISTEN from Slack.

    Raises:
        PermanentError: Slack would refuse it.
    """
    _check(socket_mode=socket_mode, url=url, name=name, command=command)
    yaml = YAML()
    yaml.width = _WIDTH
    yaml.preserve_quotes = True
    yaml.indent(mapping=2, sequence=4, offset=2)
    manifest = yaml.load(_SOURCE.read_text(encoding="utf-8"))
    _name(manifest, name, command)
    if not socket_mode:
        _lead(manifest, url.rstrip("/") + PATH)
    if plain:
        return json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
    way = _SOCKET if socket_mode else _HTTP
    manifest.yaml_set_start_comment(f"{_BEGIN}\n{way}{_FIELDS}")
    text = StringIO()
    yaml.dump(manifest, text)
    return text.getvalue()


def _check(*, socket_mode: bool, url: str, name: str, command: str) -> None:
    parts = urlsplit(url)
    leads = parts.scheme == "https" and parts.hostname and not parts.query
    named = name.strip() and len(name) <= _LONGEST_NAME
    typed = re.fullmatch("/[a-z0-9_-]+", command) and len(command) <= _LONGEST_COMMAND
    wrong = {
        "Socket Mode needs no --url: Qbot opens the connection": socket_mode and url,
        "HTTP mode needs --url, the https address that leads to QBOT_LISTEN, for instance "
        "https://qbot.example.com": not socket_mode and not leads,
        f"--name must have 1 to {_LONGEST_NAME} characters": not named,
        f"--command must be / and at most {_LONGEST_COMMAND - 1} of a-z, 0-9, - and _": not typed,
    }
    if found := [text for text, is_wrong in wrong.items() if is_wrong]:
        raise PermanentError("; ".join(found))


def _name(manifest: Any, name: str, command: str) -> None:
    """How it is called. The bot's name has fewer letters than the app's."""
    manifest["display_information"]["name"] = name
    bot = re.sub(r"[^a-z0-9_.-]+", "-", name.lower()).strip("-") or "qbot"
    manifest["features"]["bot_user"]["display_name"] = bot
    slash = manifest["features"]["slash_commands"][0]
    slash["command"] = command
    slash["usage_hint"] = f"[{' | '.join(spec.verb for spec in SPECS)}]"


def _lead(manifest: Any, address: str) -> None:
    """Each thing that Slack sends has an address of its own, and all are the same."""
    settings = manifest["settings"]
    settings["socket_mode_enabled"] = False
    settings["interactivity"]["request_url"] = address
    settings["event_subscriptions"].insert(0, "request_url", address)
    manifest["features"]["slash_commands"][0].insert(1, "url", address)
