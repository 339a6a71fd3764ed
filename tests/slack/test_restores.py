"""`/env restore`, `/env reaper orphans` and their buttons, as people use them."""

from pathlib import Path

from qbot.domain import actions
from qbot.domain.authority import Rule, Who
from qbot.domain.changes import PhaseChanged, PlansChanged
from qbot.domain.environment import Environment, Phase
from qbot.domain.inputs import CreateInput
from qbot.domain.names import EnvId, ServiceName
from qbot.domain.orphans import Marked, Thing
from qbot.domain.progress import End
from qbot.domain.services import ServicePlan, Source
from qbot.render.notices import notice
from qbot.store.statements import Script, sql
from tests.sandbox.slack.stage import ANA, BEN
from tests.slack.scene import Scene, said
from tests.slack.scene import scene as built

PLAN = ServicePlan(ServiceName("cart"), Source.BRANCH, "feat/x", "a" * 40)


async def deleted(scene: Scene, branch: str = "feat/x") -> Environment:
    """An environment that was ready and is gone."""
    env = await scene.environment(branch)
    await scene.end(Phase.READY)
    await scene.press(await scene.post(notice("a card")), actions.DELETE, env.id)
    (claim, *_) = await scene.database.journal.claim("worker", 1)
    begun = (PlansChanged(env.id, (PLAN,)), PhaseChanged(env.id, Phase.DELETING))
    await scene.database.journal.commit(claim, "begin", None, begun)
    over = [PhaseChanged(env.id, Phase.DELETED)]
    await scene.database.journal.finish(claim, End.SUCCEEDED, "", over)
    return env


async def test_it_is_typed_or_pressed_and_once_is_enough(scene: Scene) -> None:
    assert "nothing to restore" in said(await scene.type("restore"))
    old = await deleted(scene)
    shown = await scene.type("restore")
    assert "1 environment can be restored" in said(shown)
    assert shown
    await scene.press(shown, actions.RESTORE, old.id, BEN)
    (operation,) = await scene.operations("feat/x")
    assert isinstance(operation.input, CreateInput)
    assert operation.input.brings_back == old.id
    assert "is being made already" in said(await scene.type("restore feat/x"))
    assert len(await scene.operations("feat/x")) == 1


async def test_what_is_not_there_is_said_with_what_is(scene: Scene) -> None:
    await deleted(scene)
    answer = said(await scene.type("restore feat/xx"))
    assert "Did you mean `feat/x`?" in answer
    assert "brings its versions back, not its data" in said(await scene.type("sync feat/x"))
    await scene.press(await scene.post(notice("a card")), actions.RESTORE, "e404")
    assert "Nothing is known of it any more." in scene.private()[-1].text


async def test_whose_right_it_is_the_policy_says(tmp_path: Path) -> None:
    policy = {"restore": Rule(Who.ROLE, ("platform",), own=True)}
    async with built(tmp_path, "http", policy=policy) as scene:
        old = await deleted(scene)
        assert "That is for the owner" in said(await scene.type("restore feat/x", BEN))
        await scene.press(await scene.post(notice("a card")), actions.RESTORE, old.id, BEN)
        assert "That is for the owner" in scene.private(BEN)[-1].text
        assert await scene.type("restore feat/x", ANA) is None


async def test_what_is_left_over_is_shown_and_deleted_when_somebody_says_so(scene: Scene) -> None:
    rows = scene.database.orphans
    assert "has not looked through Argo CD yet" in said(await scene.type("reaper orphans"))
    await rows.found("main", [], [])
    assert "nothing left over" in said(await scene.type("reaper orphans"))
    old = await deleted(scene)
    left = Marked("main", Thing.PROJECT, str(old.name), str(old.name), old.id)
    others = Marked("main", Thing.PROJECT, "qbot-others", "qbot-others", EnvId("e00000000beef"))
    await long_ago(scene)
    await rows.found("main", [left, others], [])
    once = said(await scene.type("reaper orphans"))
    assert "found of 2 environments was found once" in once
    assert "nothing left over" not in once
    await long_ago(scene, "update orphans set first_at = ?")
    shown = await scene.type("reaper orphans")
    assert "Left of *feat/x*, which was deleted" in said(shown)
    assert "Another Qbot's? It is left alone." in said(shown)
    assert shown
    await scene.press(shown, actions.ORPHANS_DELETE)
    assert "What is left of 1 deleted environment is being deleted." in scene.private()[-1].text
    await scene.press(shown, actions.ORPHANS_DELETE, user=BEN)
    assert "There is nothing left over to delete." in scene.private(BEN)[-1].text
    await scene.press(shown, actions.ORPHANS)
    assert "qbot-others" in scene.private()[-1].text


async def long_ago(scene: Scene, text: str = "update operations set ended_at = ?") -> None:
    """As if it had been long before."""

    def rows() -> Script[None]:
        yield sql(text, "2026-01-01T00:00:00.000000+00:00")

    await scene.database.driver.run(rows())
