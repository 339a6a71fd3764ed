"""Commands about versions of environments, from the line that is typed to its answer."""

from datetime import timedelta

from qbot.domain import actions
from qbot.domain.barriers import Lock
from qbot.domain.environment import Phase
from qbot.domain.inputs import DeployInput, RestoreInput
from qbot.domain.names import ServiceName
from qbot.domain.people import Actor
from qbot.domain.progress import Kind
from tests.slack.scene import Scene, said

CART = ServiceName("cart")


async def ready(scene: Scene, branch: str = "feat/x") -> None:
    await scene.environment(branch)
    await scene.end(Phase.READY)


async def test_deploy_becomes_an_operation_whose_card_is_the_answer(scene: Scene) -> None:
    await ready(scene)
    assert await scene.type("deploy feat/x cart=fix/y orders=default") is None
    operation = (await scene.operations("feat/x"))[-1]
    assert operation.kind is Kind.DEPLOY
    overrides = ((CART, "fix/y"), (ServiceName("orders"), "default"))
    assert operation.input == DeployInput(overrides)


async def test_a_dry_run_of_a_deploy_is_asked_for_as_one(scene: Scene) -> None:
    await ready(scene)
    assert await scene.type("deploy feat/x cart=fix/y --dry-run") is None
    operation = (await scene.operations("feat/x"))[-1]
    assert operation.input == DeployInput(((CART, "fix/y"),), dry_run=True)


async def test_rollback_of_an_environment_is_no_promotion(scene: Scene) -> None:
    await ready(scene)
    assert await scene.type("rollback feat/x cart") is None
    operation = (await scene.operations("feat/x"))[-1]
    assert (operation.kind, operation.input) == (Kind.RESTORE, RestoreInput((CART,)))
    assert "is for stages" in said(await scene.type("rollback feat/x --to P-3"))


async def test_a_job_that_there_is_not_is_refused(scene: Scene) -> None:
    await ready(scene)
    assert "There is no job `smoke`" in said(await scene.type("run feat/x smoke"))


async def test_a_lock_says_whose_it_is_why_and_until_when(scene: Scene) -> None:
    await ready(scene)
    (env,) = [r.environment for r in await scene.database.store.environments()]
    now, team = scene.database.clock.now(), scene.played.slack.team_id
    lock = Lock(env.id, Actor(team, "U0BEN"), "load test", now, now + timedelta(hours=2))
    await scene.database.promotions.lock(lock)
    for line in ("sync feat/x", "deploy feat/x cart=main", "rollback feat/x"):
        answer = said(await scene.type(line))
        assert "is locked: load test" in answer
        assert "<@U0BEN>" in answer
        assert "until" in answer
    assert len(await scene.operations("feat/x")) == 1
    (row, *_) = await scene.audited("sync.requested")
    assert (row[1], row[2]["rule"]) == ("refused", "lock")
    assert scene.counted("lock") == 3


async def test_history_goes_back_page_by_page(scene: Scene) -> None:
    await ready(scene)
    for number in range(12):
        await scene.type(f"deploy feat/x cart=fix/{number}")
        await scene.end(Phase.READY)
    await scene.type("history feat/x")
    await scene.settled()
    first = scene.private()[-1]
    assert "cart = fix/11" in said(first)
    assert "cart = fix/1 " not in said(first)
    older = next(v for v in _values(first.blocks) if v.startswith("1:"))
    await scene.press(first, actions.HISTORY_ON, older)
    second = said(scene.private()[-1])
    assert "cart = fix/0" in second
    assert "*Create*" in second


async def test_history_of_what_is_gone_is_still_told(scene: Scene) -> None:
    await ready(scene)
    await scene.type("sync feat/x")
    await scene.end(Phase.DELETED)
    await scene.type("history feat/x")
    await scene.settled()
    assert "History of feat/x" in said(scene.private()[-1])


async def test_a_place_that_there_is_not_is_refused(scene: Scene) -> None:
    await ready(scene)
    for line in ("diff feat/x feat/none", "history feat/none", "deploy feat/none cart=main"):
        assert "There is no environment for `feat/none`" in said(await scene.type(line))


def _values(blocks: object) -> list[str]:
    """The values of all buttons."""
    if isinstance(blocks, list | tuple):
        return [v for b in blocks for v in _values(b)]
    if not isinstance(blocks, dict):
        return []
    own = [blocks["value"]] if blocks.get("type") == "button" and "value" in blocks else []
    return own + [v for part in blocks.values() for v in _values(part)]


async def test_one_place_is_not_compared_with_itself(scene: Scene) -> None:
    await scene.environment("feat/x")
    assert "`feat/x` and `feat/x` are the same." in said(await scene.type("diff feat/x feat/x"))
