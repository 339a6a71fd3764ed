"""Exceptions that nobody can make use of are told with their key."""

from pathlib import Path

import pytest

from qbot.catalog import load_catalog
from qbot.catalog.unusable import unusable
from tests.catalog.test_sharing import PRODUCTION

FILE = """\
services: [{name: cart, project: shop/cart}]
environments: {base: {project: shop/environments}}
roles:
  managers: {people: [U1, U2]}
  doctors: {people: [U3]}
  both: {people: [U2, U3]}
  night: {slack: [night]}
stages:
  - name: production
    from: [environments]
    applications: "production-{service}"
"""
TWO, ONE = "approvals: {count: 2, roles: [managers]}", "approvals: {roles: [managers]}"
GLASS, EXEMPT = "stages.production.rollback.break_glass: ", "stages.production.exempt: "
LETS = "policy.rollback lets only `managers`"
NO_WAY = "".join(f"{verb}: {{roles: [managers]}}, " for verb in ("promote", "rollback", "run"))


def warned(path: Path, *lines: str, policy: str = "") -> list[str]:
    file = path / "qbot.yaml"
    stage = "".join(f"    {line}\n" for line in lines)
    file.write_text(f"{FILE}{PRODUCTION}{stage}policy: {{{policy}}}\n")
    return list(unusable(load_catalog(file, instances=("main",), secrets=())))


@pytest.mark.parametrize(
    ("role", "says"),
    [
        ("doctors", [f"{GLASS}nobody can use it: {LETS}"]),
        ("night", [f"{GLASS}only who of `night` is in another role as well can use it: {LETS}"]),
        ("both", []),
        ("managers", []),
    ],
)
def test_a_glass_that_the_policy_lets_nobody_break_is_told(
    tmp_path: Path, role: str, says: list[str]
) -> None:
    glass = f"rollback: {{break_glass: [{role}]}}"
    assert warned(tmp_path, ONE, glass, policy="rollback: {roles: [managers]}") == says
    assert warned(tmp_path, ONE, glass) == []


def test_an_exempt_role_without_a_command_to_use_it_with_is_told(tmp_path: Path) -> None:
    exempt = "exempt: [doctors]"
    (said,) = warned(tmp_path, ONE, exempt, policy=NO_WAY)
    assert said == f"{EXEMPT}nobody can use it: policy.promote lets only `managers`"
    assert warned(tmp_path, ONE, exempt, policy="promote: {roles: [managers]}") == []


@pytest.mark.parametrize(
    ("approvals", "role", "told"),
    [
        (TWO, "managers", True),
        (ONE, "managers", False),
        (TWO, "both", False),  # one of them is no manager
        (TWO, "night", False),
        ("approvals: {count: 2, roles: [managers], self: true}", "managers", False),
        ("approvals: {count: 2, roles: [night]}", "managers", False),
        ("approvals: {count: 2, roles: [everybody]}", "managers", False),
    ],
)
def test_exempt_people_whose_own_approval_it_lacks_are_told(
    tmp_path: Path, approvals: str, role: str, *, told: bool
) -> None:
    said = warned(tmp_path, approvals, f"exempt: [{role}]")
    assert [s.startswith(f"{EXEMPT}nobody can promote with it") for s in said] == [True] * told
