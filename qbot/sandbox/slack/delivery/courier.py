"""Carries payloads to the app, and the faults that were ordered for the way there."""

import asyncio

from qbot.sandbox.kernel import Kernel
from qbot.sandbox.slack.delivery.outcome import PATIENCE, Delivery, Outcome, Retry, Transport
from qbot.sandbox.slack.model import Json

LOST = ("drop-before", "hang")
WAYS = ("duplicate", "slow", *LOST)
TIMES = 3
TIMEOUT = Outcome(0, PATIENCE * 1000, error="operation_timeout", reason="http_timeout")


class Courier:
    """Faults of vendor slack match "DELIVER slash", "... interactive", "... view", "... event"."""

    def __init__(self, kernel: Kernel, transport: Transport) -> None:
        kernel.faults.deliver("slack", WAYS)
        self._kernel = kernel
        self.transport = transport

    async def deliver(
        self, kind: Delivery, payload: Json, retry: Retry | None = None
    ) -> list[Outcome]:
        """Deliver; more than one outcome only where a duplicate was ordered."""
        fault = self._kernel.faults.take("slack", f"DELIVER {kind}", *WAYS)
        if fault is None:
            return [await self.transport.send(kind, payload, retry)]
        if fault.kind in LOST:
            await self._kernel.clock.sleep(PATIENCE)
            return [TIMEOUT]
        if fault.kind == "slow":
            return [await self._late(kind, payload, retry, fault.seconds)]
        copies = [self._copy(kind, payload, retry, number) for number in range(TIMES)]
        return list(await asyncio.gather(*copies))

    async def _copy(
        self, kind: Delivery, payload: Json, retry: Retry | None, number: int
    ) -> Outcome:
        if kind == "event" and number:
            retry = Retry(number, "http_timeout")
        return await self.transport.send(kind, payload, retry)

    async def _late(
        self, kind: Delivery, payload: Json, retry: Retry | None, seconds: float
    ) -> Outcome:
        """Arrives `seconds` late; beyond three the person has long seen an error."""
        if seconds < PATIENCE:
            await self._kernel.clock.sleep(seconds)
            return await self.transport.send(kind, payload, retry)
        _ = self._kernel.spawn(self._after(kind, payload, retry, seconds), "slack: late delivery")
        await self._kernel.clock.sleep(PATIENCE)
        return TIMEOUT

    async def _after(
        self, kind: Delivery, payload: Json, retry: Retry | None, seconds: float
    ) -> None:
        await self._kernel.clock.sleep(seconds)
        await self.transport.send(kind, payload, retry)
