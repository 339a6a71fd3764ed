"""The App Home: what needs the reader first, within Slack's limits, and quiet while all stays."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from qbot.domain.barriers import Lock
from qbot.domain.environment import Environment, Phase, Pin
from qbot.domain.home import Home
from qbot.domain.names import OpId
from qbot.domain.operation import EnvironmentSummary
from qbot.domain.policy import Denied
from qbot.domain.reaper_ports import Warned
from qbot.domain.reaping import Cause, Goes
from qbot.render.blocks import Block
from qbot.render.home import HomeView, answer, closed, home
from qbot.render.overview import overview
from tests.render.blockcheck import check_home, check_view
from tests.render.conftest import Golden
from tests.render.releases.samples import WAITING
from tests.render.samples import ANA, BEN, NOW, STYLE, environment, summaries

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CALM = replace(environment(7), expires_at=NOW + 3 * DAY)
ENDS = replace(environment(8), expires_at=NOW + 2 * HOUR)
BROKEN = replace(environment(9, Phase.FAILED), expires_at=NOW + 3 * DAY)
OTHERS = replace(environment(10), owner=BEN)


def row(
    env: Environment, *, failure: str = "", gone: bool = False, lock: Lock | None = None
) -> EnvironmentSummary:
    return EnvironmentSummary(env, None, NOW, failure=failure, gone=gone, lock=lock)


FULL = Home(
    ANA,
    [row(CALM), row(ENDS), row(BROKEN, failure="1 service failed: cart. Look."), row(OTHERS)],
    NOW,
    waiting=[WAITING],
)


def blocks(shown: HomeView) -> list[Block]:
    check_home(shown.view)
    found: list[Block] = shown.view["blocks"]
    return found


def said(shown: HomeView) -> str:
    return json.dumps(blocks(shown), ensure_ascii=False)


def labels(shown: HomeView, env: str) -> list[str]:
    """Of the buttons below one environment."""
    (found,) = [b for b in blocks(shown) if b.get("block_id", "").startswith(f"home:{env}:")]
    return [(e.get("text") or e["placeholder"])["text"] for e in found["elements"]]


def test_what_needs_the_reader_comes_first(golden: Golden) -> None:
    shown = home(FULL, STYLE)
    golden("home", shown.view)
    text = said(shown)
    order = ["Needs you", "*P-12*", BROKEN.branch, ENDS.branch, "Your environments", CALM.branch]
    places = [text.index(word) for word in order]
    assert places == sorted(places)
    assert OTHERS.branch not in text
    assert "*4 environments in all*" in text


def test_what_its_owner_was_warned_of_comes_before_what_is_broken(golden: Golden) -> None:
    goes = Goes(CALM.id, Cause.IDLE, NOW - DAY, NOW + DAY, "reaper.grace")
    warned = Warned(CALM.id, CALM.name, CALM.branch, ANA, goes)
    shown = home(replace(FULL, warned=[warned]), STYLE)
    golden("home_warned", shown.view)
    text = said(shown)
    assert text.count(f"*{CALM.branch}*") == 1
    assert text.index(f"*{CALM.branch}* will be deleted") < text.index(BROKEN.branch)
    assert "env_reaper_keep" in text


def test_a_newcomer_is_told_what_there_is_and_how_to_begin(golden: Golden) -> None:
    golden("home_empty", home(Home(BEN, [], NOW), STYLE).view)


def test_whom_qbot_does_not_serve_reads_a_calm_sentence(golden: Golden) -> None:
    shown = closed(Denied("Guests of the workspace cannot use Qbot.", "guest"), STYLE)
    golden("home_closed", shown.view)
    assert "button" not in said(shown)


def test_the_same_is_the_same_at_any_time_and_another_state_is_not() -> None:
    later = replace(FULL, as_of=NOW + timedelta(minutes=3))
    assert home(FULL, STYLE).digest == home(later, STYLE).digest
    assert home(FULL, STYLE).view != home(later, STYLE).view
    assert home(FULL, STYLE).digest != home(replace(FULL, waiting=()), STYLE).digest
    soon = replace(FULL, as_of=NOW + 2 * DAY + HOUR)  # another one is about to end
    assert home(FULL, STYLE).digest != home(soon, STYLE).digest


def test_thousands_of_environments_and_promotions_fit() -> None:
    rows = [replace(r, environment=replace(r.environment, owner=ANA)) for r in summaries(1000)]
    many = [replace(WAITING, op=OpId(f"op{n}")) for n in range(60)]
    shown = home(Home(ANA, rows, NOW, waiting=many), STYLE)
    assert len(blocks(shown)) <= 100
    assert len(json.dumps(shown.view)) < 250_000
    assert "and 986 more of yours" in said(shown)
    assert "and 52 more wait for you" in said(shown)


@pytest.mark.parametrize("phase", [Phase.READY, Phase.FAILED, Phase.PARTIAL])
def test_what_stays_can_be_synced_extended_and_deleted(phase: Phase) -> None:
    env = replace(CALM, phase=phase)
    shown = labels(home(Home(ANA, [row(env)], NOW), STYLE), env.id)
    assert [s for s in shown if s != "Open"] == ["Show", "Sync", "Extend", "Delete"]


def test_what_goes_is_only_shown() -> None:
    env = replace(CALM, phase=Phase.DELETING)
    assert labels(home(Home(ANA, [row(env)], NOW), STYLE), env.id) == ["Show"]


def test_whoever_is_kept_out_by_a_lock_gets_no_buttons_for_it() -> None:
    lock = Lock(f"environment:{CALM.id}", BEN, "a demo", NOW)
    shown = home(Home(ANA, [row(CALM, lock=lock)], NOW), STYLE)
    assert {"Sync", "Delete"}.isdisjoint(labels(shown, CALM.id))
    assert ":lock: locked by" in said(shown)
    own = home(Home(ANA, [row(CALM, lock=replace(lock, by=ANA))], NOW), STYLE)
    assert {"Sync", "Delete"} <= set(labels(own, CALM.id))


def test_a_pinned_environment_needs_nobody_at_its_end() -> None:
    pinned = replace(ENDS, pin=Pin(ANA, NOW))
    shown = said(home(Home(ANA, [row(pinned)], NOW), STYLE))
    assert "Nothing needs you right now" in shown
    assert "pinned by" in shown


def test_an_environment_whose_branch_is_gone_needs_its_owner() -> None:
    assert "Needs you" in said(home(Home(ANA, [row(CALM, gone=True)], NOW), STYLE))


def test_what_is_not_known_is_not_called_nothing() -> None:
    shown = said(home(replace(FULL, waiting=None, known=False), STYLE))
    assert "What waits for your approval is not known now" in shown
    assert "Argo CD does not say" in shown


def test_an_answer_is_a_view_of_its_own() -> None:
    check_view(answer(overview(summaries(30), 99, STYLE, now=NOW)))
