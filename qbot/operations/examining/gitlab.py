"""GitLab's parts: roles, what is in repositories, webhooks."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date

from qbot.domain.diagnosis.findings import Notes, Unread
from qbot.domain.diagnosis.gitlab import (
    GitLabFacts,
    GitLabNeeds,
    GitLabToken,
    Level,
    SeenProject,
    judge_gitlab,
)
from qbot.domain.diagnosis.ports import FileReader, GitLabReader
from qbot.domain.diagnosis.repositories import (
    Place,
    RepositoryFacts,
    RepositoryNeeds,
    Version,
    judge_repositories,
)
from qbot.domain.names import ProjectPath
from qbot.errors import UserError
from qbot.operations.configfiles import current
from qbot.operations.examining.reading import each, tried

Projects = Mapping[str, SeenProject | Unread | None]


async def read_projects(needs: GitLabNeeds, gitlab: GitLabReader, token: GitLabToken) -> Projects:
    """Each project as the token sees it, with what merging into its branch takes."""
    found = await each([use.project for use in needs.uses], gitlab.project)
    shown = readable(found, token)
    guarded = [(use.project, use.branch) for use in needs.uses if use.branch]
    asked = [place for place in guarded if place[0] in shown]
    takes = await each(asked, lambda place: gitlab.merging(*place))
    return {path: _with(path, seen, takes) for path, seen in found.items()}


def _with(
    path: str,
    seen: SeenProject | Unread | None,
    takes: Mapping[tuple[str, str], Level | Unread],
) -> SeenProject | Unread | None:
    if not isinstance(seen, SeenProject):
        return seen
    return replace(seen, merging={b: takes[p, b] for p, b in takes if p == path})


def readable(projects: Projects, token: GitLabToken) -> frozenset[str]:
    """Those whose repository the account may read."""
    return frozenset(
        path
        for path, seen in projects.items()
        if isinstance(seen, SeenProject) and (token.admin or seen.level >= Level.REPORTER)
    )


async def examine_gitlab(
    needs: GitLabNeeds, gitlab: GitLabReader, token: GitLabToken, projects: Projects, today: date
) -> Notes:
    """With a token that GitLab takes."""
    version, groups = await asyncio.gather(
        tried(gitlab.version()), each(needs.groups, gitlab.group)
    )
    return judge_gitlab(needs, GitLabFacts(token, version, projects, groups, today))


async def examine_repositories(
    needs: RepositoryNeeds, gitlab: GitLabReader, files: FileReader, projects: Collection[str]
) -> Notes:
    """Of these projects, which can be read."""
    branches = [p for p in needs.branches if p.project in projects]
    paths = [p for p in (*needs.charts, *needs.values) if p.project in projects]
    versions = [v for v in needs.versions if v.place.project in projects]
    heads, there, texts = await asyncio.gather(
        each(branches, lambda p: gitlab.has_branch(p.project, p.ref)),
        each(paths, lambda p: gitlab.has_file(p.project, p.ref, p.path)),
        each([version.place for version in versions], lambda p: _text(p, files)),
    )
    keys = {version: _wrong(version, texts[version.place]) for version in versions}
    return judge_repositories(needs, RepositoryFacts({**heads, **there}, keys))


async def _text(place: Place, files: FileReader) -> str | None:
    found = await files.files(ProjectPath(place.project), place.ref, [place.path])
    file = found.get(place.path)
    return file.text if file else None


def _wrong(version: Version, text: str | Unread | None) -> str | Unread:
    """What is wrong with where a version is written; empty: nothing is."""
    if text is None:
        return f"there is no {version.place.told}."
    if isinstance(text, Unread):
        return text
    try:
        known = current(version.form, text, version.key)
    except UserError as error:
        return f"{version.place.told}: {error}"
    return "" if known is not None else f"there is no {version.key} in {version.place.told}."
