"""Every button: what it does, and what it says once its time is over."""

from collections.abc import Awaitable, Callable

import pytest

from qbot.domain import actions
from qbot.domain.environment import Phase
from qbot.domain.inputs import JobInput, SyncInput
from qbot.domain.names import ServiceName
from qbot.domain.operation import Operation, Submission
from qbot.domain.people import Place
from qbot.domain.progress import End, Goal, Kind, Progress
from qbot.errors import TransientError
from qbot.render.card import Fresh, card
from qbot.render.listing import Page
from qbot.render.notices import notice
from qbot.sandbox.slack.model import Message
from qbot.slack.register import OURS
from tests.sandbox.slack.stage import ANA, BEN, CHLOE, DAN, GENERAL
from tests.slack.scene import SERVICES, Scene, said

IDS = {
    name: value
    for name, value in vars(actions).items()
    if isinstance(value, str) and name.isupper()
}


async def card_of(scene: Scene, operation: Operation) -> Message:
    """The operation's card, as it is in the channel."""
    assert isinstance(operation.progress, Progress)
    return await scene.post(card(operation.progress, scene.desk.style, fresh=Fresh(every=5.0)))


async def failed(scene: Scene, branch: str = "feat/x") -> tuple[Operation, Message]:
    await scene.environment(branch)
    operation = await scene.end(Phase.FAILED, End.FAILED)
    return operation, await card_of(scene, operation)


def test_every_id_is_heard() -> None:
    assert len(IDS) > 20
    for value in IDS.values():
        assert OURS.match(value)


async def test_details_open_at_once_and_are_filled_from_argo_cd(scene: Scene) -> None:
    operation, shown = await failed(scene)
    await scene.press(shown, actions.DETAILS, operation.id)
    view = scene.view()
    assert view is not None
    text = str(view.spec["blocks"])
    assert "feat/x" in text
    assert "Looking at" not in text


async def test_details_say_when_argo_cd_is_away_and_can_be_refreshed(scene: Scene) -> None:
    operation, shown = await failed(scene)
    scene.argocd.error = TransientError("Argo CD is away")
    await scene.press(shown, actions.DETAILS, operation.id)
    view = scene.view()
    assert view is not None
    assert "Argo CD is away" in str(view.spec["blocks"])
    scene.argocd.error = None
    await scene.press_in(view, actions.DETAILS_REFRESH, "0")
    assert "Argo CD is away" not in str(view.spec["blocks"])
    await scene.press_in(view, actions.DETAILS_ON, "9" * 5_000)
    assert "feat/x" in str(view.spec["blocks"])


async def test_details_of_what_is_gone_show_how_it_was(scene: Scene) -> None:
    await scene.environment("feat/x")
    operation = await scene.end(Phase.DELETED, End.FAILED)
    shown = await card_of(scene, operation)
    await scene.press(shown, actions.DETAILS, operation.id)
    view = scene.view()
    assert view is not None
    assert "has been deleted; this is how it was" in str(view.spec["blocks"])
    assert SERVICES[0] in str(view.spec["blocks"])


@pytest.mark.parametrize("action", [actions.DETAILS, actions.CANCEL, actions.RETRY])
async def test_a_card_that_nobody_remembers_says_so_privately(scene: Scene, action: str) -> None:
    _, shown = await failed(scene)
    await scene.press(shown, action, "o000000000000")
    (answer,) = scene.private()
    assert "too old" in answer.text
    assert scene.view() is None


async def test_details_that_are_refreshed_after_their_operation_was_forgotten(
    scene: Scene,
) -> None:
    operation, shown = await failed(scene)
    await scene.press(shown, actions.DETAILS, operation.id)
    view = scene.view()
    assert view is not None
    view.spec["private_metadata"] = "o000000000000"
    await scene.press_in(view, actions.DETAILS_REFRESH, "0")
    assert "too old" in str(view.spec["blocks"])
    assert scene.direct() == []


async def test_a_trigger_that_is_used_up_is_answered_with_the_command(scene: Scene) -> None:
    operation, shown = await failed(scene)
    payload = scene.pressed(shown, actions.DETAILS, operation.id)
    scene.played.slack.world.triggers[payload["trigger_id"]].expires = 0
    await scene.send("interactive", payload)
    await scene.settled()
    (answer,) = scene.private()
    assert "three seconds" in answer.text
    assert "`/env show feat/x`" in answer.text
    assert "Whoever runs Qbot" not in answer.text


