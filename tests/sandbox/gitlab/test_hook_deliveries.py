"""What webhooks are told, and how: bodies, headers, signatures."""

import hashlib
import hmac
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.sandbox.gitlab.receiver import ALL, Delivery, Told, telling
from tests.sandbox.gitlab.served import client, drive, until

CART = {"project": "shop/cart"}
ZEROS = "0" * 40
PUSH, MERGE_REQUEST, NOTE = "Push Hook", "Merge Request Hook", "Note Hook"
KEY = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


@pytest.fixture(scope="module")
def told() -> Iterator[Told]:
    """One hook for everything; each test has a branch of its own."""
    with telling() as told:
        told.hook(**ALL, token="s3cret")
        yield told
        assert told.served.kernel.calls.refused == []


def push(told: Told, branch: str, **more: Any) -> str:
    sha: str = drive(told.served, "push", **CART, branch=branch, **more)["sha"]
    return sha


def about(branch: str) -> Callable[[Delivery], bool]:
    return lambda d: bool(d.data["ref"] == f"refs/heads/{branch}")


def pushed(told: Told, branch: str, after: str) -> dict[str, Any]:
    """What was told of the push to this commit."""
    found = told.receiver.one(PUSH, lambda d: about(branch)(d) and d.data["after"] == after)
    return found.data


def test_a_push_is_told_with_its_commits(told: Told) -> None:
    main = told.served.sha("shop/cart", "main")
    first = push(told, "feat/told", files={"new.txt": "1"}, author="dan")
    data = pushed(told, "feat/told", first)
    assert (data["object_kind"], data["event_name"]) == ("push", "push")
    assert (data["before"], data["checkout_sha"]) == (ZEROS, first)
    assert (data["project"]["path_with_namespace"], data["project_id"]) == (
        "shop/cart", told.cart.id)  # fmt: skip
    assert (data["user_username"], data["user_email"]) == ("dan", "dan@shop.example")
    second = push(told, "feat/told", files={"new.txt": "2"})
    data = pushed(told, "feat/told", second)
    assert (data["before"], data["total_commits_count"]) == (first, 1)
    (commit,) = data["commits"]
    assert (commit["id"], commit["modified"], commit["added"]) == (second, ["new.txt"], [])
    assert main != second


def test_a_branch_without_new_commits_is_told_without_commits(told: Told) -> None:
    told.cart.branches.create({"branch": "feat/empty", "ref": "main"})
    main = told.served.sha("shop/cart", "main")
    data = pushed(told, "feat/empty", main)
    assert (data["before"], data["commits"], data["total_commits_count"]) == (ZEROS, [], 0)


def test_a_deleted_branch_is_told_by_zeros(told: Told) -> None:
    last = push(told, "feat/short")
    drive(told.served, "delete-branch", **CART, branch="feat/short")
    data = pushed(told, "feat/short", ZEROS)
    assert (data["before"], data["checkout_sha"], data["commits"]) == (last, None, [])


def test_of_a_long_push_the_newest_twenty_commits_are_told(told: Told) -> None:
    other, of_main = told.gl.projects.get("shop/frontend"), {"branch": "main"}
    for n in range(22):
        actions = [{"action": "create", "file_path": f"{n}.txt", "content": str(n)}]
        other.commits.create({**of_main, "commit_message": "On", "actions": actions})
    shas = [c.id for c in other.commits.list(per_page=30, order="topo", get_all=False)]
    refs = {"project": "shop/frontend"}
    drive(told.served, "refs", **refs, branches={"long": shas[22]})
    with told.frontend():
        drive(told.served, "refs", **refs, branches={"long": shas[0]})
        data = told.receiver.one(PUSH, about("long")).data
    assert (data["before"], data["total_commits_count"]) == (shas[22], 22)
    assert [c["id"] for c in data["commits"]] == shas[:20][::-1]


def test_a_push_of_more_than_three_branches_is_told_to_nobody(told: Told) -> None:
    names = [f"bulk/{n}" for n in range(4)]
    drive(told.served, "refs", **CART, branches=dict.fromkeys(names, "main"))
    drive(told.served, "refs", **CART, branches=dict.fromkeys(names))
    drive(told.served, "refs", **CART, branches=dict.fromkeys(names[:3], "main"))
    told.receiver.wait(lambda r: sum("bulk/" in d.data["ref"] for d in r.of(PUSH)) >= 3)
    heard = [d.data["ref"] for d in told.receiver.of(PUSH) if "bulk/" in d.data["ref"]]
    assert sorted(heard) == [f"refs/heads/{name}" for name in names[:3]]


