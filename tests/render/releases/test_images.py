"""Images on the card and in Details of a promotion."""

import json
from dataclasses import replace

import pytest

from qbot.domain.promotion import Item, Pin
from qbot.render.releases.card import stage_card
from qbot.render.releases.details import stage_details
from tests.render.releases.samples import FOUR, WAITING
from tests.render.samples import STYLE

PINNED = Pin(f"sha256:{'ab12cd34' * 8}")


def card(*items: Item) -> str:
    return stage_card(replace(WAITING, items=items), STYLE).text


def details(item: Item) -> str:
    return json.dumps(stage_details(replace(WAITING, items=(item,)), STYLE), ensure_ascii=False)


def test_one_service_shows_its_image_and_several_how_many_are_known() -> None:
    pinned = [replace(item, pin=PINNED) for item in FOUR]
    assert "image `sha256:ab12cd34…`" in card(pinned[0])
    assert "all images pinned" in card(*pinned)
    assert "3 of 4 images pinned" in card(*pinned[:3], FOUR[3])
    assert "image" not in card(*FOUR)


@pytest.mark.parametrize(
    ("pin", "says"),
    [
        (PINNED, "image `sha256:ab12cd34…`"),
        (Pin(missing=True), ":warning: the registry has no image of it"),
        (Pin(unknown="its images are elsewhere"), "image not pinned: its images are elsewhere"),
    ],
)
def test_details_say_which_image_it_is_or_why_that_is_not_known(pin: Pin, says: str) -> None:
    assert says in details(replace(FOUR[0], pin=pin))
