"""The people, channels and groups of the web shop's workspace."""

from qbot.sandbox.slack.model import Channel, Kind, User, UserGroup

TEAM = "T05SHOP7QX2"
TEAM_NAME = "Web Shop"
TEAM_DOMAIN = "web-shop"
OTHER_TEAM = "T09PARTN3RS"
APP = "A05QB0T8R21"
BOT_USER = "U05QB0T4D7N"
BOT = "B05QB0T9K3W"
SLACKBOT = "USLACKBOT"

# The app as manifests/slack-app.yaml asks for it, and not one right more.
DEFAULT_SCOPES = frozenset(
    {
        "commands", "chat:write", "users:read", "users:read.email", "usergroups:read",
        "channels:read", "groups:read", "im:write", "channels:history", "groups:history",
        "im:history", "app_mentions:read", "files:write",
    }
)  # fmt: skip
DEFAULT_EVENTS = frozenset(
    {"app_home_opened", "app_mention", "subteam_members_changed", "subteam_updated"}
)
DEFAULT_COMMANDS = frozenset({"/env"})
MESSAGES_TAB_IS_READ_ONLY = True


def users(now: int) -> list[User]:
    """Everybody: members, a guest, somebody from outside, bots, and the awkward cases."""
    people = [
        User("U05ANA4K2M1", "ana", "Ana Costa", TEAM, "ana@shop.example"),
        User("U05BEN7H3P9", "ben", "Ben Okafor", TEAM, "ben@shop.example", "Europe/London", 0),
        User("W05CHL0E8T4", "chloe", "Chloe Martin", TEAM, "chloe@shop.example"),
        User("U05DAN1V6R2", "dan", "Dan Ito", TEAM, "dan@shop.example", "Asia/Tokyo", 32400),
        User("U05GUS5N8F3", "gus", "Gus Berg", TEAM, "gus@agency.example", is_restricted=True),
        User("U09EVE2Q7L5", "eve", "Eve Stone", OTHER_TEAM, is_stranger=True),
        User("U05N1L5X0C6", "nils", "Nils Holm", TEAM),
        User("U05ZOE3B9D8", "zoe", "Zoe Weiss", TEAM, "zoe@shop.example", deleted=True),
        User(BOT_USER, "qbot", "Qbot", TEAM, bot_id=BOT, app_id=APP),
        User("U05CI0B7T2E", "buildbot", "Build Bot", TEAM, bot_id="B05CI0B1J4H", app_id="A05CI04"),
        User(SLACKBOT, "slackbot", "Slackbot", TEAM),
    ]
    for user in people:
        user.updated = now
    people[2].enterprise_user = {"id": people[2].id, "teams": [TEAM]}
    return people


def channels(by_name: dict[str, User], now: int) -> list[Channel]:
    """Where people talk; the bot is in general, releases and partners only."""
    staff = ("ana", "ben", "chloe", "dan", "nils", "buildbot")
    plan: list[tuple[str, str, Kind, tuple[str, ...]]] = [
        ("C05GENERAL1", "general", Kind.PUBLIC, (*staff, "gus", "qbot")),
        ("C05RELEAS3S", "releases", Kind.PUBLIC, (*staff, "gus", "qbot")),
        ("C05RAND0M44", "random", Kind.PUBLIC, staff),
        ("C05SECR3T77", "secret", Kind.PRIVATE, ("ana", "chloe")),
        ("C05ATT1C002", "old-releases", Kind.PUBLIC, (*staff, "qbot")),
        ("C05PARTN3R5", "partners", Kind.PUBLIC, ("ana", "ben", "chloe", "eve", "qbot")),
    ]
    made = [
        Channel(id_, name, kind, {by_name[member].id for member in members}, created=now)
        for id_, name, kind, members in plan
    ]
    made[4].is_archived = True
    made[5].is_ext_shared = True
    return made


def groups(by_name: dict[str, User]) -> list[UserGroup]:
    """User groups that policy may build on, and one that was switched off."""
    managers = [by_name["chloe"].id, by_name["dan"].id]
    return [
        UserGroup("S0RELEASE", "release-managers", "Release managers", managers),
        UserGroup("S05ENG1NEER", "engineers", "Engineers", [by_name["ana"].id, by_name["ben"].id]),
        UserGroup("S05GONE0001", "night-shift", "Night shift", [], disabled=True),
    ]
