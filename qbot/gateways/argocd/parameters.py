"""Helm parameters: placeholders filled in, safe from Argo CD's and Helm's own syntax.

Argo CD expands `$NAME` in parameters from its build environment (`$$` is a dollar sign), and
Helm's `--set` reads a value that begins with `{` as a list. A git branch may contain both.
"""

import re
from collections.abc import Mapping
from typing import Any

from qbot.domain.dotted import parts
from qbot.domain.environment import Environment
from qbot.domain.services import Image, ServicePlan

_PLACEHOLDER = re.compile(r"\{(branch|env|namespace|url|sha|short_sha)\}")


def facts(env: Environment, plan: ServicePlan | None = None) -> dict[str, str]:
    """What the placeholders stand for; `{sha}` and `{short_sha}` only where there is a commit."""
    found = {
        "branch": str(env.branch),
        "env": str(env.name),
        "namespace": str(env.name),
        "url": env.url,
    }
    if plan is not None:
        found |= {"sha": plan.sha, "short_sha": plan.short_sha}
    return found


def parameters(
    templates: Mapping[str, str], known: Mapping[str, str], image: Image | None = None
) -> list[dict[str, Any]]:
    """Argo CD's `helm.parameters`, sorted by name.

    What was filled in is forced to be a string: a branch `1.10` or a commit `12345678` would
    become a number. What qbot.yaml says itself keeps the type that Helm sees in it.
    """
    wanted = dict(templates)
    tagged = image.parameter if image is not None and not image.values_key else None
    if image is not None and tagged is not None:
        wanted[tagged] = image.tag
    return [
        _parameter(name, template, known, force=name == tagged)
        for name, template in sorted(wanted.items())
    ]


def values(image: Image | None, known: Mapping[str, str]) -> dict[str, Any]:
    """Argo CD's `helm.valuesObject`, where the chart's values take the tag; else empty.

    Nothing is escaped: Argo CD expands no names in values, and Helm reads them as they are.
    """
    if image is None or not image.values_key:
        return {}
    found: Any = _PLACEHOLDER.sub(lambda match: known.get(match[1], match[0]), image.tag)
    for part in reversed(parts(image.values_key)):
        found = {part: found}
    return dict(found)


def _parameter(name: str, template: str, known: Mapping[str, str], *, force: bool) -> Any:
    value, filled = _PLACEHOLDER.subn(lambda match: _fill(match, known), template)
    found: dict[str, Any] = {"name": name, "value": value}
    if filled and value.startswith("{"):
        found["value"] = f"\\{value}"
    if filled or force:
        found["forceString"] = True
    return found


def _fill(match: re.Match[str], known: Mapping[str, str]) -> str:
    return known.get(match[1], match[0]).replace("$", "$$")
