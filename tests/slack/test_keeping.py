"""The buttons of what the reaper says, pressed by people."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from qbot.cards.dispatcher import Dispatcher
from qbot.cards.reaper import ReaperMessages
from qbot.cards.warnings import Beside, words
from qbot.domain import actions
from qbot.domain.authority import Rule, Who
from qbot.domain.environment import Environment, Phase
from qbot.domain.reaper_ports import Candidate, Fate, Notice, Question, Warned
from qbot.domain.reaping import Cause, Goes
from qbot.render.blocks import Message as Rendered
from qbot.sandbox.slack.model import Message
from qbot.slack.reaper import as_read
from tests.sandbox.slack.stage import ANA, BEN, CHLOE, GENERAL, until
from tests.slack.scene import Scene, said
from tests.slack.scene import scene as built

DAY = timedelta(days=1)


async def living(scene: Scene, branch: str = "feat/x", user: str = ANA) -> Environment:
    env = await scene.environment(branch, user)
    await scene.end(Phase.READY)
    return env


async def warned(scene: Scene, env: Environment, cause: Cause = Cause.IDLE) -> Message:
    """The owner is warned, and the warning stands in their DM."""
    now = scene.database.clock.now()
    goes = Goes(env.id, cause, now - DAY, now + DAY, "reaper.grace", grace=DAY)
    await scene.database.reaping.warn(env, goes, fallback=(GENERAL,))
    (notice,) = await scene.database.notices.due()
    claimed = await scene.database.notices.claim(notice, notice.id)
    assert claimed
    posted = await scene.slack.post(notice.to, await shown(scene, [notice]))
    await scene.database.notices.shown(claimed, posted.channel, posted.ts)
    return scene.direct(env.owner.user)[-1]


async def shown(scene: Scene, notices: Sequence[Notice]) -> Rendered:
    beside = Beside(scene.database.store, 7 * DAY)
    return words(notices, await beside(notices), scene.desk.style)


async def fate(scene: Scene) -> Warned:
    """What the warning should say now."""
    (notice,) = await scene.database.notices.due()
    assert isinstance(notice.says, Warned)
    return notice.says


@asynccontextmanager
async def writing(scene: Scene) -> AsyncIterator[None]:
    """What the reaper says comes to Slack, as in a replica that writes."""
    database, style = scene.database, scene.desk.style
    dispatcher = Dispatcher(
        cards=database.cards, store=database.store, slack=scene.slack, clock=database.clock,
        style=style, worker="a",
    )  # fmt: skip
    messages = ReaperMessages(
        rows=database.notices, around=Beside(database.store, 7 * DAY), slack=scene.slack,
        budget=dispatcher, clock=database.clock, style=style, gather=0.05,
    )  # fmt: skip
    database.subscribe(messages.wake)
    await dispatcher.start()
    await until(lambda: dispatcher.leads)
    messages.start()
    try:
        yield
    finally:
        await messages.stop()
        await dispatcher.stop()


async def test_one_dm_for_all_of_one_owner_follows_what_becomes_of_each(scene: Scene) -> None:
    envs = [await living(scene, branch) for branch in ("feat/x", "feat/y")]
    now = scene.database.clock.now()
    for env in envs:
        goes = Goes(env.id, Cause.IDLE, now - DAY, now + DAY, "reaper", grace=DAY)
        await scene.database.reaping.warn(env, goes, fallback=(GENERAL,))
    async with writing(scene):
        await until(scene.direct)
        (message,) = scene.direct()
        assert "2 environments of yours are about to be deleted" in said(message)
        assert [w.branch for w in await scene.database.notices.open()] == ["feat/x", "feat/y"]
        await scene.press(message, actions.REAPER_KEEP, envs[0].id)
        await until(lambda: f"stays: kept (<@{ANA}>)" in said(scene.direct()[0]))
        assert "*feat/y* will be deleted" in said(scene.direct()[0])
        assert [w.branch for w in await scene.database.notices.open()] == ["feat/y"]


async def test_keep_is_answered_and_the_warning_says_who_kept_it(scene: Scene) -> None:
    env = await living(scene)
    message = await warned(scene, env)
    await scene.press(message, actions.REAPER_KEEP, env.id)
    assert "*feat/x* stays: kept" in said(scene.direct()[-1])
    told = await fate(scene)
    assert (told.fate, told.why, told.by) == (Fate.STAYS, "kept", env.owner)
    ((who, outcome, detail),) = await scene.audited("environment.keep")
    assert (who, outcome, detail) == (ANA, "done", {"rule": "member", "cause": "idle"})


async def test_until_merge_is_one_of_the_menus_choices(scene: Scene) -> None:
    env = await living(scene)
    message = await warned(scene, env)
    await scene.press(message, actions.EXTEND, f"{env.id}:merge")
    assert "*feat/x* stays until its branch is merged" in said(scene.direct()[-1])
    assert (await fate(scene)).fate is Fate.STAYS


@pytest.mark.parametrize("text", ["extend feat/x 2d", "pin feat/x a demo"])
async def test_a_typed_command_answers_the_warning_too(scene: Scene, text: str) -> None:
    env = await living(scene)
    await warned(scene, env)
    assert await scene.type(text) is not None
    told = await fate(scene)
    assert (told.fate, told.by) == (Fate.STAYS, env.owner)


async def test_of_two_warnings_the_older_one_says_that_it_is(scene: Scene) -> None:
    env = await living(scene)
    await warned(scene, env)
    now = scene.database.clock.now()
    merged = Goes(env.id, Cause.MERGED, now, now + DAY, "reaper.merged", grace=DAY)
    await scene.database.reaping.warn(env, merged, fallback=(GENERAL,))
    old, new = [n.says for n in await scene.database.notices.due()]
    assert isinstance(old, Warned)
    assert isinstance(new, Warned)
    assert (old.fate, new.fate, new.goes.cause) == (Fate.NEWER, Fate.OPEN, Cause.MERGED)


async def test_what_is_gone_cannot_be_kept(scene: Scene) -> None:
    env = await living(scene)
    message = await warned(scene, env)
    await scene.press(message, actions.DELETE, env.id)
    await scene.end(Phase.DELETED)
    for action, value in ((actions.REAPER_KEEP, env.id), (actions.EXTEND, f"{env.id}:merge")):
        await scene.press(message, action, value)
        assert "is gone already" in said(scene.direct()[-1])
    told = await fate(scene)
    assert (told.fate, told.by) == (Fate.GONE, env.owner)


async def asked(scene: Scene, *branches: str) -> tuple[Message, str]:
    """The brake's question stands in the channel; its id."""
    now = scene.database.clock.now()
    envs = [await living(scene, branch) for branch in branches]
    one = [Candidate(e.id, e.branch, e.owner, Cause.GONE, now) for e in envs]
    reasons, checks = ["Too many."], frozenset({"many"})
    await scene.database.reaping.ask(one, reasons, checks, channel=GENERAL)
    (notice,) = await scene.database.notices.due()
    claimed = await scene.database.notices.claim(notice, notice.id)
    assert claimed
    assert isinstance(notice.says, Question)
    message = await scene.post(await shown(scene, [notice]))
    await scene.database.notices.shown(claimed, message.channel, message.ts)
    return message, notice.says.id


