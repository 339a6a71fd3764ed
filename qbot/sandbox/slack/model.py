"""The things in a workspace, as plain values; the rules about them are elsewhere."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

Json = dict[str, Any]


@dataclass(slots=True)
class User:
    """A person or a bot. `team_id` differs from the workspace's for people from outside."""

    id: str
    name: str
    real_name: str
    team_id: str
    email: str = ""
    tz: str = "Europe/Berlin"
    tz_offset: int = 3600  # seconds east of UTC
    bot_id: str = ""
    app_id: str = ""
    deleted: bool = False
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_stranger: bool = False
    enterprise_user: Json | None = None
    updated: int = 0  # unix seconds

    @property
    def is_bot(self) -> bool:
        """Bots have a bot id."""
        return bool(self.bot_id)


@dataclass(slots=True)
class Message:
    """One message, or one ephemeral message when `only_for` names a user."""

    ts: str
    channel: str
    user: str
    text: str
    blocks: list[Json] = field(default_factory=list)
    attachments: list[Json] = field(default_factory=list)
    files: list[Json] = field(default_factory=list)
    metadata: Json | None = None
    thread_ts: str = ""
    broadcast: bool = False
    only_for: str = ""
    by_app: bool = False
    edited: Json | None = None  # the mark "(edited)"
    changed: bool = False
    deleted: bool = False
    reactions: dict[str, list[str]] = field(default_factory=dict)
    interaction: str = ""  # the click or command that this answers, where Slack knows it
    versions: list[list[Json]] = field(default_factory=list)  # blocks it showed before

    @property
    def is_reply(self) -> bool:
        """Whether it sits in a thread below another message."""
        return bool(self.thread_ts) and self.thread_ts != self.ts


class Kind(Enum):
    """The kinds of conversation that an app treats differently."""

    PUBLIC = "public"
    PRIVATE = "private"
    DM = "dm"


@dataclass(slots=True)
class Channel:
    """A conversation. A DM has exactly two members: the bot and a person."""

    id: str
    name: str
    kind: Kind = Kind.PUBLIC
    members: set[str] = field(default_factory=set)
    is_archived: bool = False
    is_ext_shared: bool = False
    created: int = 0
    messages: dict[str, Message] = field(default_factory=dict)  # by ts, oldest first


@dataclass(slots=True)
class UserGroup:
    """A user group; `disabled` groups answer no_such_subteam."""

    id: str
    handle: str
    name: str
    users: list[str] = field(default_factory=list)
    disabled: bool = False


@dataclass(slots=True)
class Upload:
    """A file on its way, and afterwards: `begun`, then `body`, then `done`."""

    id: str
    name: str
    size: int
    way: str  # what its upload URL ends with
    begun: float
    title: str = ""
    body: bytes | None = None
    done: float | None = None  # when the app said so; then it is worked on


@dataclass(slots=True)
class View:
    """A modal in somebody's stack, or somebody's App Home."""

    id: str
    user: str
    spec: Json  # what the app sent, completed
    hash: str
    root_id: str
    previous_id: str | None = None
    values: dict[str, dict[str, Json]] = field(default_factory=dict)  # block_id, action_id

    @property
    def is_modal(self) -> bool:
        """Otherwise it is an App Home."""
        return bool(self.spec["type"] == "modal")


@dataclass(slots=True)
class Trigger:
    """The right to open one view within seconds; `view` names the modal it came from."""

    user: str
    expires: float
    view: str = ""
    used: bool = False


@dataclass(slots=True)
class Token:
    """A credential and what it may do."""

    kind: str  # "bot" or "app"
    scopes: set[str]
    revoked: bool = False
