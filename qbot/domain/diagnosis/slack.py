"""Slack's side: the token, its scopes, the channels and user groups that qbot.yaml names. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from qbot.domain.diagnosis.findings import Area, Notes, Severity, Unread

_SCOPES_AT = "https://api.slack.com/apps, the app, OAuth & Permissions, Bot Token Scopes"
# Without one of these somebody gets no answer at all.
_VITAL = frozenset(
    {"commands", "chat:write", "users:read", "usergroups:read", "channels:read", "groups:read"}
)
_OF_CHANNELS = ("channels:read", "groups:read")


@dataclass(frozen=True, slots=True)
class SlackNeeds:
    """What settings and qbot.yaml ask of Slack.

    Attributes:
        lost: what is lost without each scope of the manifest.
        team: the one workspace that is served; empty: whichever the token is for.
        socket_mode: by an app token, else by signed requests.
        asked: Slack itself has brought the question, so the way from there is open.
        channels: ids, and which key of qbot.yaml names each.
        groups: handles or ids of user groups, and the role that each is for.
    """

    lost: Mapping[str, str]
    team: str = ""
    socket_mode: bool = False
    asked: bool = False
    channels: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    groups: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class SlackToken:
    """What Slack says of the bot token; no `scopes`: it did not say."""

    team: str
    bot: bool  # a bot's, not a person's
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Room:
    """One channel."""

    name: str
    member: bool
    archived: bool
    external: bool


@dataclass(frozen=True, slots=True)
class SlackFacts:
    """What was read. `sockets` is None where nothing has to be asked for it."""

    token: SlackToken
    rooms: Mapping[str, Room | Unread | None]  # None: Slack shows no such channel
    groups: frozenset[str] | Unread | None  # handles and ids in use; None: none is needed
    sockets: bool | Unread | None = None  # whether Socket Mode takes the app token


def judge_slack(needs: SlackNeeds, facts: SlackFacts) -> Notes:
    """All of Slack's side."""
    notes = Notes.of(Area.SLACK)
    _token(notes, needs, facts.token)
    _scopes(notes, needs, facts.token.scopes)
    _door(notes, needs, facts.sockets)
    _rooms(notes, needs, facts)
    _groups(notes, needs, facts)
    notes.unchecked(
        "slack.app",
        "The slash command, the events and the addresses of the Slack app",
        "Slack tells a bot token nothing of them.",
        "`qbot manifest` prints what they have to be.",
    )
    return notes


def _token(notes: Notes, needs: SlackNeeds, said: SlackToken) -> None:
    if not said.bot:
        notes.broken(
            "slack.token",
            "QBOT_SLACK__BOT_TOKEN is not a bot's token.",
            remedy="Put the Bot User OAuth Token (xoxb-...) of OAuth & Permissions there.",
        )
    if needs.team and needs.team != said.team:
        notes.broken(
            "slack.team",
            f"The bot token is for the workspace {said.team}, not for {needs.team}.",
            cause="QBOT_SLACK__TEAM_ID and QBOT_SLACK__BOT_TOKEN do not fit.",
            remedy=f"Set QBOT_SLACK__TEAM_ID={said.team}, or install the app in {needs.team}.",
        )


def _scopes(notes: Notes, needs: SlackNeeds, granted: frozenset[str]) -> None:
    if not granted:
        why = "Slack's answer came without x-oauth-scopes: does something on the way drop it?"
        notes.unchecked("slack.scopes", "The scopes of the bot token", why)
        return
    for scope in needs.lost:
        if scope in granted:
            continue
        notes.add(
            Severity.BROKEN if scope in _VITAL else Severity.LACKING,
            f"slack.scope.{scope}",
            f"The Slack app lacks the scope {scope}.",
            cause=f"Without it {needs.lost[scope]}.",
            remedy=f"Add it below oauth_config.scopes.bot of the manifest, or at {_SCOPES_AT}; "
            "then install the app anew.",
            lines=(f"- {scope}",),
        )
    known = sum(scope in granted for scope in needs.lost)
    notes.well.append(f"Slack: {known} of {len(needs.lost)} scopes")


def _door(notes: Notes, needs: SlackNeeds, sockets: bool | Unread | None) -> None:  # noqa: FBT001  (a fact)
    if sockets is False:
        notes.broken(
            "slack.app-token",
            "Slack does not open Socket Mode with QBOT_SLACK__APP_TOKEN.",
            cause="It is no app-level token, lacks connections:write, or was revoked; or Socket "
            "Mode is switched off in the app.",
            remedy="Basic Information, App-Level Tokens: make one with this scope.",
            lines=("connections:write",),
        )
    elif isinstance(sockets, Unread):
        notes.unchecked("slack.app-token", "QBOT_SLACK__APP_TOKEN", sockets.why)
    elif sockets is None and not (needs.socket_mode or needs.asked):
        why = "Only Slack can sign a request; the first command proves it."
        notes.unchecked("slack.signing-secret", "QBOT_SLACK__SIGNING_SECRET", why)


def _rooms(notes: Notes, needs: SlackNeeds, facts: SlackFacts) -> None:
    if facts.token.scopes and not facts.token.scopes.issuperset(_OF_CHANNELS) and facts.rooms:
        notes.unchecked("slack.channels", "The channels that qbot.yaml names", "A scope is missing")
        return
    for channel, room in facts.rooms.items():
        key, name = needs.channels[channel], f"slack.channel.{channel}"
        match room:
            case Unread():
                notes.unread(name, f"The channel {channel} ({key})", room)
            case None:
                notes.broken(
                    name,
                    f"Slack shows Qbot no channel {channel}, which {key} names.",
                    cause="The id is wrong, or it is a private channel that Qbot is not in.",
                    remedy="Write there: /invite @qbot",
                    lines=("/invite @qbot",),
                )
            case Room():
                _room(notes, channel, room, key)


def _room(notes: Notes, channel: str, room: Room, key: str) -> None:
    name, shown = f"slack.channel.{channel}", f"#{room.name} ({channel}), which {key} names,"
    if room.archived:
        notes.broken(name, f"{shown} is archived.", remedy="Name another one, or unarchive it.")
    elif room.external:
        notes.broken(
            name,
            f"{shown} is shared with another organisation.",
            remedy="Name a channel of your own: Qbot refuses commands in shared ones.",
        )
    elif not room.member:
        notes.add(
            Severity.BROKEN,
            name,
            f"Qbot is not in {shown} so it cannot post there.",
            remedy=f"Write in #{room.name}:",
            lines=("/invite @qbot",),
        )


def _groups(notes: Notes, needs: SlackNeeds, facts: SlackFacts) -> None:
    if facts.groups is None:
        return
    if isinstance(facts.groups, Unread):
        notes.unread("slack.groups", "The user groups of `roles`", facts.groups)
        return
    for group, role in needs.groups.items():
        if group.removeprefix("@") not in facts.groups:
            notes.broken(
                f"slack.group.{group}",
                f"Slack has no user group {group} in use, which roles.{role}.slack names.",
                cause="It was renamed or switched off, or never made.",
                remedy="Name it by its id, which stays, or make it.",
            )
