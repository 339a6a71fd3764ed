"""Whatever others write, Slack only shows it, and no limit is passed."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qbot.domain.environment import Environment, Phase
from qbot.domain.names import BranchName, ServiceName
from qbot.domain.operation import BranchTaken, EnvironmentSummary, QuotaReached
from qbot.domain.progress import Continued, End, Kind, Progress, Proof, ServiceProgress, Stage, Step
from qbot.domain.services import Source
from qbot.errors import PermanentError, TransientError, UserError
from qbot.render import escape
from qbot.render.board import board
from qbot.render.card import Fresh, Links, card
from qbot.render.details import Details, details, loading
from qbot.render.ending import end_reply
from qbot.render.errors import failure, refusal
from qbot.render.listing import Page, listing
from qbot.render.modals import CreateForm, create_form, delete_confirmation, delete_form
from qbot.render.notices import quota, taken
from qbot.render.overview import overview
from qbot.render.preview import preview
from qbot.render.showing import Shown, show
from tests.amounts import examples
from tests.render.blockcheck import check_message, check_mrkdwn, check_view, texts
from tests.render.samples import ANA, BEGUN, NOW, STYLE, environment, operation

NASTY = (
    "<!channel>", "<@U0BEN>", "<https://evil.example|Approve>", "&lt;!here&gt;", "`", "```", "*_~",
    "\u202e", "\u200b", "\x00", "\r\n", "\u2028", "&", "<" * 500, "&" * 4_000, "a" * 10_000,
    "javascript:alert(1)", "|", ">", "\ud800", "🧨" * 300,
)  # fmt: skip
OUTSIDE = st.one_of(
    st.sampled_from(NASTY),
    st.lists(st.sampled_from(NASTY), max_size=6).map("".join),
    st.text(max_size=400),
)
SOME = settings(max_examples=examples(60), deadline=None, suppress_health_check=list(HealthCheck))


@st.composite
def services(draw: st.DrawFn) -> tuple[ServiceProgress, ...]:
    one = ServiceProgress(
        ServiceName(draw(OUTSIDE)),
        draw(st.sampled_from(Stage)),
        source=draw(st.sampled_from(Source)),
        ref=draw(OUTSIDE),
        sha=draw(OUTSIDE),
        origin=draw(OUTSIDE),
        gone=draw(st.booleans()),
        stays=draw(OUTSIDE),
        wave=draw(st.integers(0, 3)),
        sync=draw(OUTSIDE),
        health=draw(OUTSIDE),
        reason=draw(OUTSIDE),
        url=draw(OUTSIDE),
    )
    count = draw(st.sampled_from([0, 1, 3, 11, 100, 300]))
    stages = draw(st.lists(st.sampled_from(Stage), min_size=1, max_size=5))
    return tuple(replace(one, stage=stages[n % len(stages)]) for n in range(count))


@st.composite
def progresses(draw: st.DrawFn) -> Progress:
    return replace(
        BEGUN,
        kind=draw(st.sampled_from(Kind)),
        branch=BranchName(draw(OUTSIDE)),
        step=draw(st.sampled_from(Step)),
        end=draw(st.none() | st.sampled_from(End)),
        ended_at=draw(st.none() | st.just(NOW)),
        services=draw(services()),
        headline=draw(OUTSIDE),
        trouble=draw(OUTSIDE),
        trouble_since=draw(st.none() | st.just(NOW)),
        proofs=tuple(Proof(draw(OUTSIDE), None, draw(OUTSIDE)) for _ in range(3)),
        url=draw(OUTSIDE),
        cancelling=draw(st.booleans()),
        dry_run=draw(st.booleans()),
        resumed=draw(st.booleans()),
        continued=draw(st.none() | st.just(Continued(Kind.SYNC, ANA, NOW))),
    )


def hostile_environment(text: str, number: int = 0) -> Environment:
    phase = list(Phase)[number % len(Phase)]
    return replace(environment(number, phase), branch=BranchName(text), url=text)


@pytest.mark.incident("hostile-text")
@SOME
@given(progresses(), OUTSIDE)
def test_cards_replies_boards_and_previews_are_valid_and_inert(
    progress: Progress, note: str
) -> None:
    for shown in (
        card(progress, STYLE, fresh=Fresh(30.0, 12)),
        card(progress, STYLE, superseded=note, links=Links(note, note)),
        end_reply(progress, STYLE),
        preview(progress, STYLE),
        board([progress] * 3, fresh=Fresh(5.0)),
        board([progress] * 250, fresh=Fresh(5.0)),
    ):
        check_message(shown.text, list(shown.blocks))


@SOME
@given(progresses(), OUTSIDE)
def test_lists_and_single_environments_are_valid_and_inert(progress: Progress, text: str) -> None:
    envs = [hostile_environment(text, n) for n in range(30)]
    rows = [EnvironmentSummary(e, operation(progress), NOW) for e in envs]
    shown = Shown(envs[1], progress.services, NOW, operation(progress), text, text)
    for message in (
        listing(rows, Page(1, "all", text), STYLE, now=NOW),
        listing([], Page(0, "mine", text), STYLE, now=NOW),
        overview(rows, 30, STYLE, now=NOW),
        show(shown, STYLE, now=NOW),
        delete_confirmation(envs[0]),
        taken(BranchTaken(envs[3], operation(progress)), STYLE, now=NOW, card_url=text),
        quota(QuotaReached(3, None, tuple(envs)), now=NOW),
    ):
        check_message(message.text, list(message.blocks))


@SOME
@given(services(), OUTSIDE)
def test_views_are_valid_and_inert(rows: tuple[ServiceProgress, ...], text: str) -> None:
    envs = [hostile_environment(text, n) for n in range(130)]
    form = CreateForm(
        channel="C1",
        services=[f"service-{n}" for n in range(len(rows))],
        environments=envs,
        lifetimes=[timedelta(days=1)],
        branch=text,
    )
    for view in (
        details(Details("op1", text, rows, NOW, text, page=2), STYLE),
        loading("op1", text),
        delete_form("C1", envs, ANA),
        create_form(form),
    ):
        for part in texts(view["blocks"]):
            assert part.strip()
        check_view(view)


@SOME
@given(OUTSIDE, OUTSIDE)
def test_errors_are_valid_and_inert(text: str, hint: str) -> None:
    for shown in (
        failure(UserError(text, hint=hint), STYLE),
        failure(TransientError(text), STYLE, reference=hint),
        failure(PermanentError(text), STYLE, reference=hint),
        refusal(text, hint, STYLE),
    ):
        check_message(shown.text, list(shown.blocks))


@SOME
@given(OUTSIDE, st.integers(1, 200))
def test_escaped_text_is_inert_and_never_cut_inside_an_entity(text: str, limit: int) -> None:
    for shown in (escape.prose(text, limit), escape.code(text, limit)):
        if shown:
            check_mrkdwn(shown, 5 * limit + 2)


@SOME
@given(OUTSIDE)
def test_a_code_span_stays_one_span(text: str) -> None:
    span = escape.code(text)
    assert span.count("`") == 2
    assert "\n" not in span


@pytest.mark.parametrize(
    "text", ["a\u202eb", "a\u200bb", "a\u2066b", "a\ufeffb", "a\x1bb", "a\u200fb"]
)
def test_invisible_characters_do_not_pass(text: str) -> None:
    assert escape.clean(text, 50) == "ab"


def test_colours_of_a_terminal_leave_nothing_behind() -> None:
    assert escape.clean("\x1b[1;31mERROR\x1b[0m retrying", 50) == "ERROR retrying"


HOSTS = frozenset({"gitlab.acme.dev", ".envs.acme.dev"})


@pytest.mark.parametrize(
    "url",
    [
        "https://gitlab.acme.dev/x",
        "http://gitlab.acme.dev:8443/x?y=1&z=2",
        "https://a.envs.acme.dev",
        "https://GITLAB.acme.dev/",
    ],
)
def test_links_go_to_our_hosts(url: str) -> None:
    assert escape.link(url, "here", HOSTS).endswith("|here>")


@pytest.mark.incident("hostile-text")
@pytest.mark.parametrize(
    "url",
    [
        "",
        "javascript:alert(1)",
        "https://evil.example/gitlab.acme.dev",
        "https://gitlab.acme.dev.evil.example",
        "https://gitlab.acme.dev@evil.example",
        "https://user@gitlab.acme.dev",
        "https://evilenvs.acme.dev",
        "https://gitlab.acme.dev/a|b",
        "https://gitlab.acme.dev/a>b",
        "https://gitlab.acme.dev\\@evil.example",
        "https://[gitlab.acme.dev",
        "//gitlab.acme.dev",
    ],
)
def test_links_elsewhere_become_plain_text(url: str) -> None:
    assert escape.link(url, "here", HOSTS) == "here"


def test_a_mention_is_only_made_of_an_id() -> None:
    assert escape.mention(ANA.user) == "<@U0ANA>"
    assert escape.mention("U1> <!channel") == "U1&gt; &lt;!channel"
