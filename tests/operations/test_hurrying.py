"""What is said of a preview that took too long: only what is known of who was waited for."""

from collections.abc import Collection, Mapping

import pytest

from qbot.domain.names import BranchName, ProjectPath
from qbot.domain.services import Commit
from tests.operations.scene import FAILED, SUCCEEDED, Scene


def slow(scene: Scene, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every answer of GitLab about branches comes, and late."""
    heads = scene.gitlab.heads

    async def late(
        projects: Collection[ProjectPath], branch: BranchName
    ) -> Mapping[ProjectPath, Commit | None]:
        await scene.clock.sleep(seconds)
        return await heads(projects, branch)

    monkeypatch.setattr(scene.gitlab, "heads", late)


async def test_of_who_is_merely_slow_nobody_says_that_there_was_no_answer(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow(scene, 31.0, monkeypatch)
    done = await scene.create("feat/x", dry_run=True)
    assert (done.end, done.headline) == (FAILED, "It took longer than 30 s")
    assert [str(e) for e in scene.answers.told] == ["It took longer than 30 s"]
    assert scene.answers.previews == []


async def test_who_is_slow_and_in_time_is_waited_for(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow(scene, 7.0, monkeypatch)
    done = await scene.create("feat/x", dry_run=True)
    assert (done.end, scene.answers.told) == (SUCCEEDED, [])
    assert (scene.answers.kept_waiting, len(scene.answers.previews)) == ([""], 1)
