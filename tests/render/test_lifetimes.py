"""Whose an environment is from now on, for those who did not ask."""

from dataclasses import replace

import pytest

from qbot.domain.lifetime import Moved
from qbot.domain.people import Actor
from qbot.render.lifetimes import handed_over
from tests.render.samples import ANA, BEN, STYLE, environment

DAN = Actor("T0ACME", "U0DAN")
BEFORE = environment()


@pytest.mark.parametrize(
    ("by", "says"),
    [
        (ANA, f"<@{BEN.user}>'s now: <@{ANA.user}> handed it over."),
        (BEN, f"<@{BEN.user}>'s now. It was <@{ANA.user}>'s."),
        (DAN, f"<@{BEN.user}>'s now: <@{DAN.user}> handed it over. It was <@{ANA.user}>'s."),
    ],
)
def test_a_transfer_says_each_thing_once(by: Actor, says: str) -> None:
    moved = Moved(replace(BEFORE, owner=ANA), replace(BEFORE, owner=BEN))
    (lead, *_) = handed_over(moved, STYLE, by=by).text.splitlines()
    assert lead.endswith(f" is {says}")
