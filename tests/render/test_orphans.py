"""What is amiss between Argo CD and Qbot, as people read it."""

from datetime import timedelta

import pytest

from qbot.domain import actions
from qbot.domain.names import BranchName, EnvId
from qbot.domain.operation import EnvironmentSummary
from qbot.domain.orphans import Looked, Marked, Missing, Orphan, Stray, Thing
from qbot.render.card import card
from qbot.render.escape import moment
from qbot.render.listing import Page, listing
from qbot.render.orphans import clearing, found, orphans
from qbot.render.showing import Shown, show
from tests.render.conftest import Golden
from tests.render.samples import NOW, READY, START, STYLE, environment, shop

HOUR = timedelta(hours=1)
LOOKED = Looked(START)


def orphan(name: str, number: int, branch: str | None = None) -> Orphan:
    thing = Thing.APPLICATION if "-cart" in name or "-web" in name else Thing.PROJECT
    marked = Marked("main", thing, name, "qbot-x", EnvId(f"e{number:012x}"))
    return Orphan(marked, START - HOUR, BranchName(branch) if branch else None)


STRAY = Stray(
    (
        orphan("qbot-ticket-1", 1, "feat/ticket-1"),
        orphan("qbot-ticket-1-cart", 1, "feat/ticket-1"),
        orphan("qbot-others-web", 2),
    ),
    (Missing(environment(3), START - HOUR),),
)


def test_both_ways(golden: Golden) -> None:
    golden("orphans", orphans(STRAY, LOOKED, STYLE, now=NOW))
    golden("orphans_told", found(STRAY, STYLE))
    golden("orphans_none", orphans(Stray(), LOOKED, STYLE, now=NOW))
    golden("orphans_clearing", clearing(2))


def test_what_nobody_has_looked_at_yet_is_not_called_well(golden: Golden) -> None:
    golden("orphans_not_looked", orphans(Stray(), Looked(None), STYLE, now=NOW))
    some = orphans(STRAY, Looked(None), STYLE, now=NOW)
    assert "has not looked through Argo CD yet" in some.text


def test_what_was_found_once_is_not_called_well(golden: Golden) -> None:
    golden("orphans_once", orphans(Stray(), Looked(START, once=2, busy=1), STYLE, now=NOW))
    some = orphans(STRAY, Looked(START, once=1), STYLE, now=NOW)
    assert "found of 1 environment was found once" in some.text
    assert "found of 1 environment was found once" in str(some.blocks)


@pytest.mark.parametrize("ago", [3 * HOUR, -3 * HOUR], ids=["long ago", "in the future"])
def test_a_look_of_another_time_says_nothing_of_now(ago: timedelta) -> None:
    said = orphans(Stray(), Looked(NOW - ago), STYLE, now=NOW).text
    assert "what has come since is not known" in said
    assert "nothing left over" not in said


def test_the_next_look_is_never_behind_its_reader() -> None:
    late = START + HOUR + timedelta(minutes=5)
    said = orphans(Stray(), LOOKED, STYLE, now=late).text
    assert f"the next about {moment(late)}" in said


def test_what_another_qbot_may_own_has_no_button() -> None:
    others = orphans(Stray((orphan("qbot-others-web", 2),)), LOOKED, STYLE, now=NOW)
    assert actions.ORPHANS_DELETE not in str(others.blocks)


def test_hundreds_fit_a_message(golden: Golden) -> None:
    many = Stray(
        tuple(orphan(f"qbot-{n}-cart", n, "x" * 200) for n in range(300)),
        tuple(Missing(environment(n), START) for n in range(300)),
    )
    golden("orphans_many", orphans(many, Looked(START, 300, 300), STYLE, now=NOW))
    golden("orphans_many_told", found(many, STYLE))


def test_a_card_says_what_is_missing(golden: Golden) -> None:
    golden("card_missing", card(READY, STYLE, missing=True))
    over = card(READY, STYLE, missing=True, superseded="It was deleted.")
    assert "missing" not in over.text
    assert actions.RESTORE not in str(over.blocks)


def test_lists_and_details_say_what_is_missing() -> None:
    row = EnvironmentSummary(environment(1), None, NOW, missing=True)
    text = listing([row], Page(), STYLE, now=NOW).text
    assert "missing in Argo CD" in text
    assert "Needs attention (1)" in text
    shown = Shown(environment(), shop(), NOW, missing=True)
    seen = show(shown, STYLE, now=NOW)
    assert "It is missing in Argo CD. Restore makes it again" in seen.text
    assert actions.RESTORE in str(seen.blocks)
