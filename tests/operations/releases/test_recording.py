"""The deployment in GitLab's own list: worth a minute, and never the promotion's success."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from qbot.errors import PermanentError, TransientError
from qbot.operations.releases.recording import recorded
from tests.operations.releases.stage_scene import StageScene, stage_scene
from tests.operations.scene import SUCCEEDED

RECORD = "record_deployment"


@pytest.fixture
async def scene(tmp_path: Path, tables: Path) -> AsyncIterator[StageScene]:
    async with stage_scene(tmp_path, tables, recorded) as made:
        yield made


async def noted(scene: StageScene) -> tuple[str, str]:
    """The outcome and the reason in the audit log."""
    (row,) = await scene.audited("promotion.deployment-recorded")
    return row["outcome"], row["detail"]


async def test_it_is_recorded_once_and_noted(scene: StageScene) -> None:
    assert (await scene.finish()).end is SUCCEEDED
    assert scene.history.asked == [RECORD]
    assert (await noted(scene))[0] == "done"


async def test_a_gitlab_that_stays_away_is_given_up_after_a_minute_and_noted(
    scene: StageScene,
) -> None:
    scene.history.faults.lay(RECORD, TransientError("GitLab is away"), times=99)
    begun = scene.clock.now()
    operation = await scene.ask()
    ended = await scene.ended(operation)
    assert ended.end is SUCCEEDED
    assert 30 < (scene.clock.now() - begun).total_seconds() <= 61
    outcome, detail = await noted(scene)
    assert outcome == "failed"
    assert "GitLab is away" in detail


async def test_a_short_silence_is_waited_out(scene: StageScene) -> None:
    scene.history.faults.lay(RECORD, TransientError("GitLab is away"), times=2)
    assert (await scene.finish()).end is SUCCEEDED
    assert scene.history.asked == [RECORD] * 3
    assert (await noted(scene))[0] == "done"


async def test_a_right_that_is_missing_is_noted_and_not_asked_for_again(scene: StageScene) -> None:
    scene.history.faults.lay(RECORD, PermanentError("no right to deploy"))
    assert (await scene.finish()).end is SUCCEEDED
    assert scene.history.asked == [RECORD]
    outcome, detail = await noted(scene)
    assert outcome == "failed"
    assert "no right to deploy" in detail