async def test_the_first_answer_counts_and_the_second_person_is_told_whose_it_was(
    scene: Scene,
) -> None:
    message, question = await asked(scene, "feat/x", "feat/y")
    await scene.press(message, actions.REAPER_GO, question, BEN)
    assert "Go: 2 environments may be deleted." in said(scene.private(BEN)[-1])
    await scene.press(message, actions.REAPER_NO_GO, question, ANA)
    assert f"answered already: <@{BEN}> said Go" in said(scene.private()[-1])
    (notice,) = await scene.database.notices.due()
    assert f"<@{BEN}> said Go" in str((await shown(scene, [notice])).blocks)


async def test_no_go_is_told_and_a_question_that_is_over_is_refused(scene: Scene) -> None:
    message, question = await asked(scene, "feat/x")
    await scene.press(message, actions.REAPER_NO_GO, question, BEN)
    assert "No-go: 1 environment stays" in said(scene.private(BEN)[-1])
    await scene.press(message, actions.REAPER_GO, "q-of-last-week", BEN)
    assert "That question is out of date." in said(scene.private(BEN)[-1])
    await scene.press(message, actions.REAPER_PLAN, "", BEN)
    assert "Reaper: 0 environments due to go" in said(scene.private(BEN)[-1])


async def test_the_plan_takes_the_answer_to_what_waits_and_a_go_after_a_no_go(
    scene: Scene,
) -> None:
    message, question = await asked(scene, "feat/x")
    desk = scene.desk
    plan = await desk.planner.plan()
    env = next(iter(plan.environments))
    now = plan.at
    waits = Goes(env, Cause.GONE, now - DAY, now + DAY, "reaper.gone", grace=DAY)
    held = replace(plan, verdicts={env: waits}, suspects=[waits], doubted=[waits])
    shown = as_read(held, desk)
    assert "1 environment waits for a Go" in shown.text
    assert "goes 1 day after its owner is told" in shown.text
    (row,) = [b for b in shown.blocks if b["type"] == "actions"]
    assert [(e["text"]["text"], e["value"]) for e in row["elements"]] == [
        ("Go", question),
        ("No-Go", question),
    ]
    await scene.press(message, actions.REAPER_NO_GO, question, BEN)
    held = replace(held, known=(await desk.planner.plan()).known)
    shown = as_read(held, desk)
    assert f"<@{BEN}> said No-go" in shown.text
    (row,) = [b for b in shown.blocks if b["type"] == "actions"]
    assert [e["text"]["text"] for e in row["elements"]] == ["Go"]
    await scene.press(message, actions.REAPER_GO, question, ANA)
    assert "Go: 1 environment may be deleted." in said(scene.private()[-1])


async def test_go_is_for_whom_the_policy_says(tmp_path: Path) -> None:
    policy = {"reap": Rule(Who.ROLE, ("platform",))}
    async with built(tmp_path, policy=policy) as scene:
        scene.people.know(CHLOE, 3, "platform")
        scene.people.know(BEN, 2)
        message, question = await asked(scene, "feat/x")
        await scene.press(message, actions.REAPER_GO, question, BEN)
        assert "That is for `platform`" in said(scene.private(BEN)[-1])
        await scene.press(message, actions.REAPER_GO, question, CHLOE)
        assert "Go: 1 environment may be deleted." in said(scene.private(CHLOE)[-1])
