"""Extending, pinning, handing over and being over a limit, as people see it."""

from datetime import timedelta
from pathlib import Path

from qbot.domain import actions
from qbot.domain.authority import Rule, Who
from qbot.domain.environment import Phase
from qbot.domain.people import Actor, Place
from qbot.operations.requests import Asked
from qbot.render.shown import card_of
from qbot.store.statements import Row, Script, sql
from tests.sandbox.slack.stage import ANA, BEN, CHLOE, EVE, GENERAL, GUS
from tests.slack.scene import Scene, said
from tests.slack.scene import scene as built

ROBOT = "U05QB0T4D7N"
DAY = timedelta(days=1)


async def ready(scene: Scene, branch: str = "feat/x", user: str = ANA) -> str:
    """An environment that is ready; its id."""
    env = await scene.environment(branch, user)
    await scene.end(Phase.READY)
    return env.id


async def used(scene: Scene) -> list[tuple[str, str]]:
    """What environments were used for last, and by whom."""

    def rows() -> Script[list[Row]]:
        return (yield sql("select used_what, used_by from environments where used_at is not null"))

    found = await scene.database.driver.run(rows())
    return [(row["used_what"], Actor.from_key(row["used_by"]).user) for row in found]


async def answered(scene: Scene, text: str, user: str = ANA) -> str:
    return said(await scene.type(text, user))


async def test_extend_says_until_when_and_everybody_may(scene: Scene) -> None:
    await ready(scene)
    before = await scene.database.store.find("feat/x")
    assert before
    assert before.ends_at
    assert "at least; its lifetime ends <!date" in await answered(scene, "extend feat/x 1d", BEN)
    after = await scene.database.store.find("feat/x")
    assert after
    assert after.ends_at == before.ends_at + DAY
    ((who, outcome, detail),) = await scene.audited("environment.extend")
    assert (who, outcome, detail["rule"]) == (BEN, "done", "member")
    assert "is not a duration" in await answered(scene, "extend feat/x soon")
    assert "needs how much longer" in await answered(scene, "extend feat/x")


async def test_a_pin_is_for_the_owner_and_is_told_wherever_the_environment_is(
    scene: Scene,
) -> None:
    env = await ready(scene)
    refused = await answered(scene, "pin feat/x", BEN)
    assert "That is for the owner" in refused
    assert f"Ask <@{ANA}>." in refused
    told = await answered(scene, "pin feat/x --until 3d a demo for sales")
    assert f"pinned by <@{ANA}> until <!date" in told
    assert "a demo for sales" in told
    for text in ("list", ""):
        assert f":pushpin: pinned by <@{ANA}>" in await answered(scene, text)
    await scene.type("show feat/x")
    await scene.settled()
    shown = scene.private()[-1]
    assert f"Pinned by <@{ANA}> until <!date" in said(shown)
    await scene.press(shown, actions.UNPIN, env)
    assert "is not pinned any more" in said(scene.private()[-1])
    await scene.press(shown, actions.UNPIN, env)
    assert "is not pinned. Nothing was changed." in said(scene.private()[-1])


async def test_pinning_twice_and_extending_what_is_pinned_is_harmless(scene: Scene) -> None:
    await ready(scene)
    assert "is pinned by" in await answered(scene, "pin feat/x")
    assert "is pinned by you already" in await answered(scene, "pin feat/x")
    assert "Before, it was pinned by" in await answered(scene, "pin feat/x --until 3d a demo")
    assert "until" in (told := await answered(scene, "pin feat/x")).partition("Before")[2]
    assert "a demo" in told
    assert "has no end: it is pinned" in await answered(scene, "extend feat/x 2d", BEN)
    assert "past already" in await answered(scene, "pin feat/x --until 2001-01-01")
    assert "A day does as well: `2026-12-24`" in await answered(scene, "pin feat/x --until today")


async def test_the_menu_of_show_and_that_of_a_card_extend_and_pin(scene: Scene) -> None:
    env = await ready(scene)
    (operation,) = await scene.operations("feat/x")
    assert operation.progress
    card = await scene.post(card_of(operation.progress, scene.desk.style))
    await scene.press(card, actions.TERM, f"extend:{env}:4h", BEN)
    assert "its lifetime ends" in said(scene.private(BEN)[-1])
    await scene.press(card, actions.TERM, f"pin:{env}", BEN)
    assert "That is for the owner" in said(scene.private(BEN)[-1])
    await scene.press(card, actions.TERM, f"pin:{env}")
    assert f"pinned by <@{ANA}>" in said(scene.private()[-1])
    await scene.press(card, actions.TERM, f"unpin:{env}", BEN)
    assert "That is for the owner" in said(scene.private(BEN)[-1])
    await scene.press(card, actions.TERM, f"delete:{env}")
    assert "none of Qbot's" in said(scene.private()[-1])
    row = await scene.database.cards.card(operation.id)
    assert row
    assert row.term
    drawn = card_of(row.progress, scene.desk.style, term=row.term)
    assert f":pushpin: pinned by <@{ANA}>" in drawn.text
    assert f"unpin:{env}" in str(drawn.blocks)


