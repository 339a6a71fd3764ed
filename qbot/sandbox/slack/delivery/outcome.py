"""What became of one delivery, and what a transport has to offer."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from qbot.sandbox.clock import SandboxClock
from qbot.sandbox.slack.model import Json

Delivery = Literal["slash", "interactive", "view", "options", "event"]
PATIENCE = 3.0  # seconds; https://docs.slack.dev/interactivity/handling-user-interaction/


@dataclass(frozen=True, slots=True)
class Outcome:
    """`error` is what Slack tells the person, `reason` what it tells the app when it retries.

    `status` is the HTTP status (200 for an acknowledged envelope), 0 without an answer.
    """

    status: int
    ms: float
    body: Json | None = None
    error: str = ""
    reason: str = ""
    no_retry: bool = False


@dataclass(frozen=True, slots=True)
class Retry:
    """The how-manieth retry of an event, and why."""

    number: int
    reason: str


class Transport(Protocol):
    """One way to the app."""

    async def send(self, kind: Delivery, payload: Json, retry: Retry | None) -> Outcome:
        """Deliver once and wait up to three seconds for the answer."""

    async def close(self) -> None:
        """Let go of connections."""


async def within_patience(clock: SandboxClock, work: Coroutine[Any, Any, Outcome]) -> Outcome:
    """`work`, or operation_timeout once three seconds have passed on the clock."""
    started = clock.time()
    task = asyncio.ensure_future(work)
    alarm = asyncio.ensure_future(clock.sleep(PATIENCE))
    try:
        await asyncio.wait({task, alarm}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        ms = (clock.time() - started) * 1000
        return Outcome(0, ms, error="operation_timeout", reason="http_timeout")
    finally:
        for one in (task, alarm):
            one.cancel()
        await asyncio.gather(task, alarm, return_exceptions=True)