def test_a_tag_has_a_hook_of_its_own(told: Told) -> None:
    told.cart.tags.create({"tag_name": "v7", "ref": "main"})
    data = told.receiver.one("Tag Push Hook").data
    assert (data["object_kind"], data["ref"], data["before"]) == ("tag_push", "refs/tags/v7", ZEROS)
    told.cart.tags.delete("v7")
    gone = told.receiver.one("Tag Push Hook", lambda d: d.data["after"] == ZEROS).data
    assert gone["before"] == data["after"]


def acts(told: Told, iid: int) -> list[str]:
    """What was told of a merge request, in any order."""
    found = [d.attributes for d in told.receiver.of(MERGE_REQUEST)]
    return sorted(each["action"] for each in found if each["iid"] == iid)


def test_the_life_of_a_merge_request_is_told(told: Told) -> None:
    first = push(told, "feat/life")
    data = {"source_branch": "feat/life", "target_branch": "main", "title": "T", "description": "D"}
    iid = told.cart.mergerequests.create(data).iid
    one = told.receiver.one
    opened = one(MERGE_REQUEST, lambda d: d.attributes["iid"] == iid).attributes
    assert (opened["action"], opened["state"], opened["description"]) == ("open", "opened", "D")
    assert (opened["source_branch"], opened["last_commit"]["id"]) == ("feat/life", first)
    second = push(told, "feat/life")
    moved = one(MERGE_REQUEST, lambda d: bool(d.attributes.get("oldrev") == first)).attributes
    assert (moved["action"], moved["last_commit"]["id"]) == ("update", second)
    found = told.cart.mergerequests.get(iid)
    found.title = "Draft: T"
    found.save()
    reworded = one(MERGE_REQUEST, lambda d: "title" in d.data["changes"]).data
    assert reworded["changes"]["title"] == {"previous": "T", "current": "Draft: T"}
    assert "oldrev" not in reworded["object_attributes"]
    found.title = "T"
    found.save()
    with client(told.served, told.served.standin.issue_token("chloe")) as chloe:
        chloe.projects.get("shop/cart").mergerequests.get(iid).approve()
    drive(told.served, "mr", **CART, iid=iid, action="merge")
    wanted = sorted(["open", "update", "update", "update", "approved", "merge"])
    until(lambda: acts(told, iid) == wanted, seconds=20)
    merged = one(MERGE_REQUEST, lambda d: bool(d.attributes["action"] == "merge")).data
    assert merged["object_attributes"]["state"] == "merged"
    assert merged["object_attributes"]["merge_commit_sha"] == told.served.sha("shop/cart", "main")
    assert (merged["user"]["username"], merged["user"]["email"]) == ("chloe", "chloe@shop.example")


def test_a_closed_and_reopened_merge_request_is_told(told: Told) -> None:
    push(told, "feat/reopened")
    data = {"source_branch": "feat/reopened", "target_branch": "main", "title": "T"}
    found = told.cart.mergerequests.create(data)
    for event in ("close", "reopen"):
        found.state_event = event
        found.save()
    until(lambda: acts(told, found.iid) == ["close", "open", "reopen"], seconds=20)


def test_a_comment_is_told_when_made_and_when_changed(told: Told) -> None:
    push(told, "feat/noted")
    data = {"source_branch": "feat/noted", "target_branch": "main", "title": "T"}
    merge_request = told.cart.mergerequests.create(data)
    note = merge_request.notes.create({"body": "It runs"})
    note.body = "It is gone"
    note.save()
    first = told.receiver.one(NOTE, lambda d: bool(d.attributes["note"] == "It runs"))
    last = told.receiver.one(NOTE, lambda d: bool(d.attributes["note"] == "It is gone"))
    assert (first.attributes["action"], last.attributes["action"]) == ("create", "update")
    assert last.data["merge_request"]["iid"] == merge_request.iid
    assert last.data["user"]["email"] == "[REDACTED]"  # Qbot's own, which is not public
    assert merge_request.notes.get(note.id).body == "It is gone"


