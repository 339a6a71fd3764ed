"""Every command, and what its reader is told."""

from datetime import timedelta
from pathlib import Path

import pytest

from qbot.domain import actions
from qbot.domain.environment import Phase
from qbot.domain.inputs import CreateInput, SyncInput
from qbot.domain.names import ServiceName
from qbot.domain.progress import End
from qbot.errors import PermanentError, TransientError
from qbot.render.style import Style
from tests.sandbox.slack.stage import ANA, BEN, CHLOE, RANDOM, SECRET
from tests.slack.scene import Scene, said
from tests.slack.scene import scene as built


async def test_bare_command_shows_one_s_own_environments_and_the_ways_on(scene: Scene) -> None:
    assert "You have no environments" in said(await scene.type(""))
    await scene.environment("feat/mine")
    await scene.environment("feat/hers", BEN)
    shown = said(await scene.type(""))
    assert "feat/mine" in shown
    assert "feat/hers" not in shown
    assert "2 environments in all" in shown


async def test_help_names_every_command_and_one_in_full(scene: Scene) -> None:
    shown = said(await scene.type("help"))
    for verb in ("create", "list", "show", "sync", "delete"):
        assert f"/env {verb}" in shown
    assert "--services" in said(await scene.type("help create"))
    assert "Did you mean `/env create`" in said(await scene.type("help creat"))


async def test_create_is_answered_by_its_card_alone(scene: Scene) -> None:
    assert await scene.type("create feat/x --services cart,orders --ttl 2d") is None
    await scene.settled()
    assert scene.private() == []
    (operation,) = await scene.operations("feat/x")
    assert isinstance(operation.input, CreateInput)
    assert operation.input.services == ("cart", "orders")
    assert operation.input.ttl == timedelta(days=2)
    row = await scene.database.cards.card(operation.id)
    assert row is not None
    assert (row.channel, operation.actor.user) == ("C05GENERAL1", ANA)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("create feat/x --services crat", "There is no service `crat`. Did you mean `cart`?"),
        ("create feat/x --from nowhere", "There is no environment for `nowhere`"),
        ("create feat/..x", "cannot be the name of a git branch"),
        ("create feat/x --ttl soon", "is not a duration"),
        ("show feat/y", "`/env create feat/y` makes one"),
        ("delete feat/y", "There is no environment for `feat/y`"),
        ("sync", "`/env sync` needs an environment"),
        ("destroy everything", "There is no command `destroy`"),
        ("crate feat/x", "Did you mean `/env create`?"),
        ('create "feat/x', "A quote in the command is opened and never closed"),
    ],
)
async def test_what_cannot_be_done_says_why_and_the_next_step(
    scene: Scene, text: str, says: str
) -> None:
    answer = await scene.type(text)
    assert answer is not None
    assert says in answer.text
    assert "Reference" not in answer.text
    assert len(answer.text.splitlines()) >= 2


@pytest.mark.incident("hostile-text")
@pytest.mark.parametrize(
    "text",
    [
        "help <!channel>",
        "show <https://evil.example|Approve>",
        "delete `rm -rf`<!here>",
        "\u202efeat/x\u202c <@U05BEN7H3P9>",
        "list <!subteam^S1|@all>",
        "show " + "&lt;!channel&gt;" * 200,
        "\x00\x07" * 50,
        "--" * 500,
        "'" + "x" * 3_900,
    ],
)
async def test_hostile_text_comes_back_as_text(scene: Scene, text: str) -> None:
    answer = await scene.type(text)
    for bad in ("<!channel", "<!here", "<https://evil", "<!subteam", "\u202e"):
        assert bad not in said(answer)
    assert "my fault" not in said(answer)
    assert "inside Qbot" not in said(answer)


