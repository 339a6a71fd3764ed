"""`/env digest`, as people see it: their own time, where they are."""

from pathlib import Path

from tests.sandbox.slack.stage import ANA, DAN
from tests.slack.scene import Scene, said
from tests.slack.scene import scene as built


async def answered(scene: Scene, text: str, user: str = ANA) -> str:
    return said(await scene.type(text, user))


async def test_who_wants_one_is_told_when_it_comes_by_the_clocks_around_them(
    tmp_path: Path,
) -> None:
    async with built(tmp_path) as scene:
        assert "You get no digest" in await answered(scene, "digest")
        told = await answered(scene, "digest on 8:30", DAN)
        assert "08:30 on working days (Asia/Tokyo)" in told
        assert "Europe/Berlin" in await answered(scene, "digest on")
        assert "09:00 on working days" in await answered(scene, "digest")
        wishes = await scene.database.mornings.wishes()
        assert {wish.actor.user: wish.zone for wish in wishes} == {
            ANA: "Europe/Berlin",
            DAN: "Asia/Tokyo",
        }
        assert "comes no more" in await answered(scene, "digest off")
        assert "You get no digest" in await answered(scene, "digest off")
        assert "is no time of day" in await answered(scene, "digest on noon")
