"""qbot.yaml: errors name file, line and key."""

from datetime import timedelta
from pathlib import Path

import pytest

from qbot.catalog import load_catalog
from qbot.errors import PermanentError

GOOD = """\
services:
  - name: cart
    project: shop/cart
    image: {repository: registry.example/cart}
  - name: payments
    project: shop/payments
environments:
  base: {project: shop/environments}
  ttl: 3d
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "qbot.yaml"
    path.write_text(text)
    return path


def test_a_small_file_is_enough(tmp_path: Path) -> None:
    catalog = load_catalog(write(tmp_path, GOOD))
    assert [s.name for s in catalog.services] == ["cart", "payments"]
    assert catalog.environments.ttl == timedelta(days=3)
    assert catalog.environments.builds == "wait"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("ttl: 3d", "tll: 3d", ":9: environments.tll: there is no such key"),
        ("ttl: 3d", "ttl: soon", ":9: environments.ttl: `soon` is not a duration"),
        ("project: shop/payments", "projct: x", ":6: services[1].projct: there is no such key"),
        ("    project: shop/payments\n", "", ":5: services[1].project: is missing"),
        ("name: payments", "name: cart", "the service cart is listed twice"),
        ("name: payments", "name: Payments", ":5: services[1].name: must be a DNS label"),
        ("name: payments", f"name: {'p' * 30}", ":5: services[1].name: must be a DNS label"),
        ("name: payments", "name: base", ":5: services[1].name: `base` is the Application"),
        ("  base: {project: shop/environments}\n", "", "environments.base: is missing"),
        ("services:", "services: [", ": not YAML"),
        (GOOD, "- a\n", ":1: must be a mapping"),
    ],
)
def test_an_error_names_file_line_and_key(tmp_path: Path, old: str, new: str, says: str) -> None:
    path = write(tmp_path, GOOD.replace(old, new))
    with pytest.raises(PermanentError) as refused:
        load_catalog(path)
    assert str(path) in str(refused.value)
    assert says in str(refused.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match=r"none.yaml: cannot be read"):
        load_catalog(tmp_path / "none.yaml")
