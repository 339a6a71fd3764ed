"""Who is admitted: a fact that is missing about a person refuses."""

from dataclasses import replace

import pytest

from qbot.domain.people import Actor
from qbot.domain.policy import Allowed, Denied, Room, Visitor, admit

ANA = Visitor(
    Actor("T1", "U1"), "ana", deleted=False, bot=False, restricted=False, stranger=False, home="T1"
)
ROOM = Room("C1", shared=False)


def test_a_member_in_a_channel_of_our_own_is_admitted() -> None:
    assert admit(ANA, ROOM, team="T1") == Allowed("member")


def test_a_member_is_heard_in_a_channel_that_qbot_cannot_see_and_answered_alone() -> None:
    unseen = Room("C1")
    assert admit(ANA, unseen, team="T1") == Allowed("member")
    assert (ROOM.open, unseen.open, Room("C1", shared=True).open) == (True, False, False)


@pytest.mark.parametrize(
    ("visitor", "room", "rule"),
    [
        (replace(ANA, actor=Actor("T2", "U1")), ROOM, "foreign-workspace"),
        (replace(ANA, home="T2"), ROOM, "foreign-workspace"),
        (replace(ANA, stranger=True), ROOM, "stranger"),
        (replace(ANA, deleted=True), ROOM, "deactivated"),
        (replace(ANA, deleted=None), ROOM, "deactivated"),
        (replace(ANA, bot=True), ROOM, "bot"),
        (replace(ANA, bot=None), ROOM, "bot"),
        (replace(ANA, restricted=True), ROOM, "guest"),
        (replace(ANA, restricted=None), ROOM, "guest"),
        (ANA, replace(ROOM, shared=True), "shared-channel"),
    ],
)
def test_everybody_else_is_refused(visitor: Visitor, room: Room, rule: str) -> None:
    decision = admit(visitor, room, team="T1")
    assert isinstance(decision, Denied)
    assert decision.rule == rule
    assert decision.reason
