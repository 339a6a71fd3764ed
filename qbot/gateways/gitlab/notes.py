"""One comment of Qbot's own on a merge request, found again by a mark in it."""

import gitlab

from qbot.domain.names import ProjectPath
from qbot.gateways.gitlab.client import Client

_NEWEST = 100  # comments that are looked through


async def find(client: Client, project: ProjectPath, iid: int, mark: str) -> int | None:
    """The newest comment that has the mark; None: there is none."""

    def work(api: gitlab.Gitlab) -> int | None:
        request = api.projects.get(project, lazy=True).mergerequests.get(iid, lazy=True)
        found = request.notes.list(
            order_by="created_at", sort="desc", per_page=_NEWEST, get_all=False
        )
        return next((int(note.id) for note in found if mark in str(note.body)), None)

    return await client.call(_what(project, iid), work)


async def create(client: Client, project: ProjectPath, iid: int, text: str) -> int:
    """A new comment; its id."""

    def work(api: gitlab.Gitlab) -> int:
        request = api.projects.get(project, lazy=True).mergerequests.get(iid, lazy=True)
        return int(request.notes.create({"body": text}).id)

    return await client.call(_what(project, iid), work)


async def update(client: Client, project: ProjectPath, iid: int, note: int, text: str) -> None:
    """Change a comment's text.

    Raises:
        PermanentError: somebody has deleted it.
    """

    def work(api: gitlab.Gitlab) -> None:
        request = api.projects.get(project, lazy=True).mergerequests.get(iid, lazy=True)
        request.notes.update(note, {"body": text})

    await client.call(_what(project, iid), work)


def _what(project: ProjectPath, iid: int) -> str:
    return f"the comments on !{iid} of {project}"
