"""Versions as they are written in a configuration repository, and the commits behind them."""

import re
from collections.abc import Mapping
from dataclasses import replace

from qbot.domain.names import ServiceName
from qbot.domain.promotion import Version
from qbot.domain.services import Service
from qbot.domain.stages import Stage
from qbot.operations.gathering import gather
from qbot.operations.releases.context import ReleaseContext

_BRACES = re.compile(r"(\{sha\}|\{short_sha\})")
_DIGITS = {"{sha}": "([0-9a-f]{40})", "{short_sha}": "([0-9a-f]{8})"}
_WHOLE = re.compile(r"[0-9a-f]{40}")
DIGEST = "sha256:"


def template(stage: Stage, service: Service) -> str:
    """How a commit of the service is written in the stage."""
    return service.image.tag if service.image else stage.version


def text_of(form: str, sha: str) -> str:
    """What is written of a commit."""
    return form.replace("{sha}", sha).replace("{short_sha}", sha[:8])


def commit_in(form: str, text: str) -> str:
    """The commit that a text was made of, whole or its first digits; empty: it is another text."""
    pattern = "".join(_DIGITS.get(part, re.escape(part)) for part in _BRACES.split(form))
    found = re.fullmatch(pattern, text)
    return max(found.groups(), key=len) if found and found.groups() else ""


async def with_commits(
    context: ReleaseContext, stage: Stage, versions: Mapping[ServiceName, Version]
) -> Mapping[ServiceName, Version]:
    """The same versions with their commits, as far as GitLab knows them.

    A text that the template did not make is taken for a tag or branch of the service's project.

    Raises:
        TransientError: GitLab does not answer.
        PermanentError: a project cannot be read.
    """
    found = dict(versions)
    asked: dict[ServiceName, str] = {}
    for name, version in versions.items():
        sha = version.sha or commit_in(template(stage, context.base.catalog[name]), version.text)
        if _WHOLE.fullmatch(sha):
            found[name] = replace(version, sha=sha)
        elif version.text and not version.text.startswith(DIGEST):
            asked[name] = sha or version.text
    gitlab = context.base.gitlab
    results = await gather(
        [gitlab.resolve(context.base.catalog[n].project, ref) for n, ref in asked.items()]
    )
    for name, commit in zip(asked, results, strict=True):
        if isinstance(commit, Exception):
            raise commit
        found[name] = replace(found[name], sha=commit.sha if commit else "")
    return found
