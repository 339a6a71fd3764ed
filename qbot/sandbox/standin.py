"""What the composition of the sandbox asks of each stand-in."""

from typing import Any, Protocol

from aiohttp import web


class StandIn(Protocol):
    """One vendor. Built with the kernel; holds all of its own state in memory or on disk."""

    def app(self) -> web.Application:
        """The vendor's HTTP surface, to be mounted below `/<vendor>`."""

    def drive_routes(self) -> list[web.RouteDef]:
        """What a person or a test may do to this vendor, below `/drive`."""

    def state(self) -> dict[str, Any]:
        """This vendor's part of `GET /drive/state`."""

    async def start(self) -> None:
        """Start background work (engines, timers)."""

    async def stop(self) -> None:
        """Stop it; nothing is left running."""

    async def reset(self) -> None:
        """Back to a fresh, seeded world."""
