"""What GitLab said to be over at once waits for a human, for as long as that takes."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from qbot.domain.names import EnvId
from qbot.domain.reaper_ports import Alert, Answer, Question, Warned
from qbot.domain.reaping import Cause, ReapRule, Terms
from qbot.store.rows import time_text
from tests.operations.scene import ANA, Scene
from tests.operations.test_acting import CART, DAY, HOUR, RULE, Acting, Many, many, questions

__all__ = ["many"]  # a fixture

LOST = replace(RULE, idle_after=None)
GRACES = (24, 30, 36)  # hours, one for every ten branches


class Lost(Acting):
    """Forty-five environments; GitLab says of thirty branches that they are gone."""

    def __init__(self, scene: Scene, rules: Sequence[ReapRule]) -> None:
        super().__init__(scene, LOST)
        self.reaper._planner._terms = Terms("qbot", (*rules, LOST), targets=("main",))

    async def made(self) -> None:
        scene = self.scene
        await scene.look("update environments set expires_at = null")
        for number in range(44):
            await scene.look(
                "insert into environments(id, name, branch, owner, phase, created_at, instance, "
                "cluster, url, channel) values(?, ?, ?, ?, 'ready', ?, 'main', '', '', 'C1')",
                f"b{number:012}", f"qbot-{number}", f"g{number // 10}/{number}", ANA.key,
                time_text(scene.clock.now()),
            )  # fmt: skip
        scene.clock.advance(DAY.total_seconds())
        now = scene.clock.now()
        for number in range(30):
            await scene.look(
                "insert into branches(project, branch, sha, author, seen_at, gone_at, "
                "gone_again_at, asked_sha) values(?, ?, 'a', '', ?, ?, ?, '')",
                CART, f"g{number // 10}/{number}", time_text(now - 2 * HOUR),
                time_text(now - 2 * HOUR / 60), time_text(now),
            )  # fmt: skip

    async def deleted(self) -> list[int]:
        """Of each of those that the reaper has had deleted, whether a human said Go."""
        rows = await self.scene.look("select granted from reaper_deletions")
        return [row["granted"] for row in rows]

    async def back(self, *numbers: int) -> None:
        """Their branches are there again."""
        for number in numbers:
            branch = f"g{number // 10}/{number}"
            await self.scene.look("delete from branches where branch = ?", branch)


@pytest.fixture
async def lost(scene: Scene) -> Lost:
    await scene.create()
    await scene.kill()
    rules = [
        replace(LOST, branches=f"g{n}/*", gone=timedelta(hours=hours))
        for n, hours in enumerate(GRACES)
    ]
    made = Lost(scene, rules)
    await made.made()
    return made


async def test_nobody_answers_so_none_of_them_goes_whatever_their_graces_are(lost: Lost) -> None:
    (question,) = questions(await lost.reap())
    assert len(question.envs) == 30
    for _ in range(26):
        assert not questions(await lost.reap(later=2 * HOUR))
    assert not await lost.deleted()
    known = await lost.rows.known()
    assert known.question
    assert known.question.question == question
    await lost.rows.answer(question.id, ANA, go=True, rule="keeper")
    warned = await lost.reap(later=HOUR)
    assert len([n for n in warned if isinstance(n.says, Warned)]) == 30
    for _ in range(10):
        assert not questions(await lost.reap(later=4 * HOUR))
    assert await lost.deleted() == [1] * 30


async def test_a_no_go_keeps_them_and_is_asked_about_again_each_day(lost: Lost) -> None:
    (question,) = questions(await lost.reap())
    await lost.rows.answer(question.id, ANA, go=False, rule="keeper")
    await lost.told()
    asked = [questions(await lost.reap(later=6 * HOUR)) for _ in range(12)]
    assert sum(map(len, asked)) == 1  # which is open from then on
    assert not await lost.deleted()


async def test_few_that_are_left_of_them_stay_too_until_a_human_says_go(lost: Lost) -> None:
    await lost.reap()
    await lost.back(*range(27))
    (question,) = questions(await lost.reap(later=2 * HOUR))
    assert (len(question.envs), question.answer) == (3, Answer.OPEN)
    for _ in range(10):
        await lost.reap(later=6 * HOUR)
    assert not await lost.deleted()
    await lost.rows.answer(question.id, ANA, go=True, rule="keeper")
    for _ in range(8):
        await lost.reap(later=6 * HOUR)
    assert await lost.deleted() == [1] * 3


async def test_once_all_are_back_it_is_not_asked_any_more_and_anew_in_the_same_message(
    lost: Lost, scene: Scene
) -> None:
    (first,) = [n for n in await lost.reap() if isinstance(n.says, Question)]
    rows = await scene.look("select * from branches where gone_at is not null")
    await lost.back(*range(30))
    (over,) = questions(await lost.reap(later=HOUR / 6))
    assert over.answer is Answer.OVER
    for row in rows:
        names = ", ".join(row.keys())
        marks = ", ".join("?" for _ in row)
        await scene.look(f"insert into branches({names}) values({marks})", *tuple(row.values()))
    (again,) = [n for n in await lost.reap(later=HOUR / 6) if isinstance(n.says, Question)]
    assert again.id == first.id


async def test_a_go_ends_with_a_use_and_is_for_no_other_cause(many: Many, scene: Scene) -> None:
    (question,) = questions(await many.reap(later=5 * HOUR))
    await many.rows.answer(question.id, ANA, go=True, rule="keeper")
    await many.told()
    now = scene.clock.now()
    ends = time_text(now + HOUR)
    await scene.look("update environments set used_at = ?, expires_at = ?", time_text(now), ends)
    found = [q for _ in range(8) for q in questions(await many.reap(later=HOUR))]
    assert not await many.asked()
    assert {c.cause for c in found[-1].envs} == {Cause.OVER}
    scene.clock.advance(1)
    await many.rows.answer(found[-1].id, ANA, go=True, rule="keeper")
    scene.clock.advance(1)
    for number in range(12):
        await scene.database.lifetimes.used("show", ANA, EnvId(f"b{number:012}"))
    for _ in range(6):
        await many.reap(later=HOUR)
    assert len(await many.asked()) == 1  # whoever was not used


async def test_a_late_go_lasts_until_a_day_after_its_grace(scene: Scene) -> None:
    await scene.create()
    await scene.kill()
    lost = Lost(scene, [])
    await lost.made()
    (question,) = questions(await lost.reap())
    await lost.reap(later=3 * DAY)
    await lost.rows.answer(question.id, ANA, go=True, rule="keeper")
    await lost.reap(later=HOUR)
    assert len((await lost.rows.known()).grants) == 30
    await lost.reap(later=22 * HOUR)
    assert not await lost.deleted()
    for _ in range(5):
        await lost.reap(later=HOUR)
    assert await lost.deleted() == [1] * 30


async def test_an_alert_that_comes_and_goes_is_one_message_until_it_was_quiet_for_an_hour(
    scene: Scene,
) -> None:
    rows, notices = scene.database.reaping, scene.database.notices
    for reasons in (["GitLab"], []) * 3:
        await rows.alert(reasons, channel="COPS")
        scene.clock.advance(600)
    (alert,) = await notices.due()
    assert isinstance(alert.says, Alert)
    assert alert.says.over_at
    scene.clock.advance(3_600)
    await rows.alert(["GitLab"], channel="COPS")
    assert len(await notices.due()) == 2
