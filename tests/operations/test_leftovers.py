"""An AppProject that an environment long gone has left does not take its name for ever."""

import pytest

from qbot.domain.environment import Environment, Phase
from qbot.domain.names import EnvId
from qbot.errors import PermanentError, TransientError
from tests.operations.scene import FAILED, SUCCEEDED, Scene


@pytest.fixture
async def dead(scene: Scene) -> Environment:
    """An environment of the branch that is deleted, and whose AppProject is there again."""
    await scene.create()
    found = await scene.env()
    await scene.delete()
    scene.argocd.projects[found.name] = found.id
    scene.argocd.effects.clear()
    return found


async def refused(scene: Scene) -> str:
    """A create that fails without a trace; what it says."""
    done = await scene.create()
    assert done.end is FAILED
    assert await scene.phase() is Phase.DELETED
    assert "Nothing was made." in done.headline
    return done.headline


async def test_a_leftover_is_removed_and_the_environment_gets_its_own(
    scene: Scene, dead: Environment
) -> None:
    assert (await scene.create()).end is SUCCEEDED
    env = await scene.env()
    assert env.id != dead.id
    assert scene.argocd.projects == {dead.name: env.id}
    assert scene.argocd.effects[f"project deleted: {dead.name}"] == 1
    (row,) = await scene.look(
        "select detail from audit where action = 'project.deleted' and env_id = ?", env.id
    )
    assert dead.id in row["detail"]
    assert (await scene.delete()).end is SUCCEEDED


async def test_a_leftover_with_applications_is_refused(scene: Scene, dead: Environment) -> None:
    scene.argocd.appear(dead, "cart")
    said = await refused(scene)
    assert "left over" in said
    assert "Applications of it are there still" in said
    assert scene.argocd.projects == {dead.name: dead.id}


@pytest.mark.parametrize("error", [PermanentError("no right"), TransientError("503")], ids=type)
async def test_a_leftover_that_cannot_be_removed_is_told_as_such(
    scene: Scene, dead: Environment, error: Exception
) -> None:
    scene.argocd.faults.lay("delete_project", error, times=1_000)
    assert f"cannot be removed: {error}" in await refused(scene)
    scene.argocd.faults.clear()
    assert (await scene.create()).end is SUCCEEDED
    assert (await scene.env()).id != dead.id


@pytest.mark.parametrize("owner", ["", "e-unknown"])
async def test_a_project_of_nobody_or_of_another_qbot_is_refused(scene: Scene, owner: str) -> None:
    await scene.create()
    name = (await scene.env()).name
    await scene.delete()
    scene.argocd.projects[name] = EnvId(owner)
    scene.argocd.effects.clear()
    assert "is not ours" in await refused(scene)
    assert not scene.argocd.effects


async def test_a_project_of_a_living_environment_is_refused(scene: Scene) -> None:
    await scene.create()
    name = (await scene.env()).name
    await scene.delete()
    scene.gitlab.push("shop/web", "feat/z")
    await scene.create("feat/z")
    scene.argocd.projects[name] = (await scene.env("feat/z")).id
    assert "is not ours" in await refused(scene)


async def test_a_project_that_a_dead_environment_of_another_name_marks_is_refused(
    scene: Scene, dead: Environment
) -> None:
    scene.gitlab.push("shop/web", "feat/z")
    await scene.create("feat/z")
    name = (await scene.env("feat/z")).name
    await scene.delete("feat/z")
    del scene.argocd.projects[dead.name]
    scene.argocd.projects[name] = dead.id
    done = await scene.create("feat/z")
    assert "is not ours" in done.headline
