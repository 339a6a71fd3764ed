"""Names: always valid, never shared by two branches."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbot.domain.names import (
    MAX_APPLICATION,
    MAX_ENV,
    MAX_SERVICE,
    BranchName,
    ServiceName,
    app_name,
    branch_name,
    env_name,
    is_label,
)
from qbot.errors import UserError

branches = st.text(
    st.characters(exclude_categories=["Cs"], min_codepoint=1), min_size=1, max_size=300
).map(BranchName)


@given(branches, st.sampled_from(["qbot", "q", "preview-envs"]))
def test_every_branch_gets_a_dns_label_that_leaves_room_for_a_service(
    branch: BranchName, prefix: str
) -> None:
    name = env_name(branch, prefix=prefix)
    longest = ServiceName("s" * MAX_SERVICE)
    assert is_label(name)
    assert len(name) <= MAX_ENV
    assert name.startswith(f"{prefix}-")
    assert len(app_name(name, longest)) <= MAX_APPLICATION


@pytest.mark.incident("wrong-deletion")
@given(st.lists(branches, min_size=2, max_size=12, unique=True))
def test_two_branches_never_share_a_name(many: list[BranchName]) -> None:
    assert len({env_name(b, prefix="qbot") for b in many}) == len(many)


@pytest.mark.parametrize(
    "others",
    [
        ["feat/x", "feat-x", "FEAT/X", "feat_x", "feat.x", "feat--x"],
        ["a" * 200, "a" * 201, "a" * 35],
        ["🚀", "✨", "--", "-"],
        ["9", "nine/9", "1/2"],
        ["fix-ab12cd", "fix/ab12cd", "fix"],
    ],
    ids=["separators", "long", "no-letters", "digits", "looks-hashed"],
)
def test_names_that_people_confuse_stay_apart(others: list[str]) -> None:
    names = [env_name(BranchName(b), prefix="qbot") for b in others]
    assert len(set(names)) == len(names)
    assert all(is_label(n) for n in names)


def test_a_branch_that_is_its_own_slug_needs_no_hash() -> None:
    assert env_name(BranchName("checkout-v2"), prefix="qbot") == "qbot-checkout-v2"


def test_a_lossy_slug_carries_a_hash_of_the_whole_branch() -> None:
    assert re.fullmatch(
        r"qbot-feat-checkout-[0-9a-f]{6}", env_name(BranchName("feat/checkout"), prefix="qbot")
    )


def test_a_short_branch_that_ends_like_a_hash_gets_one_of_its_own() -> None:
    lossy = env_name(BranchName("feat/x"), prefix="qbot")
    twin = BranchName(lossy.removeprefix("qbot-"))
    assert env_name(twin, prefix="qbot") != lossy


@pytest.mark.parametrize("good", ["feat/x", "FEAT/X", "a", "feat/ümlaut", "v1.2.x", "a@b", "#12"])
def test_what_git_takes_is_taken(good: str) -> None:
    assert branch_name(good) == good


@pytest.mark.parametrize(
    "bad",
    ["", "a b", "a..b", "a~1", "a^", "a:b", "a?", "a*", "[a", "a\\b", "/a", "a/", "a//b", "a.lock",
     "a/.b", ".a", "@", "a@{1}", "-a", "a.", "a\x00b", "feat/a.lock/b"],
)  # fmt: skip
def test_what_git_refuses_is_refused(bad: str) -> None:
    with pytest.raises(UserError, match="cannot be the name of a git branch"):
        branch_name(bad)
