"""Somebody's own digest: what needs them first, within Slack's limits, and nothing without."""

import json
from dataclasses import replace
from datetime import timedelta

from qbot.domain.barriers import Freeze, Hold
from qbot.domain.home import Home
from qbot.domain.morning import Morning
from qbot.domain.names import EnvId, OpId, PromotionId, ServiceName, StageName
from qbot.render.blocks import Message
from qbot.render.morning import morning
from tests.render.blockcheck import check_message
from tests.render.conftest import Golden
from tests.render.releases.samples import WAITING
from tests.render.samples import ANA, NOW, STYLE
from tests.render.test_home import BROKEN, CALM, FULL, row

DAY = timedelta(days=1)
HELD = Hold(StageName("production"), ServiceName("cart"), ANA, NOW - DAY, PromotionId(11), "3065")
FROZEN = Freeze(StageName("staging"), ANA, "load test", NOW - DAY, NOW + DAY)
MORNING = Morning(FULL, [HELD], [FROZEN])


def said(of: Morning) -> Message:
    found = morning(of, STYLE)
    assert found is not None
    check_message(found.text, list(found.blocks))
    return found


def test_what_waits_comes_first_then_what_is_broken_or_ends(golden: Golden) -> None:
    golden("morning", said(MORNING))
    heading = said(MORNING).text
    assert heading.startswith("1 promotion waits for your approval, 2 environments need you, ")
    assert heading.endswith("1 hold of yours, 1 freeze of yours")
    assert "digest off" in json.dumps(said(MORNING).blocks)


def test_nothing_is_said_where_nothing_waits() -> None:
    calm = Home(ANA, [row(CALM)], NOW)
    assert morning(Morning(calm), STYLE) is None
    assert morning(Morning(replace(calm, rows=[])), STYLE) is None
    assert said(Morning(calm, [HELD])).text == "1 hold of yours"


def test_a_lot_of_everything_stays_within_slacks_limits() -> None:
    rows = [row(replace(BROKEN, id=EnvId(f"e{n:012x}"))) for n in range(30)]
    waiting = [replace(WAITING, op=OpId(f"op{n}")) for n in range(30)]
    home = replace(FULL, rows=rows, waiting=waiting)
    full = said(Morning(home, [HELD] * 30, [FROZEN] * 30))
    assert len(full.blocks) <= 50
