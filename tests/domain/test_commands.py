"""The grammar: what people type and paste becomes a command or a helpful refusal."""

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbot.domain.commands import (
    SPECS,
    Command,
    Create,
    Delete,
    Help,
    List,
    Overview,
    Show,
    Sync,
    parse,
    spec_of,
    verb_typed,
)
from qbot.domain.grammar import IN_WORDS
from qbot.domain.lifetime_grammar import Extend, PinIt
from qbot.domain.names import BranchName, ServiceName
from qbot.domain.release_commands import LockIt, Rollback
from qbot.errors import UserError


def create(branch: str, **more: Any) -> Create:
    return Create(BranchName(branch), **more)


CART = ServiceName("cart")


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("", Overview()),
        ("   ", Overview()),
        ("help", Help()),
        ("help Create", Help("create")),
        ("create", Create(None)),
        ("create feat/x", create("feat/x")),
        ("CREATE FEAT/X", create("FEAT/X")),
        ("create feat/x --ttl 3d", create("feat/x", ttl=timedelta(days=3))),
        ("extend feat/x 2 days", Extend("feat/x", timedelta(days=2))),
        ("extend feat/x 90 minutes", Extend("feat/x", timedelta(minutes=90))),
        ("extend feat/x 1week", Extend("feat/x", timedelta(weeks=1))),
        ("create feat/x --ttl 2 days", create("feat/x", ttl=timedelta(days=2))),
        ("create --ttl 2 Days feat/x", create("feat/x", ttl=timedelta(days=2))),
        ('create feat/x --ttl "2 days"', create("feat/x", ttl=timedelta(days=2))),
        ("create feat/x --ttl=2 days", create("feat/x", ttl=timedelta(days=2))),
        ("create feat/x --ttl=1d12h", create("feat/x", ttl=timedelta(hours=36))),
        (
            "pin feat/x --until 2 weeks a demo",
            PinIt("feat/x", "a demo", timedelta(weeks=2)),
        ),
        (
            "lock production --for 2 hours load test",
            LockIt("production", "load test", timedelta(hours=2)),
        ),
        ("create feat/x --from feat/y", create("feat/x", source="feat/y")),
        (
            "create feat/x --services cart,payments",
            create("feat/x", services=(CART, ServiceName("payments"))),
        ),
        (
            "create feat/x --set cart=fix/a --set payments=v1.2",
            create("feat/x", overrides=((CART, "fix/a"), (ServiceName("payments"), "v1.2"))),
        ),
        ("create feat/x --dry-run", create("feat/x", dry_run=True)),
        ("list", List()),
        ("list --mine", List("mine")),
        ("list --failed checkout", List("failed", "checkout")),
        ("show feat/x", Show("feat/x")),
        ("sync feat/x", Sync("feat/x")),
        (
            "sync feat/x cart --prune --hard --refresh",
            Sync("feat/x", (CART,), prune=True, hard=True, refresh=True),
        ),
        ("delete feat/x", Delete("feat/x")),
        ("delete", Delete()),
        ('rollback x --reason "bad cart" cart', Rollback("x", (CART,), reason="bad cart")),
        (
            "rollback x cart --reason bad --dry-run",
            Rollback("x", (CART,), reason="bad", dry_run=True),
        ),
        ("lock x we don't know", LockIt("x", "we don't know")),
        ("--help", Help()),
        ("?", Help()),
        ("create --help", Help("create")),
        ("create feat/x -h", Help("create")),
        ("Create ?", Help("create")),
    ],
)
def test_a_command_means(text: str, command: Command) -> None:
    assert parse(text) == command


@pytest.mark.parametrize(
    "pasted",
    [
        "create `feat/x` --ttl 3d",
        "create \u201cfeat/x\u201d \u2014ttl 3d",
        "create 'feat/x' \u2013ttl 3d",
        "create feat/x \u2014-ttl 3d",
        "create\u00a0feat/x\u00a0--ttl\u00a03d",
        "create \u200bfeat/x\u200b --ttl 3d",
        "create \u202efeat/x\u202c --ttl 3d",
        "create <http://gitlab.example/shop/cart/-/tree/feat/x> --ttl 3d",
        "create <https://gitlab.example/shop/cart/-/tree/feat/x?ref_type=heads|feat/x> --ttl 3d",
        "create <https://gitlab.example/shop/cart/-/tree/feat%2Fx> --ttl 3d",
        "create &lt;<https://gitlab.example/shop/cart/-/tree/feat/x>&gt; --ttl 3d",
        "create &lt;https://gitlab.example/shop/cart/-/tree/feat/x&gt; --ttl 3d",
    ],
    ids=["backticks", "curly", "en-dash", "em-dash-and-hyphen", "nbsp", "zero-width", "bidi",
         "tree-url", "labelled-url", "encoded-url", "angled-link", "angled-url"],
)  # fmt: skip
def test_what_people_paste_is_understood(pasted: str) -> None:
    assert parse(pasted) == create("feat/x", ttl=timedelta(days=3))


