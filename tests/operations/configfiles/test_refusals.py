"""What cannot be changed is named with its cause, and nothing of the file's values is told."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from qbot.domain.stages import Format
from qbot.errors import UserError
from qbot.operations.configfiles import changed, current
from qbot.operations.configfiles.splicing import is_string
from tests.recursion import own_limit

HELM, KUSTOMIZE = Format.HELM, Format.KUSTOMIZE
IMAGE = "images:\n- name: cart\n"


# Each line stands for nine of the line before it: a thousand million in the end.
BOMB = "a: &a [x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in pairwise("abcdefghi")
)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("other: 1\n", "no such key"),
        ("", "no such key"),
        ("# only a comment\n", "no such key"),
        ("- image\n", "no such key"),
        ("image: v1\n", "no such key"),
        ("image:\n- tag: v1\n", "no such key"),
        ("image.tag: v1\n", "no such key"),
        ("image: {tag: {a: s3cret}}\n", "a mapping, not a text"),
        ("image: {tag: [s3cret]}\n", "a list, not a text"),
        ("image:\n  tag: |\n    s3cret\n", "several lines"),
        ("image:\n  tag: >-\n    s3cret\n", "several lines"),
        ("image:\n  tag: s3cret\n    more\n", "several lines"),
        ('image:\n  tag: "s3cret\n    more"\n', "several lines"),
        ("x: &x s3cret\nimage:\n  tag: *x\n", "an anchor and an alias"),
        ("image:\n  tag: &x s3cret\ny: *x\n", "an anchor and an alias"),
        ("x: &x {tag: s3cret}\nimage: *x\n", "an anchor and an alias"),
        ("x: &x\n  image: {tag: s3cret}\ny: *x\nimage: {a: 1}\n", "no such key"),
        ("x: &x {tag: s3cret}\nimage:\n  <<: *x\n", "merge key"),
        ("x: &x {image: {tag: s3cret}}\n<<: *x\n", "merge key"),
        ("image: {tag: !vault s3cret}\n", "has a tag"),
        ("image: {tag: !!int 12}\n", "has a tag"),
        ("image: {tag: &x }\n", "an anchor or a tag alone"),
        ("image: {tag}\n", "has no value"),
        ("image: {tag: s3cret, tag: b}\n", "`tag` is there twice"),
        ("image: {tag: a}\nimage: {tag: b}\n", "`image` is there twice"),
        ("image: {tag: a}\n---\nimage: {tag: b}\n", "several documents"),
        ("image:\n\ttag: s3cret\n", "no YAML in line 2"),
        ("image:\n  tag: a\t# s3cret\n", "no YAML in line 2"),
        ("image: {{ .Values.s3cret }}\n", "no such key"),
        ("{{- if s3cret }}\nimage:\n  tag: a\n{{- end }}\n", "no YAML in line"),
        ("<<<<<<< HEAD\nimage: {tag: a}\n=======\n", "no YAML in line"),
        ("image: {tag: *s3cret}\n", "no YAML in line 1"),
        ("image: {tag: a\n", "no YAML in line"),
        ("image: \x00\n", "no YAML"),
        ("[" * 600, "nested too deeply"),
        pytest.param(
            "image: {tag: s3cret}\n" + "# much\n" * 80_000, "than 500,000 characters", id="long"
        ),
        pytest.param(f"{BOMB}image: *i\n", "no such key", id="bomb"),
    ],
)
def test_a_value_is_refused(text: str, says: str) -> None:
    refused = r"`image\.tag` in the configuration cannot be used"
    with own_limit(), pytest.raises(UserError, match=refused) as told:
        changed(HELM, text, "image.tag", "v2")
    assert says in str(told.value)
    assert "s3cret" not in str(told.value) + told.value.hint


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("resources: []\n", "no entry of `images`"),
        ("images: []\n", "no entry of `images`"),
        ("images: {name: cart, newTag: a}\n", "no entry of `images`"),
        ("images:\n- name: payments\n  newTag: a\n", "no entry of `images`"),
        (f"{IMAGE}  newName: x\n", "no entry of `images`"),
        (f"{IMAGE}  newTag: a\n- name: cart\n  newTag: b\n", "several entries"),
        (f"{IMAGE}  newTag: a\n---\n{IMAGE}  newTag: b\n", "several entries"),
        (f"{IMAGE}  newTag: a\n  newTag: b\n", "`newTag` is there twice"),
        (f"x: &x a\n{IMAGE}  newTag: *x\n", "an anchor and an alias"),
        (f"{IMAGE}  newTag: &x a\ny: *x\n", "an anchor and an alias"),
        (f"{IMAGE}  &x newTag: a\ny: *x\n", "an anchor and an alias"),
        (f"{IMAGE}  newTag: a\n  digest: &x b\ny: *x\n", "an anchor and an alias"),
        ("x: &x\n- name: cart\n  newTag: a\nimages: *x\n", "an anchor and an alias"),
        ("x: &x {name: cart, newTag: a}\nimages: [*x]\n", "an anchor and an alias"),
        (f"x: &x {{newTag: a}}\n{IMAGE}  <<: *x\n", "merge key"),
        (f"x: &x {{newTag: a}}\n{IMAGE}  <<: *x\n  digest: b\n", "merge key"),
        (f"{IMAGE}  newTag: [a]\n", "a list, not a text"),
        (f"{IMAGE}  newTag: |\n    a\n", "several lines"),
        (f"{IMAGE}\tnewTag: a\n", "no YAML in line 3"),
    ],
)
def test_an_image_is_refused(text: str, says: str) -> None:
    with pytest.raises(UserError, match="`cart` in the configuration cannot be used") as told:
        changed(KUSTOMIZE, text, "cart", "v2")
    assert says in str(told.value)


@pytest.mark.parametrize("form", Format)
@pytest.mark.parametrize("new", ["a\nb", "a\r", "\t", "\x00", "\u2028", "\x85", "\ufeff"])
def test_no_version_has_several_lines_or_marks_that_nobody_sees(form: Format, new: str) -> None:
    text = "cart: x\nimages:\n- {name: cart, newTag: a}\n"
    with pytest.raises(UserError, match="one line of printable text"):
        changed(form, text, "cart", new)


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (HELM, 'cart: "a\\n/merge"\n'),
        (HELM, 'cart: "a\\u2028b"\n'),
        (KUSTOMIZE, 'images:\n- {name: cart, newTag: "a\\r/merge"}\n'),
    ],
)
def test_a_version_that_could_be_a_line_of_its_own_is_not_read(form: Format, text: str) -> None:
    with pytest.raises(UserError, match="not one line of printable text"):
        current(form, text, "cart")


@pytest.mark.parametrize(
    ("form", "text", "found"),
    [
        (HELM, "cart: 1.10\n", "1.10"),
        (HELM, "cart: 0123\n", "0123"),
        (HELM, 'cart: "~"\n', "~"),
        (HELM, "cart: ~\n", ""),
        (HELM, "cart:\n", ""),
        (HELM, "other: 1\n", None),
        (HELM, "", None),
        (KUSTOMIZE, "images:\n- name: cart\n  newTag: 1.10\n", "1.10"),
        (KUSTOMIZE, "images:\n- name: cart\n  newTag: a\n  digest: sha256:b\n", "sha256:b"),
        (KUSTOMIZE, "images:\n- name: cart\n  newTag: a\n  digest:\n", "a"),
        (KUSTOMIZE, "images:\n- name: cart\n  newTag:\n", ""),
        (KUSTOMIZE, "images:\n- name: cart\n", None),
        (KUSTOMIZE, "images:\n- name: payments\n  newTag: a\n", None),
        (KUSTOMIZE, "", None),
    ],
)
def test_a_version_is_read_as_it_is_written(form: Format, text: str, found: str | None) -> None:
    assert current(form, text, "cart") == found


@pytest.mark.parametrize(
    ("text", "key", "after"),
    [
        ("image:\n  tag: v1 # c\n", "image.tag", "image:\n  tag: v2 # c\n"),
        ("image:\n  tag: 'v1'", "image.tag", "image:\n  tag: 'v2'"),
        ('tag: "v1"\r\n', "tag", 'tag: "v2"\r\n'),
        ("\ufefftag: v1\n", "tag", "\ufefftag: v2\n"),
        ("tag:   # none yet\n", "tag", "tag: v2   # none yet\n"),
        ("tag: &nobody v1\n", "tag", "tag: &nobody v2\n"),
        ("tag: !!str v1\n", "tag", "tag: !!str v2\n"),
        ("a.b:\n  c: v1\n", r"a\.b.c", "a.b:\n  c: v2\n"),
        ("a\\b: v1\n", r"a\\b", "a\\b: v2\n"),
        ("1: {tag: v1}\n", "1.tag", "1: {tag: v2}\n"),
        ("tag: {tag: v1}\n", "tag.tag", "tag: {tag: v2}\n"),
        ("x: &x {tag: a}\ncart:\n  <<: *x\n  tag: b\n", "cart.tag",
         "x: &x {tag: a}\ncart:\n  <<: *x\n  tag: v2\n"),
        ("- image: {tag: a}\n---\ntag: b\n", "tag", "- image: {tag: a}\n---\ntag: v2\n"),
    ],
)  # fmt: skip
def test_a_value_is_replaced_where_it_stands(text: str, key: str, after: str) -> None:
    assert changed(HELM, text, key, "v2") == after


@pytest.mark.parametrize(
    ("entry", "new", "after"),
    [
        ("  newTag: a # c\n", "v2", "  newTag: v2 # c\n"),
        ("  newTag: a # c\n", "sha256:b", "  digest: sha256:b # c\n"),
        ("  'newTag': \"a\"\n", "sha256:b", "  'digest': \"sha256:b\"\n"),
        ("  digest: sha256:a # c\n", "v2", "  newTag: v2 # c\n"),
        ("  digest: sha256:a\n  newTag: b\n", "v2", "  newTag: v2\n"),
        ("  digest: sha256:a\n  newTag: b\n", "sha256:c", "  digest: sha256:c\n"),
        ("  digest: sha256:a # c\n  newName: x\n  newTag: b", "sha256:c",
         "  digest: sha256:c # c\n  newName: x"),
        ("  digest: sha256:a\n  newTag: b", "1234567", '  newTag: "1234567"'),
    ],
)  # fmt: skip
def test_an_image_gets_a_tag_or_a_digest(entry: str, new: str, after: str) -> None:
    assert changed(KUSTOMIZE, f"{IMAGE}{entry}", "cart", new) == f"{IMAGE}{after}"


@pytest.mark.parametrize(
    "text",
    [
        "12345678", "1e5", "0123", "1234e567", "0x1f", "0b1", "0o17", "1_000", "1:30", "1.10", ".5",
        "2026-01-02", "2026-1-2", "true", "No", "on", "y", "NULL", "~", "", ".inf", ".NaN", "a: b",
        "a #b", "a:", "-", "*a", "+1", "-1", "1.", "__1",
    ],
)  # fmt: skip
def test_what_some_yaml_reads_as_another_thing_is_quoted(text: str) -> None:
    assert not is_string(text)


@pytest.mark.parametrize(
    "text",
    ["v1", "1.2.3", "a" * 40, "0" * 39 + "f", "sha256:ab", "main-12", "2026-01-02-ab", "x_1"],
)
def test_what_every_yaml_reads_as_a_text_needs_no_quotes(text: str) -> None:
    assert is_string(text)


@given(st.text("0123456789abcdefxonyt_.:+-~E#", max_size=12))
def test_a_text_without_quotes_is_one_in_both_versions_of_yaml(text: str) -> None:
    if is_string(text):
        for version in ((1, 1), (1, 2)):
            yaml = YAML(typ="safe", pure=True)
            yaml.version = version
            assert yaml.load(f"a: {text} # c\n") == {"a": text}
