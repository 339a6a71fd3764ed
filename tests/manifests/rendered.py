"""The objects of manifests/, as they would be applied."""

from functools import lru_cache
from pathlib import Path
from typing import Any

from tests.manifests.kustomize import build
from tests.manifests.validity import named

Json = dict[str, Any]
ROOT = Path(__file__).parents[2]
MANIFESTS = ROOT / "manifests"
SQLITE = "kubernetes/overlays/sqlite"
POSTGRES = "kubernetes/overlays/postgres"
OWN = "examples/gitops"
FOLDERS = (SQLITE, POSTGRES, OWN)


@lru_cache
def rendered(folder: str) -> dict[tuple[str, str], Json]:
    """Every object by kind and name; not to be changed."""
    found = build(MANIFESTS / folder)
    assert len({named(body) for body in found}) == len(found)
    return {named(body): body for body in found}


def only(folder: str, kind: str, start: str = "qbot") -> Json:
    """The one of this kind whose name begins so."""
    (found,) = (
        body
        for (is_kind, name), body in rendered(folder).items()
        if is_kind == kind and name.startswith(start)
    )
    return found


def pod(folder: str) -> Json:
    """The specification of Qbot's pods."""
    spec: Json = only(folder, "Deployment")["spec"]["template"]["spec"]
    return spec


def container(folder: str) -> Json:
    """The one of these pods."""
    (found,) = pod(folder)["containers"]
    return dict(found)
