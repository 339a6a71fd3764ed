"""`show` of a stage and of a promotion, as golden files."""

from dataclasses import replace
from typing import Any

from qbot.domain import actions
from qbot.domain.barriers import Barrier
from qbot.domain.differences import Side
from qbot.domain.history import StagePast
from qbot.domain.names import PromotionId, ServiceName, StageName
from qbot.domain.outages import Away, Vendor
from qbot.domain.promotion import PromotionKind, PromotionState, Version
from qbot.domain.stage_view import Gap, StageSides, StageView
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
    made = StageView(stage(name=StageName(PRODUCTION)), (open_,), past, NOW, StageSides(SIDES))
    return replace(made, **facts)


def test_a_stage(golden: Golden) -> None:
    golden("stage", stage_shown(view(), {PromotionId(15): CARD}, STYLE))


def test_services_that_drift_are_named_first_however_many_there_are() -> None:
    many = {ServiceName(f"s{n:03}"): Side(Version("a" * 40)) for n in range(300)}
    drifting = {ServiceName("zz"): Side(Version("v1"), "its sync status is OutOfSync")}
    text = stage_shown(view(services=StageSides({**many, **drifting})), {}, STYLE).text
    assert text.index("*zz*") < text.index("*s000*")
    assert "and 276 more services, as they are written" in text


def test_a_promotion_has_no_button_that_decides(golden: Golden) -> None:
    shown = promotion_shown(ONE_YES, CARD, STYLE)
    pressed = [
        e["action_id"] for b in shown.blocks if b["type"] == "actions" for e in b["elements"]
    ]
    assert actions.APPROVE not in pressed
    golden("promotion_shown", shown)
    assert "cannot be found" in promotion_shown(WAITING, "", STYLE).text


ARGOCD = Away(Vendor.ARGOCD, "Argo CD", NOW, "main")
GITLAB = Away(Vendor.GITLAB, "GitLab", NOW)


def text_of(argocd: Gap = "", gitlab: Gap = "", **facts: Any) -> str:
    sides = {} if argocd and gitlab else SIDES
    found = view(services=StageSides(sides, argocd=argocd, gitlab=gitlab), **facts)
    return stage_shown(found, {}, STYLE).text


def test_with_argo_cd_away_versions_are_what_was_asked_for() -> None:
    text = text_of(ARGOCD)
    assert ":warning: How it runs is not known: Argo CD has not answered since <!date^" in text
    assert ". Versions are those that `shop/deployments` asks for.\n" in text
    assert "*orders* `v2.1.0`" in text
    assert "What `shop/deployments` asks for is not known" not in text


def test_with_gitlab_away_versions_are_what_runs() -> None:
    text = text_of(gitlab=GITLAB)
    said = ":warning: What `shop/deployments` asks for is not known: GitLab has not answered since"
    assert said in text
    assert ". Versions are those that run.\n" in text
    assert "*orders* `v2.1.0`" in text
    assert "*labels* version not known" in text
    assert "How it runs is not known" not in text


def test_with_both_away_there_are_no_versions() -> None:
    text = text_of(ARGOCD, GITLAB)
    assert "How it runs is not known: Argo CD has not answered since" in text
    assert "asks for is not known: GitLab has not answered since" in text
    assert "Versions are" not in text


def test_what_a_neighbour_said_instead_is_told() -> None:
    said = "How it runs is not known: Argo CD refuses &lt;the&gt; token. Versions"
    assert said in text_of("Argo CD refuses <the> token.")


def test_a_stage_while_a_promotion_is_on_its_way(golden: Golden) -> None:
    merged = row(15, PromotionState.MERGED, PromotionKind.PROMOTION)
    sides = {
        **SIDES,
        ServiceName("cart"): Side(Version("a" * 40), "`aaaaaaaa` is written, and it is synced"),
        ServiceName("checkout"): Side(Version("a" * 40), "its health is Progressing"),
    }
    bringing = {ServiceName(s): PromotionId(15) for s in ("cart", "checkout")}
    shown = stage_shown(
        view(open=(merged,), services=StageSides(sides, bringing)), {PromotionId(15): CARD}, STYLE
    )
    assert shown.text.count(":warning:") == 1
    assert shown.text.index("*web*") < shown.text.index("*cart*") < shown.text.index("*orders*")
    assert shown.text.index("*checkout*") < shown.text.index("*labels*")
    golden("stage_on_its_way", shown)


def test_what_is_not_shown_is_called_as_written_only_where_it_is() -> None:
    many = {ServiceName(f"s{n:03}"): Side(Version("a" * 40)) for n in range(300)}
    dark = view(services=StageSides(many, argocd=ARGOCD))
    assert "and 275 more services\n" in stage_shown(dark, {}, STYLE).text
    ill = {name: Side(Version("v1"), "its health is Degraded") for name in many}
    assert "and 275 more services\n" in stage_shown(view(services=StageSides(ill)), {}, STYLE).text


def test_nothing_is_said_to_run_where_how_it_runs_is_not_known() -> None:
    done = row(12, PromotionState.DONE, PromotionKind.PROMOTION)
    assert done.plan
    past = StagePast([done], done.id, runs={done.id: done.plan.services})
    assert "*P-12* runs now" in text_of(past=past)
    assert "*P-12* runs now" in text_of(gitlab=GITLAB, past=past)
    assert "*P-12* done" in text_of(ARGOCD, past=past)
