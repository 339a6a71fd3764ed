"""Files as they are found in the wild: a change of one value changes nothing else."""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from qbot.domain.stages import Format
from qbot.errors import UserError
from qbot.operations.configfiles import changed, current
from tests.amounts import examples

CORPUS = Path(__file__).parent / "corpus"
HELM = {p.stem: p.read_text(encoding="utf-8") for p in (CORPUS / "helm").iterdir()}
KUSTOMIZE = {p.stem: p.read_text(encoding="utf-8") for p in (CORPUS / "kustomize").iterdir()}
SHA, DIGEST = "a" * 40, "sha256:" + "b" * 64
VERSIONS = [SHA, DIGEST, "v1.2.3", "12345678", "1e5", "0123", "1234e567", "0x1f", "1_000", "1:30"]
TRICKY = [
    *("true", "null", "~", "No", "2026-01-01", ".inf", "<<", "=", "it's", '"', "\\", "\\n", "é🚀"),
    *("", " padded ", "a: b", "a #b", "{{ x }}", "- a", "sha256:x", "a:", "'", "...", "---", "[a]"),
    *(f"{mark}a" for mark in ",-*&!%@`?|>"),
]


def trees(text: str) -> list[Any]:
    yaml = YAML(typ="safe", pure=True)
    yaml.allow_duplicate_keys = True
    yaml.composer.warn_double_anchors = False
    return list(yaml.load_all(text))


def key_of(*path: str) -> str:
    return ".".join(p.replace("\\", "\\\\").replace(".", "\\.") for p in path)


def paths(node: Any, *above: str) -> Iterator[tuple[str, ...]]:
    if isinstance(node, dict):
        for name, value in node.items():
            yield from paths(value, *above, str(name))
    elif not isinstance(node, list):
        yield above


def every_way(text: str) -> Iterator[str]:
    """With both line ends, with and without a byte order mark and a last line end."""
    for end, mark, tail in product(("\n", "\r\n"), ("", "\ufeff"), ("", "\n")):
        yield mark + (text.rstrip("\n") + tail).replace("\n", end)


def lines(text: str) -> list[str]:
    return text.split("\n")


def put(tree: Any, path: tuple[str, ...], new: str) -> bool:
    """Write into a tree, if it has the path."""
    for part in path[:-1]:
        if not isinstance(tree, dict) or part not in tree:
            return False
        tree = tree[part]
    if not isinstance(tree, dict) or path[-1] not in tree:
        return False
    tree[path[-1]] = new
    return True


def assert_only_that_changed(before: str, path: tuple[str, ...], new: str) -> None:
    after = changed(Format.HELM, before, key_of(*path), new)
    assert current(Format.HELM, after, key_of(*path)) == new
    wanted = trees(before)
    assert sum(put(tree, path, new) for tree in wanted) == 1
    assert trees(after) == wanted
    pairs = list(zip(lines(before), lines(after), strict=True))
    differing = [(old, now) for old, now in pairs if old != now]
    assert len(differing) <= 1
    for old, now in differing:
        assert comment(old) == comment(now)


def comment(line: str) -> str:
    """From the last mark of a comment on; no value that is written has one."""
    return line[line.rindex(" #") :] if " #" in line else line[-1:] if line.endswith("\r") else ""


