"""Lines of logs, errors and commits: what says HUSH is never shown, what says SHOWN always is."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbot.redaction import redact

LINES = (Path(__file__).parent / "lines.txt").read_text().splitlines()
WORDS = (Path(__file__).parent / "harmless.txt").read_text().split()


@pytest.mark.incident("secret-in-text")
@pytest.mark.parametrize("line", LINES)
def test_what_stands_under_a_telling_key_is_masked_and_all_else_stays(line: str) -> None:
    text = (
        line.replace("\\r", "\r")
        .replace("\\n", "\n")
        .replace("BEGIN_", "-----BEGIN ")
        .replace("_KEY_", " KEY-----")
    )
    shown = redact(text)
    assert "HUSH" not in shown
    assert set(re.findall(r"SHOWN\d", text)) <= set(re.findall(r"SHOWN\d", shown))
    assert redact(shown) == shown


@given(st.lists(st.sampled_from(WORDS), max_size=12))
def test_what_has_no_telling_key_stays_as_it_is(words: list[str]) -> None:
    assert redact(" ".join(words)) == " ".join(words)


@given(st.text(alphabet="""ab1 \n"'`\\=:,;&[]{}()-_.@/""", max_size=60), st.data())
def test_what_was_masked_once_is_not_masked_further(around: str, data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(["password", "X-Api-Key", "Cookie", "name", "value"]))
    shown = redact(f"{around}{key}{data.draw(st.sampled_from(['=', ': ', ':']))}{around}")
    assert redact(shown) == shown


@pytest.mark.incident("secret-in-text")
@given(
    st.text(alphabet="abc 123,&;'", max_size=20),
    st.text(alphabet="XYZ789!%&@#;,:/", min_size=3).filter(lambda s: re.match(r"\w", s)),
    st.sampled_from(["password={}", '"password": "{}"', "'api_key':'{}'", "\npassword: {}",
                     "X-Vault-Token: {}", r"{{\"token\":\"{}\"}}", "DB_PASS={}"]),
)  # fmt: skip
def test_no_secret_survives_whatever_it_is_made_of(before: str, secret: str, form: str) -> None:
    marked = f"HUSH{secret}"
    assert "HUSH" not in redact(f"{before} {form.format(marked)}")


@pytest.mark.parametrize(
    "text", ["A" * 200_000, "token=" + ", " * 50_000, '"' * 100_000, "name " * 30_000 + "key",
             "-----BEGIN " * 9_000 + "PRIVATE KEY", "A\n" * 50_000 + "PRIVATE KEY",
             "\\" * 100_000 + '" token', "key a" + " " * 100_000, "password:a," * 9_000,
             '"url":"http://svc:8080/p",' * 40_000, "eyJ" * 60_000,
             "&token:" * 30_000, "token:| #" * 30_000, "token: &a " * 30_000,
             "token: |\n" * 30_000, "token: |\n  true\n" * 20_000],
    ids=lambda text: text[:12],
)  # fmt: skip
@pytest.mark.timeout(20)
def test_a_long_text_takes_no_long_time(text: str) -> None:
    assert redact(text)
