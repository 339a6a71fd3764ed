"""The parts of the shop's qbot.yaml about stages: what moves where, and who has to agree."""

from collections.abc import Sequence
from typing import Any

from qbot.sandbox.shop.services import Service
from qbot.sandbox.shop.stage_texts import REGISTRY
from qbot.sandbox.shop.stages import (
    PRODUCTION,
    STAGING,
    Variant,
    stage_branch,
    stage_file,
    stages_project,
)

_MANAGERS = "release-managers"
_RELEASES = "C05RELEAS3S"  # the channel of this name in the stand-in for Slack
_PURCHASE = ("cart", "checkout", "payments")


def release_rules(services: Sequence[Service], variant: Variant) -> dict[str, Any]:
    """Stages, roles, jobs and sets of services."""
    names = {service.name for service in services}
    purchase = [name for name in _PURCHASE if name in names]
    return {
        "sets": {"purchase": purchase} if purchase else {},
        "roles": {_MANAGERS: {"slack": ["S0RELEASE"], "gitlab": [_MANAGERS]}},
        "jobs": [_smoke(variant)],
        "stages": [_staging(variant), _production(variant)],
        "policy": {"doctor": {"roles": [_MANAGERS]}},
        "zone": "UTC",
    }


def _smoke(variant: Variant) -> dict[str, Any]:
    return {
        "name": "smoke",
        "pipeline": {
            "project": stages_project(variant),
            "ref": stage_branch(variant, STAGING),
            "variables": {"JOB": "end-to-end", "SERVICE": "{services}"},
        },
        "for": ["environments", STAGING, PRODUCTION],
        "timeout": "20m",
    }


def _staging(variant: Variant) -> dict[str, Any]:
    return {
        "name": STAGING,
        "from": ["environments"],
        "applications": "staging-{service}",
        "config": _config(variant, STAGING),
        "approvals": {"count": 1, "roles": ["everybody"], "self": True},
        "rollback": {"self": True},
    }


def _production(variant: Variant) -> dict[str, Any]:
    return {
        "name": PRODUCTION,
        "from": [STAGING],
        "applications": "production-{service}",
        "config": _config(variant, PRODUCTION),
        "approvals": {"count": 2, "roles": [_MANAGERS]},
        "rollback": {
            "count": 1,
            "roles": [_MANAGERS],
            "self": True,
            "break_glass": [_MANAGERS],
        },
        "channel": _RELEASES,
        "exempt": [_MANAGERS],
        "after": "smoke",
    }


def _config(variant: Variant, stage: str) -> dict[str, Any]:
    file = stage_file(variant, stage, "{service}")
    found: dict[str, Any] = {
        "project": stages_project(variant),
        "branch": stage_branch(variant, stage),
    }
    if variant == "kustomize":
        return found | {"kustomize": {"file": file, "image": f"{REGISTRY}/{{service}}"}}
    whole = {"whole": True} if variant == "branches" and stage == PRODUCTION else {}
    return found | {"helm": {"file": file, "key": "image.tag"}} | whole
