"""A merge request has one comment on its branch's environment, which says what is so."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from typing_extensions import override

from qbot.domain.branches import MergeFact, MergeState, NoteDue
from qbot.domain.environment import Phase
from qbot.domain.names import BranchName, ProjectPath, ServiceName
from qbot.errors import PermanentError, TransientError
from qbot.operations.noting import Noter
from qbot.render.merge_note import MARK, merge_note
from tests.clocks import START
from tests.operations.fakes import Faults
from tests.operations.scene import Scene, project

X, CART = BranchName("feat/x"), project("cart")


class GitLabNotes:
    """Comments in memory; a person may write and delete some too."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.texts: dict[int, str] = {}
        self.calls: Counter[str] = Counter()

    async def find_note(self, project: ProjectPath, iid: int, mark: str) -> int | None:
        self._called("find")
        return next((n for n, text in self.texts.items() if mark in text), None)

    async def create_note(self, project: ProjectPath, iid: int, text: str) -> int:
        self._called("create")
        self.texts[len(self.texts) + 1] = text
        self.faults.strike("create, answer lost")
        return len(self.texts)

    async def update_note(self, project: ProjectPath, iid: int, note: int, text: str) -> None:
        self._called("update")
        if note not in self.texts:
            raise PermanentError("404")
        self.texts[note] = text

    def _called(self, method: str) -> None:
        self.calls[method] += 1
        self.faults.strike(method)


class Noting:
    """A noter over a scene with an environment and an open merge request of its branch."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.gitlab = GitLabNotes()

    @property
    def noter(self) -> Noter:
        return Noter(
            rows=self.scene.database.branches,
            gitlab=self.gitlab,
            once=self.scene.database.store,
            clock=self.scene.clock,
            text=merge_note,
            mark=MARK,
            members=self.scene.database.store,
            rules=self.scene.rules,
        )

    async def round(self) -> str:
        """What Qbot's comment says after a round."""
        await self.noter.round()
        return next(iter(self.gitlab.texts.values()), "")

    async def merge_request(self, state: MergeState, minutes: int = 0) -> None:
        at = START + timedelta(minutes=minutes)
        fact = MergeFact(CART, X, 7, state, at, BranchName("main"), "1" * 40, "")
        await self.scene.database.branches.hear(f"m-{state}-{minutes}", fact)


@pytest.fixture
async def noting(scene: Scene) -> Noting:
    made = Noting(scene)
    await made.merge_request(MergeState.OPENED)
    return made


async def test_one_comment_follows_the_environment_through_its_life(
    noting: Noting, scene: Scene
) -> None:
    assert await noting.round() == ""
    operation = await scene.begin()
    assert "is being created." in await noting.round()
    await scene.ended(operation)
    assert "is ready." in await noting.round()
    assert f"<{(await scene.env()).url}>" in await noting.round()
    await noting.merge_request(MergeState.MERGED, 1)
    assert "is ready." in await noting.round()
    await scene.delete()
    assert "has been deleted." in await noting.round()
    assert await noting.round() == await noting.round()
    assert len(noting.gitlab.texts) == 1
    assert noting.gitlab.calls["create"] == 1


async def test_a_merge_request_that_was_over_before_is_not_told(
    noting: Noting, scene: Scene
) -> None:
    await noting.merge_request(MergeState.CLOSED, 1)
    await scene.create()
    assert await noting.round() == ""


async def test_a_lost_answer_makes_no_second_comment(noting: Noting, scene: Scene) -> None:
    await scene.create()
    noting.gitlab.faults.lay("create, answer lost", TransientError("cut off"))
    await noting.round()
    scene.clock.advance(60)
    assert "is ready." in await noting.round()
    assert len(noting.gitlab.texts) == 1


@pytest.mark.parametrize("error", [TransientError("503"), PermanentError("403")])
async def test_what_gitlab_refuses_is_not_tried_for_ever(
    noting: Noting, scene: Scene, error: Exception
) -> None:
    await scene.create()
    for _ in range(5):
        noting.gitlab.faults.lay("find", error)
        await noting.round()
        scene.clock.advance(60)
    tried = noting.gitlab.calls["find"]
    assert tried == (1 if isinstance(error, PermanentError) else 5)


