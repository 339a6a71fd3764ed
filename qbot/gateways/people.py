"""The port `People`: who somebody is and what they may do, out of Slack, GitLab and qbot.yaml.

Whether somebody may approve hangs on this. What was asked for anew is never answered from memory,
and a neighbour that is away is an error then, never a yes. Slack's groups, which it shows twenty
times a minute only, are asked for at a pace: who asks while the next look waits for its turn
shares it. For an emergency groups that were read within the last 15 seconds are new.
"""

import asyncio
from collections.abc import Awaitable, Collection, Mapping, Sequence
from typing import Any, Protocol

import structlog

from qbot.domain.approvals import Person
from qbot.domain.people import Actor
from qbot.domain.policy import Allowed, Room, Visitor, admit
from qbot.domain.ports import Clock
from qbot.domain.promotion import Account
from qbot.domain.roles import RoleSource
from qbot.gateways.gitlab import User
from qbot.gateways.gitlab.errors import GROUP_ABSENT, NotFoundError
from qbot.gateways.kept import Kept
from qbot.gateways.pace import Pace
from qbot.gateways.slack import NotHereError, Profile, UserGroup

_KEEP = 600.0  # seconds
# usergroups.list is of tier 2: 20 a minute (docs.slack.dev/apis/web-api/rate-limits), and how many
# of them at once is not published.
# One of them is kept for an emergency, that need not wait behind approvals.
_LOOKS, _AT_ONCE, _URGENT = 20, 4, 1
_LIMITED = "Slack limits how often its user groups are read"
_DIRECT = Room("", shared=False, direct=True)  # where somebody is does not matter here
_log = structlog.get_logger()
Groups = Mapping[str, frozenset[str]]  # members by id and by handle
Members = Mapping[str, Mapping[int, str]]  # by GitLab group: usernames by id


class SlackDirectory(Protocol):
    """What is read of Slack."""

    async def profile(self, user: str) -> Profile:
        """One account."""

    async def user_groups(self) -> tuple[UserGroup, ...]:
        """All, with members."""


class GitLabDirectory(Protocol):
    """What is read of GitLab."""

    async def by_id(self, number: int) -> User | None:
        """By number."""

    async def by_name(self, username: str) -> User | None:
        """By username."""

    async def by_email(self, email: str) -> User | None:
        """By a confirmed address."""

    async def members(self, group: str) -> Mapping[int, str]:
        """Usernames by id of Developers and above."""


class Links(Protocol):
    """The accounts that people linked themselves."""

    async def accounts(self, actors: Collection[Actor]) -> Mapping[Actor, Account]:
        """Those of these people."""


