"""Neighbours that do not answer, refuse, or fall silent; bugs; and what is said of them."""

import re
from datetime import datetime

import pytest

from qbot.domain.environment import Phase
from qbot.domain.names import BASE, BranchName, EnvId, ServiceName, env_name
from qbot.domain.operation import Operation
from qbot.domain.progress import End, Kind, Stage
from qbot.domain.services import Build
from qbot.errors import PermanentError, TransientError
from qbot.operations.context import Context
from qbot.operations.engine import Outcome, Run
from qbot.render.card import Fresh, fresh_line
from tests.operations.scene import FAILED, SUCCEEDED, Scene

CART, WEB = ServiceName("cart"), ServiceName("web")
AWAY = TransientError("GET /x: 503")
OWNERS = "Whoever runs Qbot has to put that right."


@pytest.mark.parametrize(
    ("vendor", "method"),
    [
        ("gitlab", "heads"),
        ("gitlab", "defaults"),
        ("gitlab", "builds"),
        ("argocd", "ensure_project"),
        ("argocd", "ensure_base"),
        ("argocd", "ensure_application"),
        ("argocd", "survey"),
    ],
)
async def test_a_call_that_fails_for_a_while_is_shown_waited_for_and_forgotten(
    scene: Scene, vendor: str, method: str
) -> None:
    getattr(scene, vendor).faults.lay(method, AWAY, times=4)
    done = await scene.create()
    assert done.end is SUCCEEDED
    assert any(p.trouble == "GET /x: 503" and p.trouble_since for p in scene.shown)
    assert (await scene.progress(done)).trouble == ""
    assert max(scene.argocd.effects.values()) == 1


async def test_what_a_card_says_it_is_as_of_never_becomes_older(scene: Scene) -> None:
    scene.argocd.faults.lay("ensure_project", AWAY, times=6)
    done = await scene.create()
    assert done.end is SUCCEEDED
    texts = [fresh_line(p, Fresh(1.0)) for p in scene.shown]
    times = [int(found[1]) for text in texts if (found := re.search(r"<!date\^(\d+)", text))]
    assert times == sorted(times)
    assert len(set(times)) > 1


async def test_gitlab_away_while_a_build_runs_does_not_hide_the_other_services(
    scene: Scene,
) -> None:
    scene.gitlab.push("shop/cart", "feat/x", Build.RUNNING)
    scene.argocd.held.add(WEB)
    op = await scene.begin()
    await scene.pass_(6)
    scene.gitlab.faults.lay("builds", AWAY, times=10_000)
    scene.argocd.release("web")
    await scene.pass_(8)
    shown = await scene.progress(op)
    assert shown.trouble == "GET /x: 503"
    assert (await scene.row(op, "web")).stage is Stage.READY
    done = await scene.ended(op)
    assert done.headline == "The build of cart did not end in time."


async def test_a_lasting_refusal_to_make_one_service_fails_that_service(scene: Scene) -> None:
    scene.argocd.faults.lay("ensure_application web", AWAY, times=10_000)
    done = await scene.create()
    assert (done.end, done.headline) == (FAILED, "1 service failed: web.")
    assert (await scene.row(done, "web")).reason == "GET /x: 503"
    assert await scene.phase() is Phase.FAILED


async def test_a_foreign_application_in_the_way_is_that_services_failure(scene: Scene) -> None:
    why = "exists and is not this environment's"
    scene.argocd.faults.lay("ensure_application web", PermanentError(why))
    done = await scene.create()
    assert done.headline == "1 service failed: web."
    assert (await scene.row(done, "web")).reason == why
    assert (await scene.row(done, "cart")).stage is Stage.READY


async def test_argo_cd_away_at_the_very_end_is_told_as_such(scene: Scene) -> None:
    scene.argocd.faults.lay("survey", AWAY, times=10_000)
    done = await scene.create()
    assert done.headline == "How the services are could not be checked: GET /x: 503"
    assert await scene.phase() is Phase.FAILED


async def test_a_project_that_cannot_be_made_ends_the_create(scene: Scene) -> None:
    scene.argocd.faults.lay("ensure_project", AWAY, times=10_000)
    done = await scene.create()
    assert done.headline == "The AppProject cannot be made: GET /x: 503"


async def test_a_namespace_that_is_broken_ends_the_create_with_its_reason(scene: Scene) -> None:
    scene.argocd.health[BASE] = "Degraded"
    done = await scene.create()
    assert done.headline == "The namespace cannot be made: Degraded"
    assert await scene.phase() is Phase.FAILED
    assert scene.targets() == {}
    assert set((await scene.stages(done)).values()) == {Stage.PLANNED}


async def test_a_namespace_that_does_not_come_in_time_ends_the_create(scene: Scene) -> None:
    scene.argocd.held.add(BASE)
    done = await scene.create()
    assert done.headline.startswith("The namespace was not ready in time.")