async def test_retry_does_what_failed_and_a_second_press_names_the_first(scene: Scene) -> None:
    operation, shown = await failed(scene)
    await scene.press(shown, actions.RETRY, operation.id)
    again = (await scene.operations("feat/x"))[-1]
    names = tuple(ServiceName(s) for s in SERVICES)
    assert again.input == SyncInput(services=names, retry=True, creation=True)
    assert scene.private() == []
    await scene.press(shown, actions.RETRY, operation.id, BEN)
    (answer,) = scene.private(BEN)
    assert f"under way already: <@{ANA}> asked to create *feat/x*" in answer.text
    assert len(await scene.operations("feat/x")) == 2


async def test_retry_of_a_rollback_goes_on_to_the_same_versions(scene: Scene) -> None:
    await scene.environment("feat/x")
    goal = Goal(7, scene.database.clock.now())
    operation = await scene.end(Phase.FAILED, End.FAILED, goal=goal)
    await scene.press(await card_of(scene, operation), actions.RETRY, operation.id)
    again = (await scene.operations("feat/x"))[-1]
    assert isinstance(again.input, SyncInput)
    assert (again.input.goal, again.purpose) == (goal, Kind.RESTORE)


async def test_resume_makes_what_a_cancelled_create_left_out(scene: Scene) -> None:
    await scene.environment("feat/x")
    operation = await scene.end(Phase.PARTIAL, End.CANCELLED)
    shown = await card_of(scene, operation)
    await scene.press(shown, actions.RESUME, operation.id)
    assert (await scene.operations("feat/x"))[-1].input == SyncInput(resume=True)


async def dry_run(scene: Scene) -> None:
    await scene.type("sync feat/x --dry-run", BEN)
    await over(scene, End.SUCCEEDED)


async def refused(scene: Scene) -> None:
    await scene.type("sync feat/x", BEN)
    await over(scene, End.REFUSED)


async def withdrawn(scene: Scene) -> None:
    """Before it began."""
    await scene.type("sync feat/x", BEN)
    waits = (await scene.operations("feat/x"))[-1]
    await scene.database.journal.request_cancel(waits.id, waits.actor)


async def job(scene: Scene) -> None:
    await begin_job(scene)
    await over(scene, End.FAILED)


async def begin_job(scene: Scene) -> None:
    operation = (await scene.operations("feat/x"))[-1]
    asked = JobInput("smoke")
    wish = Submission(Kind.JOB, asked, operation.env, operation.actor, Place(GENERAL), "job")
    await scene.database.journal.submit(wish)


async def over(scene: Scene, end: End) -> None:
    (claim,) = await scene.database.journal.claim("worker", 1)
    await scene.database.journal.finish(claim, end, "", [])


@pytest.mark.parametrize("came", [dry_run, refused, withdrawn, job])
async def test_what_did_nothing_to_an_environment_leaves_the_way_on(
    scene: Scene, came: Callable[[Scene], Awaitable[None]]
) -> None:
    await scene.environment("feat/x")
    operation = await scene.end(Phase.PARTIAL, End.CANCELLED)
    shown = await card_of(scene, operation)
    await came(scene)
    await scene.type("show feat/x", BEN)
    assert actions.RESUME in str(scene.private(BEN)[-1].blocks)
    await scene.press(shown, actions.RESUME, operation.id)
    assert (await scene.operations("feat/x"))[-1].input == SyncInput(resume=True)


async def test_an_old_cards_retry_is_refused_also_while_something_is_under_way(
    scene: Scene,
) -> None:
    operation, shown = await failed(scene)
    await scene.type("sync feat/x", BEN)
    await scene.end(Phase.READY)
    await begin_job(scene)
    count = len(await scene.operations("feat/x"))
    await scene.press(shown, actions.RETRY, operation.id)
    assert "out of date" in scene.private()[-1].text
    assert len(await scene.operations("feat/x")) == count


async def test_a_resume_that_was_withdrawn_can_be_asked_for_again_on_its_own_card(
    scene: Scene,
) -> None:
    await scene.environment("feat/x")
    operation = await scene.end(Phase.PARTIAL, End.CANCELLED)
    await scene.press(await card_of(scene, operation), actions.RESUME, operation.id)
    again = (await scene.operations("feat/x"))[-1]
    shown = await card_of(scene, again)
    await scene.database.journal.request_cancel(again.id, again.actor)
    await scene.press(shown, actions.RESUME, again.id)
    assert len(await scene.operations("feat/x")) == 3


@pytest.mark.parametrize("action", [actions.RETRY, actions.DELETE, actions.SHOW])
async def test_buttons_of_an_environment_that_is_gone(scene: Scene, action: str) -> None:
    env = await scene.environment("feat/x")
    operation = await scene.end(Phase.DELETED, End.FAILED)
    shown = await card_of(scene, operation)
    await scene.press(shown, action, operation.id if action == actions.RETRY else env.id)
    (answer,) = scene.private()
    assert "The environment of `feat/x` is gone already." in answer.text
    assert "`/env list` shows what there is" in answer.text