CHANGEABLE = {
    "commented": {
        "global.imageRegistry", "global.storageClass", "nameOverride", "image.registry",
        "image.repository", "image.tag", "image.pullPolicy", "replicas", "sidecar.image.tag",
        "sidecar.resources.limits.cpu", "sidecar.resources.limits.memory",
        "sidecar.resources.requests.cpu", "podAnnotations.prometheus\\.io/scrape",
        "podAnnotations.prometheus\\.io/port", "podAnnotations.app\\.kubernetes\\.io/version",
    },
    "quoting": {
        "image.tag", "image.registry", "plain", "hash", "colon", "url", "number", "float", "octal",
        "bool", "date", "null_word", "tilde", "nothing", "empty", "empty_too", "spaces", "unicode",
        "tagged", "on_the_next_line", "explicit", "a\\.b.c\\\\d", "*",
    },
    "anchors": {"unused", "again", "cart.image.tag"},
    "flow": {
        "image.repository", "image.tag", "replicas", "sidecar.image.tag", "sidecar.port", "digest",
        "none", "last",
    },
    "json": {"image.repository", "image.tag", "replicas"},
    "documents": {"only", "here"},
    "blocks": {"image.tag"},
    "doubled": {"other.tag", "other2.tag", "image2"},
}  # fmt: skip


@pytest.mark.parametrize("name", HELM)
def test_a_values_file_says_which_of_its_values_can_be_changed(name: str) -> None:
    text = HELM[name]
    possible = set()
    for key in {key_of(*path) for tree in trees(text) for path in paths(tree) if path}:
        with suppress(UserError):
            changed(Format.HELM, text, key, "v2")
            possible.add(key)
    assert possible == CHANGEABLE[name]


@pytest.mark.parametrize(("name", "new"), list(product(HELM, (SHA, "12345678"))))
def test_of_a_values_file_only_the_value_changes(name: str, new: str) -> None:
    text = HELM[name]
    for path in {p for tree in trees(text) for p in paths(tree) if p}:
        if key_of(*path) in CHANGEABLE[name]:
            assert_only_that_changed(text, path, new)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("commented", "image.tag"),
        ("commented", "global.storageClass"),
        ("quoting", "unicode"),
        ("quoting", "nothing"),
        ("anchors", "cart.image.tag"),
        ("flow", "last"),
        ("json", "image.tag"),
        ("documents", "here"),
        ("blocks", "image.tag"),
        ("doubled", "image2"),
    ],
)
def test_line_ends_and_byte_order_marks_stay(name: str, path: str) -> None:
    for text in every_way(HELM[name]):
        assert_only_that_changed(text, tuple(path.split(".")), SHA)


NEW = st.sampled_from((*VERSIONS, *TRICKY)) | st.text().filter(str.isprintable)
SOME = st.sampled_from(["plain", "number", "empty_too", "tilde", "tagged", "colon", "nothing"])


@settings(max_examples=examples(60), deadline=None)
@given(SOME, NEW)
def test_whatever_is_written_is_read_back_as_a_text(key: str, new: str) -> None:
    text = HELM["quoting"].replace("# 🚀", "")
    after = changed(Format.HELM, text, key, new)
    assert trees(after) == [{**trees(text)[0], key: new}]


@settings(max_examples=examples(60), deadline=None)
@given(st.sampled_from(["image.tag", "digest", "none", "sidecar.image.tag", "last"]), NEW)
def test_whatever_is_written_between_braces_is_read_back(key: str, new: str) -> None:
    after = changed(Format.HELM, HELM["flow"], key, new)
    (tree,), (before,) = trees(after), trees(HELM["flow"])
    assert put(before, tuple(key.split(".")), new)
    assert tree == before


# Kustomizations


def images(of: list[Any]) -> list[Any]:
    found = [t["images"] for t in of if isinstance(t, dict) and isinstance(t.get("images"), list)]
    return [entry for entries in found for entry in entries if isinstance(entry, dict)]


def write_image(into: list[Any], name: str, new: str) -> None:
    (entry,) = [e for e in images(into) if e.get("name") == name]
    entry.pop("newTag", None)
    entry.pop("digest", None)
    entry["digest" if new.startswith("sha256:") else "newTag"] = new


def assert_only_the_image_changed(before: str, name: str, new: str) -> None:
    after = changed(Format.KUSTOMIZE, before, name, new)
    assert current(Format.KUSTOMIZE, after, name) == new
    wanted = trees(before)
    write_image(wanted, name, new)
    assert trees(after) == wanted
    gone = Counter(lines(before)) - Counter(lines(after))
    come = Counter(lines(after)) - Counter(lines(before))
    assert (gone.total(), come.total()) in {(1, 1), (2, 1), (1, 0), (3, 1)}


