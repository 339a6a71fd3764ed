"""The forms: what they offer, errors below their inputs, and nothing lost when it takes long."""

from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest

from qbot.domain import actions
from qbot.domain.environment import Phase
from qbot.domain.inputs import CreateInput
from qbot.domain.journal import Journal
from qbot.domain.names import BranchName, ServiceName
from qbot.domain.progress import Kind
from qbot.errors import PermanentError, TransientError
from qbot.sandbox.slack.model import View
from tests.sandbox.slack.stage import ANA, BEN, GENERAL, RANDOM
from tests.slack.scene import Scene, said
from tests.slack.scene import scene as built


async def opened(scene: Scene, text: str, user: str = ANA, channel: str = GENERAL) -> View:
    assert await scene.type(text, user, channel) is None
    view = scene.view(user)
    assert view is not None
    return view


async def test_the_create_form_does_what_the_command_does(either: Scene) -> None:
    source = await either.environment("feat/base")
    view = await opened(either, "create")
    values = {
        actions.BRANCH_INPUT: " feat/x ",
        actions.SERVICES_INPUT: ["cart", "orders"],
        actions.FROM_INPUT: source.id,
        actions.TTL_INPUT: "2d",
    }
    assert await either.submit(view, values) == {}
    assert either.view() is None
    (operation,) = await either.operations("feat/x")
    assert operation.input == CreateInput(
        branch=BranchName("feat/x"),
        services=(ServiceName("cart"), ServiceName("orders")),
        source=source.id,
        ttl=timedelta(days=2),
    )
    assert operation.place.channel == GENERAL


async def test_an_error_stands_below_the_input_that_it_is_about(scene: Scene) -> None:
    view = await opened(scene, "create")
    errors = await scene.submit(view, {actions.BRANCH_INPUT: "feat/..x"})
    assert "cannot be the name of a git branch" in errors.pop(actions.BRANCH_INPUT)
    assert errors == {}
    assert scene.view() is view
    assert await scene.submit(view, {actions.BRANCH_INPUT: "feat/x"}) == {}
    assert scene.counted("repeated") == 0
    assert len(await scene.operations("feat/x")) == 1


async def test_a_branch_that_exists_nowhere_is_told_below_its_input(scene: Scene) -> None:
    scene.gitlab.known = ["feat/checkout", "feat/cart"]
    view = await opened(scene, "create")
    errors = await scene.submit(view, {actions.BRANCH_INPUT: "feat/chekout"})
    told = errors.pop(actions.BRANCH_INPUT)
    assert "There is no branch feat/chekout in any of the 3 repositories." in told
    assert "Nothing was made. Did you mean feat/checkout?" in told
    assert errors == {}
    assert scene.view() is view
    assert await scene.database.store.find("feat/chekout") is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "cart=fix/cart-roundng",
            "is no branch, tag or commit of shop/cart. Did you mean fix/cart",
        ),
        ("cart=image:1.4.2", "Qbot does not know how cart takes an image."),
    ],
)
async def test_a_version_that_exists_nowhere_is_told_below_its_input(
    scene: Scene, text: str, says: str
) -> None:
    scene.gitlab.known = ["feat/x", "fix/cart-rounding"]
    view = await opened(scene, "create")
    errors = await scene.submit(view, {actions.BRANCH_INPUT: "feat/x", actions.SET_INPUT: text})
    assert says in errors.pop(actions.SET_INPUT)
    assert errors == {}
    assert scene.view() is view
    assert await scene.database.store.find("feat/x") is None


async def test_a_form_does_not_wait_for_a_slow_gitlab(
    scene: Scene,
) -> None:
    scene.gitlab.answering.clear()
    view = await opened(scene, "create")
    assert await scene.submit(view, {actions.BRANCH_INPUT: "feat/x"}) == {}
    assert len(await scene.operations("feat/x")) == 1


async def test_an_environment_that_went_while_the_form_was_open(scene: Scene) -> None:
    source = await scene.environment("feat/base")
    create = await opened(scene, "create")
    delete = await opened(scene, "delete", BEN)
    await scene.end(Phase.DELETED)
    values = {actions.BRANCH_INPUT: "feat/x", actions.FROM_INPUT: source.id}
    errors = await scene.submit(create, values)
    assert "feat/base is gone already. /env " in errors[actions.FROM_INPUT]
    errors = await scene.submit(delete, {actions.ENVIRONMENT_INPUT: source.id}, BEN)
    assert "is gone already" in errors[actions.ENVIRONMENT_INPUT]


async def test_a_branch_that_is_taken_is_told_in_the_channel_privately(scene: Scene) -> None:
    await scene.environment("feat/x", BEN)
    view = await opened(scene, "create")
    assert await scene.submit(view, {actions.BRANCH_INPUT: "feat/x"}) == {}
    (answer,) = scene.private()
    assert f"<@{BEN}> started to create it" in answer.text


