"""Whatever is typed or pasted is a command or a refusal, and soon."""

import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbot.domain.commands import SPECS, parse
from qbot.errors import UserError

VERBS = [spec.verb for spec in SPECS]
OPTIONS = [o.usage.split()[0].strip("[].") for spec in SPECS for o in spec.options]
TOKENS = (
    *VERBS, *OPTIONS, "<", ">", "|", "&lt;", "&gt;", "&amp;", "http://", "<http://[x>", "mailto:",
    "<mailto:a@b.test|c>", "<@U1>", "<@U1|ana>", "<#C1|x>", "<!channel>", '"', "'", "`", "\u201c",
    "\u2014", "=", "cart=main", "cart=", "=x", ",", "a,b", ",,", "3d", "0d", "999999999w", "1w2d3h",
    "-1", "2026-01-01", "2026-13-45", "2026-01-01 25:00", "9999-12-31", "0001-01-01 00:00", "12:00",
    "25:99", "P-1", "P-99999999999", "feat/x", "\u00e9", "\ud800", "\0", "\u202e", "\ue000", "@ana",
    "x" * 300, "--", "-", "/-/tree/", "%ff", "%00", "http://h/-/tree/%ff", "..", "@{", "~", "*",
    "[", "\\", "\n", "\u0661\u0662d", "\u00b2", "off", "../../etc", "$(x)", ";",
)  # fmt: skip
LINES = st.builds(
    lambda verb, parts, between: f"{verb} {between.join(parts)}",
    st.sampled_from([*VERBS, ""]),
    st.lists(st.sampled_from(TOKENS), max_size=8),
    st.sampled_from([" ", "", "  "]),
)
REPEATED = (
    "<", "&lt;", "&lt;http://x", "&lt;http://x|a", "&lt;<http://x", "<http://a|", "<a|", "'", '"',
    "a'", "=", "a=", "a,", "--", "\u2014a", "-a ", "`", "\\", "\u202e", "set a=b ", "%", "1d", ".",
)  # fmt: skip


@given(LINES)
def test_what_looks_like_a_command_never_makes_the_parser_stumble(line: str) -> None:
    with suppress(UserError):
        parse(line)


@pytest.mark.parametrize(
    "line", ["show <http://[x>", "show &lt;http://[x&gt;", "create \ud800", "create a\udfffb"]
)
def test_what_is_no_address_and_no_text_is_a_name_that_nobody_has(line: str) -> None:
    with suppress(UserError):
        assert "\ud800" not in str(parse(line))


@pytest.mark.parametrize("verb", ["", "create ", "deploy x ", "lock x "])
def test_nothing_that_is_repeated_takes_long(verb: str) -> None:
    for part in REPEATED:
        line = (verb + part * 16_000)[:16_000]
        began = time.process_time()
        with suppress(UserError):
            parse(line)
        assert time.process_time() - began < 0.4, part  # it takes a tenth of that


def test_what_is_longer_than_any_command_is_not_read() -> None:
    with pytest.raises(UserError, match="16,001 characters"):
        parse("x" * 16_001)