POSSIBLE = {
    "plain": {"registry.example/shop/cart", "registry.example/shop/payments", "nginx", "envoy",
              "redis"},
    "flow": {"registry.example/shop/cart", "nginx", "envoy", "redis", "last"},
    "documents": {"cart", "payments"},
    "odd": {"indented", "empty", "below", "last"},
}  # fmt: skip


@pytest.mark.parametrize("name", KUSTOMIZE)
def test_a_kustomization_says_which_of_its_images_can_be_changed(name: str) -> None:
    possible = set()
    for entry in images(trees(KUSTOMIZE[name])):
        with suppress(UserError):
            changed(Format.KUSTOMIZE, KUSTOMIZE[name], entry["name"], "v2")
            possible.add(entry["name"])
    assert possible == POSSIBLE[name]


@pytest.mark.parametrize(("name", "new"), list(product(KUSTOMIZE, (SHA, DIGEST, "12345678"))))
def test_of_a_kustomization_only_the_image_changes(name: str, new: str) -> None:
    for image in POSSIBLE[name]:
        assert_only_the_image_changed(KUSTOMIZE[name], image, new)


@pytest.mark.parametrize(("image", "new"), [("last", SHA), ("last", DIGEST), ("below", SHA)])
def test_line_ends_of_a_kustomization_stay(image: str, new: str) -> None:
    for text in every_way(KUSTOMIZE["odd"]):
        assert_only_the_image_changed(text, image, new)
        after = changed(Format.KUSTOMIZE, text, image, new)
        assert after.endswith("\n") == text.endswith("\n")
        assert ("\r\n" in after) == ("\r\n" in text)
        assert after.count("\r") in {0, after.count("\n")}
        assert after.startswith("\ufeff") == text.startswith("\ufeff")


@settings(max_examples=examples(40), deadline=None)
@given(st.sampled_from(["nginx", "envoy", "redis", "last"]), NEW.filter(bool))
def test_whatever_version_an_image_gets_is_read_back(image: str, new: str) -> None:
    assert_only_the_image_changed(KUSTOMIZE["flow"], image, new)


# Broken files


DAMAGE = ["", "<<: ", *"\t\n\r \"'{}[]:,#&*!|>-%@`~?.\x00\x85\u2028"]


@st.composite
def damaged(draw: st.DrawFn) -> tuple[Format, str, str]:
    form, texts, keys = draw(
        st.sampled_from(
            [(Format.HELM, HELM, ["image.tag", "cart.image.tag", "digest", "nothing"]),
             (Format.KUSTOMIZE, KUSTOMIZE, ["nginx", "indented", "last", "payments"])]
        )
    )  # fmt: skip
    text = draw(st.sampled_from(sorted(texts.values())))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.sampled_from(DAMAGE)) + text[at + draw(st.integers(0, 12)) :]
    return form, text, draw(st.sampled_from(keys))


def loaded(text: str) -> list[Any] | None:
    """None: the composer takes it, what builds values does not."""
    try:
        return trees(text)
    except (YAMLError, ValueError, TypeError):
        return None


@settings(max_examples=examples(150), deadline=None)
@given(damaged())
def test_a_damaged_file_is_refused_or_changed_rightly(case: tuple[Format, str, str]) -> None:
    form, text, key = case
    try:
        after = changed(form, text, key, "v2")
    except UserError:
        return
    assert current(form, after, key) == "v2"
    if (wanted := loaded(text)) is None:
        return
    if form is Format.HELM:
        assert sum(put(tree, tuple(key.split(".")), "v2") for tree in wanted) == 1
    else:
        write_image(wanted, key, "v2")
    assert trees(after) == wanted
