"""What the dispatcher needs of Slack and of the metrics."""

from typing import Protocol

from qbot.gateways.slack import Mark, Posted
from qbot.render.blocks import Message


class Messenger(Protocol):
    """The part of `SlackGateway` that is used here; see there for what is raised."""

    async def post(
        self, channel: str, message: Message, *, mark: Mark | None = None, thread_ts: str = ""
    ) -> Posted:
        """Post, in a thread with `thread_ts`."""

    async def update(self, posted: Posted, message: Message) -> None:
        """Change a message of ours."""

    async def find(
        self, channel: str, mark: Mark, *, since: float, thread_ts: str = ""
    ) -> Posted | None:
        """A message by its mark; `since` in Unix seconds."""

    async def respond(
        self, url: str, message: Message, *, replace: bool = False, public: bool = False
    ) -> None:
        """Answer by a response_url."""

    async def permalink(self, posted: Posted) -> str:
        """A message's address, or nothing."""

    async def identity(self) -> tuple[str, str, frozenset[str]]:
        """Who the token is; an AccessError where it is refused."""


class Meter(Protocol):
    """Counters; called often, must not wait."""

    def sent(self, method: str, rank: str) -> None:
        """One call was answered well."""

    def failed(self, method: str, kind: str) -> None:
        """One call was not; `kind` is the error's class."""

    def shown_after(self, rank: str, seconds: float) -> None:
        """How long a change waited until people could see it."""

    def waiting(self, cards: int) -> None:
        """How many messages are behind at present."""

    def leads(self, *, leads: bool) -> None:
        """Whether this replica is the one that writes to Slack; told when that changes."""


class NoMeter:
    """Counts nothing."""

    def sent(self, method: str, rank: str) -> None:
        """Ignored."""

    def failed(self, method: str, kind: str) -> None:
        """Ignored."""

    def shown_after(self, rank: str, seconds: float) -> None:
        """Ignored."""

    def waiting(self, cards: int) -> None:
        """Ignored."""

    def leads(self, *, leads: bool) -> None:
        """Ignored."""
