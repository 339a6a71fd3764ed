"""The workspace: who and what exists, and the only ways in which it changes.

Each change is announced on the kernel's feed (for the demo page) and to watchers (for a
drive call that waits for an answer).
"""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from qbot.sandbox.kernel import Kernel
from qbot.sandbox.slack import seed
from qbot.sandbox.slack.model import (
    Channel,
    Json,
    Kind,
    Message,
    Token,
    Trigger,
    Upload,
    User,
    UserGroup,
    View,
)


@dataclass(frozen=True, slots=True)
class Change:
    """What somebody could see happen: a message ("new", "edit", "delete") or a view."""

    what: str  # "new", "edit", "delete", "view" or "home"
    message: Message | None = None
    view: View | None = None


Watcher = Callable[[Change], None]


class World:
    """State of one workspace; `fresh` puts it back to how it was seeded."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.clock = kernel.clock
        self.tokens: dict[str, Token] = {}
        self._watchers: set[Watcher] = set()
        self._last_ts = 0
        self.fresh()

    def fresh(self) -> None:
        """A newly seeded workspace; tokens and the order of timestamps survive."""
        now = int(self.clock.time())
        self.users: dict[str, User] = {user.id: user for user in seed.users(now)}
        by_name = {user.name: user for user in self.users.values()}
        self.channels: dict[str, Channel] = {c.id: c for c in seed.channels(by_name, now)}
        self.groups: dict[str, UserGroup] = {g.id: g for g in seed.groups(by_name)}
        self.triggers: dict[str, Trigger] = {}
        self.modals: dict[str, list[View]] = {}  # stack per user, the top last
        self.homes: dict[str, View] = {}
        self.uploads: dict[str, Upload] = {}  # by id
        self.closed: dict[str, View] = {}  # for payloads about views that are gone

    @property
    def bot(self) -> User:
        """The app's own bot user."""
        return self.users[seed.BOT_USER]

    def user(self, name_or_id: str) -> User | None:
        """By id, or by the name that people type."""
        found = self.users.get(name_or_id)
        return found or next((u for u in self.users.values() if u.name == name_or_id), None)

    def channel(self, name_or_id: str) -> Channel | None:
        """By id, or a channel (no DM) by name."""
        found = self.channels.get(name_or_id)
        named = (c for c in self.channels.values() if c.kind is not Kind.DM)
        return found or next((c for c in named if c.name == name_or_id), None)

    def dm(self, user: User) -> Channel:
        """The conversation between the bot and `user`, opened if need be."""
        id_ = dm_id(user)
        if id_ not in self.channels:
            members = {user.id, self.bot.id}
            created = int(self.clock.time())
            self.channels[id_] = Channel(id_, "", Kind.DM, members, created=created)
        return self.channels[id_]

    def next_ts(self) -> str:
        """A message timestamp: unique, and later than every one before it."""
        self._last_ts = max(self._last_ts + 1, int(self.clock.time() * 1_000_000))
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    def trigger(self, user: str, view: str = "") -> str:
        """A new trigger_id; three seconds, one use."""
        id_ = f"{secrets.randbelow(10**12)}.{secrets.randbelow(10**11)}.{secrets.token_hex(16)}"
        self.triggers[id_] = Trigger(user, self.clock.time() + 3, view)
        return id_

    def show(self, message: Message) -> None:
        """Put a new message into its channel."""
        self.channels[message.channel].messages[message.ts] = message
        self._tell(Change("new", message))

    def edited(self, message: Message) -> None:
        """Announce that a message now looks different."""
        message.changed = True
        self._tell(Change("edit", message))

    def remove(self, message: Message) -> None:
        """Take a message out of everybody's sight."""
        message.versions.append(message.blocks)
        message.deleted = True
        self._tell(Change("delete", message))

    def view_changed(self, view: View) -> None:
        """Announce a new, changed or closed modal, or a published App Home."""
        self._tell(Change("view" if view.is_modal else "home", view=view))

    def find_view(self, view_id: str) -> View | None:
        """An open modal or a published App Home."""
        shown = [v for stack in self.modals.values() for v in stack]
        return next((v for v in (*shown, *self.homes.values()) if v.id == view_id), None)

    def close_views(self, views: list[View]) -> None:
        """Take modals off their owner's stack."""
        for view in views:
            self.modals[view.user].remove(view)
            self.closed[view.id] = view
            self.view_changed(view)

    @contextmanager
    def watching(self, watcher: Watcher) -> Iterator[None]:
        """Call `watcher` on every change inside the block."""
        self._watchers.add(watcher)
        try:
            yield
        finally:
            self._watchers.discard(watcher)

    def _tell(self, change: Change) -> None:
        feed = self.kernel.feed
        if (message := change.message) is not None:
            if message.only_for:
                feed.publish(
                    "ephemeral",
                    user=self.users[message.only_for].name,
                    channel=message.channel,
                )
            else:
                feed.publish("message", channel=message.channel)
        if (view := change.view) is not None:
            feed.publish(change.what, user=self.users[view.user].name)
        for watcher in list(self._watchers):
            watcher(change)

    def counts(self) -> Json:
        """Messages that everybody can see, by channel name or DM id."""
        return {
            channel.name or channel.id: sum(
                not (m.deleted or m.only_for) for m in channel.messages.values()
            )
            for channel in self.channels.values()
        }


def dm_id(user: User) -> str:
    """The conversation with the bot, also before it is opened and after a reset."""
    return "D" + user.id[1:]
