"""GitLab's words where it will not write: what each of them becomes."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from qbot.domain.repository_ports import FileEdit, Moved, NotMergeable
from qbot.errors import PermanentError, TransientError
from qbot.gateways.gitlab import GitLabRepository
from tests.gateways.gitlab.replies import CART, SHA, TOKEN, answering, json_reply, text_reply

Call = Callable[[GitLabRepository], Awaitable[object]]
EDIT = FileEdit("a.yaml", "x", "")
OPENED = {"iid": 5, "web_url": "https://x", "state": "opened", "sha": SHA,
          "source_branch": "qbot/P-1", "target_branch": "main"}  # fmt: skip


def commit(repository: GitLabRepository) -> Awaitable[object]:
    return repository.commit(CART, "qbot/P-1", start=SHA, message="m", edits=[EDIT])


def merge(repository: GitLabRepository) -> Awaitable[object]:
    return repository.merge(CART, 5, sha=SHA, message="m")


@pytest.mark.parametrize(
    ("call", "status", "body", "expected", "words"),
    [
        (commit, 400, {"message": "400 Bad request - branch is required"},
         PermanentError, "branch is required"),
        (commit, 403, {"message": "403 Forbidden - You are not allowed to push into this branch"},
         PermanentError, "role Developer"),
        (commit, 403, {"error": "insufficient_scope", "scope": "api"}, PermanentError, "scope api"),
        (commit, 401, {"error": "invalid_token"}, PermanentError, "refuses the token"),
        (merge, 401, {"message": "401 Unauthorized"}, PermanentError, "allowed to merge"),
        (merge, 401, {"error": "invalid_token"}, PermanentError, "refuses the token"),
        (merge, 403, {"message": "403 Forbidden"}, PermanentError, "allowed to merge"),
        (merge, 404, {"message": "404 Not found"}, PermanentError, "merge request !5"),
        (merge, 409, {"message": f"SHA does not match HEAD of source branch: {SHA}"}, Moved, SHA),
        (merge, 409, {"message": "409 Conflict: Resource lock"}, TransientError, "Resource lock"),
        (merge, 500, {"message": "500 Internal Server Error"}, TransientError, "500"),
    ],
)  # fmt: skip
async def test_words_become_what_they_mean(
    call: Call, status: int, body: dict[str, str], expected: type[Exception], words: str
) -> None:
    async with answering(json_reply(body, status)) as (_, gitlab):
        with pytest.raises(expected, match=words) as caught:
            await call(GitLabRepository(gitlab.client))
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize("call", [commit, merge])
@pytest.mark.parametrize(
    ("archived", "words"),
    [(True, "the project shop/cart is archived there"), (False, "needs"), (None, "needs")],
)
async def test_an_archive_is_named_and_not_taken_for_a_missing_role(
    call: Call, words: str, *, archived: bool | None
) -> None:
    async def reply(request: web.Request) -> web.StreamResponse:
        if request.method == "GET" and request.path == "/api/v4/projects/shop/cart":
            found = {"id": 1, "path_with_namespace": str(CART), "archived": archived}
            return await json_reply(found, 200 if archived is not None else 500)(request)
        if request.method == "GET":
            return await json_reply({"message": "404 Branch Not Found"}, 404)(request)
        return await json_reply({"message": "403 Forbidden"}, 403)(request)

    async with answering(reply) as (_, gitlab):
        with pytest.raises(PermanentError, match=words):
            await call(GitLabRepository(gitlab.client))


STALE = "You are attempting to update a file that has changed since you started editing it."


class Editing:
    """Refuses commits whose actions name a last commit; its file was changed last by `last`."""

    def __init__(self, said: str, last: str) -> None:
        self.said = said
        self.last = last
        self.sent: list[dict[str, Any]] = []

    async def __call__(self, request: web.Request) -> web.Response:
        if request.method == "GET":
            body = {"content": "eA==", "encoding": "base64", "last_commit_id": self.last}
            return web.json_response({"file_path": "a.yaml", **body})
        self.sent.append(await request.json())
        if "last_commit_id" in self.sent[-1]["actions"][0]:
            return web.json_response({"message": self.said}, status=400)
        return web.json_response({"id": SHA}, status=201)


@pytest.mark.parametrize(
    "said",
    [
        STALE,
        "The file has changed since you started editing it: a.yaml",
        "Could not update refs/heads/x. Please refresh and try again.",
        "A file with this name doesn't exist",
    ],
)
async def test_somebody_who_was_faster_is_told_by_text_alone(said: str) -> None:
    editing = Editing(said, "b" * 40)
    async with answering(editing) as (_, gitlab):
        with pytest.raises(Moved):
            await GitLabRepository(gitlab.client).commit(
                CART, "qbot/P-1", start=SHA, message="m", edits=[FileEdit("a.yaml", "x", "a" * 40)]
            )
    assert len(editing.sent) == 1


async def test_a_file_that_only_differs_on_the_replaced_branch_is_no_obstacle() -> None:
    editing = Editing(STALE, "a" * 40)
    async with answering(editing) as (_, gitlab):
        made = await GitLabRepository(gitlab.client).commit(
            CART, "qbot/P-1", start=SHA, message="m", edits=[FileEdit("a.yaml", "x", "a" * 40)]
        )
    assert made == SHA
    assert len(editing.sent) == 2
    assert all(sent["start_sha"] == SHA and sent["force"] for sent in editing.sent)


async def test_a_refused_merge_of_a_merged_one_is_a_merge() -> None:
    """The first answer was lost; GitLab says 405 to the second."""
    found = OPENED | {"state": "merged"}

    async def reply(request: web.Request) -> web.Response:
        if request.method == "PUT":
            return web.json_response({"message": "405 Method Not Allowed"}, status=405)
        return web.json_response(found)

    async with answering(reply) as (_, gitlab):
        done = await GitLabRepository(gitlab.client).merge(CART, 5, sha=SHA, message="m")
    assert (done.state, done.merge_sha) == ("merged", SHA)  # a fast-forward has no other


async def test_an_unmergeable_one_says_why_in_gitlabs_words() -> None:
    found = OPENED | {"merge_error": "odd", "detailed_merge_status": "discussions_not_resolved"}

    async def reply(request: web.Request) -> web.Response:
        if request.method == "PUT":
            return web.json_response({"message": "Branch cannot be merged"}, status=422)
        return web.json_response(found)

    async with answering(reply) as (_, gitlab):
        with pytest.raises(NotMergeable, match="discussions not resolved; odd"):
            await GitLabRepository(gitlab.client).merge(CART, 5, sha=SHA, message="m")


async def test_one_that_is_being_merged_is_not_closed() -> None:
    found = OPENED | {"state": "locked"}
    async with answering(json_reply(found)) as (asked, gitlab):
        with pytest.raises(TransientError, match="being merged"):
            await GitLabRepository(gitlab.client).close_merge_request(CART, 5)
        assert len(asked.asked) == 1


async def test_a_page_of_a_proxy_is_no_missing_right() -> None:
    async with answering(text_reply("<html>go away</html>", 403)) as (_, gitlab):
        with pytest.raises(PermanentError) as refused:
            await commit(GitLabRepository(gitlab.client))
    assert "role Developer" not in str(refused.value)
