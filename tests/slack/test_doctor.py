"""`/env doctor`: for whom qbot.yaml says; the worst first, with the line to add."""

from pathlib import Path

from qbot.domain.authority import Rule, Who
from tests.sandbox.slack.stage import ANA, CHLOE
from tests.slack.releases.stages import MANAGERS
from tests.slack.scene import SYNC_LINE, said
from tests.slack.scene import scene as built


async def test_it_is_for_nobody_until_qbot_yaml_names_a_role(tmp_path: Path) -> None:
    async with built(tmp_path) as scene:
        assert "That is for nobody" in said(await scene.type("doctor", CHLOE))


async def test_who_has_the_role_is_told_what_to_mend_and_the_line_to_add(tmp_path: Path) -> None:
    policy = {"doctor": Rule(Who.ROLE, (MANAGERS,))}
    async with built(tmp_path, policy=policy) as scene:
        scene.people.know(CHLOE, 3, MANAGERS)
        told = said(await scene.type("doctor", CHLOE))
        assert "1 thing to mend" in told
        assert "lacks" in told
        assert SYNC_LINE in told
        assert "1 check went well, 1 could not be made" in told
        assert SYNC_LINE not in said(await scene.type("doctor", ANA))