async def test_cancel_is_heard_once_and_not_after_the_end(scene: Scene) -> None:
    await scene.environment("feat/x")
    (operation,) = await scene.operations("feat/x")
    shown = await card_of(scene, operation)
    await scene.press(shown, actions.CANCEL, operation.id, BEN)
    (cancelled,) = await scene.operations("feat/x")
    assert cancelled.cancel_by is not None
    assert cancelled.cancel_by.user == BEN
    await scene.end(Phase.DELETED, End.CANCELLED)
    await scene.press(shown, actions.CANCEL, operation.id)
    (answer,) = scene.private()
    assert "it has ended already" in answer.text


async def test_a_deletion_cannot_be_cancelled(scene: Scene) -> None:
    env, shown = (await failed(scene))[0].env, (await failed(scene, "feat/y"))[1]
    await scene.press(shown, actions.DELETE, str(env))
    deletion = (await scene.operations("feat/x"))[-1]
    assert deletion.kind is Kind.TEARDOWN
    await scene.press(shown, actions.CANCEL, deletion.id)
    assert "cannot be cancelled" in scene.private()[-1].text


async def test_pages_of_a_list_replace_each_other(scene: Scene) -> None:
    for number in range(24):
        await scene.environment(f"feat/{number}", (ANA, BEN, CHLOE, DAN)[number % 4])
    shown = await scene.type("list")
    assert shown is not None
    await scene.press(shown, actions.LIST_ON, Page(1).value())
    (only,) = scene.private()
    assert only.ts == shown.ts
    assert "page 2 of 2" in said(only)
    await scene.press(only, actions.LIST_BACK, Page(0).value())
    (only,) = scene.private()
    assert "page 1 of 2" in said(only)


async def test_the_buttons_of_the_overview(scene: Scene) -> None:
    env = await scene.environment("feat/x")
    shown = await scene.type("")
    assert shown is not None
    await scene.press(shown, actions.LIST)
    assert "1 environment" in said(scene.private()[-1])
    await scene.press(shown, actions.HELP)
    assert "What you can ask for" in said(scene.private()[-1])
    await scene.press(shown, actions.SHOW, env.id)
    assert env.name in said(scene.private()[-1])
    await scene.press(shown, actions.CREATE_FORM)
    view = scene.view()
    assert view is not None
    assert view.spec["callback_id"] == actions.CREATE_SUBMIT
    await scene.press(shown, actions.DELETE_FORM)
    view = scene.view()
    assert view is not None
    assert view.spec["callback_id"] == actions.DELETE_SUBMIT


@pytest.mark.parametrize("action", [actions.OPEN, actions.ARGOCD, actions.PIPELINE])
async def test_a_link_has_done_its_work_when_it_is_told_of(scene: Scene, action: str) -> None:
    operation, shown = await failed(scene)
    await scene.press(shown, action, operation.id)
    assert scene.private() == []
    assert scene.counted("repeated") == 0


async def test_the_question_stays_harmless_where_slack_does_not_remove_it(scene: Scene) -> None:
    env = await scene.environment("feat/x")
    await scene.end(Phase.READY)
    question = await scene.type("delete feat/x")
    assert question is not None
    scene.played.kernel.faults.add("slack", "POST /actions", "500", 1)
    await scene.press(question, actions.DELETE_CONFIRM, env.id)
    assert scene.private() == [question]
    assert (await scene.operations("feat/x"))[-1].kind is Kind.TEARDOWN
    await scene.press(question, actions.DELETE_CONFIRM, env.id)
    assert "under way already" in scene.private()[-1].text
    assert len(await scene.operations("feat/x")) == 2


async def test_a_link_to_the_card_is_told_where_there_is_one(scene: Scene) -> None:
    await scene.environment("feat/x")
    (operation,) = await scene.operations("feat/x")
    shown = await card_of(scene, operation)
    await scene.database.cards.posted(
        operation.id, end=False, channel=GENERAL, ts=shown.ts, version=1, shown_hash=""
    )
    answer = said(await scene.type("create feat/x", BEN))
    assert "Go to its card" in answer
    scene.played.kernel.faults.add("slack", "chat.getPermalink", "500", 1)
    assert "Go to its card" not in said(await scene.type("create feat/x", BEN))


async def test_a_dry_run_is_not_retried(scene: Scene) -> None:
    """It has no environment; no card offers it, but a client may ask."""
    assert await scene.type("create feat/x --dry-run") is None
    (claim,) = await scene.database.journal.claim("worker", 1)
    shown = await scene.post(notice("a card"))
    await scene.press(shown, actions.RETRY, claim.operation.id)
    assert "nothing to retry" in scene.private()[-1].text
