"""What a promotion changes: pinned at the request, refused with a reason, cheap for many."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from qbot.domain.barriers import BarredError, Freeze, Hold, Lock
from qbot.domain.environment import Phase
from qbot.domain.inputs import RollbackInput
from qbot.domain.names import EnvId, ProjectPath, PromotionId, ServiceName
from qbot.domain.people import Actor
from qbot.domain.progress import End
from qbot.domain.promotion import Edit, PromotionState, Version
from qbot.domain.release import StageProgress
from qbot.domain.services import Build, Commit, Image, Source
from qbot.domain.stages import ConfigSource, Format
from qbot.errors import PermanentError, TransientError, UserError
from qbot.operations.releases.offers import sides
from qbot.operations.releases.planning import admitted, planned, preview
from tests.operations.releases.planning_scene import (
    CONFIG,
    PRODUCTION,
    STAGING,
    PlanningScene,
    file,
    plan_of,
)

CHLOE = Actor("T1", "UCHLOE")
CART, ORDERS = ServiceName("cart"), ServiceName("orders")


@pytest.fixture
def shop() -> PlanningScene:
    return PlanningScene()


async def refusal(shop: PlanningScene, *services: str, **facts: Any) -> str:
    with pytest.raises(UserError) as refused:
        await shop.promote(*services, **facts)
    return f"{refused.value} {refused.value.hint}"


async def test_an_application_that_would_not_see_the_merge_is_named_at_the_request(
    shop: PlanningScene,
) -> None:
    shop.deploy(PRODUCTION, "cart", shop.commit("cart"))
    shop.ahead("cart", commits=1)
    apps = shop.survey.apps[PRODUCTION]
    apps[CART] = replace(apps[CART], strays=True)
    asked = shop.asked()
    with pytest.raises(UserError, match="No source in shop/deployments: production-cart in Argo"):
        await planned(shop.case(asked), asked)


@pytest.mark.parametrize(
    ("follows", "refused"),
    [("main", False), ("refs/heads/main", False), ("HEAD", False), ("release-1", True)],
)
async def test_an_application_that_follows_another_branch_is_named_at_the_request(
    shop: PlanningScene, follows: str, *, refused: bool
) -> None:
    shop.deploy(PRODUCTION, "cart", shop.commit("cart"))
    shop.ahead("cart", commits=1)
    apps = shop.survey.apps[PRODUCTION]
    apps[CART] = replace(apps[CART], state=replace(apps[CART].state, wanted=follows))
    asked = shop.asked()
    if not refused:
        assert (await planned(shop.case(asked), asked)).plan.services == (CART,)
        return
    with pytest.raises(UserError, match=r"Not main but .* production-cart \(release-1\) in Argo"):
        await planned(shop.case(asked), asked)


async def test_the_newest_commits_are_named_without_those_of_merges(shop: PlanningScene) -> None:
    words = ["Tidy", "Round up", "Say so", "Merge branch 'x' into 'main'", "Fix " + "y" * 300]
    shop.deploy(PRODUCTION, "cart", shop.commit("cart"))
    for title in words:
        shop.repository.titles[shop.ahead("cart")] = title
    (item,) = (await shop.promote()).plan.items
    assert item.titles == (("Fix " + "y" * 300)[:120], "Say so", "Round up")


async def test_only_what_differs_is_promoted_with_what_lies_between(shop: PlanningScene) -> None:
    old = shop.commit("cart")
    shop.deploy(PRODUCTION, "cart", old)
    new = shop.ahead("cart", commits=3)
    found = await shop.promote()
    (item,) = found.plan.items
    assert (item.service, item.commits, item.build) == ("cart", 3, Build.PASSED)
    assert item.authors == ("Ana Costa", "Ben Okafor")
    assert item.compare_url == f"https://git/{old}...{new}"
    assert (item.old, item.new) == (Version(old, old), Version(new, new))
    assert found.plan.edits == (Edit(CART, "production/cart.yaml", "image.tag", old, new),)
    assert (found.plan.source, found.plan.branch, found.plan.merges) == ("staging", "main", "")
    assert found.tip == await shop.repository.head(CONFIG, "main")
    (change,) = found.changes.lines
    assert (change.file, change.line) == ("production/cart.yaml", 4)
    assert (change.old, change.new) == (
        f'  tag: "{old}"  # full id',
        f'  tag: "{new}"  # full id',
    )


async def test_a_pipeline_that_may_not_be_seen_is_unknown_and_hides_no_other(
    shop: PlanningScene,
) -> None:
    shop.ahead("cart")
    red = shop.ahead("orders")
    shop.gitlab.pipelines[red] = Build.FAILED
    shop.gitlab.hidden.add(ProjectPath("shop/cart"))
    found = await shop.promote()
    assert [i.build for i in found.plan.items] == [Build.UNKNOWN, Build.FAILED]
    with pytest.raises(BarredError, match="pipeline failed of `orders`"):
        await shop.admit()


async def test_services_that_were_named_are_promoted_alone(shop: PlanningScene) -> None:
    shop.ahead("cart")
    shop.ahead("orders")
    assert (await shop.promote("orders")).plan.services == ("orders",)


async def test_going_back_is_told_as_such(shop: PlanningScene) -> None:
    old = shop.repository.branches[ProjectPath("shop/cart"), "main"]
    shop.deploy(PRODUCTION, "cart", [shop.commit("cart") for _ in range(2)][-1])
    shop.deploy(STAGING, "cart", old)
    (item,) = (await shop.promote()).plan.items
    assert item.commits == -2


async def test_a_comparison_that_fails_only_leaves_out_the_numbers(shop: PlanningScene) -> None:
    shop.ahead("cart")
    shop.repository.faults.lay("compare", TransientError("away"))
    (item,) = (await shop.promote()).plan.items
    assert (item.commits, item.authors, item.compare_url) == (None, (), "")


@pytest.mark.parametrize("fails", ["compare", "authors"])
async def test_where_authors_may_not_approve_it_waits_until_they_are_known(
    shop: PlanningScene, fails: str
) -> None:
    """Else the yes of whoever wrote it would count."""
    where = shop.stages[PRODUCTION]
    rule = replace(where.approvals, by_authors=False)
    shop.stages[PRODUCTION] = replace(where, approvals=rule)
    shop.people.by_email["Ana Costa@shop"] = 1
    shop.ahead("cart")
    faults = shop.repository.faults if fails == "compare" else shop.people.faults
    faults.lay(fails, TransientError("away"))
    with pytest.raises(TransientError):
        await shop.promote()
    assert (await shop.promote()).plan.wrote == {1}


async def test_accounts_of_authors_that_nothing_depends_on_are_best_effort(
    shop: PlanningScene,
) -> None:
    shop.ahead("cart")
    shop.people.faults.lay("authors", TransientError("away"))
    assert (await shop.promote()).plan.wrote == set()


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({"services": (ServiceName("crt"),)}, "no service `crt` in `production`. Did you mean"),
        ({"running": (ServiceName("crt"),)}, "no service `crt` in this promotion"),
        ({"source": PRODUCTION}, "is not promoted to from `production`. It is promoted to from"),
        ({"source": None, "env": EnvId("e" * 12)}, "not promoted to from branch environments"),
        ({"source": STAGING, "stage": STAGING}, "is promoted to from `environments`"),
    ],
)
async def test_what_cannot_be_is_refused(
    shop: PlanningScene, facts: dict[str, Any], says: str
) -> None:
    shop.environment(plan_of("cart", shop.ahead("cart")))
    assert says in await refusal(shop, **facts)


async def test_a_service_that_the_stage_does_not_write_is_named_or_left_out(
    shop: PlanningScene,
) -> None:
    shop.ahead("cart")
    config = shop.stages[PRODUCTION].config
    shop.change_stage(PRODUCTION, config=replace(config, file="elsewhere/{service}.yaml"))
    assert "`elsewhere/cart.yaml` is not there" in await refusal(shop)
    shop.repository.write(CONFIG, "main", {"elsewhere/cart.yaml": file("cart", "x")})
    assert (await shop.promote()).plan.services == ("cart",)
    assert "no version of `orders`" in await refusal(shop, "orders")


async def test_a_missing_branch_is_for_the_owner_of_qbot(shop: PlanningScene) -> None:
    config = shop.stages[PRODUCTION].config
    shop.change_stage(PRODUCTION, config=replace(config, branch="gone"))
    with pytest.raises(PermanentError, match="no branch gone"):
        await shop.promote()


# Drift


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ({"images": ("registry.example/shop/cart:other",)}, "is written, `other` runs"),
        ({"health": "Degraded"}, "is written, and its health is Degraded"),
        ({"sync": "OutOfSync"}, "is written, and its sync status is OutOfSync"),
        ({"phase": "Running"}, "is written, and it is being synced"),
        ({"images": ()}, "is written, and Argo CD names no image of it"),
        ({"images": ("a/cart:1", "a/cart:2")}, "is written, and several versions of it run"),
    ],
)
async def test_what_runs_otherwise_than_written_has_to_be_chosen(
    shop: PlanningScene, state: dict[str, Any], says: str
) -> None:
    shop.run(STAGING, "cart", shop.ahead("cart"), **state)
    said = await refusal(shop)
    assert "What runs in `staging` is not what is written. `cart`: `" in said
    assert says in said
    assert "`--running cart` promotes what runs; or sync `staging` in Argo CD first" in said


async def test_who_chose_what_runs_gets_that(shop: PlanningScene) -> None:
    runs = shop.commit("cart")
    shop.declare(STAGING, "cart", shop.commit("cart"))
    shop.run(STAGING, "cart", runs)
    (item,) = (await shop.promote(running=(CART,))).plan.items
    assert item.new.text == runs
    assert "runs" in item.drift


async def test_what_runs_cannot_be_chosen_where_it_is_not_known(shop: PlanningScene) -> None:
    shop.ahead("cart")
    del shop.survey.apps[STAGING][CART]
    assert "Argo CD shows no Application of it" in await refusal(shop, running=(CART,))


async def test_drift_of_what_changes_nothing_is_no_question(shop: PlanningScene) -> None:
    same = shop.repository.branches[ProjectPath("shop/cart"), "main"]
    shop.run(STAGING, "cart", same, health="Degraded")
    shop.ahead("orders")
    assert (await shop.promote()).plan.services == ("orders",)


async def test_other_images_of_the_application_do_not_matter(shop: PlanningScene) -> None:
    sha = shop.ahead("cart")
    images = ("library/valkey:8", f"host:5000/team/cart:{sha}@sha256:{'a' * 64}")
    shop.run(STAGING, "cart", sha, images=images)
    assert (await shop.promote()).plan.services == ("cart",)


# How versions are written


async def test_a_short_tag_is_resolved_to_its_commit(shop: PlanningScene) -> None:
    shop.catalog[CART] = replace(shop.catalog[CART], image=Image("r/cart", "v-{short_sha}", "t"))
    old, new = shop.commit("cart"), f"{0xABCDEF12:08x}{1:032x}"
    shop.repository.commits[new] = shop.repository.commits[old]
    shop.gitlab.pipelines[new] = Build.PASSED
    cart = shop.gitlab.branches[ProjectPath("shop/cart")]
    cart["abcdef12"], cart["release"] = Commit(new), Commit(old)
    shop.deploy(STAGING, "cart", "v-abcdef12")
    shop.deploy(PRODUCTION, "cart", "release")
    (item,) = (await shop.promote()).plan.items
    assert (item.new, item.old) == (Version("v-abcdef12", new), Version("release", old))


async def test_a_stage_that_writes_otherwise_gets_its_own_words(shop: PlanningScene) -> None:
    shop.change_stage(PRODUCTION, version="v{sha}")
    sha = shop.ahead("cart")
    for service in ("orders", "web"):
        there = shop.repository.branches[ProjectPath(f"shop/{service}"), "main"]
        shop.deploy(PRODUCTION, service, f"v{there}")
    (item,) = (await shop.promote()).plan.items
    assert item.new == Version(f"v{sha}", sha)
    shop.deploy(STAGING, "web", "unheard-of")
    assert "which commit `unheard-of` in `staging` is made of is not known" in await refusal(shop)


async def test_a_digest_is_promoted_as_it_is(shop: PlanningScene) -> None:
    config = ConfigSource(
        CONFIG, "main", Format.KUSTOMIZE, "{stage}/{service}/kustomization.yaml", "r/{service}"
    )
    for name, version in ((STAGING, f"digest: sha256:{'b' * 64}"), (PRODUCTION, "newTag: '1'")):
        shop.change_stage(name, config=config, services=(CART,))
        text = f"images:\n  - name: r/cart\n    {version}\n"
        shop.repository.write(CONFIG, "main", {f"{name}/cart/kustomization.yaml": text})
    shop.run(STAGING, "cart", "", images=(f"r/cart@sha256:{'b' * 64}",))
    (item,) = (await shop.promote()).plan.items
    assert item.new == Version(f"sha256:{'b' * 64}")
    assert item.commits is None


async def test_both_sides_can_be_read_for_other_ends(shop: PlanningScene) -> None:
    sha = shop.commit("cart")
    shop.run(PRODUCTION, "cart", sha)
    found = await sides(shop.context, shop.stages[PRODUCTION])
    assert found[CART].version == Version(sha, sha)
    assert "runs" in found[CART].drift
    assert found[ORDERS].drift == ""


# From a branch environment


async def test_of_an_environment_its_own_services_are_promoted(shop: PlanningScene) -> None:
    new, other = shop.commit("cart"), shop.commit("orders")
    env = shop.environment(plan_of("cart", new), plan_of("orders", other, Source.DEFAULT))
    found = await shop.promote(source=None, env=env, stage=STAGING)
    assert found.plan.source == "feat/x"
    assert [(i.service, i.new) for i in found.plan.items] == [("cart", Version(new, new, "feat/x"))]
    named = await shop.promote("orders", source=None, env=env, stage=STAGING)
    assert named.plan.services == ("orders",)


async def test_an_environment_that_is_not_ready_is_not_promoted(shop: PlanningScene) -> None:
    shop.argocd.health[CART] = "Degraded"
    env = shop.environment(plan_of("cart", shop.commit("cart")))
    said = await refusal(shop, source=None, env=env, stage=STAGING)
    assert "Not everything in `feat/x` is ready. `cart`: Degraded" in said
    env = shop.environment(plan_of("cart", shop.commit("cart")), phase=Phase.DELETING)
    assert "gone or going" in await refusal(shop, source=None, env=env, stage=STAGING)


async def test_an_environment_without_a_service_of_its_own_says_so(shop: PlanningScene) -> None:
    env = shop.environment(plan_of("cart", shop.commit("cart"), Source.DEFAULT))
    assert "no service that could be promoted" in await refusal(
        shop, source=None, env=env, stage=STAGING
    )


# What speaks against it


async def test_only_what_is_merged_may_come(shop: PlanningScene) -> None:
    sha = shop.repository.write("shop/cart", "feat/x", {})
    shop.gitlab.pipelines[sha] = Build.PASSED
    facts: dict[str, Any] = {
        "source": None,
        "env": shop.environment(plan_of("cart", sha)),
        "stage": STAGING,
    }
    with pytest.raises(BarredError, match="Only what is merged comes to `staging`"):
        await shop.admit(**facts)
    assert [row["rule"] for row in shop.audited()] == ["unmerged"]
    shop.journal.steps.clear()
    shop.change_stage(STAGING, unmerged=True)
    await shop.admit(**facts)


async def test_an_image_of_unknown_origin_does_not_come_out_of_an_environment(
    shop: PlanningScene,
) -> None:
    env = shop.environment(plan_of("cart", shop.commit("cart"), Source.SET, image="hotfix-3"))
    with pytest.raises(BarredError, match="The commit is not known of `cart` at `hotfix-3`"):
        await shop.admit(source=None, env=env, stage=STAGING)


@pytest.mark.parametrize(
    ("build", "says"), [(Build.FAILED, "pipeline failed"), (Build.RUNNING, "pipeline still runs")]
)
async def test_a_pipeline_that_has_not_passed_stops_it(
    shop: PlanningScene, build: Build, says: str
) -> None:
    shop.deploy(STAGING, "cart", shop.commit("cart", build=build))
    with pytest.raises(BarredError, match=says):
        await shop.admit()
    assert shop.audited()[0]["rule"] == "pipeline"


async def test_a_version_has_to_have_run_for_a_while(shop: PlanningScene) -> None:
    shop.change_stage(PRODUCTION, soak=timedelta(hours=1))
    since = shop.clock.now()
    shop.ahead("cart")
    with pytest.raises(BarredError, match="must have run for 60 minutes") as refused:
        await shop.admit()
    assert refused.value.barriers[0].until == since + timedelta(hours=1)
    shop.journal.steps.clear()
    shop.clock.advance(3600)
    await shop.admit()


async def test_every_barrier_is_told_and_audited(shop: PlanningScene) -> None:
    shop.ahead("cart")
    now, ends = shop.clock.now(), shop.clock.now() + timedelta(hours=2)
    scope = shop.stages[PRODUCTION].scope
    shop.promotions.frozen.append(Freeze(PRODUCTION, CHLOE, "audit week", now, ends))
    shop.promotions.locked.append(Lock(scope, CHLOE, "load test", now))
    shop.promotions.held.append(Hold(PRODUCTION, CART, CHLOE, now, PromotionId(3), "v1"))
    with pytest.raises(BarredError) as refused:
        await shop.admit()
    said = str(refused.value)
    assert all(word in said for word in ("audit week", "load test", "`cart` is held on"))
    assert "`release production` is for those who may approve" in refused.value.hint
    assert [b.until for b in refused.value.barriers] == [ends, None, None]
    assert [(r["action"], r["outcome"], r["rule"]) for r in shop.audited()] == [
        ("promotion.asked", "refused", rule) for rule in ("freeze", "lock", "hold")
    ]


async def test_what_is_not_held_is_only_named_where_something_is_not(shop: PlanningScene) -> None:
    shop.ahead("cart")
    hold = Hold(PRODUCTION, CART, CHLOE, shop.clock.now(), PromotionId(3), "v1")
    shop.promotions.held.append(hold)
    with pytest.raises(BarredError) as alone:
        await shop.admit()
    assert alone.value.hint == "`release production` is for those who may approve."
    shop.ahead("web")
    shop.journal.steps.clear()
    with pytest.raises(BarredError) as beside:
        await shop.admit()
    assert beside.value.hint.endswith("; what is not held can be promoted by name.")


async def test_an_exempt_role_passes_a_freeze_with_a_reason_only(shop: PlanningScene) -> None:
    shop.ahead("cart")
    shop.promotions.frozen.append(Freeze(PRODUCTION, CHLOE, "audit week", shop.clock.now()))
    with pytest.raises(BarredError):
        await shop.admit(by=CHLOE)
    shop.journal.steps.clear()
    with pytest.raises(BarredError):
        await shop.admit(reason="it burns")
    shop.journal.steps.clear()
    shop.journal.changes.clear()
    await shop.admit(by=CHLOE, reason="it burns")
    (row,) = shop.audited()
    assert (row["action"], row["rule"], row["by"]) == ("promotion.exempted", "freeze", "it burns")
    assert (row["right"], row["roles"]) == ("exempt", "release-managers")


async def test_an_exemption_is_not_for_a_freeze_that_began_later(shop: PlanningScene) -> None:
    shop.ahead("cart")
    shop.promotions.frozen.append(Freeze(PRODUCTION, CHLOE, "audit week", shop.clock.now()))
    case = shop.case(shop.asked(), reason="it burns", by=CHLOE)
    before = shop.clock.now() - timedelta(seconds=1)
    case.promotion = replace(case.promotion, created_at=before)
    with pytest.raises(BarredError):
        await admitted(case, await planned(case, shop.asked()))
    await case.run.close()


async def test_what_argo_cd_does_not_have_is_refused_before_anything_is_merged(
    shop: PlanningScene,
) -> None:
    shop.ahead("cart")
    shop.survey.apps[PRODUCTION].pop(CART)
    with pytest.raises(UserError, match="no Application of `cart` in `production`"):
        await shop.admit()
    assert not shop.audited()


# Recorded


async def test_a_later_run_means_the_same(shop: PlanningScene) -> None:
    shop.ahead("cart")
    asked = shop.asked()
    first = await planned(shop.case(asked), asked)
    shop.ahead("cart")
    shop.ahead("orders")
    assert await planned(shop.case(asked), asked) == first


async def test_a_preview_of_a_rollback_says_what_would_end_by_it(shop: PlanningScene) -> None:
    shop.ahead("cart")
    shop.merge(5, await shop.promote())
    shop.ahead("cart")
    waits = await shop.promote()
    shop.promotions.rows.append(
        replace(shop.promotions.rows[0], id=PromotionId(6), plan=waits.plan, merge_sha="",
                state=PromotionState.OPEN)
    )  # fmt: skip
    asked = RollbackInput(PRODUCTION, (ServiceName("cart"),), dry_run=True)
    run = shop.go(asked)
    await preview(run, shop.context, shop.stages[PRODUCTION], asked)
    await run.close()
    (shown,) = shop.answers.previews
    assert isinstance(shown, StageProgress)
    assert shown.goes_before == (PromotionId(6),)


async def test_a_preview_is_the_same_card_and_makes_nothing(shop: PlanningScene) -> None:
    shop.ahead("cart")
    shop.promotions.frozen.append(Freeze(PRODUCTION, CHLOE, "audit week", shop.clock.now()))
    asked = shop.asked(dry_run=True)
    run = shop.go(asked)
    outcome = await preview(run, shop.context, shop.stages[PRODUCTION], asked)
    await run.close()
    assert outcome.end is End.SUCCEEDED
    assert set(shop.journal.steps) == {"previewed"}
    (shown,) = shop.answers.previews
    assert isinstance(shown, StageProgress)
    assert shown.dry_run
    assert (shown.promotion, shown.source) == (None, "staging")
    assert shown.digest == (await shop.promote()).plan.digest
    assert [b.rule for b in shown.barriers] == ["freeze"]
    assert shown.needed is not None
    assert (shown.needed.missing, shown.needed.eligible) == (2, ("UCHLOE", "UDAN", "UEVA"))


async def test_a_hundred_services_are_asked_for_together() -> None:
    shop = PlanningScene([f"s{n}" for n in range(100)])
    for service in shop.names:
        shop.ahead(service)
    shop.repository.calls.clear()
    found = await shop.promote()
    assert len(found.plan.items) == found.changes.total == 100
    assert shop.repository.calls == {"head": 2, "files": 2, "compare": 100}
    assert shop.repository.most["compare"] == 16
