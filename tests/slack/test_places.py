"""Places that a command is not for, and environments that somebody keeps to themselves."""

from datetime import timedelta
from pathlib import Path

import pytest

from qbot.domain import actions
from qbot.domain.barriers import Lock
from qbot.domain.environment import Environment, Phase
from qbot.domain.people import Actor
from qbot.domain.progress import Kind
from qbot.render.notices import notice
from qbot.sandbox.slack.seed import TEAM
from tests.sandbox.slack.stage import ANA, BEN
from tests.slack.releases.stages import STAGES
from tests.slack.scene import Scene, said
from tests.slack.scene import scene as built


@pytest.mark.parametrize("verb", ["delete", "sync", "create feat/y --from"])
async def test_a_stage_is_called_a_stage_where_an_environment_is_needed(
    tmp_path: Path, verb: str
) -> None:
    async with built(tmp_path, stages=STAGES) as scene:
        await scene.environment("stagin")
        answer = said(await scene.type(f"{verb} staging"))
        assert "`staging` is a stage, not an environment." in answer
        assert "`/env history staging`" in answer
        assert "Did you mean" not in answer


async def test_a_slip_in_a_stages_name_gets_the_stage(tmp_path: Path) -> None:
    async with built(tmp_path, stages=STAGES) as scene:
        slip = said(await scene.type("show stagging"))
        assert "Did you mean `staging`?" in slip
        assert "makes one" not in slip


@pytest.mark.parametrize("verb", ["delete", "rollback"])
async def test_what_cannot_be_undone_offers_no_other_target(scene: Scene, verb: str) -> None:
    await scene.environment("feat/checkout")
    answer = said(await scene.type(f"{verb} feat/chekout"))
    assert "There is no environment for `feat/chekout`." in answer
    assert "feat/checkout" not in answer
    assert "Did you mean `feat/checkout`?" in said(await scene.type("show feat/chekout"))


async def test_nothing_is_released_in_an_environment(tmp_path: Path) -> None:
    async with built(tmp_path, stages=STAGES) as scene:
        await scene.environment("feat/x")
        answer = said(await scene.type("release feat/x"))
        assert "`feat/x` is an environment: nothing is held there." in answer
        assert "until the next `/env sync feat/x`" in answer


async def _locked(scene: Scene) -> Environment:
    env = await scene.environment("feat/x")
    await scene.end(Phase.READY)
    now = scene.database.clock.now()
    lock = Lock(env.id, Actor(TEAM, BEN), "load test; again", now, now + timedelta(hours=2))
    assert await scene.database.promotions.lock(lock) is None
    return env


async def test_a_lock_is_seen_in_lists_and_shown_with_its_reason_and_end(scene: Scene) -> None:
    await _locked(scene)
    assert f":lock: locked by <@{BEN}>" in said(await scene.type("list"))
    assert f":lock: locked by <@{BEN}>" in said(await scene.type(""))
    for user, may in ((ANA, False), (BEN, True)):
        await scene.type("show feat/x", user)
        await scene.settled()
        shown = scene.private(user)[-1]
        assert f":lock: Locked by <@{BEN}> until <!date" in shown.text
        assert ": load test; again." in shown.text
        assert (actions.DELETE in said(shown)) is may


async def test_deleting_what_is_locked_is_refused_before_anything_is_asked(scene: Scene) -> None:
    env = await _locked(scene)
    answer = said(await scene.type("delete feat/x"))
    assert f"`feat/x` is locked: load test; again (by <@{BEN}>, until <!date" in answer
    assert "`/env unlock feat/x` is for whoever locked it" in answer
    assert actions.DELETE_CONFIRM not in answer
    assert env.name in said(await scene.type("delete feat/x", BEN))


async def test_whoever_presses_delete_below_what_somebody_else_has_locked_is_told_alone(
    scene: Scene,
) -> None:
    env = await _locked(scene)
    shown = await scene.post(notice("a card"))
    await scene.press(shown, actions.DELETE, env.id)
    (told,) = scene.private()
    assert f"`feat/x` is locked: load test; again (by <@{BEN}>, until <!date" in said(told)
    assert actions.TELL_FREE in said(told)
    assert [o.kind for o in await scene.operations("feat/x")] == [Kind.CREATE]
    await scene.press(shown, actions.DELETE, env.id, BEN)
    assert (await scene.operations("feat/x"))[-1].kind is Kind.TEARDOWN
