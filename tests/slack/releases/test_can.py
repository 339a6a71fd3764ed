"""`can`: what a rule allows and is in vain as things are."""

from pathlib import Path

from tests.sandbox.slack.stage import ANA, BEN, DAN
from tests.slack.scene import Scene
from tests.slack.scene import scene as built


async def test_can_says_what_is_in_the_way_now(shop: Scene) -> None:
    await shop.environment("feat/x", BEN)
    free = await shop.type("can sync feat/x")
    assert free is not None
    assert "Not now" not in free.text
    await shop.type("lock feat/x load test", BEN)
    for text, says in (
        ("can sync feat/x", "Not now: `feat/x` is locked: load test; `/env unlock feat/x` is for"),
        ("can delete feat/x", "Not now: `feat/x` is locked"),
        ("can create feat/x", "Not now: `feat/x` has an environment already."),
        ("can create feat/new", "You may `/env create feat/new`."),
    ):
        answer = await shop.type(text)
        assert answer is not None
        assert says in answer.text
    await shop.type("unlock feat/x", BEN)
    nothing = await shop.type("can unlock feat/x", BEN)
    assert nothing is not None
    assert "Not now: `feat/x` is not locked." in nothing.text


async def test_can_says_that_a_stage_is_frozen_or_locked(shop: Scene) -> None:
    assert await shop.type("freeze production incident 42", DAN) is None
    frozen = await shop.type("can promote production")
    assert frozen is not None
    assert "Not now:\n:no_entry: `production` is frozen: incident 42 (by <@" in frozen.text
    assert "`/env unfreeze production` is for those who may approve." in frozen.text
    assert await shop.type("unfreeze production", DAN) is None
    assert await shop.type("lock production load test", DAN) is None
    for user, says in ((ANA, True), (DAN, False)):
        locked = await shop.type("can rollback production cart", user)
        assert locked is not None
        assert ("Not now:\n:no_entry: `production` is locked: load test" in locked.text) is says


async def test_can_tells_a_full_house(tmp_path: Path) -> None:
    async with built(tmp_path, per_owner=1) as scene:
        await scene.environment("feat/x", BEN)
        for user, says in (
            (BEN, "Not now: The limit of environments for one person, 1, is reached."),
            (ANA, "You may"),
        ):
            answer = await scene.type("can create feat/y", user)
            assert answer is not None
            assert says in answer.text


async def test_can_knows_the_rights_of_the_reaper(shop: Scene) -> None:
    for text, says in (
        ("can reap", "You may `reap`."),
        ("can reaper pause", "You may `pause`."),
        ("can reaper", "You may `/env reaper plan`."),
    ):
        answer = await shop.type(text)
        assert answer is not None
        assert says in answer.text
