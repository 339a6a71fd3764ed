"""`show` of a stage and of a promotion, as golden files."""

from dataclasses import replace
from typing import Any

from qbot.domain import actions
from qbot.domain.barriers import Barrier
from qbot.domain.differences import Side
from qbot.domain.history import StagePast
from qbot.domain.names import PromotionId, ServiceName, StageName
from qbot.domain.promotion import PromotionKind, PromotionState, Version
from qbot.domain.stage_view import StageView
from qbot.render.releases.stage import promotion_shown, stage_shown
from tests.operations.releases.stage_scene import stage
from tests.render.conftest import Golden
from tests.render.releases.samples import CHLOE, ONE_YES, PRODUCTION, WAITING
from tests.render.releases.test_answers import row
from tests.render.samples import NOW, STYLE

CARD = "https://acme.slack.com/archives/C1/p1795269603"
SIDES = {
    ServiceName("cart"): Side(Version("a" * 40, "a" * 40)),
    ServiceName("orders"): Side(Version("v2.1.0")),
    ServiceName("web"): Side(Version("b" * 40), "`bbbbbbbb` is written, `cccccccc` runs"),
    ServiceName("labels"): Side(None),
}
FROZEN = Barrier("freeze", "`production` is frozen: incident 42.", NOW, CHLOE, exempt=True)


def view(**facts: Any) -> StageView:
    open_, done = (
        row(15, PromotionState.OPEN, PromotionKind.PROMOTION),
        row(12, PromotionState.DONE, PromotionKind.PROMOTION),
    )
    past = StagePast([done], PromotionId(12), barriers=(FROZEN,), approvers={done.id: (CHLOE,)})
    made = StageView(stage(name=StageName(PRODUCTION)), (open_,), past, NOW, SIDES)
    return replace(made, **facts)


def test_a_stage(golden: Golden) -> None:
    golden("stage", stage_shown(view(), {PromotionId(15): CARD}, STYLE))


def test_services_that_drift_are_named_first_however_many_there_are() -> None:
    many = {ServiceName(f"s{n:03}"): Side(Version("a" * 40)) for n in range(300)}
    drifting = {ServiceName("zz"): Side(Version("v1"), "its sync status is OutOfSync")}
    text = stage_shown(view(sides={**many, **drifting}), {}, STYLE).text
    assert text.index("*zz*") < text.index("*s000*")
    assert "and 276 more services" in text


def test_a_promotion_has_no_button_that_decides(golden: Golden) -> None:
    shown = promotion_shown(ONE_YES, CARD, STYLE)
    pressed = [
        e["action_id"] for b in shown.blocks if b["type"] == "actions" for e in b["elements"]
    ]
    assert actions.APPROVE not in pressed
    golden("promotion_shown", shown)
    assert "cannot be found" in promotion_shown(WAITING, "", STYLE).text


def test_nothing_is_said_to_run_where_what_runs_is_not_known() -> None:
    done = row(12, PromotionState.DONE, PromotionKind.PROMOTION)
    assert done.plan
    past = StagePast([done], done.id, runs={done.id: done.plan.services})
    assert "*P-12* runs now" in stage_shown(view(past=past), {}, STYLE).text
    dark = stage_shown(view(past=past, trouble="Argo CD does not answer."), {}, STYLE).text
    assert "What runs is not known" in dark
    assert "*P-12* done" in dark
