"""Every way in x every kind of person: what runs, what does not, and why; made from what is there.

Who may what by the rules alone is in tests/domain/test_authority.py; this is the way through the
guard, with roles as Slack and GitLab would tell them.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pytest

from qbot.app.covering import covered, declared
from qbot.domain.authority import DEFAULTS, Authority
from qbot.domain.people import Actor, Place
from qbot.domain.subjects import JUDGED_AT_PRESS, Subject, of_command, verb_of
from qbot.errors import PermanentError
from qbot.operations.requests import Asked
from qbot.operations.rights import Grounds
from qbot.sandbox.slack.seed import OTHER_TEAM, TEAM
from qbot.slack.guard import Reply, Work
from qbot.slack.payload import Delivery
from qbot.slack.surface import surface
from tests.sandbox.slack.stage import ANA, BEN, CHLOE, DAN, GENERAL, GUS
from tests.slack.releases.stages import MANAGERS, STAGES
from tests.slack.scene import Scene
from tests.slack.scene import scene as built

ROBOT = "U05QB0T4D7N"
WHO = {
    "member": Actor(TEAM, BEN),
    "guest": Actor(TEAM, GUS),
    "bot": Actor(TEAM, ROBOT),
    "other workspace": Actor(OTHER_TEAM, "U09XAV1ER55"),
    "former group member": Actor(TEAM, DAN),
    "approver": Actor(TEAM, CHLOE),
    "owner": Actor(TEAM, ANA),
}
INSIDE = frozenset({"member", "former group member", "approver", "owner"})
FOR = {
    **dict.fromkeys(("pin", "unpin", "transfer"), frozenset({"owner"})),
    "lock": {"approver"},  # of a stage
    "freeze": {"approver"},
    "unfreeze": {"approver"},
    "release": {"approver"},
    "unlock": {"approver", "owner"},
    "reject": {"approver", "owner"},
    "doctor": set(),  # until qbot.yaml names a role
}
SUBJECTS = sorted(surface())


def expected(subject: Subject) -> frozenset[str]:
    """Who gets through the guard."""
    if subject in JUDGED_AT_PRESS:
        return INSIDE  # tests/slack/releases/test_decisions.py has what follows
    return frozenset(FOR.get(verb_of(subject) or "", INSIDE))


@dataclass
class Door:
    """The guard with one work behind it, whatever the subject."""

    scene: Scene
    number: int = 0

    async def opens(self, subject: Subject, actor: Actor) -> bool:
        ran: list[str] = []

        async def run(admitted: Delivery) -> Reply:
            ran.append(admitted.asked.rule)
            return None

        async def grounds() -> Grounds:
            return Grounds(WHO["owner"], STAGES[1].approvals)

        async def acknowledge(_: Reply) -> None:
            return None

        self.number += 1
        delivery = Delivery(Asked(actor=actor, place=Place(GENERAL), key=f"k{self.number}"), "t")
        work = Work(subject, run, once=True, grounds=grounds)
        await self.scene.guard.run(delivery, acknowledge, lambda _: work)
        assert all(ran)  # the rule that let it through is known
        return bool(ran)


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    async with built(tmp_path, stages=STAGES) as scene:
        scene.people.know(CHLOE, 3, MANAGERS)
        scene.people.know(DAN, 4)
        scene.people.know(ANA, 1)
        yield Door(scene)


@pytest.mark.incident("second-door")
async def test_every_way_in_opens_to_these_and_to_nobody_else(door: Door) -> None:
    wrong = []
    for subject, (name, actor) in product(SUBJECTS, WHO.items()):
        if await door.opens(subject, actor) != (name in expected(subject)):
            wrong.append((subject, name))
    assert wrong == []
    assert len(SUBJECTS) > 60


async def test_what_needs_no_role_asks_nobody_for_one(door: Door) -> None:
    for subject in SUBJECTS:
        if verb_of(subject) not in FOR:
            assert await door.opens(subject, WHO["member"])
    assert (door.scene.people.asked, door.scene.people.fresh) == ([], [])


async def test_what_guards_a_stage_asks_for_roles_and_spares_the_looks_of_approvals(
    door: Door,
) -> None:
    assert await door.opens(of_command("freeze"), WHO["approver"])
    assert (door.scene.people.asked, door.scene.people.fresh) == ([CHLOE], [])


@pytest.mark.incident("leaking-route")
def test_whatever_is_registered_has_a_rule() -> None:
    covered(Authority(), declared())
    assert {of_command(v) for v in DEFAULTS} & set(SUBJECTS)


@pytest.mark.incident("command-without-rule")
@pytest.mark.parametrize(
    "subject", ["command:explode", "action:env_new", "route:GET /new", "job:x"]
)
def test_a_new_way_in_without_a_rule_fails_the_start(subject: str) -> None:
    with pytest.raises(PermanentError, match=subject):
        covered(Authority(), [*declared(), Subject(subject)])


@pytest.mark.incident("command-without-rule")
async def test_a_way_in_without_a_rule_is_refused_to_everybody(door: Door) -> None:
    for actor in WHO.values():
        assert not await door.opens(Subject("command:explode"), actor)