class Directory:
    """One workspace and one GitLab. Answers are kept for ten minutes unless asked for anew."""

    def __init__(
        self,
        *,
        slack: SlackDirectory,
        gitlab: GitLabDirectory,
        links: Links,
        roles: Mapping[str, RoleSource],
        accounts: Mapping[str, str],
        team: str,
        clock: Clock,
    ) -> None:
        """Ask nothing yet.

        Args:
            slack: the workspace.
            gitlab: where accounts and groups are.
            links: asked each time, never kept.
            roles: qbot.yaml's, by name.
            accounts: qbot.yaml's `people`: usernames by Slack user id; they outrank all else.
            team: the one workspace that is served.
            clock: for how long answers are kept.
        """
        self._slack = slack
        self._gitlab = gitlab
        self._links = links
        self._roles = roles
        self._accounts = accounts
        self._team = team
        self._profiles = Kept(slack.profile, clock, seconds=_KEEP)
        pace = Pace(_LIMITED, clock, per_minute=_LOOKS, burst=_AT_ONCE, reserve=_URGENT)
        self._groups = Kept(self._ask_groups, clock, seconds=_KEEP, pace=pace)
        self._members = Kept(self._ask_members, clock, seconds=_KEEP)
        self._users = Kept(self._ask_user, clock, seconds=_KEEP)
        self._warned: set[str] = set()

    async def person(self, actor: Actor, *, fresh: bool = False, urgent: bool = False) -> Person:
        """As `persons`."""
        (found,) = await self.persons([actor], fresh=fresh, urgent=urgent)
        return found

    async def persons(
        self, actors: Sequence[Actor], *, fresh: bool = False, urgent: bool = False
    ) -> Sequence[Person]:
        """Accounts and roles; somebody who is not active has no roles.

        With `fresh` all of it is asked anew; with `urgent` besides, all but Slack's groups, where
        they were read a moment ago.

        Raises:
            TransientError: Slack, GitLab or the database is away. With `fresh` also where an
                earlier answer is known.
            PermanentError: one of them refuses Qbot.
        """
        known, groups, members = await _all(
            self._all_known(actors, fresh=fresh),
            self._all_groups(fresh=fresh, urgent=urgent),
            self._all_members(fresh=fresh),
        )
        return [
            self._person(actor, visitor, user, groups, members)
            for actor, (visitor, user) in zip(actors, known, strict=True)
        ]

    def _person(
        self, actor: Actor, visitor: Visitor, user: User | None, groups: Groups, members: Members
    ) -> Person:
        admitted = isinstance(admit(visitor, _DIRECT, team=self._team), Allowed)
        active = admitted and (user is None or user.active)
        return Person(
            actor=actor,
            account=Account(user.id, user.username) if user else None,
            roles=self._held(actor, user, groups, members) if active else frozenset(),
            active=active,
        )

    def forget_groups(self) -> None:
        """Slack says that a user group is not what it was: it is asked anew the next time.

        Only a help: an event may be lost or reach another replica, so what must be sure is `fresh`.
        """
        self._groups.forget()

    async def holders(self, roles: Collection[str]) -> Sequence[Actor]:
        """Slack accounts that have one of these roles, as far as Slack or `people` name them."""
        groups, members = await _all(self._all_groups(fresh=False), self._all_members(fresh=False))
        by_name = {name.casefold(): user for user, name in self._accounts.items()}
        found: dict[str, None] = {}
        for source in (self._roles[role] for role in roles if role in self._roles):
            found |= dict.fromkeys(source.people)
            for group in source.slack:
                found |= dict.fromkeys(sorted(_of(groups, group)))
            names = (name.casefold() for g in source.gitlab for name in members[g].values())
            found |= dict.fromkeys(by_name[name] for name in names if name in by_name)
        return [Actor(self._team, user) for user in found]

    async def authors(self, emails: Collection[str]) -> Mapping[str, int]:
        """GitLab accounts by addresses of commits; those that GitLab does not show are not in."""
        known = list(emails)
        found = await _all(*(self._users.get(("email", email), fresh=False) for email in known))
        return {e: user.id for e, user in zip(known, found, strict=True) if user}

    async def accounts(self, roles: Collection[str]) -> frozenset[int]:
        """GitLab accounts that have one of these roles by a group in GitLab."""
        members = await self._all_members(fresh=False)
        sources = [self._roles[role] for role in roles if role in self._roles]
        return frozenset(number for s in sources for group in s.gitlab for number in members[group])

    def _held(
        self, actor: Actor, user: User | None, groups: Groups, members: Members
    ) -> frozenset[str]:
        return frozenset(
            role
            for role, source in self._roles.items()
            if actor.user in source.people
            or any(actor.user in _of(groups, group) for group in source.slack)
            or (user is not None and any(user.id in members[group] for group in source.gitlab))
        )

    async def _all_known(
        self, actors: Sequence[Actor], *, fresh: bool
    ) -> Sequence[tuple[Visitor, User | None]]:
        linked = await self._links.accounts(actors)
        # A promotion that waits asks for some twenty: a task for each is dear where none is needed.
        known = {} if fresh else {a: self._at_hand(a, linked.get(a)) for a in actors}
        asked = [actor for actor in actors if not known.get(actor)]
        answers = await _all(
            *(self._known(actor, linked.get(actor), fresh=fresh) for actor in asked)
        )
        known |= dict(zip(asked, answers, strict=True))
        return [found for actor in actors if (found := known[actor])]

    def _at_hand(self, actor: Actor, linked: Account | None) -> tuple[Visitor, User | None] | None:
        """As `_known`, where all of it is known already."""
        profile = self._profiles.at_hand(actor.user)
        if profile is None:
            return None
        key = self._account(actor, profile, linked)
        user = self._users.at_hand(key) if key else None
        return (profile.visitor(actor), user) if user or not key else None

    async def _known(
        self, actor: Actor, linked: Account | None, *, fresh: bool
    ) -> tuple[Visitor, User | None]:
        """What Slack says, and the account in GitLab."""
        try:
            profile = await self._profiles.get(actor.user, fresh=fresh)
        except NotHereError:  # there is no such account: nothing is known of it
            return Visitor(actor), None
        key = self._account(actor, profile, linked)
        user = await self._users.get(key, fresh=fresh) if key else None
        return profile.visitor(actor), user

    def _account(
        self, actor: Actor, profile: Profile, linked: Account | None
    ) -> tuple[str, str | int] | None:
        """What to ask GitLab for: by qbot.yaml, by a link, by the address."""
        if name := self._accounts.get(actor.user):
            return "name", name
        if linked is not None:
            return "id", linked.id
        return ("email", profile.email) if profile.email else None

    async def _ask_user(self, key: tuple[str, str | int]) -> User | None:
        match key:
            case ("id", int(number)):
                return await self._gitlab.by_id(number)
            case ("name", name):
                return await self._gitlab.by_name(str(name))
            case (_, email):
                return await self._gitlab.by_email(str(email))

    async def _all_groups(self, *, fresh: bool, urgent: bool = False) -> Groups:
        wanted = {group for source in self._roles.values() for group in source.slack}
        if not wanted:
            return {}
        found = await self._groups.get(None, fresh=fresh, urgent=urgent)
        for group in wanted:
            if group.removeprefix("@") not in found:
                self._warn(group, "Slack has no such user group; the role has no holders by it")
        return found

    async def _ask_groups(self, _: None) -> Groups:
        groups = await self._slack.user_groups()
        by_handle = {group.handle: group.users for group in groups}
        return by_handle | {group.id: group.users for group in groups}  # ids decide

    async def _all_members(self, *, fresh: bool) -> Members:
        wanted = sorted({group for source in self._roles.values() for group in source.gitlab})
        found = await _all(*(self._members.get(group, fresh=fresh) for group in wanted))
        return dict(zip(wanted, found, strict=True))

    async def _ask_members(self, group: str) -> Mapping[int, str]:
        """Nobody where GitLab shows no such group: an answer, and no reason to refuse the rest."""
        try:
            return await self._gitlab.members(group)
        except NotFoundError as error:
            if error.said != GROUP_ABSENT:
                raise
            self._warn(group, "GitLab shows no such group; the role has no holders by it")
            return {}

    def _warn(self, group: str, what: str) -> None:
        if group not in self._warned:
            self._warned.add(group)
            _log.warning(what, group=group, next_step="put right `roles` in qbot.yaml")


def _of(groups: Groups, group: str) -> frozenset[str]:
    return groups.get(group.removeprefix("@"), frozenset())


async def _all(*asked: Awaitable[Any]) -> Any:
    """All answers; the first error once everybody has spoken, so that nothing runs on unseen."""
    if len(asked) <= 1:  # needs no task
        return [await answer for answer in asked]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
    return answers