async def test_a_gitlab_that_refuses_ends_a_create_without_a_trace(scene: Scene) -> None:
    scene.gitlab.faults.lay("heads", PermanentError("GitLab refuses the token."))
    done = await scene.create()
    assert done.end is FAILED
    assert done.headline == (
        f"GitLab refuses the token. {OWNERS} Nothing was made. `create feat/x` tries again."
    )
    assert await scene.phase() is Phase.DELETED
    assert (await scene.create()).end is SUCCEEDED


async def test_a_foreign_project_of_the_same_name_ends_a_create_without_a_trace(
    scene: Scene,
) -> None:
    scene.argocd.projects[env_name(BranchName("feat/x"), prefix="qbot")] = EnvId("e-other")
    done = await scene.create()
    assert done.end is FAILED
    assert done.headline.endswith("is not ours. Nothing was made.")
    assert await scene.phase() is Phase.DELETED
    assert (await scene.progress(done)).services == ()


async def test_a_gitlab_that_refuses_a_sync_changes_no_environment(scene: Scene) -> None:
    await scene.create()
    scene.gitlab.faults.lay("heads", PermanentError("GitLab refuses the token."))
    done = await scene.sync()
    assert (done.end, done.headline) == (FAILED, f"GitLab refuses the token. {OWNERS}")
    assert await scene.phase() is Phase.READY


async def test_argo_cd_refusing_in_the_middle_leaves_a_failed_environment(scene: Scene) -> None:
    scene.argocd.faults.lay("ensure_base", PermanentError("no right"))
    done = await scene.create()
    assert (done.end, done.headline) == (FAILED, f"no right {OWNERS}")
    assert await scene.phase() is Phase.FAILED
    assert (await scene.delete()).end is SUCCEEDED


async def test_argo_cd_refusing_a_deletion_leaves_it_stuck(scene: Scene) -> None:
    await scene.create()
    scene.argocd.faults.lay("survey", PermanentError("no right"))
    done = await scene.delete()
    assert (done.end, done.headline) == (FAILED, f"no right {OWNERS}")
    assert await scene.phase() is Phase.STUCK


async def bug(_run: Run, _context: Context) -> Outcome:
    raise KeyError("the inside of Qbot")


async def with_bug(scene: Scene, *kinds: Kind) -> None:
    await scene.kill()
    scene.bodies |= dict.fromkeys(kinds, bug)
    await scene.start()


async def test_a_bug_is_told_in_neutral_words_with_the_reference(scene: Scene) -> None:
    await scene.create()
    await with_bug(scene, Kind.SYNC)
    done = await scene.sync()
    assert done.headline == f"Something went wrong inside Qbot (reference {done.id})."
    shown = await scene.progress(done)
    assert (shown.end, shown.headline) == (FAILED, done.headline)
    assert await scene.phase() is Phase.READY


async def test_a_bug_in_a_create_frees_the_branch_where_nothing_was_made(scene: Scene) -> None:
    await with_bug(scene, Kind.CREATE)
    done = await scene.create()
    assert done.headline.endswith("Nothing was made. `create feat/x` tries again.")
    assert await scene.phase() is Phase.DELETED


async def test_a_bug_in_a_deletion_leaves_it_for_a_second_one(scene: Scene) -> None:
    await scene.create()
    scene.argocd.faults.lay("delete_application", KeyError("bug"))
    assert (await scene.delete()).end is FAILED
    assert await scene.phase() is Phase.STUCK
    assert (await scene.delete()).end is SUCCEEDED


async def test_a_bug_in_the_middle_of_a_create_leaves_a_failed_environment(scene: Scene) -> None:
    scene.argocd.faults.lay("ensure_application web", KeyError("bug"))
    assert (await scene.create()).end is FAILED
    assert await scene.phase() is Phase.FAILED


@pytest.mark.parametrize("error", [PermanentError("refused"), KeyError("bug")], ids=type)
async def test_a_dry_run_that_fails_is_told_to_the_person_and_changes_nothing(
    scene: Scene, error: Exception
) -> None:
    await scene.create()
    scene.gitlab.faults.lay("heads", error, times=2)
    for done in (await scene.create("feat/y", dry_run=True), await scene.sync(dry_run=True)):
        assert done.end is FAILED
    assert scene.answers.told == [error, error]
    assert await scene.phase() is Phase.READY


async def test_a_dry_run_that_waits_for_gitlab_says_so_and_is_given_up_at_last(
    scene: Scene,
) -> None:
    scene.gitlab.faults.lay("heads", AWAY, times=10_000)
    began = scene.clock.monotonic()
    done = await scene.create("feat/x", dry_run=True)
    assert (done.end, done.headline) == (FAILED, "GET /x: 503")
    assert scene.answers.kept_waiting == ["GET /x: 503"]
    assert [str(e) for e in scene.answers.told] == ["GET /x: 503"]
    assert scene.clock.monotonic() - began < 40  # seconds


