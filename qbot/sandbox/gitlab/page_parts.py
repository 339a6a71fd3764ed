"""What GitLab's pages have in common: differences, commits, pipelines."""

from collections.abc import Iterable

from qbot.sandbox.gitlab.history import FileDiff
from qbot.sandbox.gitlab.model import Pipeline, Project
from qbot.sandbox.gitlab.shapes import project_url
from qbot.sandbox.gitlab.world import World
from qbot.sandbox.html import Markup, badge, code, element, link, table, when
from qbot.sandbox.repos import Commit

_TONES = {"+": "added", "-": "removed", "@": "place"}


def commit_link(world: World, project: Project, sha: str) -> Markup:
    """A commit by the start of its id."""
    return link(sha[:8], f"{project_url(world, project)}/-/commit/{sha}")


def commits(world: World, project: Project, found: Iterable[Commit]) -> Markup:
    """Commits, one a line."""
    rows = (
        (commit_link(world, project, c.sha), c.title, c.author.name, when(c.committed_at))
        for c in found
    )
    return table(("Commit", "Title", "Author", "When"), rows, none="No commits.")


def pipelines(world: World, project: Project, found: Iterable[Pipeline]) -> Markup:
    """Pipelines, newest first."""
    root = f"{project_url(world, project)}/-/pipelines"
    rows = (
        (link(f"#{p.id}", f"{root}/{p.id}"), badge(p.status), code(p.ref),
         commit_link(world, project, p.sha), when(p.created_at))
        for p in sorted(found, key=lambda one: one.id, reverse=True)
    )  # fmt: skip
    return table(("Pipeline", "Status", "Ref", "Commit", "Created"), rows, none="No pipelines.")


def changes(found: list[FileDiff]) -> Markup:
    """The files of a difference, each with its lines."""
    if not found:
        return element("p", "No changes.", class_="quiet")
    return element("div", *(_file(one) for one in found))


def _file(one: FileDiff) -> Markup:
    note = "new" if one.added else "deleted" if one.deleted else "renamed" if one.renamed else ""
    name = one.new_path if one.old_path == one.new_path else f"{one.old_path} → {one.new_path}"
    lines = (
        element("span", f"{line}\n", class_=_TONES.get(line[:1], "same"))
        for line in one.patch.splitlines()
    )
    head = element("h3", code(name), f" {note}" if note else None)
    return element("section", head, element("pre", *lines, tabindex="0"), class_="diff")
