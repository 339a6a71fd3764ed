"""What is said while a neighbour does not answer: since when, and what is therefore not known."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from qbot.domain.home import Home
from qbot.domain.names import OpId
from qbot.domain.outages import Away, Vendor
from qbot.errors import AwayError, TransientError
from qbot.render.away import LAST_KNOWN, stale_lines
from qbot.render.board import board
from qbot.render.card import Fresh, card
from qbot.render.errors import failure
from qbot.render.home import home
from qbot.render.listing import Page, listing
from qbot.render.overview import overview
from qbot.render.showing import Shown, show
from tests.render.conftest import Golden
from tests.render.samples import ANA, NOW, RUNNING, STYLE, environment, shop, summaries

MINUTE = timedelta(minutes=1)
SINCE = NOW - timedelta(hours=1)
STAMP = f"<!date^{int(SINCE.timestamp())}^"
ARGOCD = Away(Vendor.ARGOCD, "Argo CD", SINCE, "main")
GITLAB = Away(Vendor.GITLAB, "GitLab", SINCE)
SILENT = f"Argo CD has not answered since {STAMP}"
BRANCHES = f"GitLab has not answered since {STAMP}"


def test_a_list_says_who_is_silent_and_since_when(golden: Golden) -> None:
    rows = summaries(3)
    shown = listing(rows, Page(0, "all", ""), STYLE, now=NOW, known=False, away=[ARGOCD, GITLAB])
    golden("list_away", shown)
    assert SILENT in shown.text
    assert BRANCHES in shown.text
    assert LAST_KNOWN not in shown.text
    mine = overview(rows, 3, STYLE, now=NOW, known=False, away=[ARGOCD])
    assert SILENT in mine.text


@pytest.mark.parametrize("which", ["failed", "mine"])
def test_an_empty_list_is_no_proof_while_argo_cd_is_silent(which: str) -> None:
    shown = listing([], Page(0, which, ""), STYLE, now=NOW, known=False, away=[ARGOCD])
    assert (SILENT in shown.text) is (which == "failed")


def test_show_says_since_when_and_as_of_when(golden: Golden) -> None:
    shown = Shown(environment(), shop(), SINCE, trouble="Argo CD does not answer.")
    message = show(replace(shown, away=[ARGOCD, GITLAB]), STYLE, now=NOW)
    golden("show_away", message)
    assert SILENT in message.text
    assert "Last known: ready" in message.text
    assert BRANCHES in message.text
    calm = show(replace(shown, trouble="", as_of=NOW), STYLE, now=NOW)
    assert "not answered" not in calm.text


def test_show_names_the_argo_cd_of_this_environment_and_no_other_that_is_away() -> None:
    other = Away(Vendor.ARGOCD, "Argo CD eu", SINCE - MINUTE, "eu")
    shown = Shown(environment(), shop(), SINCE, trouble="Argo CD refuses the token.")
    both = show(replace(shown, away=[other, ARGOCD]), STYLE, now=NOW).text
    assert SILENT in both
    alone = show(replace(shown, away=[other]), STYLE, now=NOW).text
    assert "Argo CD eu" not in both + alone
    assert "Argo CD refuses the token." in alone


def test_the_home_is_sent_anew_when_an_outage_begins_and_not_while_it_lasts() -> None:
    calm = Home(ANA, summaries(2), NOW)
    away = replace(calm, known=False, away=[ARGOCD])
    later = replace(away, as_of=NOW + timedelta(minutes=9))
    assert SILENT in json.dumps(home(away, STYLE).view)
    assert home(away, STYLE).digest == home(later, STYLE).digest
    assert home(away, STYLE).digest != home(calm, STYLE).digest


def test_of_what_lists_do_not_build_upon_nothing_is_said() -> None:
    slack = Away(Vendor.SLACK, "Slack", SINCE)
    assert stale_lines([slack], known=True) == []
    assert stale_lines([slack], known=False) == [LAST_KNOWN]


def test_who_asks_is_told_since_when_there_is_no_answer() -> None:
    said = failure(AwayError("GitLab", SINCE), STYLE, reference="1a2b").text
    assert BRANCHES in said
    assert "Nothing is lost" in said
    assert "in a minute" not in said
    assert "in a minute" in failure(TransientError("GitLab: 503"), STYLE).text


def test_a_card_says_since_when_its_neighbour_is_silent() -> None:
    waiting = replace(RUNNING, trouble="Argo CD does not answer.", trouble_since=SINCE)
    assert f"Argo CD does not answer (since {STAMP}" in card(waiting, STYLE).text


def test_a_board_says_once_what_many_wait_for() -> None:
    why = "Argo CD does not answer."
    waiting = [
        replace(RUNNING, op=OpId(f"o{n}"), trouble=why, trouble_since=SINCE + n * MINUTE)
        for n in range(12)
    ]
    text = board([*waiting, RUNNING], fresh=Fresh(5.0)).text
    assert text.count("Argo CD does not answer") == 1
    assert f"(since {STAMP}" in text
    assert "Waiting for that: 12 operations." in text