async def test_what_a_dry_run_was_given_up_for_is_not_called_to_come(scene: Scene) -> None:
    hangs = TransientError("Argo CD was asked for x: no answer yet.")
    scene.gitlab.faults.lay("heads", hangs, times=10_000)
    await scene.create("feat/x", dry_run=True)
    assert [str(e) for e in scene.answers.told] == ["Argo CD was asked for x, and did not answer."]


async def test_a_dry_run_that_gitlab_keeps_waiting_is_previewed_when_it_answers(
    scene: Scene,
) -> None:
    scene.gitlab.faults.lay("heads", AWAY, times=4)
    done = await scene.create("feat/x", dry_run=True)
    assert (done.end, scene.answers.told) == (SUCCEEDED, [])
    assert (len(scene.answers.kept_waiting), len(scene.answers.previews)) == (1, 1)


async def test_a_restart_while_argo_cd_is_away_waits_for_it(scene: Scene) -> None:
    scene.argocd.held.add(WEB)
    op = await scene.begin()
    await scene.pass_(5)
    await scene.kill()
    scene.argocd.faults.lay("survey", AWAY, times=4)
    await scene.start()
    await scene.pass_(3)
    assert (await scene.progress(op)).trouble == "GET /x: 503"
    scene.argocd.release("web")
    assert (await scene.ended(op)).end is SUCCEEDED


async def test_a_restart_shows_what_was_shown_before(scene: Scene) -> None:
    scene.argocd.held.add(WEB)
    op = await scene.begin()
    await scene.pass_(5)
    before = await scene.progress(op)
    await scene.kill()
    await scene.start()
    scene.shown.clear()
    for _ in range(5):
        await scene.pass_(1)
        scene.shown.append(await scene.progress(op))
    assert {p.step for p in scene.shown} == {before.step}
    assert {p.counts()[Stage.READY] for p in scene.shown} == {2}
    scene.argocd.release("web")
    await scene.ended(op)


async def silence(scene: Scene, op: Operation) -> tuple[datetime, str]:
    """Argo CD is not heard for half a minute; since when, and what the card says."""
    since = scene.clock.now()
    scene.argocd.silent = since
    await scene.pass_(30)
    return since, (await scene.progress(op)).trouble


@pytest.mark.parametrize("held", [BASE, WEB], ids=["preparing", "deploying"])
async def test_a_silent_live_view_is_a_trouble_until_it_is_heard(
    scene: Scene, held: ServiceName
) -> None:
    scene.argocd.held.add(held)
    op = await scene.begin()
    await scene.pass_(5)
    _, trouble = await silence(scene, op)
    assert trouble == "Argo CD does not answer"
    scene.argocd.silent = None
    await scene.pass_(3)
    assert (await scene.progress(op)).trouble == ""
    scene.argocd.release(held)
    assert (await scene.ended(op)).end is SUCCEEDED


async def test_a_silent_live_view_of_a_deletion_is_a_trouble_too(scene: Scene) -> None:
    await scene.create()
    scene.argocd.sticky[WEB] = "slow"
    op = await scene.begin_delete()
    await scene.pass_(5)
    assert (await silence(scene, op))[1] == "Argo CD does not answer"
    scene.argocd.silent = None
    scene.argocd.free("web")
    assert (await scene.ended(op)).end is SUCCEEDED


async def test_what_is_shown_is_as_old_as_what_was_heard(scene: Scene) -> None:
    scene.argocd.held.add(CART)
    scene.argocd.health[WEB] = "Degraded"
    op = await scene.begin()
    await scene.pass_(5)
    since, _ = await silence(scene, op)  # meanwhile web has been broken for long enough
    shown = await scene.progress(op)
    assert (await scene.row(op, "web")).stage is Stage.FAILED
    assert shown.updated_at == since
    scene.argocd.silent = None
    scene.argocd.release("cart")
    assert (await scene.ended(op)).end is End.FAILED


async def test_a_project_whose_answer_was_lost_is_not_called_never_made(scene: Scene) -> None:
    scene.argocd.faults.lay("ensure_project, answer lost", PermanentError("401 no session"))
    done = await scene.create()
    assert (done.end, done.headline) == (FAILED, "401 no session")
    assert await scene.phase() is Phase.FAILED
    assert (await scene.delete()).end is SUCCEEDED
    assert (await scene.create()).end is SUCCEEDED


async def test_a_refused_project_that_is_not_there_frees_the_branch(scene: Scene) -> None:
    scene.argocd.faults.lay("ensure_project", PermanentError("no right"))
    done = await scene.create()
    assert (done.end, done.headline) == (FAILED, "no right Nothing was made.")
    assert await scene.phase() is Phase.DELETED


async def test_where_nobody_may_look_a_refused_create_is_failed(scene: Scene) -> None:
    scene.argocd.faults.lay("ensure_project", PermanentError("401"))
    scene.argocd.faults.lay("project_exists", PermanentError("401"))
    assert (await scene.create()).end is FAILED
    assert await scene.phase() is Phase.FAILED
