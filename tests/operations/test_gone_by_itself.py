"""What the card of a deletion that nobody asked for says in the end."""

from dataclasses import replace

import pytest

from qbot.domain.reaping import ReapRule
from tests.operations.scene import SUCCEEDED, Scene
from tests.operations.test_acting import DAY, HOUR, RULE, URL, Acting

OWN = replace(RULE, key="reaper.rules[0]")
NOT_CHECKED = "Namespace: not checked"


async def said(scene: Scene, rule: ReapRule, *, base: bool = True) -> str:
    """Of one whose branch was merged; without its base nobody knows of the namespace."""
    await scene.create()
    await scene.kill()
    acting = Acting(scene, rule)
    scene.clock.advance(DAY.total_seconds())
    await acting.merged()
    await acting.reap()
    await acting.reap(later=5 * HOUR)
    asked = await acting.teardown()
    assert asked
    if not base:
        scene.argocd.vanish(scene.app("base"))
    await scene.start()
    done = await scene.ended(asked)
    assert done.end is SUCCEEDED
    return done.headline


@pytest.mark.parametrize(
    ("rule", "by"),
    [
        (RULE, "by the times for all branches (reaper of qbot.yaml); its owner was warned "),
        (OWN, "by the rule reaper.rules[0] of qbot.yaml; its owner was warned "),
    ],
)
async def test_where_its_times_are_is_said_and_called_a_rule_only_if_it_is_one(
    scene: Scene, rule: ReapRule, by: str
) -> None:
    told = await said(scene, rule)
    assert by in told
    assert told.endswith(f" Proof: {URL}.")


async def test_what_was_not_checked_stands_before_the_addresses_which_a_card_may_cut(
    scene: Scene,
) -> None:
    told, _, proof = (await said(scene, RULE, base=False)).partition(" Proof: ")
    assert proof == f"{URL}."
    assert NOT_CHECKED in told
