"""Commits: the log, one commit, its differences, refs and merge requests."""

from collections.abc import Iterator
from typing import Any

from qbot.sandbox.gitlab import history
from qbot.sandbox.gitlab.ask import Ask, Reply
from qbot.sandbox.gitlab.ci import latest_pipeline
from qbot.sandbox.gitlab.errors import NotBuiltError, not_found
from qbot.sandbox.gitlab.model import Project, Role
from qbot.sandbox.gitlab.paging import offset_page
from qbot.sandbox.gitlab.pipelines import basic_json
from qbot.sandbox.gitlab.routing import Route, route
from qbot.sandbox.gitlab.shapes import commit_json, diff_json
from qbot.sandbox.repos import Commit

_ROOT = "/projects/:id/repository/commits"


def routes() -> list[Route]:
    """The endpoints."""
    one = f"{_ROOT}/:sha"
    return [
        route("GET", _ROOT, list_commits,
              takes="ref_name since until path author all with_stats first_parent order",
              lacks="trailers"),
        route("GET", one, get_commit, takes="stats"),
        route("GET", f"{one}/diff", get_diff, lacks="unidiff"),
        route("GET", f"{one}/refs", list_refs, takes="type"),
    ]  # fmt: skip


def detail_json(ask: Ask, project: Project, commit: Commit, *, stats: bool) -> dict[str, Any]:
    """A commit by itself, with its newest pipeline."""
    found = commit_json(ask.world, project, commit)
    last = latest_pipeline(project, sha=commit.sha)
    if stats:
        found["stats"] = _stats_json(project, commit)
    return found | {
        "status": last.status if last else None,
        "project_id": project.id,
        "last_pipeline": basic_json(ask.world, project, last) if last else None,
    }


def _stats_json(project: Project, commit: Commit) -> dict[str, int]:
    lines = history.stats(project.repository, commit)
    total = lines.additions + lines.deletions
    return {"additions": lines.additions, "deletions": lines.deletions, "total": total}


async def list_commits(ask: Ask) -> Reply:
    """The log of a revision or of everything; never counted."""
    project = ask.project(Role.REPORTER)
    with_stats = ask.params.boolean("with_stats")

    def show(commit: Commit) -> dict[str, Any]:
        found = commit_json(ask.world, project, commit)
        return found | ({"stats": _stats_json(project, commit)} if with_stats else {})

    return offset_page(ask, list(_log(ask, project)), show, counted=False)


def _log(ask: Ask, project: Project) -> Iterator[Commit]:
    params, repository = ask.params, project.repository
    since, until, path = params.moment("since"), params.moment("until"), params.text("path")
    author = params.text("author").lower()
    topological = params.choice("order", ("default", "topo"), "default") == "topo"
    first_parent = params.boolean("first_parent")
    tips, without = _range(ask, project)
    for commit in history.log(
        repository, tips, without=without, first_parent=first_parent, topological=topological
    ):
        if since is not None and commit.committed_at < since:
            continue
        if until is not None and commit.committed_at > until:
            continue
        if author not in f"{commit.author.name} <{commit.author.email}>".lower():
            continue
        if not path or history.touches(repository, commit, path):
            yield commit


def _range(ask: Ask, project: Project) -> tuple[list[str], str | None]:
    """Where the log starts, and whose history it leaves out (`a..b`)."""
    if ask.params.boolean("all"):
        return list(project.repository.branches().values()), None
    ref = ask.params.text("ref_name") or project.default_branch
    if "..." in ref:
        raise NotBuiltError("a log of the symmetric difference of revisions")
    without, dots, tip = ref.rpartition("..")
    found = project.repository.resolve(tip)
    hidden = project.repository.resolve(without) if dots else None
    if found is None or (dots and hidden is None):
        raise NotBuiltError("the log of a revision that does not exist")
    return [found], hidden


async def get_commit(ask: Ask) -> Reply:
    """One commit by id, branch or tag."""
    project = ask.project(Role.REPORTER)
    stats = ask.params.boolean("stats", default=True)
    return Reply(detail_json(ask, project, _commit(ask, project), stats=stats))


async def get_diff(ask: Ask) -> Reply:
    """What it changed against its first parent."""
    project = ask.project(Role.REPORTER)
    commit = _commit(ask, project)
    parent = commit.parents[0] if commit.parents else None
    return offset_page(ask, history.diff(project.repository, parent, commit.sha), diff_json)


async def list_refs(ask: Ask) -> Reply:
    """The branches and tags whose history has it."""
    project = ask.project(Role.REPORTER)
    repository, sha = project.repository, _commit(ask, project).sha
    wanted = ask.params.choice("type", ("branch", "tag", "all"), "all")
    kinds = {"branch": repository.branches(), "tag": repository.tags()}
    rows = [
        {"type": kind, "name": name}
        for kind, refs in kinds.items()
        for name, tip in refs.items()
        if wanted in (kind, "all")
        and (tip == sha or history.is_strict_ancestor(repository, sha, tip))
    ]
    return offset_page(ask, rows, lambda row: row)


def _commit(ask: Ask, project: Project) -> Commit:
    sha = project.repository.resolve(ask.path["sha"])
    if sha is None:
        raise not_found("Commit")
    return project.repository.commit(sha)
