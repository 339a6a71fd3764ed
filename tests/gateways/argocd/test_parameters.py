from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbot.domain.services import Image
from qbot.gateways.argocd.parameters import facts, parameters, values
from tests.gateways.argocd.world import ENV, SHA, environment, plan

Json = dict[str, Any]


def only(template: str, branch: str = "x") -> Json:
    env = environment(branch)
    (found,) = parameters({"a": template}, facts(env, plan()))
    return found


@pytest.mark.parametrize(
    ("template", "value"),
    [
        pytest.param("{env}.example.com", "qbot-x.example.com", id="env"),
        pytest.param("{namespace}", "qbot-x", id="namespace"),
        pytest.param("{branch}", "x", id="branch"),
        pytest.param("{url}/login", "https://qbot-x.example.com/login", id="url"),
        pytest.param("{sha}", SHA, id="sha"),
        pytest.param("{short_sha}", SHA[:8], id="short-sha"),
    ],
)
def test_placeholders_are_filled_in_and_stay_strings(template: str, value: str) -> None:
    assert only(template) == {"name": "a", "value": value, "forceString": True}


@pytest.mark.parametrize("template", ["3", "{a,b}", "{other}", "$ARGOCD_APP_NAME"])
def test_what_the_file_says_itself_is_passed_on_untouched(template: str) -> None:
    assert only(template) == {"name": "a", "value": template}


def test_a_branch_does_not_reach_the_build_environment_of_argo_cd() -> None:
    assert only("{branch}", "x-$ARGOCD_APP_NAME")["value"] == "x-$$ARGOCD_APP_NAME"


def test_a_branch_that_looks_like_a_list_is_no_list() -> None:
    assert only("{branch}", "{a,b}")["value"] == r"\{a,b}"


def test_a_branch_is_not_read_for_placeholders() -> None:
    assert only("{branch}", "x-{sha}")["value"] == "x-{sha}"


def test_the_image_tag_is_a_parameter_and_a_string() -> None:
    image = Image("registry/cart", "1", "image.tag")
    found = parameters({"image.tag": "old", "b": "c"}, facts(ENV, plan()), image)
    assert found == [
        {"name": "b", "value": "c"},
        {"name": "image.tag", "value": "1", "forceString": True},
    ]


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("tag", {"tag": "v-$1"}),
        ("web.image.tag", {"web": {"image": {"tag": "v-$1"}}}),
        (r"images.a\.b", {"images": {"a.b": "v-$1"}}),
    ],
)
def test_the_image_tag_may_be_a_value_in_the_place_of_a_parameter(
    key: str, expected: dict[str, Any]
) -> None:
    image = Image("registry/cart", "v-$1", "image.tag", key)
    assert values(image, facts(ENV, plan())) == expected
    assert parameters({}, facts(ENV, plan()), image) == []


def test_a_tag_of_digits_stays_a_string_among_values() -> None:
    image = Image("registry/cart", "{short_sha}", "", "tag")
    assert values(image, facts(ENV, plan("12345678" * 5))) == {"tag": "12345678"}


@given(branch=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=50))
def test_argo_cds_expansion_gives_every_branch_back(branch: str) -> None:
    value = only("v-{branch}", branch)["value"]
    assert value.replace("$$", "$") == f"v-{branch}"
