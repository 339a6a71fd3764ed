"""What strangers and broken senders put into a webhook: seeded, of every kind that JSON allows."""

import json
import random
from copy import deepcopy
from typing import Any

SHA, ZERO = "a" * 40, "0" * 40
Json = dict[str, Any]

_PROJECT = {"id": 3, "path_with_namespace": "shop/cart", "default_branch": "main"}
GITLAB: tuple[Json, ...] = (
    {
        "object_kind": "push", "ref": "refs/heads/fuzz/x", "before": ZERO, "after": SHA,
        "checkout_sha": SHA, "project": _PROJECT, "user_username": "ana",
        "commits": [{"id": SHA, "message": "More"}], "total_commits_count": 1,
    },
    {
        "object_kind": "tag_push", "ref": "refs/tags/v1", "before": ZERO, "after": SHA,
        "project": _PROJECT,
    },
    {
        "object_kind": "pipeline", "project": _PROJECT,
        "object_attributes": {"id": 9, "ref": "fuzz/x", "sha": SHA, "status": "success"},
    },
    {
        "object_kind": "deployment", "project": _PROJECT, "status": "success",
        "deployment_id": 5, "short_sha": SHA[:8], "environment": "staging",
    },
    {
        "object_kind": "merge_request", "project": _PROJECT, "user": {"username": "ana"},
        "object_attributes": {
            "iid": 7, "state": "merged", "source_branch": "fuzz/x", "target_branch": "main",
            "source_project_id": 3, "target_project_id": 3, "action": "merge",
            "updated_at": "2026-01-05 09:00:00 UTC", "last_commit": {"id": SHA},
            "url": "https://gitlab.example.test/shop/cart/-/merge_requests/7",
        },
    },
)  # fmt: skip
ARGOCD: tuple[Json, ...] = (
    {"app": "qbot-fuzz-x-cart", "project": "qbot-fuzz-x", "health": "Degraded", "sync": "Synced"},
    {"app": "production-cart", "project": "production", "trigger": "on-deployed"},
)
_TEAM, _ANA, _CHANNEL = "T05SHOP7QX2", "U05ANA4K2M1", "C05GENERAL1"
_WHO: Json = {"user": {"id": _ANA, "team_id": _TEAM}, "team": {"id": _TEAM}}
_AT = {"type": "message", "message_ts": "1767603600.000100", "channel_id": _CHANNEL}
_PRESS: Json = {
    **_WHO, "type": "block_actions", "trigger_id": "fuzz", "channel": {"id": _CHANNEL},
    "container": _AT,
}  # fmt: skip
_EVENT: Json = {"type": "event_callback", "team_id": _TEAM, "event_id": "Ev1"}
_TYPED = ("", "help", "list --all", "show feat/fuzz", "history staging", "extend feat/fuzz 2d")
COMMANDS: tuple[Json, ...] = tuple(
    {
        "command": "/env", "text": text, "team_id": _TEAM, "user_id": _ANA, "trigger_id": "fuzz",
        "channel_id": _CHANNEL, "response_url": "",
    }
    for text in _TYPED
)  # fmt: skip
INTERACTIVE: tuple[Json, ...] = (
    {**_PRESS, "actions": [{"action_id": "env_list", "action_ts": "1.2", "value": "mine:0"}]},
    {
        **_PRESS,
        "actions": [
            {
                "action_id": "env_term", "action_ts": "1.2", "type": "overflow",
                "selected_option": {"value": "pin:e0123456789ab"},
            }
        ],
    },
    {
        **_WHO, "type": "view_submission", "trigger_id": "fuzz",
        "view": {
            "id": "V05FUZZ", "hash": "1.x", "type": "modal", "callback_id": "env_create_form",
            "private_metadata": _CHANNEL,
            "state": {"values": {"b": {"env_branch": {"type": "plain_text_input", "value": "-x"}}}},
        },
    },
)  # fmt: skip
EVENTS: tuple[Json, ...] = (
    {
        **_EVENT,
        "event": {
            "type": "app_mention", "user": _ANA, "team": _TEAM, "channel": _CHANNEL,
            "text": "<@U05QB0T4D7N> list", "ts": "1767603600.000100",
        },
    },
    {**_EVENT, "event": {"type": "app_home_opened", "user": _ANA, "tab": "home"}},
    {**_EVENT, "event": {"type": "subteam_updated", "subteam": {"id": "S05X", "users": []}}},
    {"type": "url_verification", "challenge": "abc"},
)  # fmt: skip
SLACK = (*COMMANDS, *INTERACTIVE, *EVENTS)
_TEXTS = (
    "", " ", "\0", "\ud800", "\u202e\u2066", "e\u0301" * 400, "\U0001f600" * 300, "x" * 70_000,
    "../../etc/passwd", "<!channel> <@U1> *x* `y`", "'; drop table branches; --", "%00%2F", "\r\n",
    "refs/heads/" + "y" * 300, "refs/heads/fuzz/\u00e4\u20ac", "0" * 40, "A" * 40, "g" * 40,
)  # fmt: skip
_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 2**63, 10**400, 1e308, float("nan"), float("-inf"), [], {}, [[]],
    [None] * 3_000, {"": {"": ""}}, {"id": SHA}, [SHA],
)  # fmt: skip


