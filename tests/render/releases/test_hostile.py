"""Whatever others write about a promotion, Slack only shows it, and no limit is passed."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from qbot.domain.barriers import Barrier, Freeze, Hold, Lock
from qbot.domain.differences import Difference, Differences, Side
from qbot.domain.history import Entry, StagePast
from qbot.domain.jobs import JobRun, JobState
from qbot.domain.names import OpId, ProjectPath, PromotionId, ServiceName, StageName
from qbot.domain.people import Actor
from qbot.domain.policy import Allowed, Denied
from qbot.domain.progress import End, Kind, Step
from qbot.domain.promotion import (
    Account,
    Approval,
    Item,
    Pin,
    Promotion,
    PromotionKind,
    PromotionState,
    Verdict,
    Version,
)
from qbot.domain.release import Change, Diff, Needed, StageProgress
from qbot.domain.services import Build
from qbot.render.board import board
from qbot.render.card import Fresh, Links
from qbot.render.history import PAGE as HISTORY
from qbot.render.history import Turn, history
from qbot.render.releases.card import stage_card, stage_preview
from qbot.render.releases.changes import change_parts, changes_view
from qbot.render.releases.details import loading, stage_details
from qbot.render.releases.differing import diff
from qbot.render.releases.ending import stage_ending
from qbot.render.releases.forms import break_glass_form, reject_form
from qbot.render.releases.keeping import frozen, lock_taken, locked, now_free, released, unlocked
from qbot.render.releases.past import past
from qbot.render.releases.reminding import hold_reminder, reminder, shout
from qbot.render.releases.rights import can, link_account, linked
from qbot.render.releases.running import log_block
from tests.render.blockcheck import check_message, check_view, texts
from tests.render.releases.samples import BEGUN, plan
from tests.render.samples import NOW, STYLE
from tests.render.test_hostile import OUTSIDE, SOME, services

COUNTS = st.sampled_from([0, 1, 4, 100])
MAYBE = st.none() | st.just(NOW)


@st.composite
def actors(draw: st.DrawFn) -> Actor:
    return Actor("T0ACME", draw(st.sampled_from(["U0ANA", "U0BEN", "U0CHLOE"]) | OUTSIDE))


@st.composite
def items(draw: st.DrawFn) -> tuple[Item, ...]:
    one = Item(
        service=ServiceName(draw(OUTSIDE)),
        project=ProjectPath("shop/cart"),
        old=Version(draw(OUTSIDE), ref=draw(OUTSIDE)),
        new=Version(draw(OUTSIDE), ref=draw(OUTSIDE)),
        commits=draw(st.none() | st.integers(-2_000, 2_000)),
        authors=tuple(draw(st.lists(OUTSIDE, max_size=4))),
        compare_url=draw(OUTSIDE),
        build=draw(st.sampled_from(Build)),
        build_url=draw(OUTSIDE),
        since=draw(MAYBE),
        drift=draw(OUTSIDE),
        pin=Pin(unknown=draw(OUTSIDE)),
        titles=tuple(draw(st.lists(OUTSIDE, max_size=3))),
    )
    return tuple(
        replace(one, service=ServiceName(f"{one.service}{n}")) for n in range(draw(COUNTS))
    )


@st.composite
def approvals(draw: st.DrawFn) -> tuple[Approval, ...]:
    return tuple(
        Approval(
            promotion=PromotionId(12),
            actor=draw(actors()),
            account=Account(1, draw(OUTSIDE)),
            digest=draw(OUTSIDE),
            verdict=draw(st.sampled_from(Verdict)),
            at=NOW,
            reason=draw(OUTSIDE),
            void=draw(st.just("") | OUTSIDE),
        )
        for _ in range(draw(st.integers(0, 3)))
    ) * draw(st.sampled_from([1, 9]))


@st.composite
def needs(draw: st.DrawFn) -> Needed:
    teams = [(ServiceName(draw(OUTSIDE)), (draw(OUTSIDE),))] * draw(COUNTS)
    return Needed(
        count=2,
        missing=draw(st.integers(0, 2)),
        eligible=(draw(OUTSIDE),) * draw(st.sampled_from([0, 1, 20])),
        roles=(draw(OUTSIDE),) * draw(st.integers(0, 3)),
        teams=tuple(teams),
        by_requester=draw(st.booleans()),
    )


@st.composite
def promotions(draw: st.DrawFn) -> StageProgress:
    change = Change(draw(OUTSIDE), 4, draw(OUTSIDE), draw(OUTSIDE))
    lines = tuple(replace(change, line=n) for n in range(draw(st.sampled_from([0, 1, 200]))))
    barrier = Barrier("freeze", draw(OUTSIDE), draw(MAYBE), draw(st.none() | actors()))
    job = JobRun(draw(OUTSIDE), draw(st.sampled_from(JobState)), draw(OUTSIDE), draw(OUTSIDE))
    return replace(
        BEGUN,
        kind=draw(st.sampled_from([Kind.PROMOTE, Kind.ROLLBACK])),
        stage=StageName(draw(OUTSIDE)),
        source=draw(OUTSIDE),
        actor=draw(actors()),
        step=draw(st.sampled_from(Step)),
        promotion=draw(st.none() | st.just(PromotionId(12))),
        state=draw(st.sampled_from(PromotionState)),
        items=draw(items()),
        changes=Diff(lines, draw(st.integers(len(lines), 10**9)), draw(st.integers(0, 10**9))),
        services=draw(services()),
        digest=draw(st.sampled_from(["", plan().digest])),
        merge_request=draw(OUTSIDE),
        merge_request_iid=draw(st.integers(0, 10**9)),
        merge_status=draw(OUTSIDE),
        pipeline=draw(st.sampled_from(["running", "success", "failed", "manual"]) | OUTSIDE),
        pipeline_url=draw(OUTSIDE),
        approvals=draw(approvals()),
        needed=draw(st.none() | needs()),
        barriers=(barrier,) * draw(st.sampled_from([0, 1, 30])),
        jobs=(job,) * draw(st.integers(0, 6)),
        log=(draw(OUTSIDE), draw(OUTSIDE)) * draw(st.sampled_from([0, 1, 40])),
        expires_at=draw(MAYBE),
        reason=draw(OUTSIDE),
        emergency=draw(st.booleans()),
        merged_sha=draw(st.sampled_from(["", "4be1f0c8"])),
        held=(ServiceName(draw(OUTSIDE)),) * draw(COUNTS),
        end=draw(st.none() | st.sampled_from(End)),
        ended_at=draw(MAYBE),
        headline=draw(OUTSIDE),
        trouble=draw(OUTSIDE),
        trouble_since=draw(MAYBE),
        usual_seconds=draw(st.none() | st.floats(0, 10**6)),
        cancelling=draw(st.booleans()),
        dry_run=draw(st.booleans()),
    )


@SOME
@given(promotions(), OUTSIDE)
def test_messages_of_a_promotion_are_valid_and_inert(progress: StageProgress, note: str) -> None:
    for shown in (
        stage_card(progress, STYLE, fresh=Fresh(30.0, 12)),
        stage_card(progress, STYLE, superseded=note, links=Links(note, note)),
        stage_preview(progress, STYLE),
        stage_ending(progress, STYLE),
        reminder(progress, note, STYLE),
        shout(progress, note),
        board([progress] * 60, fresh=Fresh(5.0)),
    ):
        check_message(shown.text, list(shown.blocks))


@SOME
@given(promotions(), OUTSIDE, st.integers(0, 9))
def test_views_of_a_promotion_are_valid_and_inert(
    progress: StageProgress, text: str, page: int
) -> None:
    for view in (
        stage_details(progress, STYLE, page=page),
        changes_view(progress, STYLE),
        loading(text),
        reject_form(text, text),
        break_glass_form(text, text, [text] * 20),
    ):
        for part in texts(view["blocks"]):
            assert part.strip()
        check_view(view)


@SOME
@given(st.lists(OUTSIDE, min_size=1, max_size=20))
def test_no_code_block_is_left_open_by_what_is_in_it(lines: list[str]) -> None:
    log = log_block(replace(BEGUN, log=tuple(lines)))
    parts = change_parts(Change("production/cart.yaml", 4, line, line) for line in lines)
    for text in [*parts, *([log] if log else [])]:
        assert len(text) <= 3000
        assert text.count("```") == 2
        assert text.endswith("\n```")


@SOME
@given(OUTSIDE, actors(), items(), MAYBE, st.booleans())
def test_answers_about_stages_are_valid_and_inert(
    text: str,
    actor: Actor,
    changed: tuple[Item, ...],
    until: None,
    own: bool,
) -> None:
    stage = StageName(text)
    freeze, lock = (
        Freeze(stage, actor, text, NOW, until),
        Lock(text, actor, text, NOW, until),
    )
    holds = [Hold(stage, ServiceName(text), actor, NOW, PromotionId(3), text)] * 30
    entry = Entry(Kind.DEPLOY, actor, NOW, text, End.FAILED, NOW, text, text)
    row = Promotion(
        id=PromotionId(7),
        op=OpId("op7"),
        kind=PromotionKind.PROMOTION,
        stage=stage,
        requester=actor,
        account=None,
        state=PromotionState.DONE,
        created_at=NOW,
        plan=replace(plan(), items=changed, source=text),
    )
    for shown in (
        frozen(freeze, STYLE, already=own),
        locked(lock, text, STYLE),
        lock_taken(lock, text),
        now_free(text),
        unlocked(lock, text, Actor("T0ACME", "U0BEN")),
        released(stage, holds, actor),
        hold_reminder(holds, STYLE),
        past(stage, StagePast([row, entry] * 8, row.id, more=own), STYLE, Turn(text, 1)),
        history(text, [entry] * HISTORY, STYLE, Turn(text), more=own),
        can(actor.user, text, Denied(text, text), STYLE, own=own),
        can(actor.user, text, Allowed(text), STYLE, own=own),
        link_account(text),
        linked(text),
    ):
        check_message(shown.text, list(shown.blocks))


@SOME
@given(OUTSIDE, items())
def test_comparisons_are_valid_and_inert(text: str, changed: tuple[Item, ...]) -> None:
    rows = tuple(
        Difference(i.service, Side(i.old, i.drift), Side(None), i.commits, i.authors, i.compare_url)
        for i in changed
    )
    shown = diff(Differences(text, text, rows, 3, NOW), STYLE)
    check_message(shown.text, list(shown.blocks))