async def test_what_a_person_has_deleted_stays_deleted(noting: Noting, scene: Scene) -> None:
    await scene.create()
    await noting.round()
    noting.gitlab.texts.clear()
    scene.clock.advance(60)
    await scene.delete()
    assert await noting.round() == ""
    assert noting.gitlab.calls["create"] == 1


async def test_two_replicas_say_it_once(noting: Noting, scene: Scene) -> None:
    await scene.create()
    rows = scene.database.branches
    (due,) = await rows.notes_due()
    for noter in (noting.noter, noting.noter):
        await noter._say(due, f"ready {MARK}", "1")
    assert noting.gitlab.calls["create"] == 1


class Slow(GitLabNotes):
    """Takes a new comment once `answers` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.answers = asyncio.Event(), asyncio.Event()

    @override
    async def create_note(self, project: ProjectPath, iid: int, text: str) -> int:
        self.asked.set()
        async with asyncio.timeout(5):
            await self.answers.wait()
        return await super().create_note(project, iid, text)


async def test_while_gitlab_takes_its_time_nobody_else_says_it(
    noting: Noting, scene: Scene
) -> None:
    await scene.create()
    (due,) = await scene.database.branches.notes_due()
    noting.gitlab = slow = Slow()
    first = asyncio.create_task(noting.noter._say(due, f"ready {MARK}", "1"))
    await slow.asked.wait()
    scene.clock.advance(60)
    await noting.noter._say(due, f"ready {MARK}", "1")
    slow.answers.set()
    await first
    assert slow.calls["create"] == 1
    scene.clock.advance(60)
    await noting.noter._say(due, f"ready still {MARK}", "2")
    assert (slow.calls["create"], slow.calls["update"]) == (1, 1)


async def test_what_was_asked_of_gitlab_as_the_process_ended_is_not_asked_again_at_once(
    noting: Noting, scene: Scene
) -> None:
    """GitLab may take it all the same, and it is found later."""
    await scene.create()
    (due,) = await scene.database.branches.notes_due()
    noting.gitlab = slow = Slow()
    first = asyncio.create_task(noting.noter._say(due, f"ready {MARK}", "1"))
    await slow.asked.wait()
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    scene.clock.advance(60)
    await noting.noter._say(due, f"ready {MARK}", "1")
    assert slow.calls["find"] == 1
    slow.texts[1] = f"ready {MARK}"
    scene.clock.advance(600)
    await noting.noter._say(due, f"ready {MARK}", "1")
    assert (slow.calls["update"], slow.calls["create"]) == (1, 0)


async def test_who_took_too_long_does_not_end_the_turn_of_another(
    noting: Noting, scene: Scene
) -> None:
    await scene.create()
    (due,) = await scene.database.branches.notes_due()
    asked = []
    for seconds in (660, 60):
        noting.gitlab = slow = Slow()
        task = asyncio.create_task(noting.noter._say(due, f"ready {MARK}", "1"))
        await slow.asked.wait()
        asked.append((slow, task))
        scene.clock.advance(seconds)
    (one, first), (other, second) = asked
    one.answers.set()
    await first
    noting.gitlab = GitLabNotes()
    await noting.noter._say(due, f"ready {MARK}", "1")
    assert not noting.gitlab.calls
    other.answers.set()
    await second


def test_a_branch_cannot_write_into_the_comment() -> None:
    due = NoteDue(CART, 1, BranchName("a`<script>\u202e`b"), "https://x.test", Phase.READY)
    assert merge_note(due).startswith("The environment of `a'<script>'b` is ready.")


async def test_it_leads_nowhere_where_nobody_answers(noting: Noting) -> None:
    await noting.scene.create()
    assert ".example.test>" in await noting.round()
    noting.scene.rules = replace(noting.scene.rules, door=ServiceName("shop"))
    assert ".example.test>" not in await noting.round()
