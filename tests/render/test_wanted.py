"""What somebody asked for, by its name: typed, pressed, sent."""

import pytest

from qbot.domain import actions
from qbot.errors import AwayError, TransientError
from qbot.render.errors import failure
from qbot.render.wanted import THAT, Wanted, pressed, sent, typed
from tests.render.samples import NOW


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        (typed("/env", "create feat/x"), "`/env create feat/x` could not be done just now"),
        (typed("", ""), "That could not be done just now"),
        (pressed(actions.APPROVE, "Approve", "P-3:ab"), "Your approval of P-3 was not counted"),
        (pressed(actions.PROMO_RETRY, "Retry", "P-3"), "*Retry* of P-3 could not be done just now"),
        (pressed(actions.RETRY, "Retry", "o1"), "*Retry* could not be done just now"),
        (pressed(actions.PROMO_DETAILS_ON, "", "3"), "That could not be done just now"),
        (sent("Create"), "The form *Create* could not be done just now"),
    ],
)
def test_what_was_not_done_is_named(wanted: Wanted, says: str) -> None:
    assert wanted.failed == says
    away = failure(AwayError("GitLab", NOW), wanted=wanted).text
    assert f"so {wanted.impossible}." in away


def test_what_was_typed_cannot_break_out_of_its_name() -> None:
    shown = failure(TransientError("busy"), wanted=typed("/env", "list `<!channel>` *x*")).text
    assert "`/env list '&lt;!channel&gt;' *x*` could" in shown


@pytest.mark.parametrize(
    ("error", "says"),
    [
        ("Slack failed (users.info: HTTP 500)", "just now: Slack failed."),
        ("Slack cannot be reached (users.info: ClientConnectorError)", "Slack cannot be reached."),
        ("GitLab does not answer in time about the accounts by search.", "answer in time."),
        ("GitLab cannot be reached for branch feat/x of shop/cart.", "GitLab cannot be reached."),
    ],
)
def test_no_call_is_named_to_people(error: str, says: str) -> None:
    (first, *_) = failure(TransientError(error), wanted=THAT).text.splitlines()
    assert first.endswith(says)
