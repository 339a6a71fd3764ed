"""Nothing that is, or looks like, a secret leaves by the log, whoever wrote the line."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from qbot.logs import Redaction

TOKENS = [
    "xoxb-12345-67890-AbCdEf",
    "xoxe.xoxp-1-Mi0yLTEyMzQ1",
    "xoxp-1-2-3",
    "xapp-1-A05-99-abcdef",
    "glpat-AbCdEfGhIjKlMnOpQrSt",
    "gldt-AbCdEfGhIjKlMnOpQrSt",
    "glrt-t1_AbCdEfGhIjKlMn",
    "glptt-0123456789abcdef0123",
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJxYm90In0.c2lnbmF0dXJl",
    "https://hooks.slack.com/commands/T1/2/3abc",
    "https://hooks.slack-gov.com/actions/T1/2/3abc",
    "wss://wss-primary.slack.com/link/?ticket=abc&app_id=1",
    "ws://127.0.0.1:1/slack/link?ticket=abc",
]
AROUND = [
    ("Bearer opaque-token-1", "opaque-token-1"),
    ("authorization: Zm9vOmJhcg==", "Zm9vOmJhcg=="),
    ("Basic Zm9vOmJhcmJheg==", "Zm9vOmJhcmJheg=="),
    ("PRIVATE-TOKEN: abcdef", "abcdef"),
    ("GET /api?private_token=abcdef&page=2", "abcdef"),
    ("postgresql://qbot:hunter2@db/qbot", "hunter2"),
    ("postgresql://qbot:p@ss/w:rd@db/qbot", "p@ss/w:rd"),
    ("redis://:hunter2@cache", "hunter2"),
    ("connecting with password=hunter2 as shop", "hunter2"),
    ("DB_PASSWORD=hunter2", "hunter2"),
    ("CLIENT_SECRET=hunter2, next", "hunter2"),
    ("api_key=hunter2&page=2", "hunter2"),
    ("env: TOKEN='hunter2'", "hunter2"),
]
PLAIN = [
    "feat/checkout", "qbot-feat-checkout-1f3a9c", "https://gitlab.example/shop/cart/-/pipelines/81",
    "o1f2e3d4c5b6", "4be1f0c8d2a7463e95b0f1a2c3d4e5f601234567", "Pod: ImagePullBackOff",
    "10.0.0.1:8080", "glue-service-api", "T05SHOP7QX2-U05ANA4K2M1",
]  # fmt: skip


@pytest.mark.parametrize("token", TOKENS)
def test_what_looks_like_a_token_is_masked(token: str) -> None:
    for text in (token, f"refused: {token}, again", f"{{'t': '{token}'}}", f"\n{token}\n"):
        shown = Redaction().text(text)
        assert token not in shown
        assert "[redacted]" in shown


@pytest.mark.parametrize(("text", "secret"), AROUND)
def test_what_stands_where_secrets_stand_is_masked(text: str, secret: str) -> None:
    assert secret not in Redaction().text(text)


@pytest.mark.parametrize("text", PLAIN)
def test_what_people_need_stays(text: str) -> None:
    assert Redaction(["unrelated-secret"]).text(text) == text


def test_what_is_configured_is_masked_whatever_it_looks_like() -> None:
    known = Redaction(["correct horse", "correct horse battery", "tiny", ""])
    assert known.text("a correct horse battery, a correct horse") == "a [redacted], a [redacted]"
    assert known.text("tiny") == "tiny"  # too short: it would be found everywhere


def test_fields_are_searched_at_any_depth_and_by_name() -> None:
    event: dict[str, Any] = {
        "event": "x", "count": 3, "ok": True, "nothing": None, "bot_token": "abc",
        "nested": {"Authorization": "abc", "list": [{"password": "abc"}, ("xoxb-1-2", 4)]},
        "body": b"xapp-1-2", "error": ValueError("glpat-0123456789"), "response_url": "http://x",
        "signing_secret": "", "tokens_left": 7,
    }  # fmt: skip
    assert Redaction()(None, "", event) == {
        "event": "x", "count": 3, "ok": True, "nothing": None, "bot_token": "[redacted]",
        "nested": {"Authorization": "[redacted]", "list": [{"password": "[redacted]"},
                                                           ["[redacted]", 4]]},
        "body": "b'[redacted]'", "error": "[redacted]", "response_url": "[redacted]",
        "signing_secret": "", "tokens_left": 7,
    }  # fmt: skip


PROGRAM = """
import logging, sys, structlog
from qbot.logs import configure
configure("info", sys.argv[1], secrets=["configured-secret"])
log, old = structlog.get_logger(), logging.getLogger("some.library")
log.info("plain line", op="o1")
log.debug("not shown")
for say in (log.warning, old.warning):
    say("with xoxb-1-2 and configured-secret")
log.info("fields", url="wss://x/?ticket=1", nested={"t": ["xapp-1-2"]})
old.error("arguments %s %r", "glpat-0123456789", {"token": "configured-secret"})
try:
    raise ValueError("xoxp-1-2 configured-secret")
except ValueError as error:
    log.exception("ours failed", reference="r1")
    log.error("ours told", exc_info=error)
    old.exception("theirs failed")
for name in ("slack_bolt.App", "slack_sdk.web", "httpx", "asyncio"):
    logging.getLogger(name).info("noise of %s", name)
logging.getLogger("slack_bolt.AsyncApp").warning("trouble")
"""


@pytest.mark.parametrize("form", ["json", "console"])
def test_every_logger_passes_through_the_same_chain(form: str) -> None:
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM, form],
        capture_output=True, text=True, check=True, timeout=30, env=os.environ | {"NO_COLOR": "1"},
    )  # fmt: skip
    assert run.stdout == ""
    said = run.stderr
    for secret in ("xox", "xapp", "glpat", "ticket", "configured-secret"):
        assert secret not in said
    for line in ("plain line", "ours failed", "ours told", "theirs failed", "trouble"):
        assert line in said
    assert said.count("Traceback (most recent call last)") == 3
    assert "noise" not in said
    assert "not shown" not in said
    if form == "json":
        lines = [json.loads(line) for line in said.splitlines()]
        assert all({"event", "level", "timestamp"} <= set(line) for line in lines)
        assert lines[0]["op"] == "o1"
