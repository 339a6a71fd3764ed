"""Pipelines: how GitLab's status words read, and which commit of a default branch is green."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gitlab
from gitlab.v4.objects import ProjectPipeline

from qbot.domain.names import ProjectPath
from qbot.domain.services import Build
from qbot.gateways.gitlab.client import Client
from qbot.gateways.gitlab.errors import ForbiddenError

# https://docs.gitlab.com/api/pipelines/ lists the words. `manual` counts as passed: everything
# that runs by itself has succeeded, and what waits for a person is, as a rule, the very
# deployment that Qbot stands in for; a build that waits for a click would never join. `scheduled`
# goes on by itself.
_BUILDS = {
    "success": Build.PASSED,
    "skipped": Build.PASSED,
    "manual": Build.PASSED,
    "failed": Build.FAILED,
    "canceled": Build.FAILED,
}
_GREEN = {"success", "manual"}  # not `skipped`: such a commit was never built
_NEWEST = 20  # pipelines of a default branch that are looked through before asking for a green one


@dataclass(frozen=True, slots=True)
class Pipeline:
    """One pipeline of one commit."""

    sha: str
    status: str
    url: str

    @property
    def build(self) -> Build:
        """As Qbot sees it; a word that GitLab has yet to invent counts as running."""
        return _BUILDS.get(self.status, Build.RUNNING)


async def newest(client: Client, project: ProjectPath, sha: str) -> Pipeline | None:
    """The newest pipeline of a commit, whatever started it."""
    found = await _listed(client, project, sha=sha, per_page=1)
    return found[0] if found else None


async def green(client: Client, project: ProjectPath, ref: str) -> Pipeline | None:
    """The newest pipeline of a branch that passed, else the newest one; None = it has none.

    One request where one of the newest 20 passed; only below that GitLab has to search.
    """
    recent = await _listed(client, project, ref=ref, per_page=_NEWEST)
    passed = next((p for p in recent if p.status in _GREEN), None)
    if passed is not None or not recent:
        return passed
    older = await _listed(client, project, ref=ref, status="success", per_page=1)
    return (older or recent)[0]


async def _listed(client: Client, project: ProjectPath, **query: Any) -> Sequence[Pipeline]:
    """Newest first."""
    what = f"the pipelines of {project}"

    def work(api: gitlab.Gitlab) -> list[Pipeline]:
        pipelines = api.projects.get(project, lazy=True).pipelines
        found = pipelines.list(order_by="id", sort="desc", get_all=False, **query)
        return [_pipeline(p) for p in found]

    try:
        return await client.call(what, work)
    except ForbiddenError:
        if await _without_ci(client, project):
            return ()
        raise


def _pipeline(found: ProjectPipeline) -> Pipeline:
    return Pipeline(str(found.sha), str(found.status), str(found.web_url))


async def _without_ci(client: Client, project: ProjectPath) -> bool:
    """Whether CI is switched off: GitLab then answers 403 for pipelines, as for want of a role."""

    def work(api: gitlab.Gitlab) -> bool:
        found = api.projects.get(project).attributes
        return found.get("builds_access_level") == "disabled" or found.get("jobs_enabled") is False

    return await client.call(f"project {project}", work)
