"""Which message goes next, decided without any call."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from qbot.cards.memory import Memory, seen
from qbot.cards.plan import Act, View, cadence, plan, rank_of
from qbot.cards.rank import Rank
from qbot.domain.names import OpId, PromotionId, StageName
from qbot.domain.operation import BoardRow, CardRow
from qbot.domain.people import Actor
from qbot.domain.progress import Continued, Kind, Progress, Step
from qbot.domain.promotion import Account, Approval, Verdict
from qbot.domain.release import StageProgress
from tests.cards.fakes import ended, progress_of, ready
from tests.cards.virtual import START


def posted(progress: Progress, channel: str = "C1", changed: float = 0.0) -> CardRow:
    at = START + timedelta(seconds=changed)
    return CardRow(
        progress.op, progress, 2, 1, "h", channel, posted_channel=channel, ts="1.0", changed_at=at
    )


def showing(*rows: CardRow, at: float = 0.0) -> Memory:
    """A memory in which each row was last shown deploying without a failure."""
    shown = [r.progress for r in rows if isinstance(r.progress, Progress)]
    return Memory(shown={str(p.op): seen(ready(p, 1, START), at) for p in shown})


def deploying(number: int, count: int = 3, failed: int = 0) -> Progress:
    return ready(progress_of(number, START), count, START, failed=failed)


def test_order_is_ends_then_first_failures_then_phases_then_counts() -> None:
    rows = [
        posted(deploying(1)),
        posted(replace(deploying(2), step=Step.CHECKING)),
        posted(deploying(3, failed=1)),
        posted(ended(deploying(4), START)),
    ]
    view = View(rows, rows[:3], [])
    jobs = plan(view, showing(*rows), now=100.0, per_minute=40)
    edits = [(j.key, j.rank) for j in jobs if j.act is Act.EDIT]
    assert edits == [
        ("op4", Rank.END), ("op3", Rank.ALARM), ("op2", Rank.PHASE), ("op1", Rank.COUNTS),
    ]  # fmt: skip


def test_a_superseded_card_goes_after_counts_and_after_every_end() -> None:
    gone = replace(posted(ended(deploying(1), START)), superseded="Deleted.", end_ts="2.0")
    lost = replace(gone, op=deploying(4).op, ts="")
    rows = [gone, lost, posted(deploying(2)), posted(ended(deploying(3), START), changed=9.0)]
    jobs = plan(View(rows, rows[2:3], []), showing(*rows[2:]), now=100.0, per_minute=40)
    assert [j.key for j in jobs] == ["op3", "op3", "op2", "op1", "op4"]


def test_a_card_that_was_continued_goes_last_once_its_end_has_been_told() -> None:
    over = ended(deploying(1), START)
    by = Continued(Kind.SYNC, over.actor, START)
    untold = posted(replace(over, continued=by))
    told = replace(posted(replace(ended(deploying(2), START), continued=by)), end_ts="2.0")
    rows = [told, untold, posted(deploying(3))]
    jobs = plan(View(rows, rows[2:], []), showing(*rows[2:]), now=100.0, per_minute=40)
    assert [(j.key, j.rank) for j in jobs if j.act is Act.EDIT] == [
        ("op1", Rank.END), ("op3", Rank.COUNTS), ("op2", Rank.SUPERSEDED),
    ]  # fmt: skip


def test_within_a_rank_the_one_that_waits_longest_goes_first() -> None:
    rows = [posted(ended(deploying(n), START), changed=float(-n)) for n in (1, 3, 2)]
    jobs = plan(View(rows, [], []), Memory(), now=0.0, per_minute=40)
    assert [j.key for j in jobs if j.act is Act.EDIT] == ["op3", "op2", "op1"]


def test_a_failure_that_was_shown_already_is_no_alarm() -> None:
    row = posted(deploying(1, failed=1))
    memory = Memory(shown={str(row.op): seen(row.progress, 0.0)})
    (job,) = plan(View([row], [row], []), memory, now=9.0, per_minute=40)
    assert job.rank is Rank.COUNTS


def test_counts_wait_their_share_and_ends_do_not() -> None:
    row, over = posted(deploying(1)), posted(ended(deploying(2), START))
    memory = showing(row, over, at=100.0)
    running = [posted(deploying(n), f"C{n}") for n in range(60)]
    jobs = plan(View([row, over], running, []), memory, now=101.0, per_minute=40)
    due = {j.key: j.due for j in jobs}
    assert due == {"op1": pytest.approx(100.0 + 60 * 60 / 40), "op2": 101.0}


def test_one_message_is_edited_every_three_seconds_at_most() -> None:
    row = posted(deploying(1))
    (job,) = plan(View([row], [row], []), showing(row, at=100.0), now=100.5, per_minute=40)
    assert job.due == 103.0


def test_in_a_crowd_counts_are_left_to_the_board() -> None:
    rows = [posted(deploying(n)) for n in range(11)]
    jobs = plan(View(rows, rows, []), showing(*rows), now=100.0, per_minute=40)
    assert [(j.act, j.channel) for j in jobs] == [(Act.POST_BOARD, "C1")]


def test_ten_operations_are_no_crowd() -> None:
    rows = [posted(deploying(n)) for n in range(10)]
    jobs = plan(View(rows, rows, []), showing(*rows), now=100.0, per_minute=40)
    assert {j.act for j in jobs} == {Act.EDIT}


@pytest.mark.parametrize("channel", ["U0ANA", "W0ANA", "D0ANA"])
def test_a_dm_gets_no_board(channel: str) -> None:
    rows = [posted(deploying(n), channel) for n in range(20)]
    jobs = plan(View(rows, rows, []), showing(*rows), now=100.0, per_minute=40)
    assert {j.act for j in jobs} == {Act.EDIT}


def test_a_board_that_nothing_runs_on_any_more_is_edited_once_more() -> None:
    view = View([], [], [BoardRow("C1", "1.0", "h")])
    (job,) = plan(view, Memory(), now=0.0, per_minute=40)
    assert job.act is Act.EDIT_BOARD


def test_a_board_whose_post_may_have_arrived_is_looked_for_when_its_crowd_is_gone() -> None:
    view = View([], [], [BoardRow("C1", trying_since=START)])
    (job,) = plan(view, Memory(), now=0.0, per_minute=40)
    assert job.act is Act.FIND_BOARD
    assert not plan(view, Memory(unsent={("C1", "board")}), now=0.0, per_minute=40)


def test_an_open_try_is_looked_for_before_it_is_repeated() -> None:
    fresh = replace(posted(deploying(1)), ts="", posted_channel="", trying=True)
    done = replace(posted(ended(deploying(2), START)), shown=2, trying_end=True)
    view = View([fresh, done], [fresh], [])
    acts = [j.act for j in plan(view, Memory(), now=0.0, per_minute=40)]
    assert acts == [Act.FIND, Act.FIND_REPLY]
    sure = Memory(unsent={("op1", "card"), ("op2", "end")})
    acts = [j.act for j in plan(view, sure, now=0.0, per_minute=40)]
    assert acts == [Act.POST, Act.REPLY]


def test_the_cadence_is_shared_by_all_live_messages() -> None:
    rows = [posted(deploying(n), f"C{n}") for n in range(200)]
    assert cadence(View([], rows[:2], []), 40) == 3.0
    assert cadence(View([], rows, []), 40) == 300.0
    crowd = [posted(deploying(n)) for n in range(50)]
    assert cadence(View([], crowd, [BoardRow("C1", "1.0")]), 40) == 3.0


@pytest.mark.parametrize(
    ("step", "age", "due"),
    [
        (Step.RESOLVING, 0.5, 101.5),
        (Step.QUEUED, 3.0, 100.0),
        (Step.PREPARING, 0.5, 100.0),
    ],
    ids=["may-be-refused", "waits-long", "goes-on"],
)
def test_a_card_waits_a_moment_for_a_refusal_that_makes_it_needless(
    step: Step, age: float, due: float
) -> None:
    progress = replace(progress_of(1, START), step=step)
    row = CardRow(progress.op, progress, 1, 0, "", "C1")
    view = View([row], [row], [], at=progress.started_at + timedelta(seconds=age))
    (job,) = plan(view, Memory(), now=100.0, per_minute=40)
    assert job.due == pytest.approx(due)


def asking(**facts: Any) -> StageProgress:
    calm = StageProgress(
        op=OpId("op9"),
        kind=Kind.PROMOTE,
        stage=StageName("production"),
        source="staging",
        actor=Actor("T1", "UANA"),
        step=Step.APPROVING,
        started_at=START,
        updated_at=START,
    )
    return replace(calm, **facts)


def stage_card(progress: StageProgress) -> CardRow:
    return CardRow(progress.op, progress, 2, 1, "h", "C1", posted_channel="C1", ts="1.0")


def yes(user: str, void: str = "") -> Approval:
    actor, account = Actor("T1", user), Account(1, user)
    return Approval(PromotionId(1), actor, account, "d", Verdict.APPROVED, START, void=void)


def test_a_question_and_each_word_on_it_are_urgent() -> None:
    resolving = seen(asking(step=Step.RESOLVING), 0.0)
    assert rank_of(stage_card(asking()), resolving, now=1.0) is Rank.ALARM
    asked = seen(asking(), 0.0)
    assert rank_of(stage_card(asking(approvals=(yes("UBEN"),))), asked, now=1.0) is Rank.ALARM
    heard = seen(asking(approvals=(yes("UBEN"),)), 0.0)
    void = stage_card(asking(approvals=(yes("UBEN", "moved"),)))
    assert rank_of(void, heard, now=1.0) is Rank.ALARM
    same = stage_card(asking(merge_status="checking", approvals=(yes("UBEN"),)))
    assert rank_of(same, heard, now=1.0) is Rank.COUNTS


def test_questions_that_wait_for_people_crowd_no_channel() -> None:
    waiting = [stage_card(asking(op=OpId(f"op{n}"))) for n in range(20)]
    view = View([], waiting, [])
    assert view.crowded == frozenset()
    assert cadence(view, 40.0) == cadence(View([], [], []), 40.0)
