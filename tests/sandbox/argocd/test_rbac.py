import pytest

from qbot.sandbox.argocd.rbac import POLICY, Policy

BOT = Policy.parse(POLICY)


@pytest.mark.parametrize(
    ("resource", "action", "thing", "allowed"),
    [
        ("applications", "create", "qbot-x/qbot-x-cart", True),
        ("applications", "create", "other/qbot-x-cart", False),
        ("applications", "get", "staging/cart", True),
        ("applications", "delete", "staging/cart", False),
        ("projects", "create", "qbot-x", True),
        ("projects", "create", "production", False),
        ("logs", "get", "qbot-x/a", False),
        ("logs", "get", "production/a", True),
        ("applications", "override", "qbot-x/a", False),
        ("clusters", "get", "https://kubernetes.default.svc", False),
    ],
)
def test_the_bots_policy_reaches_exactly_its_own(
    resource: str, action: str, thing: str, allowed: bool
) -> None:
    assert BOT.allows("qbot", resource, action, thing) is allowed


def test_a_stranger_may_nothing() -> None:
    assert not BOT.allows("someone", "projects", "get", "qbot-x")


def test_a_star_crosses_slashes() -> None:
    policy = Policy.parse("p, a, applications, *, *, allow")
    assert policy.allows("a", "applications", "get", "project/namespace/app")


def test_a_denial_beats_any_permission() -> None:
    policy = Policy.parse("p, a, projects, get, *, allow\np, a, projects, get, secret, deny")
    assert policy.allows("a", "projects", "get", "open")
    assert not policy.allows("a", "projects", "get", "secret")


def test_a_line_that_is_no_policy_is_named() -> None:
    with pytest.raises(ValueError, match="not a policy line: p, a, b"):
        Policy.parse("p, a, b")
