"""Who somebody is and may do, with a Slack and a GitLab behind real sockets."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from qbot.domain.people import Actor
from qbot.domain.promotion import Account
from qbot.domain.release_ports import People
from qbot.domain.roles import RoleSource
from qbot.errors import PermanentError, TransientError
from qbot.gateways.gitlab import GitLabPeople, User, open_gitlab
from qbot.gateways.people import Directory, GitLabDirectory
from qbot.gateways.slack import SlackGateway, open_slack
from tests.clocks import HandClock
from tests.sandbox.gitlab.served import Served, serving
from tests.sandbox.slack.stage import ANA, BEN, CHLOE, DAN, EVE, GUS, NILS, ZOE, Stage, stage

MANAGERS = "release-managers"
SOURCES = {MANAGERS: RoleSource(slack=("S0RELEASE",), gitlab=(MANAGERS,))}


@pytest.fixture(scope="module")
def shop() -> Iterator[Served]:
    with serving(services=1) as made:
        yield made


@dataclass
class Linked:
    """What people linked themselves."""

    rows: dict[Actor, Account] = field(default_factory=dict)
    error: TransientError | None = None

    asked: int = 0

    async def accounts(self, actors: Collection[Actor]) -> Mapping[Actor, Account]:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return {actor: self.rows[actor] for actor in actors if actor in self.rows}


@dataclass
class Setting:
    """A directory and the world that it looks at."""

    shop: Served
    played: Stage
    slack: SlackGateway
    gitlab: GitLabDirectory
    linked: Linked
    clock: HandClock

    @property
    def team(self) -> str:
        return self.played.slack.world.bot.team_id

    def directory(
        self,
        roles: Mapping[str, RoleSource] = SOURCES,
        accounts: Mapping[str, str] | None = None,
    ) -> Directory:
        return Directory(
            slack=self.slack,
            gitlab=self.gitlab,
            links=self.linked,
            roles=roles,
            accounts=accounts or {},
            team=self.team,
            clock=self.clock,
        )

    def actor(self, user: str) -> Actor:
        return Actor(self.team, user)

    def user(self, name: str) -> Any:
        found = self.shop.standin.world.user(name)
        assert found is not None
        return found

    def fault(self, vendor: str, match: str, kind: str) -> None:
        if vendor == "slack":
            # aiohttp itself repeats a read once whose kept connection was dropped
            self.played.kernel.faults.add("slack", match, kind, 2 if "drop" in kind else 1)
        else:
            self.shop.do(lambda: self.shop.kernel.faults.add("gitlab", match, kind, 1))

    def pass_time(self, seconds: float) -> None:
        """Here and at Slack."""
        self.clock.advance(seconds)
        self.played.kernel.clock.advance(seconds)

    def calls(self, vendor: str, path: str) -> int:
        kernel = self.played.kernel if vendor == "slack" else self.shop.kernel
        return sum(path in call["path"] for call in kernel.calls.select(vendor=vendor))


@pytest.fixture
async def setting(shop: Served) -> AsyncIterator[Setting]:
    clock = HandClock()
    gateway = open_gitlab(shop.url, shop.standin.token, clock=clock)
    async with stage() as played:
        api = f"{played.kernel.url}/slack/api/"
        async with open_slack(played.slack.bot_token, api) as slack:
            people = GitLabPeople(gateway.client, clock)
            yield Setting(shop, played, slack, people, Linked(), clock)
    await gateway.close()


def keeps_the_contract(made: Directory) -> People:
    return made  # mypy compares the signatures


async def test_somebody_is_known_by_the_address_that_both_show(setting: Setting) -> None:
    ana = await setting.directory().person(setting.actor(ANA))
    assert ana.account == Account(setting.user("ana").id, "ana")
    assert (ana.active, ana.roles) == (True, frozenset())


async def test_to_answer_for_people_who_are_known_needs_no_task_for_each(setting: Setting) -> None:
    directory = setting.directory()
    actors = [setting.actor(user) for user in (ANA, BEN, CHLOE, DAN, NILS)]
    before = await directory.persons(actors)
    loop, tasks = asyncio.get_running_loop(), list[object]()

    def counted(loop: asyncio.AbstractEventLoop, coro: Any) -> asyncio.Task[Any]:
        tasks.append(coro)
        return asyncio.Task(coro, loop=loop)

    loop.set_task_factory(counted)
    after = await directory.persons(actors)
    loop.set_task_factory(None)
    assert after == before
    assert len(tasks) < len(actors)


async def test_a_role_comes_from_either_side(setting: Setting) -> None:
    by_slack = {"r": RoleSource(slack=(MANAGERS,))}
    by_gitlab = {"r": RoleSource(gitlab=(MANAGERS,))}
    by_name = {"r": RoleSource(people=(CHLOE,))}
    for roles in (SOURCES, by_slack, by_gitlab, by_name):
        directory = setting.directory(roles)
        assert (await directory.person(setting.actor(CHLOE))).roles == set(roles)
        assert not (await directory.person(setting.actor(BEN))).roles


async def test_the_map_outranks_a_link_and_a_link_the_address(setting: Setting) -> None:
    ana, ben = setting.user("ana"), setting.user("ben")
    setting.linked.rows[setting.actor(ANA)] = Account(ben.id, "old-name")
    linked = await setting.directory().person(setting.actor(ANA))
    assert linked.account == Account(ben.id, "ben")
    mapped = await setting.directory(accounts={ANA: "ana"}).person(setting.actor(ANA))
    assert mapped.account == Account(ana.id, "ana")


async def test_an_account_that_is_gone_is_no_account(setting: Setting) -> None:
    setting.linked.rows[setting.actor(ANA)] = Account(99_999, "ana")
    assert (await setting.directory().person(setting.actor(ANA))).account is None
    person = await setting.directory(accounts={BEN: "nobody"}).person(setting.actor(BEN))
    assert person.account is None
    assert person.active


async def test_without_an_address_nobody_is_guessed(setting: Setting) -> None:
    nils = await setting.directory().person(setting.actor(NILS))
    assert (nils.account, nils.active) == (None, True)


@pytest.mark.parametrize("user", [GUS, EVE, ZOE, "U0NOBODY"])
async def test_guests_strangers_and_the_deactivated_have_no_roles(
    setting: Setting, user: str
) -> None:
    everybody = {"r": RoleSource(people=(GUS, EVE, ZOE, "U0NOBODY"))}
    person = await setting.directory(everybody).person(setting.actor(user))
    assert not person.active
    assert person.roles == frozenset()


async def test_somebody_of_another_workspace_is_not_active(setting: Setting) -> None:
    person = await setting.directory().person(Actor("T0OTHER", CHLOE))
    assert not person.active
    assert not person.roles


async def test_holders_are_named_once(setting: Setting) -> None:
    directory = setting.directory(accounts={DAN: "DAN"})
    found = await directory.holders([MANAGERS, "unknown"])
    assert {actor.user for actor in found} == {CHLOE, DAN}
    assert len(found) == 2
    by_gitlab = setting.directory({"r": RoleSource(gitlab=(MANAGERS,))}, {DAN: "DAN"})
    assert await by_gitlab.holders(["r"]) == [setting.actor(DAN)]


async def test_a_member_who_left_loses_the_role_at_once_where_it_matters(
    setting: Setting,
) -> None:
    directory, chloe = setting.directory(), setting.actor(CHLOE)
    assert (await directory.person(chloe)).roles
    setting.played.slack.set_member(MANAGERS, "chloe", present=False)
    shop = setting.shop
    shop.do(lambda: shop.standin.set_member(MANAGERS, "chloe", present=False))
    try:
        assert (await directory.person(chloe)).roles  # ten minutes old at most
        assert not (await directory.person(chloe, fresh=True)).roles
        assert not (await directory.person(chloe)).roles
    finally:
        shop.do(lambda: shop.standin.set_member(MANAGERS, "chloe", present=True))


async def test_a_group_that_changed_is_asked_for_again_without_waiting_ten_minutes(
    setting: Setting,
) -> None:
    roles = {MANAGERS: RoleSource(slack=("S0RELEASE",))}
    directory, chloe = setting.directory(roles), setting.actor(CHLOE)
    assert (await directory.person(chloe)).roles
    setting.played.slack.set_member(MANAGERS, "chloe", present=False)
    directory.forget_groups()
    assert not (await directory.person(chloe)).roles
    assert chloe not in await directory.holders([MANAGERS])
    assert setting.calls("slack", "usergroups.list") == 2


async def test_many_approvals_in_one_minute_stay_within_slacks_limit(setting: Setting) -> None:
    directory, people = setting.directory(), [setting.actor(CHLOE), setting.actor(DAN)]
    ago, asked = setting.clock.monotonic(), 0
    while setting.clock.monotonic() - ago < 60:
        looks = [asyncio.create_task(directory.person(p, fresh=True)) for p in people]
        asked += len(looks)
        while not all(look.done() for look in looks):
            await asyncio.sleep(0.001)
            if setting.clock.sleepers:
                setting.pass_time(1)
        assert all(look.result().roles for look in looks)
        setting.pass_time(1)
    assert asked >= 36
    assert setting.calls("slack", "usergroups.list") <= 20


async def test_what_is_kept_costs_nothing_and_is_read_again_after_ten_minutes(
    setting: Setting,
) -> None:
    directory, chloe = setting.directory(), setting.actor(CHLOE)
    await directory.person(chloe)
    before = setting.calls("slack", ""), setting.calls("gitlab", "")
    await directory.person(chloe)
    assert (setting.calls("slack", ""), setting.calls("gitlab", "")) == before
    setting.clock.advance(600)
    await directory.person(chloe)
    assert setting.calls("slack", "usergroups.list") == 2


async def test_ten_presses_at_once_ask_each_neighbour_once(setting: Setting) -> None:
    directory, chloe = setting.directory(), setting.actor(CHLOE)
    before = setting.calls("gitlab", "/members/all"), setting.calls("gitlab", "/users")
    found = await asyncio.gather(*(directory.person(chloe, fresh=True) for _ in range(10)))
    assert len(set(found)) == 1
    assert setting.calls("slack", "usergroups.list") == 1
    assert setting.calls("slack", "users.info") == 1
    after = setting.calls("gitlab", "/members/all"), setting.calls("gitlab", "/users")
    assert after == (before[0] + 1, before[1] + 1)


@pytest.mark.parametrize(
    ("vendor", "match"),
    [("slack", "usergroups.list"), ("slack", "users.info"), ("gitlab", "/members/all"),
     ("gitlab", "/users?")],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["500", "html", "drop-before", "partial"])
async def test_a_neighbour_that_is_away_is_never_a_yes(
    setting: Setting, vendor: str, match: str, kind: str
) -> None:
    directory, chloe = setting.directory(), setting.actor(CHLOE)
    known = await directory.person(chloe)
    setting.fault(vendor, match, kind)
    with pytest.raises(TransientError):
        await directory.person(chloe, fresh=True)
    assert await directory.person(chloe) == known


async def test_a_database_that_is_away_is_never_a_yes(setting: Setting) -> None:
    setting.linked.error = TransientError("the database is away")
    with pytest.raises(TransientError):
        await setting.directory().person(setting.actor(CHLOE))


async def test_many_are_looked_up_in_one_statement(setting: Setting) -> None:
    ana, chloe, ben = (setting.actor(user) for user in (ANA, CHLOE, BEN))
    setting.linked.rows[ben] = Account(setting.user("ana").id, "ana")
    found = await setting.directory().persons([ana, chloe, ben])
    assert [p.actor for p in found] == [ana, chloe, ben]
    assert [p.account and p.account.username for p in found] == ["ana", "chloe", "ana"]
    assert [bool(p.roles) for p in found] == [False, True, False]
    assert setting.linked.asked == 1


async def test_an_emergency_right_behind_many_approvals_does_not_wait(setting: Setting) -> None:
    directory, chloe = setting.directory(), setting.actor(CHLOE)
    for _ in range(4):
        await directory.person(chloe, fresh=True)
    behind = asyncio.create_task(directory.person(setting.actor(DAN), fresh=True))
    await setting.clock.asleep()
    for _ in range(4):  # as often as it is judged until it is merged
        assert (await directory.person(chloe, fresh=True, urgent=True)).roles
    assert not behind.done()
    setting.pass_time(4)
    assert (await behind).roles


async def test_who_left_the_role_shortly_before_an_emergency_has_not_got_it(
    setting: Setting,
) -> None:
    directory, chloe = setting.directory({"r": RoleSource(slack=(MANAGERS,))}), setting.actor(CHLOE)
    assert (await directory.person(chloe, fresh=True)).roles
    setting.played.slack.set_member(MANAGERS, "chloe", present=False)
    setting.pass_time(15)
    assert not (await directory.person(chloe, fresh=True, urgent=True)).roles


async def test_a_missing_scope_is_the_owners_to_put_right(setting: Setting) -> None:
    token = setting.played.slack.grant("users:read", "users:read.email")
    async with open_slack(token, f"{setting.played.kernel.url}/slack/api/") as slack:
        setting.slack = slack
        with pytest.raises(PermanentError, match="usergroups:read"):
            await setting.directory().person(setting.actor(CHLOE), fresh=True)


async def test_groups_that_are_not_there_hold_nobody(setting: Setting) -> None:
    roles = {"r": RoleSource(slack=("@gone",), gitlab=("gone/too",)), **SOURCES}
    directory = setting.directory(roles)
    assert (await directory.person(setting.actor(CHLOE), fresh=True)).roles == {MANAGERS}
    assert not await directory.holders(["r"])


async def test_without_roles_nobody_is_asked_about_groups(setting: Setting) -> None:
    directory = setting.directory({})
    await directory.person(setting.actor(CHLOE), fresh=True)
    assert setting.calls("slack", "usergroups.list") == 0


class Blocking:
    """A GitLab in which every account is blocked, and a member of every group."""

    async def by_id(self, number: int) -> User | None:
        return User(number, "blocked", "", active=False)

    async def by_name(self, username: str) -> User | None:
        return User(7, username, "", active=False)

    async def by_email(self, email: str) -> User | None:
        return User(7, email, "", active=False)

    async def members(self, group: str) -> Mapping[int, str]:
        return {7: "blocked"}


@pytest.mark.incident("lasting-access")
async def test_who_is_blocked_in_gitlab_is_not_active(setting: Setting) -> None:
    setting.gitlab = Blocking()
    person = await setting.directory().person(setting.actor(CHLOE), fresh=True)
    assert (person.active, person.roles) == (False, frozenset())
    assert person.account == Account(7, "chloe@shop.example")
