"""What `qbot serve` needs to run against a sandbox: qbot.yaml and a file of QBOT_* variables."""

import os
import shlex
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from qbot.sandbox.repos import DEFAULT_BRANCH
from qbot.sandbox.shop.release_rules import release_rules
from qbot.sandbox.shop.services import CONFIG_PROJECT, Service
from qbot.sandbox.shop.stages import Variant
from qbot.sandbox.storefront import FRONT

_REGISTRY = "registry.example/shop"


def catalog(
    services: Sequence[Service], variant: Variant, url: str, *, digest: bool = False
) -> dict[str, Any]:
    """qbot.yaml for a shop with these services, whose stages are configured in this way.

    `url` is an environment's own address, with `{env}` for its name; with `digest` #general gets
    one every hour.
    """
    digests = {"digests": [{"channel": "C05GENERAL1", "cron": "0 * * * *"}]} if digest else {}
    return {
        "services": [_service(service) for service in services],
        "environments": {
            "prefix": "qbot",
            "argocd": "main",
            "cluster": "https://kubernetes.default.svc",
            "base": {
                "project": CONFIG_PROJECT,
                "path": "base",
                "revision": DEFAULT_BRANCH,
            },
            "url": url,
            **_ready(services),
            "ttl": "3d",
            "limits": {"per_owner": 10, "total": 60},
            "builds": "wait",
        },
        "reaper": {"channel": "C05RELEAS3S"},  # that is asked when many would go at once
        **release_rules(services, variant),
        **digests,
    }


def _ready(services: Sequence[Service]) -> dict[str, Any]:
    """A shop with a frontend has to answer its customers."""
    if all(service.name != FRONT for service in services):
        return {}
    return {"ready": {"url": True, "service": FRONT, "within": "1m"}}


def _service(service: Service) -> dict[str, Any]:
    name = service.name
    return {
        "name": name,
        "project": service.project,
        "chart": "chart",
        "value_files": ["values-branch.yaml"],
        "image": {"repository": f"{_REGISTRY}/{name}", "tag": "{sha}", "parameter": "image.tag"},
    }


def write_yaml(path: Path, content: Mapping[str, Any]) -> None:
    """Write a YAML file, keys in the order given."""
    yaml, text = YAML(), StringIO()
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.dump(dict(content), text)
    path.write_text(text.getvalue(), encoding="utf-8")


def write_env(path: Path, variables: Mapping[str, str]) -> None:
    """Write an env file that only its owner can read; it appears whole or not at all."""
    text = "".join(f"{name}={shlex.quote(value)}\n" for name, value in variables.items())
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)