async def test_an_environment_is_given_on_and_both_are_told_once(scene: Scene) -> None:
    await ready(scene)
    told = await answered(scene, f"transfer feat/x <@{BEN}|ben>")
    await scene.settled()
    assert f"is <@{BEN}>'s now" in told
    assert "after the next sync" in told
    (message,) = scene.direct(BEN)
    (lead, *_) = said(message).splitlines()
    assert lead.endswith(f"is <@{BEN}>'s now: <@{ANA}> handed it over.")
    assert scene.direct() == []
    assert "That is for the owner" in await answered(scene, f"transfer feat/x <@{ANA}>")
    assert "That is for the owner" in await answered(scene, "pin feat/x")
    assert "is yours already" in await answered(scene, f"transfer feat/x <@{BEN}>", BEN)
    assert len(scene.direct(BEN)) == 1


async def test_who_takes_over_by_a_role_tells_whose_it_was(tmp_path: Path) -> None:
    policy = {"transfer": Rule(Who.ROLE, ("leads",))}
    async with built(tmp_path, policy=policy) as scene:
        scene.people.know(CHLOE, 3, "leads")
        scene.people.know(BEN, 2)
        await ready(scene)
        assert "That is for the owner" in await answered(scene, f"transfer feat/x <@{BEN}>", BEN)
        assert "is yours now" in await answered(scene, f"transfer feat/x <@{CHLOE}>", CHLOE)
        await scene.settled()
        (lead, *_) = said(scene.direct()[-1]).splitlines()
        assert lead.endswith(f"is <@{CHLOE}>'s now. It was <@{ANA}>'s.")


async def test_nobody_gets_one_who_could_not_care_for_it(scene: Scene) -> None:
    await ready(scene)
    for who in (GUS, EVE, ROBOT, "U0NOBODY"):
        told = await answered(scene, f"transfer feat/x <@{who}>")
        assert "That person cannot have an environment." in told
    assert "nobody whom Slack knows" in await answered(scene, "transfer feat/x ben")
    assert await scene.audited("environment.transfer") == []


async def test_a_lock_keeps_the_pin_and_the_owner_but_not_the_end(scene: Scene) -> None:
    await ready(scene)
    await scene.type("lock feat/x a load test", BEN)
    assert "its lifetime ends" in await answered(scene, "extend feat/x 1d")
    assert "is pinned by" in await answered(scene, "pin feat/x")
    for text in ("unpin feat/x", f"transfer feat/x <@{CHLOE}>"):
        assert "is locked: a load test" in await answered(scene, text)


async def test_what_is_being_deleted_cannot_be_kept(scene: Scene) -> None:
    await ready(scene)
    env = await scene.database.store.find("feat/x")
    assert env
    asked = Asked(actor=env.owner, place=Place(GENERAL), key="k")
    await scene.desk.requests.teardown(env.id, asked)
    await scene.end(Phase.DELETED)
    for text in ("extend feat/x 1d", "pin feat/x", "unpin feat/x"):
        assert "has been deleted" in await answered(scene, text)


async def test_over_the_limit_one_is_told_which_of_one_s_own_could_go(tmp_path: Path) -> None:
    async with built(tmp_path, per_owner=2) as scene:
        await ready(scene, "feat/a")
        await ready(scene, "feat/b")
        for text in ("create feat/c", "create feat/c --dry-run"):
            refused = await scene.type(text)
            assert "You have 2 environments already" in said(refused)
            assert str(refused.blocks if refused else "").count(actions.DELETE) == 2
        await ready(scene, "feat/d", BEN)
        told = await answered(scene, f"transfer feat/d <@{ANA}>", BEN)
        assert f"<@{ANA}> has 2 environments already" in told
        assert actions.DELETE not in told


async def test_uses_are_noted_with_who_and_what(scene: Scene) -> None:
    env = await ready(scene)
    await scene.type("show feat/x", BEN)
    await scene.settled()
    assert await used(scene) == [("show", BEN)]
    await scene.type(f"delete {env}", CHLOE)
    await scene.type("pin feat/x", CHLOE)  # refused
    await scene.settled()
    assert await used(scene) == [("show", BEN)]