async def test_the_second_person_is_told_who_was_first_and_the_first_that_it_is_under_way(
    scene: Scene,
) -> None:
    env = await scene.environment("feat/x")
    assert f"<@{ANA}> started to create it" in said(await scene.type("create feat/x", BEN))
    await scene.end(Phase.READY)
    for dry in ("", " --dry-run"):
        assert "exists already and is ready" in said(await scene.type(f"create feat/x{dry}"))
    options = said(await scene.type("create feat/x --set cart=fix/y --ttl 1h"))
    assert "Nothing was changed: `--set` and `--ttl` count only in the" in options
    assert "`/env deploy feat/x cart=fix/y` does what `--set` asks." in options
    assert await scene.type("sync feat/x") is None
    again = said(await scene.type("sync feat/x"))
    assert f"under way already: <@{ANA}> asked to sync *feat/x*" in again
    assert len(await scene.operations(env.branch)) == 2


async def test_a_full_quota_names_its_holders(tmp_path: Path) -> None:
    async with built(tmp_path, per_owner=2) as scene:
        for number in range(2):
            await scene.environment(f"feat/{number}")
        shown = said(await scene.type("create feat/3"))
        assert "You have 2 environments already" in shown
        assert "feat/1" in shown
        assert await scene.type("create feat/3", BEN) is None


async def test_list_filters_and_show_asks_argo_cd(scene: Scene) -> None:
    await scene.environment("feat/a")
    await scene.environment("feat/b", BEN)
    assert "2 environments" in said(await scene.type("list"))
    mine = said(await scene.type("list --mine"))
    assert ("feat/a" in mine, "feat/b" in mine) == (True, False)
    assert "No environment matches" in said(await scene.type("list nothing"))
    hers = said(await scene.type(f"list <@{BEN}>"))
    assert ("feat/a" in hers, "feat/b" in hers) == (False, True)
    await scene.type("show feat/b")
    await scene.settled()
    assert f"owned by <@{BEN}>" in scene.private()[-1].text


async def test_lists_tell_what_argo_cd_says_now(scene: Scene) -> None:
    sick = await scene.environment("feat/sick")
    await scene.end(Phase.READY)
    well = await scene.environment("feat/well")
    await scene.end(Phase.READY)
    scene.argocd.failing_now = {sick.id: 2}
    shown = said(await scene.type("list"))
    assert "*Needs attention (1)*\\n:red_circle: *feat/sick* 2 services failing" in shown
    assert "*feat/well* ready" in shown
    assert set(scene.argocd.listed[-1]) == {sick.id, well.id}
    failed = said(await scene.type("list --failed"))
    assert ("feat/sick" in failed, "feat/well" in failed) == (True, False)
    assert "*feat/sick* 2 services failing" in said(await scene.type(""))
    taken = said(await scene.type("create feat/sick"))
    assert "exists already and has 2 services failing" in taken


async def test_what_fails_while_it_is_worked_on_needs_attention_too(scene: Scene) -> None:
    env = await scene.environment("feat/x")
    scene.argocd.failing_now = {env.id: 1}
    assert "*feat/x* " in said(await scene.type("list --failed"))


async def test_what_needs_attention_says_why_in_the_list(scene: Scene) -> None:
    await scene.environment("feat/x")
    headline = "2 services failed: cart and orders. Not part of this sync, but broken: payments."
    await scene.end(Phase.FAILED, End.FAILED, headline=headline)
    row = "*feat/x* needs attention: 2 services failed: cart and orders ·"
    assert row in said(await scene.type("list"))
    assert row.removesuffix(" ·") in said(await scene.type(""))


async def test_lists_say_so_where_argo_cd_is_away(scene: Scene) -> None:
    await scene.environment("feat/x")
    await scene.end(Phase.READY)
    scene.argocd.error = TransientError("Argo CD is away")
    for text in ("", "list", "list --failed"):
        assert "As of their last operation: Argo CD does not say" in said(await scene.type(text))
    assert "was ready after its last operation" in said(await scene.type("create feat/x"))


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (TransientError("Argo CD is away"), "Argo CD is away"),
        (PermanentError("Argo CD refuses the token"), "Argo CD refuses the token"),
        (ZeroDivisionError("secret detail"), "Something went wrong inside Qbot"),
    ],
)
async def test_show_is_answered_whatever_argo_cd_does(
    scene: Scene, error: Exception, says: str
) -> None:
    await scene.environment("feat/a")
    scene.argocd.error = error
    await scene.type("show feat/a")
    await scene.settled()
    (shown,) = scene.private()
    assert says in shown.text
    assert "secret detail" not in shown.text


