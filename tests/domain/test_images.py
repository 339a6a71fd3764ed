"""What names an image of a service, and what does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbot.domain.images import image_of, names_image, parameter_of
from qbot.domain.names import BranchName, ProjectPath, ServiceName, branch_name
from qbot.domain.services import Image, Service
from qbot.errors import UserError

IMAGE = Image("registry.example:5000/shop/cart", "{sha}", "image.tag")
CART = Service(ServiceName("cart"), ProjectPath("shop/cart"), "https://g/cart", "main", image=IMAGE)
DIGEST = f"sha256:{'a1' * 32}"
TAGS = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", fullmatch=True)


@given(TAGS)
def test_every_tag_is_found_however_it_is_written(tag: str) -> None:
    for text in (f"image:{tag}", f"{IMAGE.repository}:{tag}"):
        assert names_image(text)
        assert image_of(CART, text) == tag
        assert image_of(CART, f"{text}@{DIGEST}") == DIGEST


@pytest.mark.parametrize("text", [DIGEST, f"image:{DIGEST}", f"{IMAGE.repository}@{DIGEST}"])
def test_a_digest_stands_for_itself(text: str) -> None:
    assert image_of(CART, text) == DIGEST


@pytest.mark.parametrize(
    "text",
    [
        "image:",
        "image:a b",
        "image:-x",
        "sha256:abc",
        f"md5:{'a' * 32}",
        "registry.example:5000/shop/orders:1.0",
        f"registry.example:5000/shop/cart2@{DIGEST}",
        "registry.example:5000/shop/cart",
        f"image:{'x' * 129}",
    ],
)
def test_what_is_no_image_of_the_service_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="is no image of `cart`"):
        image_of(CART, text)


@given(st.text(min_size=1, max_size=40))
def test_no_branch_is_ever_taken_for_an_image(text: str) -> None:
    try:
        branch: BranchName = branch_name(text)
    except UserError:
        return
    assert not names_image(branch)


def test_a_service_without_an_image_takes_none() -> None:
    bare = Service(ServiceName("cart"), ProjectPath("shop/cart"), "https://g/cart", "main")
    with pytest.raises(UserError, match="does not know how `cart` takes an image"):
        image_of(bare, "image:1")


def test_a_digest_follows_the_commits_own_tag() -> None:
    assert parameter_of(IMAGE, DIGEST) == f"{{sha}}@{DIGEST}"
    assert parameter_of(IMAGE, "1.4.2") == "1.4.2"
