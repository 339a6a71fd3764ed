"""Whoever was part of too many at once stays until a Go, whatever keeps it for a while."""

from datetime import timedelta

import pytest

from qbot.domain.barriers import Lock
from qbot.domain.environment import Pin
from qbot.domain.names import EnvId
from qbot.domain.reaper_ports import Answer, Question, Reminder, Warned
from qbot.operations.sweeping import list_name
from qbot.store.rows import time_text
from tests.operations.scene import ANA, Scene, project
from tests.operations.test_acting import CART, DAY, HOUR, questions
from tests.operations.test_brake_held import Lost, lost

__all__ = ["lost"]  # a fixture

WEB = project("web")


async def days(lost: Lost) -> None:
    """They are warned, if they may be, and all of their graces go by."""
    for hours in (1, 18, 18, 1):
        await lost.reap(later=hours * HOUR)


async def three_left(lost: Lost) -> Question:
    """Of thirty that were gone at once; their graces are over."""
    await lost.reap()
    await lost.back(*range(27))
    (question,) = questions(await lost.reap(later=2 * HOUR))
    await days(lost)
    assert len(question.envs) == 3
    assert not await lost.deleted()
    return question


async def unread(lost: Lost, env: EnvId) -> None:
    """For one tick the list of its project is too old."""
    rows = await lost.scene.look("select branch from environments where id = ?", env)
    where = "update branches set project = ? where branch = ?"
    await lost.scene.look(where, WEB, rows[0]["branch"])
    await lost.swept()
    ago = time_text(lost.scene.clock.now() - 13 * HOUR)
    await lost.scene.look("update sweeps set at = ? where name = ?", ago, list_name(WEB))
    await lost.reap(sweep=False)


async def busy(lost: Lost, env: EnvId) -> None:
    """For one tick somebody works on it."""
    await lost.scene.look(
        "insert into operations(id, kind, input, env_id, lock_key, priority, actor, channel, "
        "response_url, state, created_at, headline, fence, clean) "
        "values('zzz', 'sync', '{}', ?, 'L', 1, 'system', '', '', 'queued', ?, '', 0, 0)",
        env, time_text(lost.scene.clock.now() - 9 * DAY),
    )  # fmt: skip
    await lost.reap(later=HOUR / 6)
    await lost.scene.look("delete from operations where id = 'zzz'")


async def locked(lost: Lost, env: EnvId) -> None:
    """For an hour."""
    now = lost.scene.clock.now()
    lock = Lock(env, ANA, "demo", now, now + HOUR)
    await lost.scene.database.promotions.lock(lock, rule="keeper")
    await lost.reap(later=HOUR / 6)


async def pinned(lost: Lost, env: EnvId) -> None:
    """For an hour."""
    lifetimes, now = lost.scene.database.lifetimes, lost.scene.clock.now()
    await lifetimes.pin(env, Pin(ANA, now, until=now + HOUR), rule="member")
    await lost.reap(later=HOUR / 6)


@pytest.mark.parametrize("kept", [unread, busy, locked, pinned])
async def test_who_stays_for_another_reason_for_a_while_still_needs_a_go(
    lost: Lost, kept: type[object]
) -> None:
    question = await three_left(lost)
    await kept(lost, question.envs[0].env)  # type: ignore[call-arg, misc]  # one of the above
    await days(lost)
    assert not await lost.deleted()
    open_ = (await lost.rows.known()).question
    assert open_
    assert len(open_.question.envs) == 3
    await lost.rows.answer(open_.question.id, ANA, go=True, rule="keeper")
    await days(lost)
    assert await lost.deleted() == [1] * 3


async def test_while_none_of_them_is_read_the_question_stays_open(lost: Lost) -> None:
    question = await three_left(lost)
    for one in question.envs:
        await unread(lost, one.env)
    known = await lost.rows.known()
    assert known.question
    assert known.question.question.answer is Answer.OPEN
    assert not questions(await lost.told())


@pytest.mark.parametrize("channel", ["", "COPS"])
async def test_without_a_channel_it_is_remembered_as_well(lost: Lost, channel: str) -> None:
    lost.reaper._channel = channel
    told = await lost.reap()
    assert bool(questions(told)) is bool(channel)
    await lost.back(*range(27))
    await days(lost)
    assert not await lost.deleted()
    plan = await lost.reaper.reap()
    assert plan.known.question
    assert len(plan.waits) == 3
    await lost.rows.answer(plan.known.question.question.id, ANA, go=True, rule="keeper")
    await days(lost)
    assert await lost.deleted() == [1] * 3