async def test_delete_asks_first_and_both_answers_close_the_question(scene: Scene) -> None:
    env = await scene.environment("feat/x")
    await scene.end(Phase.READY)
    question = await scene.type("delete feat/x")
    assert env.name in said(question)
    assert question is not None
    await scene.press(question, actions.KEEP, env.id)
    assert scene.private() == []
    assert len(await scene.operations("feat/x")) == 1
    question = await scene.type("delete feat/x")
    assert question is not None
    await scene.press(question, actions.DELETE_CONFIRM, env.id)
    assert scene.private() == []
    assert len(await scene.operations("feat/x")) == 2
    question = await scene.type("delete feat/x", BEN)
    assert question is not None
    await scene.press(question, actions.DELETE_CONFIRM, env.id, BEN)
    (answer,) = scene.private(BEN)
    assert f"under way already: <@{ANA}> asked to delete *feat/x*" in answer.text
    assert len(await scene.operations("feat/x")) == 2


async def test_an_environment_that_never_came_to_be_is_not_called_deleted(scene: Scene) -> None:
    await scene.environment("feat/never")
    await scene.end(Phase.DELETED, End.REFUSED)
    await scene.environment("feat/ever")
    shown = said(await scene.type("show feat/never"))
    assert "There is no environment for `feat/never`. Did you mean `feat/ever`?" in shown
    assert "makes one if a repository has that branch" in shown


async def test_a_deleted_environment_is_called_deleted(scene: Scene) -> None:
    env = await scene.environment("feat/x")
    await scene.end(Phase.READY)
    question = await scene.type("delete feat/x")
    assert question is not None
    await scene.press(question, actions.DELETE_CONFIRM, env.id)
    await scene.end(Phase.DELETED)
    shown = said(await scene.type("show feat/x"))
    assert "has been deleted" in shown
    assert "`/env create feat/x` makes a new one" in shown


async def test_sync_hands_its_options_on_and_is_refused_during_a_deletion(scene: Scene) -> None:
    await scene.environment("feat/x")
    await scene.end(Phase.READY)
    assert await scene.type("sync feat/x cart \u2014prune --hard") is None
    operation = (await scene.operations("feat/x"))[-1]
    assert operation.input == SyncInput((ServiceName("cart"),), prune=True, hard=True)
    await scene.end(Phase.DELETING, End.FAILED)
    assert "`feat/x` is being deleted" in said(await scene.type("sync feat/x"))


async def test_what_is_not_fully_deleted_is_not_called_being_deleted(scene: Scene) -> None:
    env = await scene.environment("feat/x")
    for phase in (Phase.READY, Phase.DELETING):
        await scene.end(phase)
        question = await scene.type("delete feat/x")
        assert question is not None
        await scene.press(question, actions.DELETE_CONFIRM, env.id)
    await scene.end(Phase.STUCK, End.FAILED)
    for line in ("sync feat/x", "deploy feat/x cart=main", "rollback feat/x"):
        answer = said(await scene.type(line))
        assert "`feat/x` is not fully deleted" in answer
        assert "`/env delete feat/x` tries again" in answer


@pytest.mark.parametrize("channel", [RANDOM, SECRET, "dm"])
async def test_commands_work_where_qbot_is_no_member(scene: Scene, channel: str) -> None:
    assert "/env create" in said(await scene.type("help", CHLOE, channel))
    assert await scene.type("create feat/x", CHLOE, channel) is None
    assert len(await scene.operations("feat/x")) == 1


async def test_another_command_name_is_the_one_that_is_told(tmp_path: Path) -> None:
    async with built(tmp_path, style=Style(command="/lab")) as scene:
        payload = scene.line("sho feat/x") | {"command": "/lab"}
        answer = scene.taken(await scene.send("slash", payload), payload)
        assert "`/lab show feat/checkout`" in said(answer)
        assert "/env" not in said(answer)
