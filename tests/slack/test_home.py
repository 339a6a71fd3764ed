"""The App Home is opened, and its buttons are pressed."""

from typing import Any

from qbot.domain import actions
from qbot.domain.environment import Phase
from qbot.domain.home import Home
from qbot.domain.people import Actor
from qbot.domain.progress import Kind
from qbot.render.home import home
from qbot.sandbox.slack import payloads
from qbot.sandbox.slack.model import View
from qbot.sandbox.slack.seed import TEAM
from tests.sandbox.slack.stage import ANA, BEN, GUS, until
from tests.slack.scene import Scene
from tests.world import until as eventually


def opened(scene: Scene, user: str, **more: Any) -> dict[str, Any]:
    world = scene.played.slack.world
    return payloads.home_opened(world, world.users[user]) | more


async def heard(scene: Scene, event: dict[str, Any]) -> None:
    outcome = await scene.played.slack.events.send(event)
    assert outcome.status == 200
    await scene.settled()


async def viewers(scene: Scene) -> list[str]:
    return [v.actor.user for v in await scene.database.homes.viewers()]


async def test_an_opened_home_is_noted_and_another_tab_is_not(either: Scene) -> None:
    await heard(either, opened(either, BEN, tab="messages"))
    await heard(either, opened(either, ANA))

    async def noted() -> bool:
        return await viewers(either) == [ANA]

    await eventually(noted, what="ana among those who look")


async def test_a_guest_who_opens_it_is_counted(scene: Scene) -> None:
    await heard(scene, opened(scene, GUS))
    await until(lambda: scene.counted("guest") == 1)
    assert await viewers(scene) == [GUS]  # for the calm sentence


async def shown(scene: Scene, user: str = ANA) -> View:
    """The Home of somebody as it would be published, in Slack."""
    rows = await scene.database.store.environments()
    seen = Home(Actor(TEAM, user), rows, scene.database.clock.now())
    await scene.desk.slack.publish_home(user, home(seen, scene.desk.style).view)
    return scene.played.slack.world.homes[user]


async def test_show_in_the_home_opens_a_view_and_writes_no_message(scene: Scene) -> None:
    env = await scene.environment("feat/x")
    await scene.end(Phase.READY)
    await scene.press_in(await shown(scene), actions.SHOW, env.id)
    await until(lambda: scene.view() is not None)
    view = scene.view()
    assert view
    assert "feat/x" in str(view.spec["blocks"])
    assert scene.direct() == []


async def test_what_is_pressed_in_that_view_is_answered_there(scene: Scene) -> None:
    env = await scene.environment("feat/x")
    await scene.end(Phase.READY)
    await scene.press_in(await shown(scene), actions.SHOW, env.id)
    await until(lambda: scene.view() is not None)
    view = scene.view()
    assert view
    await scene.press_in(view, actions.PIN, env.id)
    await until(lambda: "is pinned by" in str(view.spec["blocks"]))
    assert scene.direct() == []


async def test_sync_in_the_home_queues_one(scene: Scene) -> None:
    env = await scene.environment("feat/x")
    await scene.end(Phase.READY)
    await scene.press_in(await shown(scene), actions.SYNC, env.id)
    await scene.settled()
    kinds = [o.kind for o in await scene.operations("feat/x")]
    assert sorted(kinds) == sorted([Kind.CREATE, Kind.SYNC])