def test_every_status_of_a_pipeline_is_told(told: Told) -> None:
    sha = push(told, "feat/built")

    def mine(delivery: Delivery) -> bool:
        return bool(delivery.attributes["sha"] == sha)

    def statuses() -> set[str]:
        return {d.attributes["status"] for d in told.receiver.of("Pipeline Hook") if mine(d)}

    until(lambda: statuses() == {"pending", "running", "success"}, seconds=20)
    ended = told.receiver.one(
        "Pipeline Hook", lambda d: mine(d) and d.attributes["status"] == "success"
    ).data
    attributes = ended["object_attributes"]
    assert (attributes["ref"], attributes["detailed_status"]) == ("feat/built", "passed")
    assert attributes["finished_at"].endswith(" UTC")
    assert {build["status"] for build in ended["builds"]} == {"success"}
    assert (ended["commit"]["id"], ended["merge_request"]) == (sha, None)


def test_a_deployment_is_told_with_the_short_commit_only(told: Told) -> None:
    sha = told.served.sha("shop/cart", "main")
    data = {"environment": "staging", "sha": sha, "ref": "main", "tag": False}
    made = told.cart.deployments.create({**data, "status": "running"})
    made.status = "success"
    made.save()
    one = told.receiver.one
    running = one("Deployment Hook", lambda d: bool(d.data["status"] == "running")).data
    done = one("Deployment Hook", lambda d: bool(d.data["status"] == "success")).data
    assert running["deployment_id"] == done["deployment_id"] == made.id
    assert (done["short_sha"], done["environment"]) == (sha[:8], "staging")
    assert not {"ref", "sha"} & set(done)
    assert done["deployable_url"] is None


def test_the_headers_are_gitlabs(told: Told) -> None:
    sha = push(told, "feat/headers")
    found = told.receiver.one(PUSH, lambda d: about("feat/headers")(d) and d.data["after"] == sha)
    headers = found.headers
    assert headers["User-Agent"].startswith("GitLab/")
    assert headers["Content-Type"] == "application/json"
    assert headers["X-Gitlab-Token"] == "s3cret"
    assert headers["X-Gitlab-Instance"] == told.served.url
    assert headers["Idempotency-Key"] == headers["webhook-id"]
    assert abs(int(headers["webhook-timestamp"]) - told.served.kernel.clock.time()) < 60
    assert "webhook-signature" not in headers
    ids = {headers[n] for n in ("X-Gitlab-Webhook-UUID", "X-Gitlab-Event-UUID", "webhook-id")}
    assert len(ids) == 3
    everywhere = [d.headers["webhook-id"] for d in told.receiver.deliveries]
    assert len(set(everywhere)) == len(everywhere)


def test_a_hook_with_a_signing_token_is_signed(told: Told) -> None:
    with told.frontend(signing_token=KEY):
        drive(told.served, "push", project="shop/frontend", branch="feat/signed")
        found = told.receiver.one(PUSH, about("feat/signed"))
    headers = found.headers
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + found.raw
    digest = hmac.new(b64decode(KEY.removeprefix("whsec_")), content, hashlib.sha256).digest()
    assert headers["webhook-signature"] == f"v1,{b64encode(digest).decode()}"
    assert "X-Gitlab-Token" not in headers


@pytest.mark.parametrize(
    ("strategy", "pattern", "heard"),
    [
        ("wildcard", "only/*", ["only/a"]),
        ("regex", "^(only|some)/", ["only/a", "some/a"]),
        ("all_branches", "", ["only/a", "some/a"]),
    ],
)
def test_a_branch_filter_lets_pushes_through(
    told: Told, strategy: str, pattern: str, heard: list[str]
) -> None:
    shas: dict[str, str] = {}

    def heard_of() -> list[str]:
        found = [d.data["after"] for d in told.receiver.of(PUSH)]
        return sorted(shas[sha] for sha in found if sha in shas)

    data = {"branch_filter_strategy": strategy, "push_events_branch_filter": pattern}
    with told.frontend(**data):
        for branch in ("only/a", "some/a"):
            done = drive(told.served, "push", project="shop/frontend", branch=branch)
            shas[done["sha"]] = branch
        until(lambda: len(heard_of()) == len(heard), seconds=20)
    assert heard_of() == heard


def test_a_hook_of_a_group_hears_of_all_its_projects() -> None:
    with telling(premium=True) as told:
        hooks = told.gl.groups.get("shop").hooks
        hooks.create({"url": told.receiver.url, "token": "of-the-group"})
        shas = {
            drive(told.served, "push", project=project, branch="feat/all")["sha"]
            for project in ("shop/cart", "shop/frontend")
        }
        told.receiver.wait(lambda r: {d.data["after"] for d in r.of(PUSH)} == shas)
        assert {d.headers["X-Gitlab-Token"] for d in told.receiver.deliveries} == {"of-the-group"}
