"""Whether a cluster takes an object: by Kubernetes' own schemas, or by those of schemas/."""

import json
import re
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from referencing import Registry, Resource

from tests.schemas import draft202012

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator

Json = dict[str, Any]
CUSTOM = {path.stem: path for path in (Path(__file__).parent / "schemas").glob("*.json")}


def _folder() -> Path:
    # Not by importing kubernetes-validate, which reads JSON Schema in at once.
    spec = find_spec("kubernetes_validate")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "kubernetes-json-schema"


_ALL = _folder()
_VERSIONS = sorted(
    (path.name[1:].removesuffix("-local-strict") for path in _ALL.glob("v*-local-strict")),
    key=lambda version: [int(part) for part in version.split(".")],
)
OLDEST, NEWEST = next(v for v in _VERSIONS if v.startswith("1.30.")), _VERSIONS[-1]


def check(body: Json, *, version: str = NEWEST) -> None:
    """Fields that are unknown are errors too.

    Raises:
        ValueError: it would be refused, or something of it dropped.
        FileNotFoundError: there is no such kind.
    """
    found = _validator(body["apiVersion"], body["kind"], version).iter_errors(body)
    if wrong := [f"{error.json_path}: {error.message}" for error in found]:
        raise ValueError("\n".join(wrong))


def named(body: Json) -> tuple[str, str]:
    """What it is called among all."""
    return body["kind"], body["metadata"]["name"]


@lru_cache
def _validator(api_version: str, kind: str, version: str) -> "Draft202012Validator":
    if (path := CUSTOM.get(kind)) is not None:
        return draft202012(json.loads(path.read_text("utf-8")))
    group = re.sub(r"^([^./]*)(?:\.[^/]*)?/", r"\1-", api_version)
    schema = _published(version, f"{kind.lower()}-{group}")
    return draft202012(schema, registry=_definitions(version))


@lru_cache
def _definitions(version: str) -> Registry[Any]:
    # kubernetes-validate would read these megabytes anew for each object.
    found = Resource.from_contents(_published(version, "_definitions"))
    return found @ Registry()


def _published(version: str, name: str) -> Json:
    file = _ALL / f"v{version}-local-strict" / f"{name}.json"
    body: Json = json.loads(file.read_text("utf-8"))
    return body
