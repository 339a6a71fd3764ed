"""`qbot manifest`: one that Slack takes, that asks for what Qbot uses, and why.

What it prints is in manifests/, too; `pytest tests/house --update-golden` writes it there anew.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from ruamel.yaml import YAML

from qbot.app.scopes import LOST
from qbot.cli import main
from qbot.domain.commands import SPECS
from qbot.sandbox.slack import seed
from qbot.settings import SlackSettings
from qbot.slack import events
from qbot.web.slack import PATH
from tests.schemas import draft202012

ROOT = Path(__file__).parents[2]
HTTP = ("--mode", "http", "--url", "https://qbot.example.com")
PRINTED: dict[str, tuple[str, ...]] = {"slack-app.yaml": (), "slack-app-http.yaml": HTTP}


def manifest(*options: str) -> Result:
    return CliRunner().invoke(main, ["manifest", *options])


def parsed(*options: str) -> dict[str, Any]:
    found: dict[str, Any] = YAML(typ="safe").load(manifest(*options).stdout)
    return found


TEXT = manifest().stdout
MANIFEST = parsed()
SCOPES: list[str] = MANIFEST["oauth_config"]["scopes"]["bot"]

# What each method asks for, by its page below https://docs.slack.dev/reference/methods
READ = {"channels:read", "groups:read"}  # im:read and mpim:read are for conversations not asked for
HISTORY = {"channels:history", "groups:history", "im:history"}
METHODS: dict[str, set[str]] = {
    "apps.connections.open": set(),  # the app token's connections:write
    "auth.test": set(),
    "chat.getPermalink": set(),
    "chat.postEphemeral": {"chat:write"},
    "chat.postMessage": {"chat:write"},
    "chat.update": {"chat:write"},
    "conversations.history": HISTORY,
    "conversations.info": READ,
    "conversations.open": {"im:write"},
    "conversations.replies": HISTORY,
    "files.completeUploadExternal": {"files:write"},
    "files.getUploadURLExternal": {"files:write"},
    "usergroups.list": {"usergroups:read"},
    "users.info": {"users:read"},
    "views.open": set(),
    "views.publish": set(),
    "views.update": set(),
}
WITHOUT_A_METHOD = {
    "commands",  # the slash command itself
    "users:read.email",  # a field of users.info
    "app_mentions:read",  # the event
}


def text(longest: int, pattern: str = "") -> dict[str, Any]:
    return {"type": "string", "minLength": 1, "maxLength": longest, "pattern": pattern}


def closed(required: str, **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": required.split(),
        "additionalProperties": False,
    }


BOOLEAN = {"type": "boolean"}
URL = text(3000, "^https?://")
# The documented fields and limits, of those that an app like this one could want:
# https://docs.slack.dev/reference/app-manifest
SCHEMA = closed(
    "display_information",
    _metadata=closed("", major_version={"enum": [1, 2]}, minor_version={"type": "integer"}),
    display_information=closed(
        "name",
        name=text(35),
        description=text(140),
        background_color=text(7, "^#[0-9a-fA-F]{3}([0-9a-fA-F]{3})?$"),
    ),
    features=closed(
        "",
        app_home=closed(
            "",
            home_tab_enabled=BOOLEAN,
            messages_tab_enabled=BOOLEAN,
            messages_tab_read_only_enabled=BOOLEAN,
        ),
        bot_user=closed(
            "display_name", display_name=text(80, "^[a-z0-9._-]+$"), always_online=BOOLEAN
        ),
        slash_commands={
            "type": "array",
            "maxItems": 5,
            "items": closed(
                "command description",
                command=text(32, "^/"),
                description=text(2000),
                usage_hint=text(1000),
                should_escape=BOOLEAN,
                url=URL,
            ),
        },
    ),
    oauth_config=closed(
        "",
        scopes=closed("", bot={"type": "array", "items": text(50, "^[a-z._:]+$")}),
    ),
    settings=closed(
        "",
        interactivity=closed("is_enabled", is_enabled=BOOLEAN, request_url=URL),
        event_subscriptions=closed(
            "", request_url=URL, bot_events={"type": "array", "items": text(50), "maxItems": 100}
        ),
        org_deploy_enabled=BOOLEAN,
        socket_mode_enabled=BOOLEAN,
        token_rotation_enabled=BOOLEAN,
    ),
)


# In HTTP mode Slack has to be told where to send each of these, in Socket Mode none.
ADDRESSES = (
    ("features", "slash_commands", 0, "url"),
    ("settings", "interactivity", "request_url"),
    ("settings", "event_subscriptions", "request_url"),
)


def at(tree: Any, path: tuple[str | int, ...]) -> Any:
    for key in path:
        tree = tree[key]
    return tree


@pytest.mark.parametrize("file", PRINTED)
def test_what_is_printed_is_in_the_repository(file: str, request: pytest.FixtureRequest) -> None:
    path, text = ROOT / "manifests" / file, manifest(*PRINTED[file]).stdout
    if request.config.getoption("--update-golden"):
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("options", PRINTED.values(), ids=PRINTED)
def test_it_has_only_documented_fields_within_their_limits(options: tuple[str, ...]) -> None:
    problems = [e.message for e in draft202012(SCHEMA).iter_errors(parsed(*options))]
    assert problems == []


@pytest.mark.parametrize("options", PRINTED.values(), ids=PRINTED)
def test_as_json_it_says_the_same(options: tuple[str, ...]) -> None:
    assert json.loads(manifest(*options, "--json").stdout) == parsed(*options)


def test_for_socket_mode_it_names_no_address() -> None:
    assert MANIFEST["settings"]["socket_mode_enabled"] is True
    assert MANIFEST["settings"]["interactivity"] == {"is_enabled": True}
    assert "url" not in str(MANIFEST)


def test_for_http_mode_it_leads_everything_to_where_qbot_listens() -> None:
    http = parsed("--mode", "http", "--url", "https://qbot.example.com/sub/")
    assert http["settings"]["socket_mode_enabled"] is False
    assert {at(http, path) for path in ADDRESSES} == {f"https://qbot.example.com/sub{PATH}"}


def test_the_modes_differ_in_nothing_else() -> None:
    http = parsed(*HTTP)
    for path in ADDRESSES:
        del at(http, path[:-1])[path[-1]]
    http["settings"]["socket_mode_enabled"] = True
    assert http == MANIFEST


def test_app_bot_and_command_can_be_called_otherwise() -> None:
    called = parsed("--name", 'Büro: "Environments" #2', "--command", "/umgebung")
    assert called["display_information"]["name"] == 'Büro: "Environments" #2'
    assert called["features"]["bot_user"]["display_name"] == "b-ro-environments-2"
    assert called["features"]["slash_commands"][0]["command"] == "/umgebung"
    assert list(draft202012(SCHEMA).iter_errors(called)) == []


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--mode", "http"], "HTTP mode needs --url"),
        (
            ["--mode", "http", "--url", "http://qbot.example.com"],
            "HTTP mode needs --url, the https",
        ),
        (["--url", "https://qbot.example.com"], "Socket Mode needs no --url"),
        (["--name", " "], "--name must have 1 to 35 characters"),
        (["--name", "x" * 36], "--name must have 1 to 35 characters"),
        (["--command", "env"], "--command must be /"),
        (["--command", "/" + "x" * 32], "--command must be / and at most 31"),
    ],
)
def test_what_slack_would_refuse_is_not_printed(options: list[str], says: str) -> None:
    told = manifest(*options)
    assert told.exit_code == 2
    assert told.stdout == ""
    assert told.stderr.startswith("qbot: ")
    assert says in told.stderr


def test_the_command_is_the_default_of_the_setting_and_hints_at_every_verb() -> None:
    (command,) = MANIFEST["features"]["slash_commands"]
    assert command["command"] == SlackSettings.model_fields["command"].default
    assert command["should_escape"] is True
    assert set(re.findall(r"\w+", command["usage_hint"])) == {spec.verb for spec in SPECS}


def test_every_scope_has_a_use_and_every_use_its_scope() -> None:
    source = "".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "qbot/gateways/slack").glob("*.py")
    )
    families = (
        "api|apps|auth|bots|chat|conversations|files|pins|reactions|team|usergroups|users|views"
    )
    named = set(re.findall(rf'"((?:{families})\.[a-zA-Z.]+)"', source))
    assert named <= METHODS.keys(), "say in METHODS what the new method asks for"
    used: set[str] = set().union(*(METHODS[name] for name in named))
    assert set(SCOPES) == used | WITHOUT_A_METHOD


@pytest.mark.parametrize("scope", SCOPES)
def test_every_scope_says_why(scope: str) -> None:
    lines = [line.strip() for line in TEXT.splitlines()]
    at = lines.index(f"- {scope}")
    reasoned = lines[at - 1].startswith("#")
    shared = scope in HISTORY and lines[at - 1].removeprefix("- ") in HISTORY
    assert reasoned or shared


def test_the_start_knows_what_is_lost_without_each_scope() -> None:
    assert list(LOST) == SCOPES


def test_events_are_asked_for_only_where_a_listener_hears_them() -> None:
    heard = {subject.removeprefix("event:") for subject in events.subjects()}
    subscribed = MANIFEST["settings"].get("event_subscriptions", {}).get("bot_events", [])
    assert heard == set(subscribed)
    assert MANIFEST["features"]["app_home"]["home_tab_enabled"] is ("app_home_opened" in subscribed)


def test_the_stand_in_gives_exactly_what_the_manifest_asks_for() -> None:
    subscribed = MANIFEST["settings"].get("event_subscriptions", {}).get("bot_events", [])
    read_only = MANIFEST["features"]["app_home"]["messages_tab_read_only_enabled"]
    assert set(SCOPES) == seed.DEFAULT_SCOPES
    assert set(subscribed) == seed.DEFAULT_EVENTS
    assert read_only is seed.MESSAGES_TAB_IS_READ_ONLY
