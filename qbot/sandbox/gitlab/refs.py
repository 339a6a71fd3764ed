"""Tags, and comparing two revisions."""

import re

from qbot.sandbox.gitlab import history
from qbot.sandbox.gitlab.ask import Ask, Reply
from qbot.sandbox.gitlab.errors import message, not_found
from qbot.sandbox.gitlab.model import Project, Role
from qbot.sandbox.gitlab.paging import keyset_page, offset_page, rows_after
from qbot.sandbox.gitlab.routing import Route, route
from qbot.sandbox.gitlab.shapes import commit_json, diff_json, project_url, tag_json
from qbot.sandbox.repos import Person, valid_branch

_TAGS = "/projects/:id/repository/tags"
_ORDERS = ("name", "updated", "version")
Tag = tuple[str, str]  # name, commit


def routes() -> list[Route]:
    """The endpoints."""
    return [
        route("GET", "/projects/:id/repository/compare", compare,
              takes="from to straight", lacks="from_project_id unidiff"),
        route("GET", "/projects/:id/repository/merge_base", get_merge_base, takes="refs"),
        route("GET", _TAGS, list_tags, takes="search order_by sort page_token"),
        route("POST", _TAGS, create_tag, takes="tag_name ref message", lacks="release_description"),
        route("GET", f"{_TAGS}/:tag_name", get_tag),
        route("DELETE", f"{_TAGS}/:tag_name", delete_tag),
    ]  # fmt: skip


async def compare(ask: Ask) -> Reply:
    """Commits that `to` has and `from` lacks, oldest first, and what they change together."""
    ask.params.require("from", "to")
    project = ask.project(Role.REPORTER)
    repository = project.repository
    old, new = (repository.resolve(ask.params.text(name)) for name in ("from", "to"))
    if old is None or new is None:
        raise not_found("Ref")
    commits = list(history.log(repository, [new], without=old, topological=True))[::-1]
    straight = ask.params.boolean("straight")
    base = old if straight else history.merge_base(repository, old, new)
    diffs = history.diff(repository, base, new) if base is not None else []
    url = f"{project_url(ask.world, project)}/-/compare/{old}{'..' if straight else '...'}{new}"
    shown = [commit_json(ask.world, project, commit) for commit in commits]
    return Reply(
        {
            "commit": shown[-1] if shown else None,
            "commits": shown,
            "diffs": [diff_json(found) for found in diffs],
            "compare_timeout": False,
            "compare_same_ref": old == new,
            "web_url": url,
        }
    )


async def get_merge_base(ask: Ask) -> Reply:
    """The best common ancestor of two revisions or more."""
    project, refs = ask.project(Role.REPORTER), ask.params.texts("refs")
    repository = project.repository
    if len(refs) < 2:
        raise message(400, "Provide at least 2 refs")
    found = {ref: repository.resolve(ref) for ref in refs}
    if unknown := [ref for ref, sha in found.items() if sha is None]:
        noun = "ref" if len(unknown) == 1 else "refs"
        raise message(400, f"Could not find {noun}: {', '.join(unknown)}")
    base, *others = [sha for sha in found.values() if sha is not None]
    for other in others:
        common = history.merge_base(repository, base, other)
        if common is None:
            raise not_found("Merge Base")
        base = common
    return Reply(commit_json(ask.world, project, repository.commit(base)))


async def list_tags(ask: Ask) -> Reply:
    """All tags, the newest first unless told otherwise."""
    project = ask.project(Role.REPORTER)
    search = ask.params.text("search").lower()
    rows = [row for row in project.repository.tags().items() if _found(search, row[0].lower())]
    order = ask.params.choice("order_by", _ORDERS, "updated")
    descending = ask.params.choice("sort", ("asc", "desc"), "desc") == "desc"
    rows.sort(key=lambda row: _sort_key(project, order, row), reverse=descending)

    def show(row: Tag) -> dict[str, object]:
        return tag_json(ask.world, project, *row)

    if ask.params.text("pagination") == "keyset":
        rows = rows_after(ask, rows, "page_token", key=lambda row: row[0])
        return keyset_page(ask, rows, show, token="page_token", key=lambda row: row[0])
    return offset_page(ask, rows, show)


def _sort_key(project: Project, order: str, row: Tag) -> tuple[object, ...]:
    name, sha = row
    if order == "version":
        return tuple((not part.isdigit(), part.zfill(9)) for part in re.split(r"(\d+)", name))
    return (name,) if order == "name" else (project.repository.commit(sha).committed_at, name)


def _found(search: str, name: str) -> bool:
    if search.startswith("^"):
        return name.startswith(search[1:])
    return name.endswith(search[:-1]) if search.endswith("$") else search in name


async def get_tag(ask: Ask) -> Reply:
    """One tag."""
    project = ask.project(Role.REPORTER)
    return Reply(tag_json(ask.world, project, *_tag(ask, project)))


async def create_tag(ask: Ask) -> Reply:
    """A tag on any revision; annotated where it has a message."""
    ask.params.require("tag_name", "ref")
    project = ask.project(Role.DEVELOPER)
    name, ref = ask.params.text("tag_name"), ask.params.text("ref")
    repository = project.repository
    if name in repository.tags():
        raise message(400, f"Tag {name} already exists")
    if not valid_branch(name):
        raise message(400, "Tag name invalid")
    sha = repository.resolve(ref)
    if sha is None:
        raise message(400, f"Target {ref} is invalid")
    ask.world.move(project, f"refs/tags/{name}", sha, ask.user)
    if text := ask.params.text("message"):
        tagger = Person(ask.user.name, ask.user.email)
        repository.annotate(name, sha, message=text, author=tagger, at=ask.world.now())
    return Reply(tag_json(ask.world, project, name, sha), 201)


async def delete_tag(ask: Ask) -> Reply:
    """Delete a tag."""
    project = ask.project(Role.DEVELOPER)
    name, _ = _tag(ask, project)
    ask.world.move(project, f"refs/tags/{name}", None, ask.user)
    return Reply(None, 204)


def _tag(ask: Ask, project: Project) -> Tag:
    name = ask.path["tag_name"]
    sha = project.repository.tags().get(name)
    if sha is None:
        raise not_found("Tag")
    return name, sha
