"""Digests: what matters first, short, within Slack's limits, and nothing without news."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from qbot.domain.barriers import Freeze, Hold
from qbot.domain.digest import Closed, Digest, Done, Drifted, Facts, Picture, Section, Speed
from qbot.domain.environment import Phase, Pin
from qbot.domain.names import PromotionId, ServiceName, StageName
from qbot.domain.operation import EnvironmentSummary, Going
from qbot.domain.people import Actor
from qbot.domain.progress import End, Kind
from qbot.domain.promotion import PromotionState
from qbot.domain.reaper_ports import Alert, Answer, Candidate, Question
from qbot.domain.reaping import Cause
from qbot.domain.release import Bypass, StageProgress
from qbot.domain.trend import Trend
from qbot.render.blocks import Message
from qbot.render.digest import digest
from qbot.render.escape import WHEN, moment
from qbot.render.trend import described
from tests.render.blockcheck import check_message
from tests.render.conftest import Golden
from tests.render.releases.samples import DONE, FAILED, ROLLED_BACK, WAITING, over
from tests.render.samples import ANA, BEN, NOW, STYLE, environment

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ALL = frozenset(Section)
CALM = replace(environment(7), expires_at=NOW + 3 * DAY)
ENDS = replace(environment(8), expires_at=NOW + 2 * HOUR, owner=BEN)
OVER = replace(environment(11), expires_at=NOW - HOUR)
BROKEN = replace(environment(9, Phase.FAILED), expires_at=NOW + 3 * DAY)


def row(env: object, **more: object) -> EnvironmentSummary:
    return EnvironmentSummary(env, None, NOW, **more)  # type: ignore[arg-type]  # as is


HELD = Hold(
    StageName("production"), ServiceName("cart"), BEN, NOW - DAY, PromotionId(11), "306e6577"
)
FROZEN = Freeze(StageName("staging"), ANA, "load test", NOW - HOUR, NOW + HOUR)
WEEKEND = Closed((StageName("production"),), "Weekend", NOW + 2 * DAY)
DRIFTED = Drifted(
    StageName("production"),
    [(ServiceName("cart"), "`306e6577` is written, `9d2c41aa` runs")],
)
UNKNOWN = Drifted(StageName("staging"), trouble="no answer in time")
FACTS = Facts(
    NOW,
    [row(CALM), row(ENDS), row(OVER), row(BROKEN, failure="1 service failed: cart. Look.")],
    waiting=[WAITING],
    holds=[HELD],
    freezes=[FROZEN],
    closed=[WEEKEND],
    drifted=[DRIFTED, UNKNOWN],
    speed=Speed([150.0, 170.0, 190.0], [200.0, 210.0]),
    names={ANA: "ana", BEN: "Ben Okafor"},
)
COUNTS = Done({Kind.CREATE: 4, Kind.DEPLOY: 1, Kind.SYNC: 12, Kind.TEARDOWN: 2})
TREND = Trend(NOW.date(), (0,) * 20 + tuple(range(3, 13)), (4,) * 30, (0,) * 29 + (2,))
FULL = Digest(FACTS, NOW - DAY, ALL, [DONE], COUNTS, Picture("F05CHART", TREND))


def said(of: Digest) -> Message:
    found = digest(of, STYLE)
    assert found is not None
    check_message(found.text, list(found.blocks))
    return found


def text(of: Digest) -> str:
    return json.dumps(said(of).blocks, ensure_ascii=False)


def test_what_waits_and_what_fails_comes_before_what_is_well(golden: Golden) -> None:
    golden("digest", said(FULL))
    heading = said(FULL).text
    assert heading == "1 waits for approval, 1 needs attention, 2 go soon, production drifts"


def test_a_quiet_digest_is_none() -> None:
    calm = replace(FACTS, rows=[row(CALM)], waiting=(), holds=(), freezes=(), closed=(), drifted=())
    assert digest(Digest(calm, NOW - DAY, ALL), STYLE) is None
    busy = Digest(calm, NOW - DAY, ALL, done=Done({Kind.SYNC: 1}))
    assert said(busy).text == "1 environment, all well"
    without = replace(busy, sections=ALL - {Section.DEPLOYMENTS})
    assert digest(without, STYLE) is None


@pytest.mark.parametrize(
    ("section", "words"),
    [
        (Section.APPROVALS, "Waiting for approval"),
        (Section.FAILING, "Needs attention"),
        (Section.ENDING, "Going soon"),
        (Section.BARRIERS, "Holds and freezes"),
        (Section.DRIFTED, "Stages that drifted"),
        (Section.DEPLOYMENTS, "*Done*"),
        (Section.ENVIRONMENTS, "By owner"),
        (Section.SPEED, "at the median"),
    ],
)
def test_a_section_that_is_not_wanted_is_left_out(section: Section, words: str) -> None:
    assert words in text(FULL)
    assert words not in text(replace(FULL, sections=ALL - {section}))


def test_what_the_reaper_asks_and_reports_is_told_until_it_is_over() -> None:
    calm = replace(FACTS, rows=[row(CALM)], waiting=(), holds=(), freezes=(), closed=(), drifted=())
    one = Candidate(CALM.id, CALM.branch, ANA, Cause.GONE, NOW)
    question = Question("q1", ("Too many.",), (one,), NOW - HOUR)
    alert = Alert(("feat/x was due, and stays: GitLab says 500.",), NOW - HOUR)
    told = Digest(replace(calm, unanswered=[question, alert]), NOW - DAY, ALL)
    assert said(told).text == "the reaper reports, the reaper asks"
    assert "The reaper asks whether 1 environment may go" in text(told)
    assert "*The reaper reports*, since " in text(told)
    assert "feat/x was due, and stays" in text(told)
    over: list[Question | Alert] = [
        replace(question, answer=Answer.GO),
        replace(alert, over_at=NOW),
    ]
    assert digest(replace(told, facts=replace(calm, unanswered=over)), STYLE) is None


def test_what_is_not_known_is_no_news_and_is_said_all_the_same() -> None:
    calm = replace(FACTS, rows=[row(CALM)], waiting=(), holds=(), freezes=(), closed=())
    unknown = Digest(replace(calm, drifted=[UNKNOWN]), NOW - DAY, ALL)
    assert digest(unknown, STYLE) is None
    assert "What runs in staging is not known now" in text(FULL)


def test_whoever_does_not_see_the_chart_is_told_its_figures() -> None:
    (image,) = [b for b in said(FULL).blocks if b["type"] == "image"]
    assert image["slack_file"] == {"id": "F05CHART"}
    assert image["alt_text"] == described(TREND)
    first = TREND.days[0]
    assert f"{first.day} {first:%B} to" in image["alt_text"]
    assert "most at once: 0 to 12, the most on" in image["alt_text"]
    assert "122 in all, 2 of them to stages" in image["alt_text"]
    assert len(described(replace(TREND, to_stages=(10**9,) * 30))) < 1_000
    assert "the most" not in described(replace(TREND, environments=(0,) * 30)).split(".")[1]


def test_what_is_waited_for_in_vain_has_expired() -> None:
    """Qbot could not look for a while: it ends as soon as that is possible."""
    assert WAITING.expires_at is not None
    assert " · expires <!date" in text(FULL)
    late = replace(FACTS, at=WAITING.expires_at)
    assert " · expires <!date" not in text(replace(FULL, facts=late))
    assert f" · expired <!date^{int(late.at.timestamp())}" in text(replace(FULL, facts=late))


def test_each_line_has_its_button() -> None:
    lines = [b for b in said(FULL).blocks if b["type"] == "section"]
    headings = [b for b in lines if b["text"]["text"].startswith("*") and "accessory" not in b]
    assert all("(" in b["text"]["text"] or "Done" in b["text"]["text"] for b in headings)
    assert len(lines) - len(headings) >= 10


def test_nobody_is_called_by_it() -> None:
    assert "<@" not in text(FULL)
    unknown = replace(FULL, facts=replace(FACTS, names={}))
    assert "<@U0ANA>" in text(unknown)  # rather that than an id


def test_a_pinned_one_does_not_end_and_one_that_is_worked_on_needs_nobody() -> None:
    kept = row(replace(ENDS, pin=Pin(ANA, NOW)))
    assert replace(FACTS, rows=[kept]).ending == []
    assert [r.environment.id for r in FACTS.ending] == [OVER.id, ENDS.id]
    assert [r.environment.id for r in FACTS.failing] == [BROKEN.id]
    told = row(CALM, goes=Going(NOW + HOUR, Cause.MERGED))
    going = replace(FACTS, rows=[*FACTS.rows, told])
    assert [r.environment.id for r in going.ending] == [OVER.id, CALM.id, ENDS.id]
    assert "because its branch is merged" in text(replace(FULL, facts=going))
    held = replace(
        going, rows=[replace(told, goes=Going(NOW, Cause.MERGED, "the reaper is paused"))]
    )
    shown = text(replace(FULL, facts=held))
    assert "stays for now: the reaper is paused; due to go" in shown
    assert ", because its branch is merged" in shown
    ready = row(CALM, failing=2)
    assert replace(FACTS, rows=[ready]).failing == [ready]


def test_the_rocket_is_for_what_went_forward() -> None:
    assert ":rocket: Done: " in text(FULL)
    back = replace(DONE, kind=Kind.ROLLBACK, source="P-11")
    assert ":rewind: Rolled back: " in text(replace(FULL, deployments=[back]))
    undone = replace(DONE, undone_by=PromotionId(13))
    assert ":rewind: Undone: " in text(replace(FULL, deployments=[undone]))


ABANDONED = over(PromotionState.CANCELLED, "", FAILED)
BY_HAND = over(PromotionState.CLOSED, "", bypass=Bypass("frank"))
JOB_FAILED = replace(FAILED, services=DONE.services)
BACK_FAILED = replace(ROLLED_BACK, state=PromotionState.FAILED, end=End.FAILED)
PART_BACK = replace(ROLLED_BACK, services=ROLLED_BACK.services[:1])
P12, P13 = "P-12, staging → production, 4 services", "P-13, roll back production to before P-12"


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        (FAILED, f":warning: Merged, then failed: {P12}"),
        (ABANDONED, f":warning: Merged, then abandoned: {P12}"),
        (replace(ABANDONED, overtaken_by=PromotionId(13)), f"Merged, then superseded: {P12}"),
        (replace(FAILED, services=()), f":warning: Merged, then failed: {P12}"),
        (JOB_FAILED, f":warning: Deployed, then failed: {P12}"),
        (over(PromotionState.CANCELLED, "", JOB_FAILED), f"Deployed, then abandoned: {P12}"),
        (replace(JOB_FAILED, undone_by=PromotionId(13)), f":rewind: Undone: {P12}"),
        (BY_HAND, f":rotating_light: Merged past Qbot: {P12}"),
        (BACK_FAILED, f":warning: Deployed, then failed: {P13}, 2 services"),
        (
            replace(BACK_FAILED, services=PART_BACK.services),
            f":warning: Merged, then failed: {P13}",
        ),
    ],
)
def test_what_is_merged_is_told_with_how_it_ended(shown: StageProgress, words: str) -> None:
    assert words in text(replace(FULL, deployments=[shown]))


def test_a_rollback_counts_what_went_back_alone() -> None:
    """A Retry of it had left out what another one had changed since."""
    all_back = ":rewind: Rolled back: P-13, production to before P-12, 2 services"
    assert all_back in text(replace(FULL, deployments=[ROLLED_BACK]))
    one_back = ":rewind: Rolled back: P-13, production to before P-12, cart"
    assert one_back in text(replace(FULL, deployments=[PART_BACK]))


def test_what_was_undone_later_has_its_time_beside_what_ended_then() -> None:
    """Its end was its own: when it was undone is not known."""
    ended = replace(DONE, ended_at=NOW)
    at = moment(NOW, WHEN)
    assert f" · {at}" in text(replace(FULL, deployments=[ended]))
    undone = replace(ended, undone_by=PromotionId(13))
    assert f" · done {at}" in text(replace(FULL, deployments=[undone]))
    past_qbot = replace(undone, bypass=Bypass("frank"))
    assert f" · merged past Qbot {at}" in text(replace(FULL, deployments=[past_qbot]))


def test_hundreds_of_everything_stay_within_slacks_limits(golden: Golden) -> None:
    def many(env: Any) -> list[EnvironmentSummary]:
        owners = [Actor("T0ACME", f"U0{n:04}") for n in range(40)]
        return [
            row(replace(env, owner=owners[n % 40], branch=f"feat/{'long-' * 40}{n}"))
            for n in range(300)
        ]

    facts = replace(
        FACTS,
        rows=[*many(ENDS), *many(BROKEN), *many(CALM)],
        waiting=[WAITING] * 40,
        holds=[HELD] * 200,
        freezes=[FROZEN] * 20,
        drifted=[replace(DRIFTED, services=[*DRIFTED.services] * 300)] * 20,
    )
    full = replace(FULL, facts=facts, deployments=[DONE] * 30)
    golden("digest_hundreds", said(full))
    assert len(said(full).blocks) <= 50
    assert "and 295 more" in text(full)


@pytest.mark.parametrize(
    ("now", "then", "words"),
    [
        ([60.0], [120.0], "1 min faster than the week before"),
        ([120.0], [60.0], "1 min slower than the week before"),
        ([100.0], [101.0], "as fast as the week before"),
        ([100.0], [], "at the median"),
    ],
)
def test_time_to_ready_is_told_against_the_week_before(
    now: list[float], then: list[float], words: str
) -> None:
    assert words in text(replace(FULL, facts=replace(FACTS, speed=Speed(now, then))))
    assert "median" not in text(replace(FULL, facts=replace(FACTS, speed=Speed((), then))))
