"""What somebody asked for, by its name: typed, pressed, sent."""

from dataclasses import replace

import pytest

from qbot.domain import actions
from qbot.domain.inputs import (
    CreateInput,
    DeployInput,
    Input,
    JobInput,
    PromoteInput,
    RestoreInput,
    RollbackInput,
    SyncInput,
    TeardownInput,
)
from qbot.domain.names import BranchName, EnvId, OpId, PromotionId, ServiceName, StageName
from qbot.domain.operation import Operation, OpState
from qbot.domain.people import Actor, Place
from qbot.domain.progress import Kind
from qbot.errors import AwayError, TransientError
from qbot.render.errors import failure, still
from qbot.render.wanted import THAT, Wanted, operated, pressed, sent, typed
from tests.render.releases.samples import DEPLOYING
from tests.render.samples import NOW

CART, ORDERS = ServiceName("cart"), ServiceName("orders")
VOTED = "its card shows it once it counts, or you are told here why it does not"
CARDED = "its card follows, or you are told here"
STAGING, PRODUCTION = StageName("staging"), StageName("production")
PROMOTED = PromoteInput(STAGING, None, PRODUCTION)


def operation(kind: Kind, asked: Input) -> Operation:
    actor, place = Actor("T1", "U1"), Place("C1")
    return Operation(OpId("o1"), kind, asked, None, actor, place, OpState.QUEUED, NOW)


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


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("transfer feat/x <@U05BEN7H3P9|ben>", "transfer feat/x @ben"),
        ("transfer feat/x <@U05BEN7H3P9>", "transfer feat/x @U05BEN7H3P9"),
        ("freeze production see <#C05OPS|ops>", "freeze production see #ops"),
        ("list a &amp; &lt;b&gt;", "list a & <b>"),
        ("show <https://gitlab.test/a/b|the branch>", "show the branch"),
        ("show <https://gitlab.test/a/b>", "show https://gitlab.test/a/b"),
        ("list <!channel>", "list <!channel>"),
    ],
)
def test_what_was_typed_is_shown_as_its_writer_saw_it(text: str, says: str) -> None:
    assert typed("/env", text).what == f"`/env {says}`"


def test_what_was_typed_cannot_break_out_of_its_name() -> None:
    shown = failure(TransientError("busy"), wanted=typed("/env", "list `<!channel>` *x*")).text
    assert "`/env list '&lt;!channel&gt;' *x*` could" in shown


@pytest.mark.parametrize(
    ("kind", "asked", "says"),
    [
        (
            Kind.CREATE,
            CreateInput(BranchName("feat/x"), (CART, ORDERS), ((CART, "v1"),)),
            "create feat/x --services cart,orders --set cart=v1",
        ),
        (Kind.SYNC, SyncInput((CART,), prune=True, hard=True), "sync feat/y cart --prune --hard"),
        (Kind.TEARDOWN, TeardownInput(), "delete feat/y"),
        (
            Kind.DEPLOY,
            DeployInput(((CART, "v1"), (ORDERS, "default"))),
            "deploy feat/y cart=v1 orders=default",
        ),
        (Kind.RESTORE, RestoreInput((CART,)), "rollback feat/y cart"),
        (Kind.JOB, JobInput("smoke"), "run feat/y smoke"),
        (Kind.JOB, JobInput("smoke", PRODUCTION), "run production smoke"),
        (
            Kind.PROMOTE,
            PromoteInput(STAGING, None, PRODUCTION, (CART,), (CART,)),
            "promote staging production cart --running cart",
        ),
        (Kind.PROMOTE, PromoteInput(None, EnvId("e1"), STAGING), "promote feat/y staging"),
        (
            Kind.ROLLBACK,
            RollbackInput(PRODUCTION, (CART,), PromotionId(3), emergency=True),
            "rollback production cart --to P-3 --break-glass",
        ),
        (
            Kind.CREATE,
            CreateInput(BranchName("feat/x"), brings_back=EnvId("e1"), deleted_at=NOW),
            "restore feat/x",
        ),
    ],
)
def test_an_operation_is_named_as_one_would_type_it(kind: Kind, asked: Input, says: str) -> None:
    named = operated(operation(kind, asked), "/env", "feat/y")
    assert named.what == f"`/env {says}`"
    assert named.follows == CARDED