async def test_who_was_first_themselves_reads_you(scene: Scene) -> None:
    await scene.environment("feat/x")
    assert "is taken: you started to create it" in said(await scene.type("create feat/x --ttl 1d"))


async def test_where_qbot_is_no_member_a_form_is_answered_in_the_dm(scene: Scene) -> None:
    await scene.environment("feat/x")
    view = await opened(scene, "create", BEN, RANDOM)
    assert await scene.submit(view, {actions.BRANCH_INPUT: "feat/x"}, BEN) == {}
    (answer,) = scene.direct(BEN)
    assert f"<@{ANA}> started to create it" in answer.text


async def test_the_delete_form_offers_one_s_own_first(scene: Scene) -> None:
    await scene.environment("feat/mine")
    await scene.environment("feat/hers", BEN)
    view = await opened(scene, "delete")
    mine, hers = view.spec["blocks"][0]["element"]["option_groups"]
    assert (mine["label"]["text"], hers["label"]["text"]) == ("Yours", "Of others")
    assert mine["options"][0]["text"]["text"].startswith("feat/mine")
    assert hers["options"][0]["text"]["text"].startswith("feat/hers")


async def test_the_delete_form_asks_once_more_and_names_the_owner(scene: Scene) -> None:
    hers = await scene.environment("feat/hers", BEN)
    view = await opened(scene, "delete")
    assert await scene.submit(view, {actions.ENVIRONMENT_INPUT: hers.id}) == {}
    assert len(await scene.operations("feat/hers")) == 1
    (question,) = scene.private()
    assert f"owned by <@{BEN}>" in question.text
    await scene.press(question, actions.DELETE_CONFIRM, hers.id)
    assert (await scene.operations("feat/hers"))[-1].kind is Kind.TEARDOWN


async def test_the_create_form_takes_other_versions(scene: Scene) -> None:
    view = await opened(scene, "create")
    values = {actions.BRANCH_INPUT: "feat/x", actions.SET_INPUT: "cart"}
    errors = await scene.submit(view, values)
    assert errors == {actions.SET_INPUT: errors[actions.SET_INPUT]}
    assert "cart is not of the form service=ref" in errors[actions.SET_INPUT]
    values[actions.SET_INPUT] = "cart=fix/a\norders=v1.2"
    assert await scene.submit(view, values) == {}
    (operation,) = await scene.operations("feat/x")
    assert isinstance(operation.input, CreateInput)
    assert dict(operation.input.overrides) == {"cart": "fix/a", "orders": "v1.2"}


async def test_with_nothing_to_delete_the_form_only_says_so(scene: Scene) -> None:
    view = await opened(scene, "delete")
    assert "no environment" in str(view.spec["blocks"])
    assert "submit" not in view.spec


@pytest.mark.parametrize("text", ["create", "delete"])
async def test_a_form_that_slack_no_longer_opens_names_the_command(scene: Scene, text: str) -> None:
    payload = scene.line(text)
    scene.played.slack.world.triggers[payload["trigger_id"]].expires = 0
    answer = said(scene.taken(await scene.send("slash", payload), payload))
    assert "three seconds" in answer
    assert f"`/env {text} feat/checkout`" in answer
    assert scene.view() is None


@pytest.mark.parametrize(
    "error", [TransientError("the database is away"), PermanentError("the database is away")]
)
async def test_what_is_nobody_s_fault_leaves_the_form_open(scene: Scene, error: Exception) -> None:
    view = await opened(scene, "create")
    journal = scene.database.journal
    try:
        scene.desk.requests._journal = broken(error)
        errors = await scene.submit(view, {actions.BRANCH_INPUT: "feat/x"})
    finally:
        scene.desk.requests._journal = journal
    assert "the database is away" in errors[actions.BRANCH_INPUT]
    assert await scene.submit(view, {actions.BRANCH_INPUT: "feat/x"}) == {}


async def test_a_bug_closes_the_form_and_is_told_with_a_reference(scene: Scene) -> None:
    view = await opened(scene, "create")
    scene.desk.requests._journal = broken(ZeroDivisionError())
    assert await scene.submit(view, {actions.BRANCH_INPUT: "feat/x"}) == {}
    assert "Reference" in scene.private()[-1].text


async def test_an_error_that_comes_too_late_for_the_form_is_told_all_the_same(
    tmp_path: Path,
) -> None:
    async with built(tmp_path, patience=0.05) as scene:
        await scene.type("create")
        await scene.settled()
        view = scene.view()
        assert view is not None
        scene.gitlab.known = []
        scene.gitlab.answering.clear()
        values = {actions.BRANCH_INPUT: "feat/none"}
        answer = await scene.played.drive("submit", user=ANA, view_id=view.id, values=values)
        assert (answer["http_status"], answer["errors"]) == (200, {})
        scene.gitlab.answering.set()
        await scene.settled()
        assert "feat/none" in scene.private()[-1].text


class Broken:
    """A journal that always fails."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def submit(self, *_: object) -> None:
        raise self._error


def broken(error: Exception) -> Journal:
    return cast("Journal", Broken(error))
