"""The plan over the database: what sweeps have seen decides, and what they have not keeps."""

from collections.abc import Mapping
from datetime import timedelta

import pytest

from qbot.cards.warnings import words
from qbot.domain.barriers import Lock
from qbot.domain.brake import Brake, Go, Hold
from qbot.domain.branches import MergeFact, MergeState
from qbot.domain.meters import uncounted
from qbot.domain.names import BranchName, ProjectPath
from qbot.domain.operation import CardRow
from qbot.domain.people import Actor
from qbot.domain.reaper_ports import Stopped
from qbot.domain.reaping import Cause, Goes, Keep, ReapRule, Reason, Terms
from qbot.operations.acting import Reaper
from qbot.operations.presence import Presence
from qbot.operations.reaping import Plan, Planner
from qbot.operations.sweeping import list_name, merges_name
from qbot.render.lifetimes import term_words
from qbot.render.warnings import Around
from tests.clocks import HandClock
from tests.operations.scene import ANA, SHOP, Scene, project
from tests.render.samples import STYLE

X = BranchName("feat/x")
CART = project("cart")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
RULE = ReapRule("*", 2 * DAY, None, DAY, 4 * HOUR, DAY, DAY)


class Reaping:
    """A planner over the scene, and what sweeps would write down."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.rows = scene.database.branches
        self.unasked = 0
        self.planner = Planner(
            context=scene.context, terms=Terms("qbot", (RULE,), targets=("main",)),
            brake=Brake(10, 0.3), branches=scene.database.branches, pauses=scene.database.reaper,
            rows=scene.database.reaping, unasked=self._count,
        )  # fmt: skip

    def _count(self) -> None:
        self.unasked += 1

    async def swept(
        self, *merges: MergeFact, found: Mapping[BranchName, str] | None = None
    ) -> None:
        now = self.scene.clock.now()
        there = {X: self.scene.head("cart")} if found is None else found
        await self.rows.merged(merges_name("shop"), merges, now)
        for service in SHOP:
            has = there if service == "cart" else {}
            await self.rows.listed(list_name(project(service)), project(service), has)

    async def missed(self) -> None:
        """GitLab says to whoever looks that the branch is gone."""
        for look in await self.rows.take_looks(20):
            await self.rows.missed(look, self.scene.clock.now())

    async def plan(self, *, later: timedelta = timedelta()) -> Plan:
        self.scene.clock.advance(later.total_seconds())
        return await self.planner.plan()

    async def only(self, *, later: timedelta = timedelta()) -> Goes | Keep:
        (verdict,) = (await self.plan(later=later)).verdicts.values()
        return verdict


@pytest.fixture
async def reaping(scene: Scene) -> Reaping:
    await scene.create()
    await scene.kill()
    made = Reaping(scene)
    await made.swept()
    return made


def merged(scene: Scene, sha: str = "") -> MergeFact:
    return MergeFact(
        CART, X, 7, MergeState.MERGED, scene.clock.now(), BranchName("main"),
        sha or scene.head("cart"), "https://gitlab.test/shop/cart/-/merge_requests/7",
        scene.clock.now(),
    )  # fmt: skip


def reason(verdict: Goes | Keep) -> Reason | Cause:
    return verdict.reason if isinstance(verdict, Keep) else verdict.cause


async def test_what_was_made_today_stays_and_what_nobody_used_goes_once_that_is_sure(
    reaping: Reaping,
) -> None:
    assert reason(await reaping.only()) is Reason.YOUNG
    assert reason(await reaping.only(later=DAY)) is Reason.ACTIVE
    assert reason(await reaping.only(later=DAY)) is Reason.UNPROVEN
    await reaping.swept()
    plan = await reaping.plan()
    (goes,) = plan.goes
    assert goes.cause is Cause.IDLE
    assert plan.brake == Go()


async def test_whoever_uses_looks_at_or_pins_it_keeps_it(reaping: Reaping, scene: Scene) -> None:
    env = await scene.env()
    scene.clock.advance(9 * DAY.total_seconds())
    await reaping.swept()
    now = scene.clock.now()
    assert isinstance(await reaping.only(), Goes)
    looked = await reaping.planner.verdict(env)
    assert isinstance(looked, Goes)
    assert (looked.cause, looked.due_at) == (Cause.OVER, now + DAY)
    await scene.database.lifetimes.used("show", ANA, env.id)
    assert await reaping.only() == looked
    await scene.database.promotions.lock(Lock(env.id, ANA, "", scene.clock.now()), rule="keeper")
    assert reason(await reaping.only()) is Reason.LOCKED


async def test_merged_and_gone_go_by_what_sweeps_saw(reaping: Reaping, scene: Scene) -> None:
    scene.clock.advance(5 * HOUR.total_seconds())
    await reaping.swept(merged(scene, "b" * 40))
    assert reason(await reaping.only()) is Reason.ACTIVE
    await reaping.swept(merged(scene))
    verdict = await reaping.only()
    assert isinstance(verdict, Goes)
    assert verdict.cause is Cause.MERGED
    assert verdict.due_at == scene.clock.now() + 4 * HOUR
    await reaping.swept(found={})
    await reaping.missed()
    scene.clock.advance(180)
    await reaping.missed()
    scene.clock.advance(25 * 3_600)
    await reaping.swept(found={})
    assert isinstance(await reaping.only(), Goes)


async def test_a_branch_that_an_empty_list_lacks_is_not_gone(
    reaping: Reaping, scene: Scene
) -> None:
    scene.clock.advance(DAY.total_seconds())
    await reaping.swept(found={})
    assert reason(await reaping.only()) is Reason.ACTIVE


async def test_a_service_whose_branch_nobody_looked_for_keeps_it(
    reaping: Reaping, scene: Scene
) -> None:
    await scene.look("delete from branches")
    scene.clock.advance(3 * DAY.total_seconds())
    verdict = await reaping.only()
    assert isinstance(verdict, Keep)
    assert verdict.said == f"nothing is known of its branch in {CART}"
    await scene.look("update environment_services set service = 'gone' where service = 'cart'")
    verdict = await reaping.only()
    assert isinstance(verdict, Keep)
    assert "is not in qbot.yaml any more" in verdict.said


async def test_the_channel_is_told_of_a_pause_and_the_same_message_of_its_end(
    scene: Scene,
) -> None:
    ben, pauses, notices = Actor("T1", "UBEN"), scene.database.reaper, scene.database.notices
    for _ in range(2):
        await pauses.pause(ben, "a move", rule="member", channel="C0PLATFORM")
    (notice,) = await notices.due()
    assert (notice.to, isinstance(notice.says, Stopped)) == ("C0PLATFORM", True)
    assert "paused by <@UBEN>" in words([notice], Around({}, {}), STYLE).text
    await notices.shown(notice, "C0PLATFORM", "1.0")
    await pauses.resume(ANA, rule="member")
    (notice,) = await notices.due()
    assert "The reaper goes on, by <@UANA>" in words([notice], Around({}, {}), STYLE).text


async def test_the_brake_holds_while_gitlab_has_not_answered_or_somebody_paused(
    reaping: Reaping,
) -> None:
    assert (await reaping.plan()).brake == Go()
    plan = await reaping.plan(later=2 * HOUR)
    assert plan.brake == Hold((f"Looked at too long ago: {CART}. Qbot looks within a minute.",))
    await reaping.swept()
    ben = Actor("T1", "UBEN")
    pauses = reaping.scene.database.reaper
    _, new = await pauses.pause(ben, "a move", rule="member")
    assert new
    kept, new = await pauses.pause(ANA, "mine", rule="member")
    assert (kept.by, kept.reason, new) == (ben, "a move", False)
    plan = await reaping.plan()
    assert plan.pause == kept
    assert plan.brake == Hold(("The reaper is paused.",))
    assert await pauses.resume(ANA, rule="member") == kept
    assert await pauses.resume(ANA, rule="member") is None
    await reaping.scene.look("update branches set project = 'old/cart'")
    await reaping.swept()
    assert (await reaping.plan(later=HOUR / 2)).brake == Go()
    assert await reaping.scene.audit("reaper.paused") == ["done", "unchanged"]
    assert await reaping.scene.audit("reaper.resumed") == ["done", "unchanged"]


async def test_what_nobody_has_looked_at_yet_is_looked_at_and_said_so(scene: Scene) -> None:
    await scene.create()
    await scene.kill()
    made = Reaping(scene)
    plan = await made.plan()
    assert plan.doubts == [f"Not looked at yet: {CART}. Qbot looks within a minute."]
    assert isinstance(plan.brake, Hold)
    assert made.unasked == 1
    await made.rows.failed(list_name(CART), "403 Forbidden")
    plan = await made.plan(later=3 * DAY)
    assert plan.doubts == [f"No whole answer from GitLab about {CART}: what runs it stays."]
    assert made.unasked == 1
    (verdict,) = plan.verdicts.values()
    assert isinstance(verdict, Keep)
    assert verdict.said == f"GitLab did not answer about {CART}: 403 Forbidden"
    await made.swept()
    assert not (await made.plan()).doubts
    assert made.unasked == 1


async def test_a_project_that_cannot_be_read_keeps_what_runs_it_and_nothing_else(
    reaping: Reaping, scene: Scene
) -> None:
    other = BranchName("feat/other")
    scene.gitlab.push("shop/web", other)
    await scene.start()
    await scene.create(other)
    await scene.kill()
    scene.clock.advance(3 * DAY.total_seconds())
    await reaping.swept()
    await scene.look("delete from sweeps where name = 'branches:shop/web'")
    await reaping.rows.failed("branches:shop/web", "403 Forbidden")
    plan = await reaping.plan()
    assert plan.brake == Go()
    said = {plan.environments[env].branch: reason(v) for env, v in plan.verdicts.items()}
    assert said == {X: Cause.IDLE, other: Reason.UNPROVEN}
    assert len(plan.doubts) == 1


async def test_a_tick_lets_cards_say_who_goes_and_why_and_takes_it_back(
    reaping: Reaping, scene: Scene
) -> None:
    env = await scene.env()
    (operation,) = await scene.database.store.operations(env.id, limit=1)
    database = scene.database
    reapers = [
        Reaper(
            planner=reaping.planner, rows=database.reaping, gitlab=scene.gitlab,
            cards=database.reaper, once=database.store, clock=scene.clock,
            channel="", wake=uncounted, counted=uncounted,
            presence=Presence(database.reaping, scene.clock, HandClock()),
        )
        for _ in range(2)
    ]  # fmt: skip

    async def ticked() -> CardRow:
        for reaper in reapers:
            await reaper.tick()
        row = await scene.card(operation)
        assert row
        return row

    before = await ticked()
    assert before.term is None
    scene.clock.advance(9 * DAY.total_seconds())
    await reaping.swept()
    row = await ticked()
    assert row.term
    assert row.term.because is Cause.IDLE
    assert row.version == before.version + 1
    words = "due to go <!date"
    assert words in term_words(row.term, scene.clock.now())
    assert (await ticked()).version == row.version
    scene.clock.advance(600)
    await scene.database.lifetimes.extend(env.id, 9 * DAY, ANA, most=None, rule="member", key="k")
    await scene.database.lifetimes.used("extend", ANA, env.id)
    after = await ticked()
    assert after.term
    assert after.term.because is None
    assert words not in term_words(after.term, scene.clock.now())


def test_where_a_project_is_read_from_is_named_as_sweeps_name_it() -> None:
    assert list_name(ProjectPath("shop/cart")) == "branches:shop/cart"
    assert merges_name("shop") == "merges:shop"
