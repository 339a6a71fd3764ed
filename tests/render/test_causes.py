"""Why something could not be done is said without the call that failed."""

import pytest
import requests
from gitlab.exceptions import GitlabHttpError

from qbot.domain import actions
from qbot.errors import TransientError
from qbot.gateways.gitlab.errors import translate as of_gitlab
from qbot.gateways.slack.errors import named, translate
from qbot.render.causes import cause
from qbot.render.errors import failure, still
from qbot.render.wanted import pressed, typed


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ("usergroups.list", "Slack does not say who is in its user groups"),
        ("users.info", "Slack does not say whose account this is"),
        ("conversations.info", "Slack does not say which channel this is"),
        ("views.open", "Slack opens no form"),
        ("auth.test", "Slack does not answer"),
    ],
)
def test_a_call_to_slack_is_named_by_what_slack_does_not_do(call: str, says: str) -> None:
    for failed in (
        translate(TimeoutError(), call),
        translate(ValueError(), call),
        named("fatal_error", call, {}, {}),
        named("service_unavailable", call, {}, {}),
    ):
        assert cause(str(failed)) == says
    assert cause(f"Slack failed ({call}: HTTP 500)") == says
    assert cause(str(named("ratelimited", call, {}, {}))) == f"{says}: it was asked too often"


@pytest.mark.parametrize(
    ("status", "said", "says"),
    [
        (502, "<html>", "GitLab does not answer (502)"),
        (503, "x", "GitLab does not answer (503)"),
        (404, "<html>", "GitLab does not answer, a page came instead (404)"),
        (429, "x", "GitLab does not answer: it was asked too often"),
    ],
)
def test_what_gitlab_was_asked_for_is_left_out(status: int, said: str, says: str) -> None:
    failed = of_gitlab(GitlabHttpError(said, status), "branch main of shop/deployments", None)
    assert cause(str(failed)) == says


def test_a_gitlab_that_says_nothing_is_told_apart_from_one_that_is_not_there() -> None:
    late = of_gitlab(requests.Timeout(), "the accounts by search", None)
    assert cause(str(late)) == "GitLab does not answer in time"
    odd = "GitLab's answer about users is not of the documented form."
    assert cause(odd) == "GitLab's answer cannot be read"
    gone = of_gitlab(requests.ConnectionError(), "the accounts by search", None)
    assert cause(str(gone)) == "GitLab cannot be reached"


def test_a_vote_that_was_not_counted_says_what_was_in_the_way_and_what_to_do() -> None:
    error = TransientError("Slack failed (usergroups.list: HTTP 500)")
    told = failure(error, wanted=pressed(actions.APPROVE, "Approve", "P-5:ab")).text
    assert told == (
        "Your approval of P-5 was not counted: Slack does not say who is in its user groups.\n"
        "Nothing is lost. Press again in a minute."
    )


def test_who_still_waits_reads_the_same_words() -> None:
    why = "GitLab answered 503 for branch main of shop/deployments."
    (_, said) = still(typed("/env", "promote staging production --dry-run"), why).text.splitlines()
    assert said == "GitLab does not answer (503)."


def test_words_that_are_none_of_theirs_stay() -> None:
    assert cause("It takes too long to read what runs.") == "It takes too long to read what runs."
