"""What the three stand-ins share: clock, recorder, faults, change feed, background tasks."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

from qbot.sandbox.calls import Calls
from qbot.sandbox.clock import SandboxClock
from qbot.sandbox.faults import Faults


class Feed:
    """Tells the demo page that something changed; the page then asks for what it shows."""

    def __init__(self) -> None:
        self._listeners: set[asyncio.Queue[dict[str, Any]]] = set()

    def publish(self, topic: str, **detail: Any) -> None:
        """Announce a change, for instance `publish("message", channel="C1")`."""
        for queue in self._listeners:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait({"topic": topic, **detail})

    def listen(self) -> asyncio.Queue[dict[str, Any]]:
        """A queue of coming changes; hand it to `leave` when done."""
        queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue(maxsize=500)
        self._listeners.add(queue)
        return queue

    def leave(self, queue: asyncio.Queue[dict[str, Any]]) -> None:
        """Stop listening."""
        self._listeners.discard(queue)


@dataclass(slots=True)
class Kernel:
    """Handed to every stand-in. `url` is the root of the sandbox as others reach it."""

    clock: SandboxClock
    url: str = "http://127.0.0.1:0"
    calls: Calls = field(default_factory=Calls)
    feed: Feed = field(default_factory=Feed)
    faults: Faults = field(init=False)
    _tasks: set[asyncio.Task[Any]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.faults = Faults(lambda: self.feed.publish("fault"))

    def spawn(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Run in the background until done or `stop` (the loop keeps only weak references)."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def stop(self) -> None:
        """Cancel what still runs in the background and wait for it."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
