"""The reaper over the database: it warns first, and whoever is faster than it keeps theirs."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from qbot.domain.barriers import Lock
from qbot.domain.brake import Brake
from qbot.domain.branches import MergeFact, MergeState
from qbot.domain.environment import Environment, Phase, Pin
from qbot.domain.hearsay import Pushed
from qbot.domain.inputs import TeardownInput
from qbot.domain.lifetime import Moved
from qbot.domain.names import BranchName, EnvId, OpId
from qbot.domain.operation import Operation, Submission, Submitted
from qbot.domain.people import QBOT, Actor
from qbot.domain.progress import End, Kind
from qbot.domain.reaper_ports import Alert, Answer, Fate, Notice, Question, Reminder, Warned
from qbot.domain.reaper_rows import Stand
from qbot.domain.reaping import Cause, Goes, ReapRule, Terms
from qbot.domain.repository_ports import MergeRequest
from qbot.errors import PermanentError, TransientError
from qbot.operations.acting import Reaper
from qbot.operations.presence import Presence
from qbot.operations.reaping import Planner
from qbot.operations.restore_requests import RestoreRequests
from qbot.operations.sweeping import list_name, merges_name
from qbot.store.rows import time_text
from tests.clocks import HandClock
from tests.operations.scene import ANA, SHOP, Scene, project

X, CART = BranchName("feat/x"), project("cart")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
RULE = ReapRule("*", 2 * DAY, None, DAY, 4 * HOUR, DAY, DAY)
URL = "https://gitlab.test/shop/cart/-/merge_requests/7"


class Acting:
    """A reaper over the scene, sweeps that answer, and a Slack that takes whatever comes."""

    def __init__(self, scene: Scene, rule: ReapRule = RULE, brake: Brake | None = None) -> None:
        self.scene = scene
        self.rows = scene.database.reaping
        self.counted: list[str] = []
        planner = Planner(
            context=scene.context, terms=Terms("qbot", (rule,), targets=("main",)),
            brake=brake or Brake(10, 0.3), branches=scene.database.branches,
            pauses=scene.database.reaper, rows=self.rows,
        )  # fmt: skip
        self.machine = HandClock()  # its own clock, which no test moves but of what it is about
        self.presence = Presence(self.rows, scene.clock, self.machine)
        self.reaper = Reaper(
            planner=planner, rows=self.rows, gitlab=scene.gitlab, cards=scene.database.reaper,
            once=scene.database.store, clock=scene.clock, channel="COPS",
            wake=lambda: None, counted=lambda decision, _: self.counted.append(decision),
            presence=self.presence,
        )  # fmt: skip

    async def swept(
        self, *merges: MergeFact, found: Mapping[BranchName, str] | None = None
    ) -> None:
        rows, now = self.scene.database.branches, self.scene.clock.now()
        there = {X: self.scene.head("cart")} if found is None else found
        await rows.merged(merges_name("shop"), merges, now)
        for service in SHOP:
            has = there if service == "cart" else {}
            await rows.listed(list_name(project(service)), project(service), has)

    async def merged(self) -> None:
        """The branch is merged as it is, and a sweep has seen that."""
        head, now = self.scene.head("cart"), self.scene.clock.now()
        self.scene.gitlab.requests[CART, 7] = MergeRequest(7, URL, "merged", head, "", X, "main")
        fact = MergeFact(CART, X, 7, MergeState.MERGED, now, BranchName("main"), head, URL, now)
        await self.swept(fact)

    async def reap(self, *, later: timedelta = timedelta(), sweep: bool = True) -> list[Notice]:
        """A tick, and what Slack is told because of it."""
        self.scene.clock.advance(later.total_seconds())
        if sweep:
            await self.swept()
        await self.reaper.reap()
        return await self.told()

    async def told(self) -> list[Notice]:
        """What is due at Slack; it takes all of it."""
        notices = self.scene.database.notices
        found: list[Notice] = []
        while due := await notices.due():
            for notice in due:
                claimed = notice if notice.ts else await notices.claim(notice, notice.id)
                assert claimed is not None
                await notices.shown(claimed, f"D{notice.to}", notice.ts or f"{len(found)}.1")
            found += due
        return found

    async def teardown(self) -> Operation | None:
        newest = (await self.scene.database.store.operations(await self.id, limit=1))[0]
        return newest if newest.kind is Kind.TEARDOWN else None

    @property
    async def id(self) -> Any:
        rows = await self.scene.look("select id from environments")
        return rows[0]["id"]


@pytest.fixture
async def acting(scene: Scene) -> Acting:
    """One environment of yesterday whose branch was merged just now."""
    await scene.create()
    await scene.kill()
    made = Acting(scene)
    scene.clock.advance(DAY.total_seconds())
    await made.merged()
    return made


def only(notices: list[Notice]) -> Any:
    (notice,) = notices
    return notice.says


async def test_merged_is_warned_of_reminded_of_deleted_with_its_proof_and_said_to_be_gone(
    acting: Acting, scene: Scene
) -> None:
    warned = only(await acting.reap())
    assert isinstance(warned, Warned)
    assert (warned.goes.cause, warned.fate, warned.owner) == (Cause.MERGED, Fate.OPEN, ANA)
    assert warned.goes.due_at == scene.clock.now() + 4 * HOUR
    assert not await acting.reap(later=HOUR)
    (reminder,) = await acting.reap(later=2.5 * HOUR)
    assert isinstance(reminder.says, Reminder)
    assert (reminder.thread, reminder.channel) == ("0.1", "DUANA")
    assert not await acting.reap(later=HOUR / 4)
    assert await acting.teardown() is None
    assert only(await acting.reap(later=HOUR / 2)).fate is Fate.GOING
    asked = await acting.teardown()
    assert asked
    assert asked.actor == QBOT
    assert isinstance(asked.input, TeardownInput)
    assert asked.input.reaped
    assert asked.input.reaped.proof == (URL,)
    await scene.start()
    done = await scene.ended(asked)
    assert done.end is End.SUCCEEDED
    told = done.headline.partition(" Proof: ")
    assert told[0].startswith("It went by itself: its branch is merged. That counted from 20")
    at = f"{asked.input.reaped.warned_at:%Y-%m-%d %H:%M} UTC"
    assert told[0].endswith(f"(reaper of qbot.yaml); its owner was warned {at}.")
    assert told[2] == f"{URL}."
    assert only(await acting.reap()).fate is Fate.GONE
    assert not await acting.reap(later=HOUR)
    (row,) = await scene.look("select detail from audit where action = 'reaper.deletes'")
    assert URL in row["detail"]
    assert acting.counted == ["warned", "reminded", "deleted"]


async def test_the_warning_of_what_was_restored_later_says_so(acting: Acting, scene: Scene) -> None:
    await acting.reap()
    await acting.reap(later=5 * HOUR)
    asked = await acting.teardown()
    assert asked
    await scene.start()
    await scene.ended(asked)
    assert only(await acting.told()).fate is Fate.GONE
    back = await RestoreRequests(scene.context, scene.requests).restore(X, scene.asked)
    assert isinstance(back, Submitted)
    await scene.ended(back.operation)
    restored = next(n.says for n in await acting.told() if isinstance(n.says, Warned))
    assert (restored.fate, restored.by) == (Fate.RESTORED, ANA)


async def test_nothing_goes_before_slack_has_shown_the_warning(
    acting: Acting, scene: Scene
) -> None:
    await acting.reaper.reap()
    scene.clock.advance(9 * HOUR.total_seconds())
    await acting.swept()
    await acting.reaper.reap()
    assert await acting.teardown() is None
    await acting.told()
    assert not await acting.reap(later=2 * HOUR)
    await acting.reap(later=2 * HOUR)
    assert await acting.teardown()


async def test_whom_slack_does_not_reach_is_told_in_a_channel_and_counts_as_warned_only_then(
    acting: Acting, scene: Scene
) -> None:
    notices = scene.database.notices
    await acting.reaper.reap()
    for place in ("UANA", "C1", "COPS"):  # the DM, where its card is, the reaper's
        (notice,) = await notices.due()
        assert notice.to == place
        await notices.refused(notice, "is_archived", elsewhere=True)
    assert not await notices.due()
    told = await acting.reap(later=5 * HOUR)
    warned, alert = told  # tried anew, and said
    assert isinstance(warned.says, Warned)
    assert warned.to == "UANA"
    assert isinstance(alert.says, Alert)
    assert "feat/x stays: " in alert.says.reasons[0]
    assert await acting.teardown() is None
    assert "untold" in acting.counted
    well = only(await acting.reap(later=HOUR))
    assert well.over_at == scene.clock.now()
    await acting.reap(later=3 * HOUR)
    assert await acting.teardown()


async def test_a_warning_that_was_lost_and_is_taken_nowhere_any_more_has_warned_and_is_told_of(
    acting: Acting, scene: Scene
) -> None:
    notices = scene.database.notices
    (warning,) = await acting.reap()
    await notices.lost(warning)
    (anew,) = await notices.due()
    await notices.refused(anew, "is_archived", elsewhere=False)
    said = only(await acting.reap(later=3.5 * HOUR))  # and its reminder has no place to come to
    assert isinstance(said, Alert)
    assert said.reasons[0].startswith("feat/x goes when it is due: ")
    assert await acting.teardown() is None
    await acting.reap(later=HOUR)
    assert await acting.teardown()


@pytest.mark.parametrize("channel", ["", "COPS"])
async def test_a_message_that_slack_does_not_take_warns_nobody(
    acting: Acting, scene: Scene, channel: str
) -> None:
    notices = scene.database.notices
    await scene.look("update environments set channel = 'D1'")
    acting.reaper._channel = channel
    for _ in range(4):
        await acting.reaper.reap()
        for notice in await notices.due():
            if isinstance(notice.says, Warned):
                await notices.refused(notice, "invalid_blocks", elsewhere=False)
        scene.clock.advance(5 * HOUR.total_seconds())
        await acting.swept()
    assert await acting.teardown() is None


async def test_a_use_voids_the_warning_and_the_same_message_says_the_new_time(
    acting: Acting, scene: Scene
) -> None:
    (before,) = await acting.reap()
    scene.clock.advance(3 * HOUR.total_seconds())
    await scene.database.lifetimes.used("show", ANA, await acting.id)
    again, reply = await acting.reap(later=2 * HOUR)
    assert (again.id, again.ts) == (before.id, "0.1")
    assert again.says.goes.due_at == scene.clock.now() + 4 * HOUR  # type: ignore[union-attr]  # a warning
    assert isinstance(reply.says, Reminder)  # an edit notifies nobody, a reply does
    assert (reply.says.again, reply.thread, reply.says.warned) == (True, "0.1", again.says)
    scene.clock.advance(60)
    await scene.database.lifetimes.used("show", ANA, await acting.id)
    told = await acting.reap(later=HOUR / 60)
    assert {n.id for n in told} == {before.id, reply.id}  # one reply in an hour is enough
    await acting.reap(later=3 * HOUR)
    assert await acting.teardown() is None
    await acting.reap(later=HOUR)
    assert await acting.teardown()


async def test_keep_and_extend_keep_it_and_the_message_says_so(
    acting: Acting, scene: Scene
) -> None:
    env = await acting.id
    await acting.reap()
    lifetimes = scene.database.lifetimes
    moved = await lifetimes.extend(env, DAY, ANA, most=None, rule="member", key="k")
    assert isinstance(moved, Moved)
    assert only(await acting.told()).why == "extended"
    assert not await acting.reap(later=9 * HOUR)
    assert await acting.teardown() is None
    (again,) = await acting.reap(later=11 * HOUR)  # nearly over: its owner is told once more
    assert again.says.goes.due_at == scene.clock.now() + 4 * HOUR  # type: ignore[union-attr]  # a warning
    ben = Actor("T1", "UBEN")
    kept = await acting.rows.keep(env, ben, rule="member")
    assert kept
    assert (kept.fate, kept.by) == (Fate.STAYS, ben)
    assert only(await acting.told()) == kept
    assert not await acting.reap(later=HOUR)
    assert await acting.teardown() is None
    assert await scene.audit("environment.keep") == ["done"]
    assert only(await acting.reap(later=9 * DAY)).goes.cause is Cause.IDLE


async def test_at_once_means_as_soon_as_the_owner_is_told(scene: Scene) -> None:
    await scene.create()
    await scene.kill()
    acting = Acting(scene, ReapRule("*", None, None, DAY, timedelta(), DAY, DAY))
    scene.clock.advance(DAY.total_seconds())
    await acting.merged()
    await acting.reaper.reap()
    assert await acting.teardown() is None
    assert only(await acting.told()).at_once
    await acting.reap()
    assert await acting.teardown()


# Whoever is faster


async def extended(acting: Acting, env: Environment) -> None:
    await acting.scene.database.lifetimes.extend(
        env.id, HOUR, ANA, most=None, rule="member", key="k"
    )


async def pinned(acting: Acting, env: Environment) -> None:
    pin = Pin(ANA, acting.scene.clock.now())
    await acting.scene.database.lifetimes.pin(env.id, pin, rule="member")


async def used(acting: Acting, env: Environment) -> None:
    await acting.scene.database.lifetimes.used("show", ANA, env.id)


async def pushed(acting: Acting, _: Environment) -> None:
    heard = Pushed(CART, X, "f" * 40, "ben", acting.scene.clock.now())
    await acting.scene.database.branches.hear("hook", heard)


async def locked(acting: Acting, env: Environment) -> None:
    lock = Lock(env.id, ANA, "", acting.scene.clock.now())
    await acting.scene.database.promotions.lock(lock, rule="keeper")


async def kept(acting: Acting, env: Environment) -> None:
    await acting.rows.keep(env.id, ANA, rule="member")


async def paused(acting: Acting, _: Environment) -> None:
    await acting.scene.database.reaper.pause(ANA, "", rule="member")


RIVALS = [extended, pinned, used, pushed, locked, kept, paused]


class Slow:
    """The rows; somebody is faster right before one of the calls."""

    def __init__(self, acting: Acting, rival: Any, before: str) -> None:
        self._acting, self._rival, self._before = acting, rival, before

    def __getattr__(self, name: str) -> Any:
        return getattr(self._acting.rows, name)

    async def stand(self, env: Any) -> Stand | None:
        await self._overtaken("stand")
        return await self._acting.rows.stand(env)

    async def submit(self, stand: Stand, goes: Goes, wish: Submission, **more: Any) -> OpId | None:
        await self._overtaken("submit")
        return await self._acting.rows.submit(stand, goes, wish, **more)

    async def _overtaken(self, call: str) -> None:
        if call == self._before:
            await self._rival(self._acting, await self._acting.scene.env())


@pytest.mark.parametrize("rival", RIVALS)
@pytest.mark.parametrize("before", ["stand", "submit"])
async def test_what_happens_between_the_plan_and_the_deletion_keeps_it(
    acting: Acting, rival: Any, before: str
) -> None:
    await acting.reap()
    acting.reaper._rows = Slow(acting, rival, before)
    await acting.reap(later=5 * HOUR)
    assert await acting.teardown() is None
    assert acting.counted[-1] == "kept-at-last"


@pytest.mark.parametrize("rival", RIVALS)
async def test_what_happens_before_the_deletion_begins_keeps_it_whole(
    acting: Acting, scene: Scene, rival: Any
) -> None:
    await acting.reap()
    await acting.reap(later=5 * HOUR)
    asked = await acting.teardown()
    assert asked
    scene.clock.advance(60)
    await rival(acting, await scene.env())
    await scene.start()
    done = await scene.ended(asked)
    assert done.end is End.REFUSED
    assert done.headline.startswith("It stays: ")
    assert await scene.phase() is Phase.READY
    assert scene.argocd.apps


@pytest.mark.parametrize(
    "answer", ["another commit", "open again", "one more", "not there", "no answer", "refused"]
)
async def test_the_second_look_believes_gitlab_alone(
    acting: Acting, scene: Scene, answer: str
) -> None:
    await acting.reap()
    known = scene.gitlab.requests[CART, 7]
    match answer:
        case "another commit":
            scene.gitlab.push(CART, X)
        case "open again":
            scene.gitlab.requests[CART, 7] = MergeRequest(
                7, URL, "opened", known.sha, "", X, "main"
            )
        case "one more":
            scene.gitlab.requests[CART, 8] = MergeRequest(
                8, URL, "opened", known.sha, "", X, "main"
            )
        case "not there":
            del scene.gitlab.branches[CART][X]
        case "no answer":
            scene.gitlab.faults.lay("heads", TransientError("a time-out"))
        case _:
            scene.gitlab.faults.lay("merge_request", PermanentError("403"))
    found = {X: known.sha}
    scene.clock.advance(5 * HOUR.total_seconds())
    await acting.swept(found=found)
    await acting.reaper.reap()
    assert await acting.teardown() is None
    assert acting.counted[-1] == "kept-at-last"


# Whoever has to say Go


class Many(Acting):
    """Twelve environments, of which ten may go at once."""

    async def made(self) -> None:
        scene = self.scene
        await scene.look("update environments set created_at = ?", time_text(scene.clock.now()))
        for number in range(12):
            env, branch = f"b{number:012}", f"feat/{number}"
            await scene.look(
                "insert into environments(id, name, branch, owner, phase, created_at, instance, "
                "cluster, url, channel) values(?, ?, ?, ?, 'ready', ?, 'main', '', '', 'C1')",
                env, f"qbot-{number}", branch, ANA.key, time_text(scene.clock.now()),
            )  # fmt: skip

    async def asked(self) -> list[str]:
        """Environments that the reaper has had deleted."""
        rows = await self.scene.look("select env_id from reaper_deletions order by at, env_id")
        return [row["env_id"] for row in rows]


@pytest.fixture
async def many(scene: Scene) -> Many:
    """Nobody uses any of them, and all of their owners were warned long ago."""
    await scene.create()
    await scene.kill()
    made = Many(scene, replace(RULE, grace=4 * HOUR), Brake(10, 0.9))
    await made.made()
    scene.clock.advance(2.5 * DAY.total_seconds())
    await made.reap()
    return made


def questions(notices: list[Notice]) -> list[Question]:
    return [n.says for n in notices if isinstance(n.says, Question)]


async def test_too_many_at_once_are_asked_about_once_and_go_when_a_human_says_so(
    many: Many, scene: Scene
) -> None:
    (question,) = questions(await many.reap(later=5 * HOUR))
    assert (len(question.envs), question.answer) == (13, Answer.OPEN)
    assert await many.scene.database.notices.unanswered() == [question]
    assert not await many.reap(later=HOUR / 6)
    assert not await many.asked()
    said = await many.rows.answer(question.id, ANA, go=True, rule="keeper")
    assert said
    assert (said.answer, said.by) == (Answer.GO, ANA)
    ben = Actor("T1", "UBEN")
    late = await many.rows.answer(question.id, ben, go=False, rule="keeper")
    assert late == said
    assert await many.rows.answer("other", ben, go=True, rule="keeper") is None
    assert questions(await many.told()) == [said]
    await many.reap(later=HOUR / 6)
    assert len(await many.asked()) == 10  # of one tick
    await many.reap(later=HOUR / 6)
    assert len(await many.asked()) == 13
    assert (await many.rows.known()).deleted == 0  # a human's Go does not count against the day
    assert await scene.audit("reaper.answered") == ["done", "refused"]


async def test_a_no_go_is_asked_about_again_only_for_others_or_a_day_later(many: Many) -> None:
    (question,) = questions(await many.reap(later=5 * HOUR))
    await many.rows.answer(question.id, ANA, go=False, rule="keeper")
    await many.told()
    assert not questions(await many.reap(later=HOUR))
    assert not questions(await many.reap(later=HOUR))
    (again,) = questions(await many.reap(later=DAY))
    assert again.answer is Answer.OPEN
    assert not await many.asked()


async def test_a_question_that_is_open_asks_for_whoever_is_left_and_ends_with_its_reason(
    many: Many, scene: Scene
) -> None:
    told = await many.reap(later=5 * HOUR)
    (first,) = [n for n in told if isinstance(n.says, Question)]
    warned = [n.says for n in told if isinstance(n.says, Warned)]
    assert [w.held for w in warned] == ["somebody has to say Go first"] * 13
    await many.rows.keep(EnvId("b000000000001"), ANA, rule="member")
    await scene.database.lifetimes.used("show", ANA, "b000000000001")
    notices = await many.reap(later=HOUR / 6)
    (second,) = [n for n in notices if isinstance(n.says, Question)]
    assert (second.id, second.ts) == (first.id, first.ts or second.ts)
    assert isinstance(second.says, Question)
    assert len(second.says.envs) == 12
    assert second.says.id != first.says.id  # type: ignore[union-attr]  # a question
    stale = await many.rows.answer(first.says.id, ANA, go=True, rule="keeper")  # type: ignore[union-attr]  # as above
    assert stale
    assert stale.answer is Answer.OVER
    for number in (2, 3):
        await scene.database.lifetimes.used("show", ANA, f"b{number:012}")
    (over,) = questions(await many.reap(later=HOUR / 6))
    assert over.answer is Answer.OVER
    assert len(await many.asked()) == 10


async def test_what_cannot_be_read_is_told_once_and_told_to_be_well_again(
    acting: Acting,
) -> None:
    await acting.reap()
    (notice,) = await acting.reap(later=3 * HOUR, sweep=False)
    assert isinstance(notice.says, Alert)
    assert (notice.to, notice.says.over_at) == ("COPS", None)
    held = only(await acting.reap(later=9 * HOUR, sweep=False))
    assert held.held == "GitLab does not say enough of its branch"
    assert not await acting.reap(later=HOUR, sweep=False)
    assert await acting.teardown() is None
    told = await acting.reap()
    (well,) = [n.says for n in told if isinstance(n.says, Alert)]
    assert well.over_at == acting.scene.clock.now()
    assert await acting.teardown()
    await acting.scene.database.reaper.pause(ANA, "", rule="member")
    assert not [n for n in await acting.reap() if isinstance(n.says, Alert)]


async def test_a_go_for_what_is_over_at_once_lasts_until_its_grace_is_over(
    scene: Scene,
) -> None:
    await scene.create()
    await scene.kill()
    many = Many(scene, replace(RULE, idle_after=None))
    await many.made()
    scene.clock.advance(DAY.total_seconds())
    for number in range(12):
        await scene.look(
            "insert into branches(project, branch, sha, author, seen_at, gone_at, gone_again_at, "
            "asked_sha) values(?, ?, 'a', '', ?, ?, ?, '')",
            CART, f"feat/{number}", time_text(scene.clock.now() - 2 * HOUR),
            time_text(scene.clock.now() - 2 * HOUR / 60), time_text(scene.clock.now()),
        )  # fmt: skip
    first = await many.reap()
    (question,) = questions(first)
    assert "12 of 13 are over at once, says GitLab" in question.reasons[0]
    assert not [n for n in first if isinstance(n.says, Warned)]  # nobody knows whether it is so
    await many.rows.answer(question.id, ANA, go=True, rule="keeper")
    warned = await many.reap(later=HOUR / 6)
    assert [n for n in warned if isinstance(n.says, Warned) and n.says.goes.warned_at is None]
    await many.reap(later=23 * HOUR)
    assert not await many.asked()
    assert not questions(await many.reap(later=2 * HOUR))
    assert len(await many.asked()) == 10
