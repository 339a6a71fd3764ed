"""`list --idle`, `show` and `/env reaper`, as people see them."""

from datetime import timedelta
from pathlib import Path

from qbot.domain.authority import Rule, Who
from qbot.domain.environment import Phase
from qbot.store.statements import Script, sql
from tests.sandbox.slack.stage import ANA, BEN
from tests.slack.scene import Scene, said
from tests.slack.scene import scene as built


async def unused(scene: Scene, branch: str = "feat/x", *, days: int = 9) -> None:
    """An environment that is ready and that nobody has used since."""
    env = await scene.environment(branch)
    await scene.end(Phase.READY)
    ago = (scene.database.clock.now() - timedelta(days=days)).isoformat(timespec="microseconds")

    def rows() -> Script[None]:
        yield sql("update environments set created_at = ?, used_at = null", ago)
        yield sql("update operations set created_at = ?, ended_at = ?", ago, ago)

    await scene.settled()
    await scene.database.driver.run(rows())
    assert env.id


async def answered(scene: Scene, text: str, user: str = ANA) -> str:
    return said(await scene.type(text, user))


async def test_list_idle_says_who_goes_when_why_and_what_keeps_them(scene: Scene) -> None:
    assert "No environment is due to go by itself." in await answered(scene, "list --idle")
    await unused(scene)
    shown = await answered(scene, "list --idle")
    assert ", because nobody uses it" in shown
    assert "unused for 9 days" in shown
    assert "`/env extend feat/x 1d` too, and `/env pin feat/x` keeps it" in shown
    assert "Owners are told first" in shown
    await answered(scene, "reaper pause")
    assert "On hold: The reaper is paused." in await answered(scene, "list --idle")
    assert "is pinned by" in await answered(scene, "pin feat/x")
    assert "No environment is due to go by itself." in await answered(scene, "list --idle")


async def test_the_plan_tells_the_brake_who_goes_and_how_many_stay(scene: Scene) -> None:
    await unused(scene)
    shown = await answered(scene, "reaper")
    assert "Reaper: 0 environments due to go, 1 later" in shown  # nobody was warned yet
    assert "Nothing holds it back" in shown
    assert "*Later (1)*" in shown
    assert "pinned" not in shown
    await answered(scene, "pin feat/x a demo")
    assert "*Stay (1)*\n1 pinned" in (await scene.type("reaper plan") or scene.private()[-1]).text
    assert "does not know `stop`" in await answered(scene, "reaper stop")


async def test_a_pause_is_told_by_the_plan_with_who_and_why(scene: Scene) -> None:
    assert "was not paused" in await answered(scene, "reaper resume")
    assert "The reaper is paused by" in await answered(scene, "reaper pause a move", BEN)
    again = await answered(scene, "reaper pause")
    assert f"paused by <@{BEN}>" in again
    assert "a move. It was already." in again
    plan = await answered(scene, "reaper plan")
    assert "On hold: nothing of that is deleted" in plan
    assert f"paused by <@{BEN}>" in plan
    assert "The reaper goes on." in await answered(scene, "reaper resume")
    ((who, outcome, detail), _) = await scene.audited("reaper.paused")
    assert (who, outcome) == (BEN, "done")
    assert detail == {"rule": "member", "reason": "a move"}


async def test_the_policy_says_who_may_pause_and_the_plan_is_for_everybody(tmp_path: Path) -> None:
    policy = {"pause": Rule(Who.ROLE, ("ops",))}
    async with built(tmp_path, policy=policy) as scene:
        scene.people.know(BEN, None, "ops")
        assert "That is for `ops`" in await answered(scene, "reaper pause now")
        assert "Nothing holds it back" in await answered(scene, "reaper plan")
        assert "The reaper is paused" in await answered(scene, "reaper pause now", BEN)


async def test_show_says_until_when_nobody_may_use_it(scene: Scene) -> None:
    await unused(scene)
    await scene.type("show feat/x")
    await scene.settled()
    assert "Due to go <!date" in said(scene.private()[-1])
    assert "unless somebody uses it until then" in said(scene.private()[-1])
