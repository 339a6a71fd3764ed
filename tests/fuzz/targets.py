"""What outside bytes go through, one function for each way in: it raises only where Qbot is wrong.

`make fuzz` feeds them with what coverage leads to, `make test` with a few made-up bytes.
"""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from qbot.domain.commands import parse
from qbot.domain.names import ProjectPath, branch_name
from qbot.errors import UserError
from qbot.redaction import redact
from qbot.render import escape
from qbot.slack import payload
from qbot.web.hooks import events
from qbot.web.hooks.argocd import hint_of
from qbot.web.hooks.proof import Proof
from qbot.web.slack import signed
from tests.acceptance import payloads
from tests.render.blockcheck import check_mrkdwn

AT = datetime(2026, 1, 5, 9, tzinfo=UTC)
KNOWN = {"shop/cart": ProjectPath("shop/cart")}
HOSTS = frozenset({"gitlab.example.test", ".envs.example.test"})
PROOF = Proof(["a-secret-token", "whsec_c2VjcmV0"])
LIMIT = 300  # characters


def text_of(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def command(data: bytes) -> None:
    """What is typed."""
    with suppress(UserError):
        parse(text_of(data))
    with suppress(UserError):
        assert len(branch_name(text_of(data)).encode()) <= 244


def gitlab(data: bytes) -> None:
    """A webhook that proved its sender."""
    with suppress(events.MalformedError):
        events.parse(data, KNOWN, AT)


def argocd(data: bytes) -> None:
    """A notification that proved its sender."""
    hint_of("main", data)


def slack(data: bytes) -> None:
    """A payload that Slack signed, once Bolt has decoded it."""
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        return
    if isinstance(body, dict):
        for delivery in (payload.of_command, payload.of_action, payload.of_view):
            delivery(body).asked.key.encode()
        payload.of_mention(body)
        payload.of_home(body)
        payload.behind_mention(body, "U05QB0T4D7N")
        payload.value(body)
        view = body.get("view")
        payload.inputs(view if isinstance(view, dict) else body)


def proof(data: bytes) -> None:
    """Headers that prove nothing: nobody guesses a signature."""
    first, _, rest = data.partition(b"\n")
    second, _, body = rest.partition(b"\n")
    stamp, given = first.decode("latin-1"), second.decode("utf-8", "surrogateescape")
    slacks = {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": given}
    assert not signed("shh", slacks, body, now=AT)
    signature = {"webhook-timestamp": stamp, "webhook-id": given, "webhook-signature": given}
    assert PROOF.refusal(signature, body, AT)
    token: Mapping[str, str] = {"X-Gitlab-Token": given}
    assert PROOF.refusal(token, body, AT) or given == "a-secret-token"


def shown(data: bytes) -> None:
    """A text of somebody else's in a message."""
    text = text_of(data)
    for made in (escape.prose(text, LIMIT), escape.code(text, LIMIT)):
        if made:
            check_mrkdwn(made, 5 * LIMIT + 2)
    link = escape.link(text, "here", HOSTS)
    if link != "here":
        check_mrkdwn(link, 5 * len(text) + 20)
    once = redact(text)
    assert redact(once) == once


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    t.__name__: t for t in (command, gitlab, argocd, slack, proof, shown)
}
_TYPED = (
    "create feat/x --set cart=main --ttl 3d",
    "lock staging --for 2h reason",
    "show <http://x>",
)


def seeds(target: str) -> list[bytes]:
    """What it gets when all is well, to begin with."""
    bodies: Mapping[str, tuple[Any, ...]] = {
        "gitlab": payloads.GITLAB,
        "argocd": payloads.ARGOCD,
        "slack": payloads.SLACK,
    }
    if target in bodies:
        return [json.dumps(body).encode() for body in bodies[target]]
    if target == "proof":
        return [b"1767603600\nv0=" + b"0" * 64 + b"\n{}", b"1767603600\nv1,AAAA\n{}"]
    return [
        text.encode() for text in (*_TYPED, "password: hunter2", "<!channel> https://x.test/a|b")
    ]
