"""What is written down of a merge that GitLab is asked for: whose it can be afterwards."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest
from typing_extensions import override

from qbot.domain.approvals import Person
from qbot.domain.names import ProjectPath
from qbot.domain.outages import LASTS, MISSES, Outages, Presence, Vendor
from qbot.domain.people import Actor
from qbot.domain.promotion import PromotionKind, PromotionState, Verdict
from qbot.domain.release_changes import PromotionMoved
from qbot.domain.repository_ports import MergeRequest, Moved, NotMergeable
from qbot.errors import TransientError, UserError
from qbot.operations.releases.case import Case
from qbot.operations.releases.merge_records import came_through
from qbot.operations.releases.merging import Stale, merged
from qbot.operations.releases.unseen import Unseen
from tests.operations.releases.fakes import FakePeople
from tests.operations.releases.planning_scene import MANAGERS
from tests.operations.releases.proposals import ProposedScene, WritableRepository


class Asked:
    """Answers the wish to merge with these, one after the other; the last one again and again."""

    def __init__(self, written: WritableRepository) -> None:
        self.written = written
        self.answers: list[Exception] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.written, name)

    async def merge(
        self, project: ProjectPath, iid: int, *, sha: str, message: str
    ) -> MergeRequest:
        raise self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@pytest.fixture
async def shop() -> AsyncIterator[ProposedScene]:
    made = ProposedScene()
    made.repository = cast("Any", Asked(made.config))
    yield made
    await made.close()


async def approved(shop: ProposedScene, *answers: Exception) -> Case:
    """On its way to the merge, which GitLab answers so."""
    cast("Asked", shop.repository).answers = list(answers)
    shop.ahead("cart")
    case = await shop.propose()
    for user in ("UCHLOE", "UDAN"):
        shop.people.roles[user] = frozenset({MANAGERS})
        await shop.approve(user)
    shop.rows.apply(PromotionMoved(shop.row.id, PromotionState.APPROVED))
    return case


async def ended(shop: ProposedScene, merging: asyncio.Task[str]) -> None:
    """The merge, with nobody waiting in vain."""
    while not merging.done():
        await asyncio.sleep(0)
        shop.clock.advance(1)
    await merging


async def seen(shop: ProposedScene) -> None:
    """Argo CD is asked for the first time; no time has passed."""
    while not shop.survey.asked:
        await asyncio.sleep(0)
        shop.clock.advance(0)


@pytest.mark.parametrize(
    ("answer", "raised"), [(Moved("it moved"), Stale), (NotMergeable("405"), UserError)]
)
async def test_what_gitlab_refused_to_merge_was_not_merged_by_qbot(
    shop: ProposedScene, answer: Exception, raised: type[Exception]
) -> None:
    case = await approved(shop, answer)
    with pytest.raises(raised):
        await ended(shop, asyncio.create_task(merged(case)))
    assert (shop.row.asked_sha, case.promotion.asked_sha) == ("", "")
    assert not case.tracker.progress.unsure


async def test_after_a_lost_answer_a_refusal_does_not_say_that_it_was_not_merged(
    shop: ProposedScene,
) -> None:
    case = await approved(shop, TransientError("GitLab does not answer"), Moved("it moved"))
    with pytest.raises(Stale):
        await ended(shop, asyncio.create_task(merged(case)))
    assert shop.row.asked_sha == case.merge_request.sha


async def test_a_pipeline_that_gitlab_has_not_made_yet_is_waited_for(shop: ProposedScene) -> None:
    case = await approved(shop, Moved("it was asked to merge"))
    shop.config.status = "ci_must_pass"
    merging = asyncio.create_task(merged(case))
    until = shop.clock.monotonic() + 30
    while shop.clock.monotonic() < until:
        await asyncio.sleep(0)
        shop.clock.advance(1)
    assert not merging.done()
    shop.config.status, shop.config.pipeline = "mergeable", "success"
    with pytest.raises(Stale, match="it was asked to merge"):
        await ended(shop, merging)


async def test_a_merge_that_is_under_way_in_gitlab_is_waited_for(shop: ProposedScene) -> None:
    case = await approved(shop, Moved("it was asked to merge"))
    shop.config.state, shop.config.status = "locked", "not_open"
    merging = asyncio.create_task(merged(case))
    until = shop.clock.monotonic() + 30
    while shop.clock.monotonic() < until:
        await asyncio.sleep(0)
        shop.clock.advance(1)
    assert not merging.done()
    shop.config.state, shop.config.status = "opened", "mergeable"  # it did not come about
    with pytest.raises(Stale, match="it was asked to merge"):
        await ended(shop, merging)


@pytest.mark.parametrize(
    ("pipeline", "why"),
    [("", "GitLab has started no pipeline for its commit"), ("failed", "its pipeline failed")],
)
async def test_without_a_pipeline_that_passes_it_is_said_which_is_so(
    shop: ProposedScene, pipeline: str, why: str
) -> None:
    case = await approved(shop, Moved("it was asked to merge"))
    shop.config.status, shop.config.pipeline = "ci_must_pass", pipeline
    with pytest.raises(UserError, match=f"cannot be merged: {why}[.]"):
        await ended(shop, asyncio.create_task(merged(case)))


async def test_each_time_of_asking_is_written_down_before_it(shop: ProposedScene) -> None:
    case = await approved(shop, NotMergeable("405"), NotMergeable("405"), Moved("it moved"))
    with pytest.raises(Stale):
        await ended(shop, asyncio.create_task(merged(case)))
    asked = [s for s in shop.journal.steps if s.startswith(("asked:", "refused:"))]
    assert asked == ["asked:0", "refused:0", "asked:1", "refused:1", "asked:2", "refused:2"]


@pytest.mark.parametrize("do", [merged, came_through])
async def test_what_gitlab_never_answers_is_told_of_after_hours(
    shop: ProposedScene, do: Callable[[Case], Coroutine[Any, Any, object]]
) -> None:
    case = await approved(shop, TransientError("GitLab does not answer"))
    shop.config.state = "opened" if do is merged else "locked"
    began, looking = shop.clock.monotonic(), asyncio.create_task(do(case))
    while not looking.done():
        await asyncio.sleep(0)
        shop.clock.advance(60)
    with pytest.raises(UserError, match=r"is not known yet: .*(does not answer|being merged)"):
        await looking
    assert shop.clock.monotonic() - began < 3 * 3600


@pytest.fixture
def argocd(shop: ProposedScene) -> Presence:
    """Of the stage."""
    made = Presence(Vendor.ARGOCD, "Argo CD", server="main")
    shop.outages = Outages([made])
    return made


def strike(argocd: Presence, shop: ProposedScene) -> None:
    now = shop.clock.now()
    for _ in range(MISSES):
        argocd.missed(now - LASTS, now)


async def test_nothing_new_is_merged_while_the_argo_cd_of_its_stage_is_away(
    shop: ProposedScene, argocd: Presence
) -> None:
    case = await approved(shop, AssertionError("it was asked to merge"))
    strike(argocd, shop)
    with pytest.raises(Unseen, match="Argo CD does not answer"):
        await merged(case)
    assert shop.row.asked_sha == ""


async def test_it_is_asked_right_before_a_merge_so_that_an_outage_nobody_knows_of_counts(
    shop: ProposedScene, argocd: Presence
) -> None:
    case = await approved(shop, AssertionError("it was asked to merge"))
    shop.survey.silent, since = True, shop.clock.now()
    merging = asyncio.create_task(merged(case))
    await seen(shop)
    with pytest.raises(Unseen, match="Argo CD does not answer") as raised:
        await ended(shop, merging)
    assert (raised.value.error.since, shop.row.asked_sha) == (since, "")
    assert (argocd.away(), shop.survey.asked) == (None, 2)


@dataclass
class Slow(FakePeople):
    """Something happens while roles are asked for anew."""

    happens: Callable[[], None] = lambda: None

    @override
    async def person(self, actor: Actor, *, fresh: bool = False, urgent: bool = False) -> Person:
        if fresh:
            self.happens()
        return await super().person(actor, fresh=fresh, urgent=urgent)


async def test_an_argo_cd_that_falls_silent_while_it_is_judged_anew_counts_as_well(
    shop: ProposedScene,
) -> None:
    shop.people = people = Slow(shop.people.roles)
    case = await approved(shop, AssertionError("it was asked to merge"))

    def strike() -> None:
        shop.survey.silent = True

    people.happens = strike
    with pytest.raises(Unseen, match="Argo CD does not answer"):
        await ended(shop, asyncio.create_task(merged(case)))
    assert shop.row.asked_sha == ""


async def test_a_no_that_comes_while_argo_cd_is_asked_once_more_counts(
    shop: ProposedScene,
) -> None:
    case = await approved(shop, AssertionError("it was asked to merge"))
    shop.survey.vain = 1
    merging = asyncio.create_task(merged(case))
    await seen(shop)
    await shop.approve("UEVA")
    no = replace(shop.rows.said[-1], verdict=Verdict.REJECTED, reason="not so fast")
    shop.rows.said[-1] = no
    with pytest.raises(Stale, match="not so fast"):
        await ended(shop, merging)
    assert shop.row.asked_sha == ""


async def test_an_argo_cd_that_answers_late_each_time_is_merged_into_all_the_same(
    shop: ProposedScene,
) -> None:
    case = await approved(shop, Moved("it was asked to merge"))

    async def ask(*_: object, **__: object) -> None:
        await shop.clock.sleep(8)

    cast("Any", shop.survey).ask = ask
    with pytest.raises(Stale, match="it was asked to merge"):
        await ended(shop, asyncio.create_task(merged(case)))


@pytest.mark.parametrize("late", [1, 2, 3])
async def test_a_no_that_comes_while_argo_cd_answers_late_counts(
    shop: ProposedScene, late: int
) -> None:
    case, looks = await approved(shop, AssertionError("it was asked to merge")), itertools.count(1)

    async def ask(*_: object, **__: object) -> None:
        await shop.clock.sleep(4)
        if next(looks) == late:
            await shop.approve("UEVA")
            no = replace(shop.rows.said[-1], verdict=Verdict.REJECTED, reason="not so fast")
            shop.rows.said[-1] = no
        await shop.clock.sleep(4)

    cast("Any", shop.survey).ask = ask
    with pytest.raises(Stale, match=r"not so fast|rejected it at the last moment"):
        await ended(shop, asyncio.create_task(merged(case)))
    assert shop.row.asked_sha == ""


async def test_an_argo_cd_that_answers_is_asked_once_before_a_merge(shop: ProposedScene) -> None:
    case = await approved(shop, Moved("it was asked to merge"))
    with pytest.raises(Stale, match="it was asked to merge"):
        await merged(case)
    assert shop.survey.asked == 1


async def test_what_goes_back_does_not_wait_for_an_argo_cd(
    shop: ProposedScene, argocd: Presence
) -> None:
    case = await approved(shop, Moved("it was asked to merge"))
    shop.rows.rows[-1] = case.promotion = replace(shop.row, kind=PromotionKind.ROLLBACK)
    strike(argocd, shop)
    with pytest.raises(Stale, match="it was asked to merge"):
        await merged(case)


async def test_what_gitlab_may_still_merge_waits_where_it_is(
    shop: ProposedScene, argocd: Presence
) -> None:
    case = await approved(shop, TransientError("GitLab does not answer"), Moved("asked again"))
    merging = asyncio.create_task(merged(case))
    while not shop.row.asked_sha:
        await asyncio.sleep(0)
        shop.clock.advance(0.01)
    strike(argocd, shop)
    until = shop.clock.monotonic() + 12 * 3_600
    while shop.clock.monotonic() < until:
        await asyncio.sleep(0)
        shop.clock.advance(60)
    assert not merging.done()
    argocd.answered(shop.clock.now())
    with pytest.raises(Stale, match="asked again"):
        await ended(shop, merging)
