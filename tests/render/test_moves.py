"""From where to where an environment goes."""

from dataclasses import replace

import pytest

from qbot.domain.progress import End, Goal, Kind, Progress, Stage
from qbot.render.card import card
from qbot.render.preview import preview
from tests.render.samples import BEN, READY, START, STYLE, service

BACK = replace(
    READY,
    kind=Kind.RESTORE,
    goal=Goal(3, START),
    services=(replace(service("cart", Stage.READY), was="0f0f0f0f"),),
)


@pytest.mark.parametrize("shown", [BACK, replace(BACK, end=None), replace(BACK, end=End.FAILED)])
def test_a_rollback_says_to_when_it_goes_back_and_how_to_go_on(shown: Progress) -> None:
    for message in (card(shown, STYLE), preview(replace(shown, dry_run=True), STYLE)):
        assert "Back to the versions that were ready <!date^" in message.text
        assert "Another rollback goes further back, a sync forward again." in message.text
        assert "0f0f0f0f →" in message.text


def test_a_sync_that_undoes_a_rollback_says_whose() -> None:
    undoing = replace(BACK.services[0], undoes=BEN)
    text = card(replace(READY, kind=Kind.SYNC, services=(undoing,)), STYLE).text
    assert f"`, which undoes <@{BEN.user}>'s rollback" in text


def test_what_runs_already_stays() -> None:
    there = replace(BACK.services[0], was=BACK.services[0].version, stage=Stage.PLANNED)
    text = preview(replace(BACK, services=(there,), dry_run=True), STYLE).text
    assert "stays at" in text