@pytest.mark.parametrize(
    ("kind", "asked", "says"),
    [
        (Kind.PROMOTE, replace(PROMOTED, again=PromotionId(3)), "*Retry* of P-3"),
        (Kind.PROMOTE, replace(PROMOTED, again=PromotionId(3), abandon=True), "*Withdraw* of P-3"),
        (Kind.ROLLBACK, RollbackInput(PRODUCTION, again=PromotionId(4)), "*Retry* of P-4"),
        (Kind.SYNC, SyncInput(resume=True), "*Resume* of `feat/y`"),
        (Kind.SYNC, SyncInput((CART,), retry=True, creation=True), "*Retry* of `feat/y`"),
        (Kind.TEARDOWN, TeardownInput(leftovers=True), "*Delete Orphans* of `feat/y`"),
    ],
)
def test_what_nobody_types_is_named_by_its_button(kind: Kind, asked: Input, says: str) -> None:
    assert operated(operation(kind, asked), "/env", "feat/y").what == says


def test_what_is_merged_is_abandoned_and_not_withdrawn() -> None:
    asked = RollbackInput(PRODUCTION, again=PromotionId(4), abandon=True)
    merged = replace(operation(Kind.ROLLBACK, asked), progress=DEPLOYING)
    assert operated(merged, "/env").what == "*Abandon* of P-4"


def test_an_environment_whose_name_is_not_known_is_left_out() -> None:
    assert operated(operation(Kind.SYNC, SyncInput(retry=True)), "/env").what == "*Retry*"


def test_a_preview_has_no_card() -> None:
    dry = replace(PROMOTED, dry_run=True)
    named = operated(operation(Kind.PROMOTE, dry), "/env")
    assert still(named).text.endswith(
        "the preview of `/env promote staging production`: the answer follows here."
    )


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        (THAT, "Still at what you asked for: the answer follows here."),
        (
            pressed(actions.RETRY, "", "o1"),
            "Still at what you asked for: its card shows it, or you are told here.",
        ),
        (
            typed("/env", "create feat/x", card=True),
            f"Still at `/env create feat/x`: {CARDED}.",
        ),
        (
            pressed(actions.PROMO_RETRY, "Retry", "P-3"),
            "Still at *Retry* of P-3: its card shows it, or you are told here.",
        ),
        (pressed(actions.EXTEND, "1 day", "e1:1d"), "Still at *1 day*: the answer follows here."),
        (
            pressed(actions.HISTORY_ON, "Older", "1:e1"),
            "Still at *Older*: the answer follows here.",
        ),
        (
            sent("Reject P-3"),
            "Still at the form *Reject P-3*: its card shows it, or you are told here.",
        ),
        (
            typed("/env", "diff &lt;b&gt;"),
            "Still at `/env diff &lt;b&gt;`: the answer follows here.",
        ),
        (
            pressed(actions.APPROVE, "Approve", "P-3:ab"),
            f"Still at your approval of P-3: {VOTED}.",
        ),
    ],
)
def test_what_is_still_to_come_is_named(wanted: Wanted, says: str) -> None:
    assert still(wanted).text == f":hourglass_flowing_sand: {says}"
    assert still(wanted, "GitLab is slow.").text.endswith(f"{says}\nGitLab is slow.")


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (
            "Slack failed (users.info: HTTP 500)",
            "just now: Slack does not say whose account this is.",
        ),
        (
            "Slack cannot be reached (users.info: ClientConnectorError)",
            "Slack does not say whose account this is.",
        ),
        ("GitLab does not answer in time about the accounts by search.", "answer in time."),
        ("GitLab cannot be reached for branch feat/x of shop/cart.", "GitLab cannot be reached."),
    ],
)
def test_no_call_is_named_to_people(error: str, says: str) -> None:
    (first, *_) = failure(TransientError(error), wanted=THAT).text.splitlines()
    assert first.endswith(says)
