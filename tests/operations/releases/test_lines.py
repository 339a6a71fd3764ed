"""Changed lines: numbered, capped, and without secrets."""

from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from qbot.operations.releases.lines import MOST, changed_lines
from qbot.redaction import redact

SECRET = """\
apiVersion: v1
kind: Secret
metadata:
  name: db
data:
  user: YWRtaW4=
  note: |
    aHVudGVyMg==
"""
KEY = """\
tls:
  key: |
    -----BEGIN RSA PRIVATE KEY-----
    MIIEpAIBAAKCAQEA
    -----END RSA PRIVATE KEY-----
  name: {0}
"""


def shown(old: str, new: str) -> list[tuple[int, str, str]]:
    return [(c.line, c.old, c.new) for c in changed_lines({"f": (old, new)}, redact).lines]


def test_lines_that_came_went_and_changed_have_their_number() -> None:
    assert shown("a\nb\nc\n", "a\nB\nc\nd\n") == [(2, "b", "B"), (4, "", "d")]
    assert shown("a\nb\nc\n", "a\nc\n") == [(2, "b", "")]


def test_values_of_a_secret_manifest_are_not_shown() -> None:
    new = SECRET.replace("YWRtaW4=", "cm9vdA==").replace("aHVudGVyMg==", "c2VjcmV0")
    text = str(shown(SECRET, new))
    assert "user: [redacted]" in text
    assert not any(value in text for value in ("YWRtaW4", "cm9vdA", "aHVudGVy", "c2VjcmV0"))


def test_a_private_key_is_not_shown() -> None:
    old = KEY.format("a")
    text = str(shown(old, old.replace("MIIEpAIBAAKCAQEA", "MIIEpAIBAAKCAQEB")))
    assert "MIIE" not in text


def test_values_of_telling_keys_and_tokens_are_not_shown() -> None:
    old = "password: a\nurl: https://x\napiKey: k1\n"
    new = "password: b\nurl: https://me:hunter2@x\napiKey: k2\n"
    assert shown(old, new) == [
        (1, "password: [redacted]", "password: [redacted]"),
        (2, "url: https://x", "url: https://[redacted]@x"),
        (3, "apiKey: [redacted]", "apiKey: [redacted]"),
    ]


def test_there_is_an_end_to_it_and_what_is_left_out_is_counted() -> None:
    many = "\n".join(f"a{n}" * 300 for n in range(500))
    found = changed_lines({"f": ("", many), "g": ("", "x"), "same": ("a", "a")}, redact)
    assert len(found.lines) == MOST
    assert max(len(c.new) for c in found.lines) == 200
    assert (found.total, found.more, found.files) == (501, 301, 2)


LINES = st.lists(st.sampled_from(["a", "b", "c: 1", "d: 2", ""]), max_size=8)


@given(LINES, LINES)
def test_every_changed_line_is_there_and_no_other(old: list[str], new: list[str]) -> None:
    found = changed_lines({"f": ("\n".join(old), "\n".join(new))}, redact).lines
    there = set(chain(old, new, [""]))
    assert all(c.old in there and c.new in there and c.old != c.new for c in found)
    assert found or [x for x in old if x] == [x for x in new if x]
    assert not found or old != new
