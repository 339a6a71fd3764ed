"""The ways into a running Qbot from outside: addresses, what proves a sender, what is answered."""

import base64
import hashlib
import hmac
import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from qbot.gateways.clock import SystemClock
from tests.acceptance.payloads import ARGOCD, COMMANDS, EVENTS, GITLAB, INTERACTIVE, Json

KEY = b"k" * 32  # signs webhooks of GitLab
Headers = dict[str, str]
GOOD = 200
READ = frozenset({GOOD, 400, 401, 408, 413, 415})


def as_it_is(body: bytes) -> bytes:
    return body


@dataclass(frozen=True)
class Door:
    """One endpoint of a running Qbot.

    Attributes:
        url: where it is.
        models: what the vendor would send.
        proved: headers with which it is believed.
        unproved: headers with which it is not.
        stated: the statuses that it may answer.
        usual: of these, what it answers to many that are spoiled.
        packed: how JSON becomes a body.
    """

    url: str
    models: tuple[Json, ...]
    proved: Callable[[bytes, random.Random], Headers]
    unproved: Callable[[bytes, random.Random], Headers]
    stated: frozenset[int]
    usual: frozenset[int] = frozenset({GOOD, 400})
    packed: Callable[[bytes], bytes] = as_it_is


def now() -> int:
    return int(SystemClock().now().timestamp())


def gitlabs(body: bytes, stamp: int, id_: str, key: bytes = KEY) -> Headers:
    """Signed as Standard Webhooks say."""
    text = f"{id_}.{stamp}.".encode() + body
    digest = base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
    return {
        "webhook-id": id_, "webhook-timestamp": str(stamp), "webhook-signature": f"v1,{digest}"
    }  # fmt: skip


def gitlab_door(listen: str, token: str) -> Door:
    def proved(body: bytes, dice: random.Random) -> Headers:
        id_ = f"d-{dice.randrange(10**9)}"
        if dice.random() < 0.5:
            return {"X-Gitlab-Token": token, "webhook-id": id_}
        return gitlabs(body, now(), id_)

    def unproved(body: bytes, dice: random.Random) -> Headers:
        at = now()
        return dice.choice(
            (
                {}, {"X-Gitlab-Token": ""}, {"X-Gitlab-Token": token[:-1]},
                {"X-Gitlab-Token": token + "\u00ff"}, gitlabs(body, at - 900, "stale"),
                gitlabs(body, at + 900, "early"), gitlabs(body, at, "x", b"other"),
                gitlabs(body + b" ", at, "x"), gitlabs(body, at, "x") | {"webhook-id": "y"},
                gitlabs(body, at, "x") | {"webhook-signature": "v1,", "X-Gitlab-Token": token},
                gitlabs(body, at, "x") | {"webhook-timestamp": "9" * 400},
            )
        )  # fmt: skip

    return Door(f"http://{listen}/webhooks/gitlab", GITLAB, proved, unproved, READ)


def argocd_door(listen: str, token: str) -> Door:
    def proved(_: bytes, __: random.Random) -> Headers:
        return {"Authorization": f"Bearer {token}"}

    def unproved(_: bytes, dice: random.Random) -> Headers:
        return dice.choice(
            (
                {}, {"Authorization": ""}, {"Authorization": "Bearer "},
                {"Authorization": f"Bearer {token[:-1]}"}, {"Authorization": token},
                {"Authorization": f"Bearer {token}\u00e9"}, {"Authorization": f"Basic {token}"},
            )
        )  # fmt: skip

    # 503: too much to look at
    return Door(f"http://{listen}/webhooks/argocd", ARGOCD, proved, unproved, READ | {503})


def slacks(body: bytes, stamp: int, secret: str) -> Headers:
    """Signed as Slack does."""
    base = b"v0:" + str(stamp).encode() + b":" + body
    return {
        "X-Slack-Request-Timestamp": str(stamp),
        "X-Slack-Signature": f"v0={hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()}",
    }


def slack_doors(listen: str, secret: str) -> list[Door]:
    """Slash commands, buttons and forms, and events: one address."""

    def proved(body: bytes, _: random.Random) -> Headers:
        return slacks(body, now(), secret)

    def unproved(body: bytes, dice: random.Random) -> Headers:
        at = now()
        right = slacks(body, at, secret)
        return dice.choice(
            (
                {}, slacks(body, at - 900, secret), slacks(body, at + 900, secret),
                slacks(body, at, "other"), slacks(body + b" ", at, secret),
                right | {"X-Slack-Signature": ""}, right | {"X-Slack-Signature": "v0=\u00e9"},
                right | {"X-Slack-Signature": right["X-Slack-Signature"].removeprefix("v0=")},
                right | {"X-Slack-Request-Timestamp": "9" * 400},
                right | {"X-Slack-Request-Timestamp": str(at - 1)},
            )
        )  # fmt: skip

    url = f"http://{listen}/slack/events"
    stated, usual = READ | {404}, frozenset({GOOD, 404})
    kinds = ((COMMANDS, typed), (INTERACTIVE, in_a_field), (EVENTS, as_it_is))
    return [Door(url, m, proved, unproved, stated, usual, packed) for m, packed in kinds]


def typed(body: bytes) -> bytes:
    """The fields of a slash command; bytes that hold none stay as they are."""
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        return body
    if not isinstance(fields, dict):
        return body
    return urlencode({k: str(v).encode(errors="replace") for k, v in fields.items()}).encode()


def in_a_field(body: bytes) -> bytes:
    """As buttons and forms come."""
    return urlencode({"payload": body}).encode()


def doors_of(said: Mapping[str, str]) -> list[Door]:
    """All that take a body, of a Qbot with these settings."""
    listen = said["QBOT_LISTEN"]
    return [
        gitlab_door(listen, said["QBOT_GITLAB__WEBHOOK_SECRET"]),
        argocd_door(listen, said["QBOT_ARGOCD__MAIN__WEBHOOK_TOKEN"]),
        *slack_doors(listen, said["QBOT_SLACK__SIGNING_SECRET"]),
    ]
