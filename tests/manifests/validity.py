"""Whether a cluster takes an object: by Kubernetes' own schemas, or by those of schemas/."""

import json
import re
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import kubernetes_validate
from jsonschema import Draft202012Validator
from kubernetes_validate.utils import all_versions
from referencing import Registry, Resource

Json = dict[str, Any]
CUSTOM = {path.stem: path for path in (Path(__file__).parent / "schemas").glob("*.json")}
OLDEST, NEWEST = next(v for v in all_versions() if v.startswith("1.30.")), all_versions()[-1]


def check(body: Json, *, version: str = NEWEST) -> None:
    """Fields that are unknown are errors too.

    Raises:
        jsonschema.ValidationError: it would be refused, or something of it dropped.
        FileNotFoundError: there is no such kind.
    """
    _validator(body["apiVersion"], body["kind"], version).validate(body)


def named(body: Json) -> tuple[str, str]:
    """What it is called among all."""
    return body["kind"], body["metadata"]["name"]


@lru_cache
def _validator(api_version: str, kind: str, version: str) -> Draft202012Validator:
    if (path := CUSTOM.get(kind)) is not None:
        return Draft202012Validator(json.loads(path.read_text("utf-8")))
    group = re.sub(r"^([^./]*)(?:\.[^/]*)?/", r"\1-", api_version)
    schema = _published(version, f"{kind.lower()}-{group}")
    return Draft202012Validator(schema, registry=_definitions(version))


@lru_cache
def _definitions(version: str) -> Registry[Any]:
    # kubernetes-validate would read these megabytes anew for each object.
    found = Resource.from_contents(_published(version, "_definitions"))
    return found @ Registry()


def _published(version: str, name: str) -> Json:
    folder = files(kubernetes_validate) / "kubernetes-json-schema" / f"v{version}-local-strict"
    body: Json = json.loads((folder / f"{name}.json").read_text("utf-8"))
    return body
