from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbot.sandbox.argocd.kustomize import build, split_image
from qbot.sandbox.argocd.manifests import Manifest
from qbot.sandbox.argocd.templates import ChartError

BASE = "resources: [deployment.yaml, service.yaml]\n"
SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: cart}\n"
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart}
spec:
  template:
    spec:
      initContainers: [{name: wait, image: library/busybox}]
      containers:
        - {name: cart, image: "registry.example:5000/shop/cart:old"}
"""
CART = "registry.example:5000/shop/cart"
FILES = {
    "base/cart/kustomization.yaml": BASE,
    "base/cart/deployment.yaml": DEPLOYMENT,
    "base/cart/service.yaml": SERVICE,
}


def built(overlay: str = "", **files: str) -> tuple[Manifest, ...]:
    extra = {path.replace("__", "/") + ".yaml": text for path, text in files.items()}
    head = "resources: [../../base/cart]\n"
    everything = {**FILES, "production/cart/kustomization.yaml": head + overlay, **extra}
    return build(everything.get, "production/cart", "production")


def failure(files: Mapping[str, str], folder: str = "o") -> str:
    with pytest.raises(ChartError) as caught:
        build(files.get, folder, "ns")
    return str(caught.value)


def images(overlay: str) -> list[str]:
    deployment = built(overlay)[0].body["spec"]["template"]["spec"]
    return [c["image"] for c in (*deployment["initContainers"], *deployment["containers"])]


def test_an_overlay_has_the_resources_of_its_base_in_order() -> None:
    found = built()
    assert [(each.kind, each.namespace) for each in found] == [
        ("Deployment", "production"),
        ("Service", "production"),
    ]


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("newTag: v2", f"{CART}:v2"),
        ("digest: 'sha256:ab'", f"{CART}@sha256:ab"),
        ("newTag: v2, digest: 'sha256:ab'", f"{CART}:v2@sha256:ab"),
        ("newName: mirror.example/cart", "mirror.example/cart:old"),
        ("newName: mirror.example/cart, newTag: v3", "mirror.example/cart:v3"),
    ],
)
def test_an_image_gets_its_new_name_tag_and_digest(entry: str, expected: str) -> None:
    found = images(f"images: [{{name: '{CART}', {entry}}}]\n")
    assert found == ["library/busybox", expected]


def test_init_containers_get_new_images_too() -> None:
    assert images("images: [{name: library/busybox, newTag: '1'}]\n")[0] == "library/busybox:1"


def test_a_name_is_matched_whole() -> None:
    assert images("images: [{name: shop/cart, newTag: v2}]\n")[1] == f"{CART}:old"


def test_an_overlay_goes_over_the_images_of_its_base() -> None:
    base = BASE + f"images: [{{name: '{CART}', newTag: base}}]\n"
    found = built(f"images: [{{name: '{CART}', newTag: over}}]\n", base__cart__kustomization=base)
    assert found[0].images == (f"{CART}:over",)


def test_a_namespace_is_set_on_what_can_have_one() -> None:
    namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: home}\n"
    base = "resources: [service.yaml, home.yaml]\n"
    found = built(
        "namespace: elsewhere\n", base__cart__home=namespace, base__cart__kustomization=base
    )
    assert [(each.kind, each.namespace) for each in found] == [
        ("Service", "elsewhere"),
        ("Namespace", ""),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("patches: []", 'json: unknown field "patches"'),
        ("images: [{name: a, newTag: 12}]", "cannot unmarshal int into Go struct field"),
        ("images: [{name: a, newTag: 1e7}]", "cannot unmarshal float into Go struct field"),
        ("images: [{name: a, tagSuffix: x}]", 'json: unknown field "tagSuffix"'),
        ("images: [a]", "cannot unmarshal into type types.Image"),
        ("images: {a: b}", "cannot unmarshal into Go struct field Kustomization.images"),
        ("resources: [gone.yaml]", "'gone.yaml': no such file or directory"),
        ("resources: [../../../x]", "'../../../x': no such file or directory"),
        ("resources: [../a.yaml]", "security; file 'a.yaml' is not in or below 'o'"),
        ("resources: [../o]", "cycle detected: candidate root 'o'"),
        ("resources: [a.yaml, a.yaml]", "already registered id: ConfigMap.v1.[noGrp]/a"),
        ("", "kustomization.yaml is empty"),
        ("a: [", "error converting YAML to JSON"),
    ],
)
def test_what_kustomize_refuses_is_named(text: str, message: str) -> None:
    config = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
    files = {"o/kustomization.yaml": text, "o/a.yaml": config, "a.yaml": config}
    assert message in failure(files)


def test_a_folder_has_exactly_one_kustomization() -> None:
    two = {"o/kustomization.yaml": "resources: []", "o/kustomization.yml": "resources: []"}
    assert failure(two) == "Found multiple kustomization files under: o"
    assert "unable to find one of 'kustomization.yaml'" in failure({})


def test_parsed_texts_stay_as_they_are() -> None:
    before = built()[0].body
    images(f"images: [{{name: '{CART}', newTag: other}}]\n")
    after: Any = built()[0].body
    assert before == after


WORD = st.text("abz09", min_size=1, max_size=5)


@given(
    st.lists(WORD, min_size=1, max_size=3), st.sampled_from(["", ":5000"]), WORD | st.just(""),
    WORD | st.just(""),
)  # fmt: skip
def test_an_image_is_split_into_what_it_was_made_of(
    words: list[str], port: str, tag: str, digest: str
) -> None:
    name = f"host{port}/" + "/".join(words)
    text = name + (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")
    assert split_image(text) == (name, tag, digest)
