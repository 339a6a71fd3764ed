"""What has changed of many, in as few questions as GitLab allows; half an answer is none."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web

from qbot.domain.branches import MergeFact, MergeState
from qbot.domain.names import BranchName, ProjectPath
from qbot.errors import PermanentError, TransientError
from qbot.gateways.gitlab import GitLabGateway
from tests.gateways.gitlab.config import fault
from tests.gateways.gitlab.replies import answering
from tests.sandbox.gitlab.served import Served, client
from tests.world import until

CART, ORDERS = ProjectPath("shop/cart"), ProjectPath("shop/orders")
LONG_AGO, LATE = datetime(2020, 1, 1, tzinfo=UTC), datetime(2090, 1, 1, tzinfo=UTC)


def branched(shop: Served, project: ProjectPath, name: str) -> str:
    """A branch with one commit more than main; the commit."""
    action = {"action": "create", "file_path": "more.txt", "content": name}
    with client(shop) as api:
        made = api.projects.get(str(project)).commits.create(
            {
                "branch": name,
                "start_branch": "main",
                "commit_message": "More",
                "actions": [action],
            }
        )
        return str(made.id)


def requested(shop: Served, project: ProjectPath, name: str) -> int:
    data = {"source_branch": name, "target_branch": "main", "title": name}
    with client(shop) as api:
        return int(api.projects.get(str(project)).mergerequests.create(data).iid)


async def facts(gitlab: GitLabGateway, owner: str = "shop") -> Sequence[MergeFact]:
    found = await gitlab.changed_merges(owner, LONG_AGO, of_group=owner == "shop")
    assert found is not None
    return found


async def test_merge_requests_of_a_group_come_in_one_question(
    shop: Served, gitlab: GitLabGateway
) -> None:
    shas = {p: branched(shop, p, "ch/one") for p in (CART, ORDERS)}
    iids = {p: requested(shop, p, "ch/one") for p in (CART, ORDERS)}
    before = len(shop.kernel.calls.select(vendor="gitlab"))
    found = {f.project: f for f in await facts(gitlab) if f.branch == "ch/one"}
    assert len(shop.kernel.calls.select(vendor="gitlab")) == before + 1
    for project, sha in shas.items():
        fact = found[project]
        assert (fact.iid, fact.sha, fact.state) == (iids[project], sha, MergeState.OPENED)
        assert fact.target == "main"
    own = await facts(gitlab, CART)
    assert [f.project for f in own if f.branch == "ch/one"] == [CART]
    assert await gitlab.changed_merges("shop", LATE, of_group=True) == []


async def test_a_group_that_is_not_shown_is_none(gitlab: GitLabGateway) -> None:
    assert await gitlab.changed_merges("nobody", LONG_AGO, of_group=True) is None
    assert await gitlab.changed_merges("nobody/no", LONG_AGO, of_group=False) is None


@pytest.mark.parametrize("kind", ["html", "503", "partial"])
async def test_an_answer_that_is_not_whole_is_none(
    shop: Served, gitlab: GitLabGateway, kind: str
) -> None:
    name = f"ch/{kind}"
    branched(shop, CART, name)
    requested(shop, CART, name)
    fault(shop, "GET /api/v4/groups/shop/merge_requests", kind)
    with pytest.raises(TransientError):
        await facts(gitlab)
    fault(shop, "GET /api/v4/projects/shop%2Fcart/repository/branches", kind)
    with pytest.raises(TransientError):
        await gitlab.listed_tips(CART, [BranchName(name), BranchName("main")])


async def test_fewer_rows_than_gitlab_counts_are_no_answer() -> None:
    async def reply(_: web.Request) -> web.Response:
        row = {"name": "main", "commit": {"id": "1" * 40}}
        return web.json_response([row], headers={"x-total": "2", "x-next-page": ""})

    async with answering(reply) as (_, gitlab):
        with pytest.raises(TransientError, match="not whole"):
            await gitlab.listed_tips(CART, [BranchName("main")])


def merge_row(number: int, at: datetime, **more: str | None) -> dict[str, object]:
    return {
        "iid": number, "state": "merged", "source_branch": "x", "target_branch": "main",
        "source_project_id": 1, "target_project_id": 1, "updated_at": at.isoformat(),
        "merged_at": None, "closed_at": None, "sha": "1" * 40, "web_url": "",
        "references": {"full": f"shop/cart!{number}"}, **more,
    }  # fmt: skip


async def test_each_page_goes_on_where_the_one_before_ended() -> None:
    """More than a page holds changed in the same moment; one moves while the others are read."""
    moments = [LONG_AGO + timedelta(minutes=max(n - 150, 0)) for n in range(1_000)]
    rows = dict(enumerate(moments))

    async def reply(request: web.Request) -> web.Response:
        after = datetime.fromisoformat(request.query["updated_after"])
        found = sorted((at, n) for n, at in rows.items() if at >= after)
        start = (int(request.query["page"]) - 1) * 100
        rows[300] = LATE  # pushes all that follow it aside
        page = [merge_row(n, at) for at, n in found[start : start + 100]]
        more = "2" if len(found) > start + 100 else ""
        return web.json_response(page, headers={"x-next-page": more})

    async with answering(reply) as (_, gitlab):
        assert {fact.iid for fact in await facts(gitlab)} == set(range(1_000))


async def test_pages_without_an_end_are_no_answer() -> None:
    async def reply(request: web.Request) -> web.Response:
        branch = {"name": "main", "commit": {"id": "1" * 40}}
        row = branch if "branches" in request.path else merge_row(1, LONG_AGO)
        return web.json_response([row], headers={"x-next-page": "2"})

    async with answering(reply) as (_, gitlab):
        with pytest.raises(TransientError, match="no end"):
            await facts(gitlab)
        with pytest.raises(TransientError, match="no end"):
            await gitlab.listed_tips(CART, [BranchName("main")])


@pytest.mark.parametrize(("state", "ended"), [("merged", 1), ("closed", 2), ("opened", None)])
async def test_when_one_ended_is_not_when_somebody_commented_on_it(
    state: str, ended: int | None
) -> None:
    moments = {"merged_at": "2026-01-05T11:00:00+02:00", "closed_at": "2026-01-05T10:00:00Z"}

    async def reply(_: web.Request) -> web.Response:
        return web.json_response([merge_row(1, LATE, state=state, **moments)])

    async with answering(reply) as (_, gitlab):
        (found,) = await facts(gitlab)
        assert found.ended_at == (datetime(2026, 1, 5, 8 + ended, tzinfo=UTC) if ended else None)


@pytest.mark.parametrize(("branches", "asked"), [(150, 2), (5_000, 6), (20_000, 6)])
async def test_of_many_names_no_more_pages_are_asked_for_than_need_be(
    branches: int, asked: int
) -> None:
    names = [BranchName(f"feat/{'x' * 60}{n:03}") for n in range(200)]

    async def reply(request: web.Request) -> web.Response:
        last, pattern = int(request.query["page"]) * 100 >= branches, request.query.get("regex")
        found = [n for n in names if pattern and re.fullmatch(pattern, n)]
        total = {} if branches > 10_000 else {"x-total": str(len(found) or branches)}
        rows = [{"name": n, "commit": {"id": "1" * 40}} for n in found] or [
            {"name": f"renovate/{n}", "commit": {"id": "2" * 40}} for n in range(100)
        ]
        more = {"x-next-page": "" if pattern or last else "2"}
        return web.json_response(rows, headers=total | more)

    async with answering(reply) as (counting, gitlab):
        found = await gitlab.listed_tips(CART, names)
        assert len(counting.asked) == asked
        assert len(found) == (200 if asked > 2 else 0)


async def test_only_the_branches_that_are_asked_for_are_listed(
    shop: Served, gitlab: GitLabGateway
) -> None:
    names = [BranchName("ch/a+b (c)"), BranchName("ch/a.b")]
    sha = branched(shop, ORDERS, "ch/a.b")
    branched(shop, ORDERS, "ch/aXb")
    assert await gitlab.listed_tips(ORDERS, names) == {BranchName("ch/a.b"): sha}
    many = [BranchName(f"ch/{'x' * 60}{n}") for n in range(100)]
    assert await gitlab.listed_tips(ORDERS, [*many, *names]) == {BranchName("ch/a.b"): sha}


async def test_when_something_happened_last_is_told_of_each_project(
    shop: Served, gitlab: GitLabGateway
) -> None:
    branched(shop, CART, "ch/active")
    asked = [CART, ORDERS, ProjectPath("shop/nothing")]
    found = await gitlab.activity("shop", asked)
    assert found.keys() == {CART, ORDERS}
    assert timedelta(0) <= shop.do(shop.kernel.clock.now) - found[CART] < timedelta(hours=1)


@pytest.mark.parametrize("row", [{}, {"last_activity_at": None, "path_with_namespace": "a"}, 7])
async def test_rows_of_another_form_are_no_answer(row: object) -> None:
    async def reply(_: web.Request) -> web.Response:
        return web.json_response([row])

    async with answering(reply) as (_, gitlab):
        for ask in (
            gitlab.activity("shop", [CART]),
            gitlab.listed_tips(CART, [BranchName("main")]),
            gitlab.changed_merges("shop", LONG_AGO, of_group=True),
        ):
            with pytest.raises(TransientError, match="documented form"):
                await ask


async def test_a_comment_is_made_found_by_its_mark_and_changed(
    shop: Served, gitlab: GitLabGateway
) -> None:
    branched(shop, CART, "ch/noted")
    iid = requested(shop, CART, "ch/noted")
    assert await gitlab.find_note(CART, iid, "<!-- mark -->") is None
    note = await gitlab.create_note(CART, iid, "It is made. <!-- mark -->")
    assert await gitlab.find_note(CART, iid, "<!-- mark -->") == note
    await gitlab.update_note(CART, iid, note, "It is ready. <!-- mark -->")
    with client(shop) as api:
        notes = api.projects.get(str(CART)).mergerequests.get(iid).notes
        assert notes.get(note).body == "It is ready. <!-- mark -->"
        notes_of_people = [n.body for n in notes.list(get_all=True) if n.id != note]
    assert all("mark" not in body for body in notes_of_people)
    with pytest.raises(PermanentError):
        await gitlab.update_note(CART, iid, 10**6, "?")


async def test_what_did_not_arrive_is_found_and_sent_again(
    shop: Served, gitlab: GitLabGateway
) -> None:
    with client(shop) as api:
        hooks = api.projects.get(str(ORDERS)).hooks
        for path in ("webhooks/gitlab", "other"):
            hooks.create({"url": f"http://127.0.0.1:1/{path}", "push_events": True})
    branched(shop, ORDERS, "ch/lost")

    async def lost() -> Sequence[tuple[int, int]] | None:
        return await gitlab.failed_deliveries(ORDERS, "/webhooks/gitlab") or None

    found = await until(lost, seconds=20, poll=0.02, what="the failed delivery")
    with pytest.raises(PermanentError):  # nobody answers there now either
        await gitlab.resend(ORDERS, found[0])
    assert await gitlab.failed_deliveries(ORDERS, "/nowhere") == []