def spoiled(dice: random.Random, models: tuple[Json, ...]) -> bytes:
    """One payload: mostly what the vendor would send, with something wrong in it."""
    body = json.loads(json.dumps(dice.choice(models)))
    match dice.randrange(12):
        case 0:
            return _noise(dice)
        case 1:
            return _bomb(dice)
        case 2:
            return _bitten(dice, json.dumps(body).encode())
        case 3:
            return json.dumps(_thing(dice)).encode()
        case 4:
            text = json.dumps(body)
            return text.encode(dice.choice(("utf-16", "utf-32", "utf-8-sig", "cp037")))
        case 5:  # the same key twice: the last one counts, as in most readers
            return b"{" + json.dumps(body)[1:-1].encode() + b',"project":[]}'
        case _:
            return _wrong(dice, body)


def _wrong(dice: random.Random, body: Json) -> bytes:
    for _ in range(dice.choice((1, 1, 2, 5))):
        _spoil(dice, body)
    return json.dumps(body, ensure_ascii=dice.random() < 0.7).encode("utf-8", "surrogatepass")


def _spoil(dice: random.Random, body: Any) -> None:
    """Take a key away, or put something else in its place, anywhere."""
    while isinstance(body, dict) and body:
        key = dice.choice(list(body))
        inner = body[key]
        if isinstance(inner, dict) and inner and dice.random() < 0.7:
            body = inner
            continue
        if dice.random() < 0.2:
            del body[key]
        else:
            body[key] = _thing(dice)
        return


def _thing(dice: random.Random) -> Any:
    return deepcopy(dice.choice((*_VALUES, *_TEXTS)))  # else one could be put into itself


def _noise(dice: random.Random) -> bytes:
    return dice.randbytes(dice.choice((0, 1, 7, 300, 9_000)))


def _bitten(dice: random.Random, body: bytes) -> bytes:
    """Cut off, or with some bytes changed."""
    if dice.random() < 0.5:
        return body[: dice.randrange(len(body))]
    changed = bytearray(body)
    for _ in range(dice.choice((1, 4, 40))):
        changed[dice.randrange(len(changed))] = dice.randrange(256)
    return bytes(changed)


def _bomb(dice: random.Random) -> bytes:
    """Small on the wire, and deep, wide or long where it is read."""
    depth = dice.choice((900, 5_000, 60_000))
    return dice.choice(
        (
            b"[" * depth,
            b'{"a":' * depth,
            b"[" * depth + b"]" * depth,
            b'{"project":' + b'{"a":' * depth + b"1" + b"}" * depth + b"}",
            b"[" + b"0," * depth + b"0]",
            b"9" * depth,
            b'"' + b"\\ud800" * depth + b'"',
        )
    )