async def twelve(lost: Lost) -> None:
    """Of forty-five are gone at once; three hours ago."""
    await lost.back(*range(12, 30))
    now = lost.scene.clock.now()
    await lost.scene.look(
        "update branches set gone_at = ?, gone_again_at = ? where gone_at is not null",
        time_text(now - 3 * HOUR), time_text(now - 2 * HOUR),
    )  # fmt: skip
    await lost.scene.look("delete from branches where branch = 'feat/x'")
    for number in range(12, 42):
        await lost.scene.look(
            "insert into branches(project, branch, sha, author, seen_at, asked_sha) "
            "values(?, ?, 'a', '', ?, '')",
            CART, f"g{number // 10}/{number}", time_text(now - 5 * HOUR),
        )  # fmt: skip


async def test_many_at_once_are_many_although_half_of_them_is_not_read(
    lost: Lost, scene: Scene
) -> None:
    await twelve(lost)
    half = "gone_at is not null and branch < 'g0/6'"
    await scene.look(f"update branches set project = ? where {half}", "other/thing")  # noqa: S608  (a constant)
    (question,) = questions(await lost.reap())
    assert question.reasons[0].startswith("12 of 45 are over at once, says GitLab")
    assert len(question.envs) == 6
    await days(lost)
    assert not await lost.deleted()
    await lost.rows.answer(question.id, ANA, go=True, rule="keeper")
    await scene.look("update branches set project = ? where project = ?", CART, "other/thing")
    (others,) = questions(await lost.reap(later=HOUR / 6))[-1:]
    assert len(others.envs) == 6  # of those nobody has said Go to any
    await days(lost)
    assert await lost.deleted() == [1] * 6


async def test_who_is_asked_about_is_warned_only_after_the_go(lost: Lost) -> None:
    question = await three_left(lost)
    assert {one.warned for one in question.envs} == {False}
    for _ in range(3):
        told = await lost.reap(later=9 * HOUR)
        assert not [n for n in told if isinstance(n.says, Warned | Reminder)]
    await lost.rows.answer(question.id, ANA, go=True, rule="keeper")
    told = await lost.reap(later=HOUR)
    assert len([n for n in told if isinstance(n.says, Warned)]) == 3


async def test_once_the_branch_is_back_it_is_one_like_any_other(lost: Lost, scene: Scene) -> None:
    await three_left(lost)
    assert len((await lost.rows.known()).doubts) == 3
    rows = await scene.look("select * from branches where branch = 'g2/27'")
    await lost.back(27)
    await lost.reap(later=HOUR / 6)
    assert len((await lost.rows.known()).doubts) == 2
    for row in rows:
        names, marks = ", ".join(row.keys()), ", ".join("?" for _ in row)
        await scene.look(f"insert into branches({names}) values({marks})", *tuple(row.values()))
    await days(lost)
    assert await lost.deleted() == [0]


async def test_the_metric_and_the_plan_say_that_it_is_held(lost: Lost) -> None:
    await three_left(lost)
    lost.counted.clear()
    plan = await lost.reaper.reap()
    assert lost.counted == ["held"]
    assert len(plan.waits) == 3
    assert not plan.free


async def test_a_no_go_is_lifted_by_a_go(lost: Lost) -> None:
    question = await three_left(lost)
    await lost.rows.answer(question.id, ANA, go=False, rule="keeper")
    said = await lost.rows.answer(question.id, ANA, go=True, rule="keeper")
    assert said
    assert said.answer is Answer.GO
    await days(lost)
    assert await lost.deleted() == [1] * 3


async def test_a_go_that_a_use_has_ended_is_told_when_it_is_asked_anew(
    lost: Lost, scene: Scene
) -> None:
    question = await three_left(lost)
    await lost.rows.answer(question.id, ANA, go=True, rule="keeper")
    await lost.reap(later=HOUR / 6)
    await scene.database.lifetimes.used("show", ANA, question.envs[0].env)
    (again,) = questions(await lost.reap(later=HOUR / 6))
    assert [c.env for c in again.envs] == [question.envs[0].env]
    assert again.reasons[-1] == f"The Go for {question.envs[0].branch} ended: it was used since."


async def test_a_warning_says_for_as_long_as_something_holds_it_that_it_stays(
    lost: Lost, scene: Scene
) -> None:
    await twelve(lost)
    await lost.back(11, 10)  # ten may go
    await lost.reap()
    assert len((await lost.rows.known()).told) == 10
    await scene.database.reaper.pause(ANA, "a move", rule="keeper")
    await lost.reap(later=20 * HOUR)
    (held, *others) = await lost.reap(later=8 * HOUR)  # the first graces are over
    assert isinstance(held.says, Warned)
    assert held.says.held == "the reaper is paused"
    assert len(others) == 9
    assert not await lost.reap(later=timedelta(minutes=10))
    assert {t.at for t in (await lost.rows.known()).told.values()} != {None}
    await scene.database.reaper.resume(ANA, rule="keeper")
    await lost.reap(later=timedelta(minutes=10))
    assert await lost.deleted() == [0] * 10