@pytest.mark.parametrize(
    ("text", "branch"),
    [
        ("create feat/a&amp;b", "feat/a&b"),
        ("create <http://fix.io|fix.io>", "fix.io"),
        ("create <mailto:me@shop.example|me@shop.example>", "me@shop.example"),
        ("create JIRA-12_x", "JIRA-12_x"),
    ],
)
def test_slack_markup_is_undone(text: str, branch: str) -> None:
    assert parse(text) == create(branch)


@pytest.mark.parametrize(
    ("text", "says", "hint"),
    [
        ("delte feat/x", "Did you mean `delete`", "delete feat/checkout"),
        ("rm feat/x", "Did you mean `delete`", ""),
        ("frobnicate", "no command `frobnicate`", "`help` lists what there is"),
        ("show", "`show` needs a stage or an environment.", "show STAGE|ENV"),
        ("run feat/x", "`run` needs the name of a job.", "run feat/checkout smoke"),
        ("can", "`can` needs the name of a command.", "can promote production"),
        ("create feat/x --set cart=a --set cart=b", "`cart` is named twice: `a` and `b`.", ""),
        ("deploy feat/x cart=a cart=b", "`cart` is named twice", "Choose one"),
        (f"create {'x' * 300}", "too long for the name of a git branch", "244"),
        ("extend feat/x 2 days more", "does not know what to do with `more`", "extend ENV 2d"),
        ("extend feat/x 2 moons", "`2 moons` is not a duration", "4h"),
        ("create feat/x --ttl 2 moons", "`2 moons` is not a duration for `--ttl`", "4h"),
        ("create feat/x --ttl 2 --dry-run", "`2` is not a duration for `--ttl`", "4h"),
        ("reaper plan now", "`reaper plan` takes nothing more.", "reaper plan"),
        ("show a b", "does not know what to do with `b`", "show STAGE|ENV"),
        ("create feat/x --tll 3d", "Did you mean `--ttl`", "Usage"),
        ("create feat/x --ttl", "`--ttl` needs a value", "3d"),
        ("create feat/x --ttl --dry-run", "`--ttl` needs a value", "3d"),
        ("create feat/x --dry-run=yes", "takes no value", "Usage"),
        ("create feat/x --ttl 1d --ttl 2d", "given twice", "Usage"),
        ("create feat/x --ttl soon", "not a duration", "90m"),
        ("create feat/x --ttl 0d", "no time at all for `--ttl`", "90m"),
        ("create feat/x --ttl 60w", "too long", "one year"),
        ("create feat/x --ttl 99999d", "too long", "one year"),
        ("create feat/x --set cart", "service=ref", "cart=fix"),
        ("list --mine --all", "`--mine` or `--all`, one at a time", "Usage"),
        ('create "feat/x', "never closed", "Close it"),
        ("rollback shop --reason bad cart", "`cart` after `--reason bad`", '--reason "bad cart"'),
        ("rollback shop --reason=bad cart", "`cart` after `--reason bad`", "go before `--reason`"),
        ("promote a b --dry-run --reason my cart", "a word of its own", '--reason "my cart"'),
        ("run shop smoke --reason it broke", "`broke` after", '--reason "it broke"'),
        ('rollback shop --reason "bad', "never closed", '--reason "two words"'),
        ("create feat..x", "cannot be the name of a git branch", "GitLab"),
    ],
)
def test_a_refusal_says_what_to_type_instead(text: str, says: str, hint: str) -> None:
    with pytest.raises(UserError) as refused:
        parse(text)
    assert says in str(refused.value)
    assert hint in refused.value.hint


@given(st.text(max_size=200))
def test_no_text_makes_the_parser_fail_with_anything_but_an_answer(text: str) -> None:
    with suppress(UserError):
        parse(text)


@given(st.lists(st.text(max_size=30), max_size=8))
def test_no_words_after_a_verb_make_it_fail(rest: list[str]) -> None:
    for spec in SPECS:
        with suppress(UserError):
            parse(" ".join([spec.verb, *rest]))


@pytest.mark.parametrize("example", [e for spec in SPECS for e in spec.examples])
def test_every_example_of_the_help_is_a_command(example: str) -> None:
    sent = example.replace("@chloe", "<@U0CHLOE>")  # as Slack does with a name that it knows
    assert not isinstance(parse(sent), Overview)


def test_every_verb_has_an_example_and_a_usage_line() -> None:
    for spec in SPECS:
        assert spec_of(spec.verb).examples
        assert spec.usage.startswith(spec.verb)


def test_a_pair_that_is_none_is_told_in_the_words_of_its_command() -> None:
    with pytest.raises(UserError, match=r"^`cart` is not of the form service=ref\.$") as wrong:
        parse("deploy feat/x cart")
    assert wrong.value.hint == "For instance `deploy feat/x cart=fix/cart-rounding`."
    with pytest.raises(UserError) as wrong:
        parse("create feat/x --set cart")
    assert wrong.value.hint == "For instance `--set cart=fix/cart-rounding`."


@pytest.mark.parametrize("text", ["create --help", "?", "-h", "create ?"])
def test_whoever_asks_for_help_needs_no_right_but_that(text: str) -> None:
    assert verb_typed(text) == "help"


def test_every_word_that_a_command_needs_has_a_name_for_people() -> None:
    needed = [a.name for spec in SPECS for a in spec.args if a.required and not a.many]
    assert set(needed) <= IN_WORDS.keys()
