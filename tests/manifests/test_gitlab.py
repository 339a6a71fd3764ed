"""manifests/gitlab/setup.py makes a token and webhooks that Qbot can use, and shows no secret."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import web

from qbot.settings.loading import load
from tests.manifests.rendered import MANIFESTS, ROOT
from tests.plain import NO_TLS
from tests.sandbox.gitlab.served import Served, client, drive, serving
from tests.sandbox.slack.stage import served as serving_app

Json = dict[str, Any]
SCRIPT = MANIFESTS / "gitlab" / "setup.py"
CONTRACT = ROOT.parent / "shared/contracts/gitlab-openapi-subset.json"
TOKEN, SECRET = "QBOT_GITLAB__TOKEN", "QBOT_GITLAB__WEBHOOK_SECRET"
QBOT = "https://qbot.example.com"
HOOK = f"{QBOT}/webhooks/gitlab"


async def setup(gitlab: str, folder: Path, *more: str, owner: str = "owner") -> tuple[int, str]:
    """Exit status and all that it says."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", str(SCRIPT), "--gitlab", gitlab, "--group", "shop",
        "--qbot", QBOT, "--secrets", str(folder), *more,
        env={"GITLAB_TOKEN": owner}, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


@pytest.fixture
def gitlab() -> Iterator[Served]:
    with serving() as served:
        yield served


def keep_token(folder: Path) -> None:
    folder.mkdir()
    (folder / TOKEN).write_text("glpat-kept")


def hooks(served: Served, places: Sequence[str]) -> list[Json]:
    """All webhooks there that lead to Qbot."""
    headers = {"PRIVATE-TOKEN": served.standin.token}
    found: list[Json] = []
    for place in places:
        url = f"{served.url}/api/v4/{place}/hooks"
        answer = httpx.get(url, headers=headers, verify=NO_TLS)
        found += [each for each in answer.json() if each["url"] == HOOK]
    return found


def projects(served: Served) -> list[str]:
    with client(served) as gl:
        group = gl.groups.get("shop")
        listed = group.projects.list(get_all=True, include_subgroups=True, archived=False)
        return [f"projects/{each.id}" for each in listed]


def wanted(hook: Json) -> bool:
    """It tells of what Qbot asks for, signed, over TLS, and of nothing else."""
    events = {key for key, value in hook.items() if key.endswith("_events") and value}
    return (
        events == {"push_events", "merge_requests_events", "pipeline_events"}
        and hook["enable_ssl_verification"]
        and hook["token_present"]
        and hook["signing_token_present"]
    )


async def test_where_groups_have_webhooks_there_is_one(gitlab: Served, tmp_path: Path) -> None:
    drive(gitlab, "licence", premium=True)
    keep_token(tmp_path / "s")
    status, said = await setup(gitlab.url, tmp_path / "s", owner=gitlab.standin.token)
    assert status == 0, said
    (hook,) = hooks(gitlab, ["groups/shop"])
    assert wanted(hook)
    assert hooks(gitlab, projects(gitlab)) == []


async def test_else_each_project_has_one_and_the_second_time_changes_them(
    gitlab: Served, tmp_path: Path
) -> None:
    drive(gitlab, "licence", premium=False)
    keep_token(tmp_path / "s")
    assert len(projects(gitlab)) > 1
    for done in ("made", "changed"):
        status, said = await setup(gitlab.url, tmp_path / "s", owner=gitlab.standin.token)
        assert status == 0, said
        assert said.count(f"webhook {done}") == len(projects(gitlab))
        assert [wanted(hook) for hook in hooks(gitlab, projects(gitlab))] == [True] * len(
            projects(gitlab)
        )


async def test_its_secrets_are_qbots_settings_and_its_owners_alone(
    gitlab: Served, tmp_path: Path
) -> None:
    drive(gitlab, "licence", premium=True)
    keep_token(tmp_path / "s")
    _, said = await setup(gitlab.url, tmp_path / "s", owner=gitlab.standin.token)
    path = tmp_path / "s" / SECRET
    assert path.stat().st_mode & 0o777 == 0o600
    rest = {
        "QBOT_SLACK__BOT_TOKEN": "xoxb-1",
        "QBOT_SLACK__SIGNING_SECRET": "s",
        "QBOT_GITLAB__URL": "https://gitlab.example.com",
        "QBOT_ARGOCD__MAIN__URL": "https://argocd.example.com",
        "QBOT_ARGOCD__MAIN__TOKEN": "t",
    }
    settings = load({**rest, "QBOT_SECRETS_DIR": str(path.parent)})
    plain, signing = settings.webhook_secrets
    assert not plain.startswith("whsec_")
    assert signing.startswith("whsec_")
    assert plain not in said
    assert signing not in said


async def test_who_is_no_owner_is_told_what_gitlab_says(gitlab: Served, tmp_path: Path) -> None:
    keep_token(tmp_path / "s")
    status, said = await setup(gitlab.url, tmp_path / "s", owner="wrong")
    assert status == 1
    assert said.splitlines()[-1].startswith("GitLab refuses: GET /groups/shop?")
    assert "401" in said


class Recording:
    """A GitLab that makes whatever it is asked for, and remembers what that was."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, Json]] = []

    async def handle(self, request: web.Request) -> web.Response:
        if request.path.endswith("/users"):
            return web.json_response([{"id": 7, "username": request.query["username"]}])
        if request.method == "GET":
            return web.json_response([])
        assert request.headers["PRIVATE-TOKEN"] == "owner"
        self.calls.append((request.method, request.path, await request.json()))
        return web.json_response({"token": "glpat-made"}, status=201)


@pytest.fixture
async def recording() -> AsyncIterator[tuple[str, Recording]]:
    recording = Recording()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", recording.handle)
    async with serving_app(app) as url:
        yield url, recording


async def test_the_token_may_read_and_nothing_else(
    recording: tuple[str, Recording], tmp_path: Path
) -> None:
    url, gitlab = recording
    status, said = await setup(url, tmp_path / "s")
    assert status == 0, said
    (method, path, body), _ = gitlab.calls
    assert (method, path) == ("POST", "/api/v4/groups/shop/access_tokens")
    assert (body["scopes"], body["access_level"]) == (["read_api"], 20)
    written = tmp_path / "s" / TOKEN
    assert written.read_text() == "glpat-made"
    assert written.stat().st_mode & 0o777 == 0o600
    assert "glpat-made" not in said


STAGES = (
    "--account",
    "qbot",
    "--config-project",
    "shop/production",
    "--job-project",
    "shop/checks",
)


async def test_for_stages_an_account_has_more_rights_in_the_named_projects_alone(
    recording: tuple[str, Recording], tmp_path: Path
) -> None:
    url, gitlab = recording
    keep_token(tmp_path / "s")
    status, said = await setup(url, tmp_path / "s", *STAGES)
    assert status == 0, said
    members = [(path, body) for _, path, body in gitlab.calls if path.endswith("/members")]
    assert members == [
        ("/api/v4/groups/shop/members", {"user_id": 7, "access_level": 20}),
        ("/api/v4/projects/shop/production/members", {"user_id": 7, "access_level": 40}),
        ("/api/v4/projects/shop/checks/members", {"user_id": 7, "access_level": 30}),
    ]
    assert (tmp_path / "s" / TOKEN).read_text() == "glpat-kept"


async def test_roles_in_projects_are_of_an_account_which_has_a_token(
    recording: tuple[str, Recording], tmp_path: Path
) -> None:
    url, gitlab = recording
    for more, says in ((STAGES[2:], "take --account"), (STAGES, f"{TOKEN} is missing")):
        status, said = await setup(url, tmp_path / "s", *more)
        assert status != 0
        assert says in said
    assert gitlab.calls == []


async def test_no_token_is_made_that_could_not_be_written(
    recording: tuple[str, Recording], tmp_path: Path
) -> None:
    url, gitlab = recording
    (tmp_path / "s").write_text("no folder")
    status, _ = await setup(url, tmp_path / "s")
    assert status != 0
    assert gitlab.calls == []


async def test_a_dry_run_writes_nothing(recording: tuple[str, Recording], tmp_path: Path) -> None:
    url, gitlab = recording
    status, said = await setup(url, tmp_path / "s", "--dry-run")
    assert status == 0, said
    assert gitlab.calls == []
    assert not (tmp_path / "s").exists()


@pytest.mark.skipif(not CONTRACT.exists(), reason="GitLab's OpenAPI file is not here")
async def test_gitlab_describes_what_is_sent(
    recording: tuple[str, Recording], tmp_path: Path
) -> None:
    url, gitlab = recording
    await setup(url, tmp_path / "s")
    await setup(url, tmp_path / "s", *STAGES)
    paths = json.loads(CONTRACT.read_text(encoding="utf-8"))["paths"]
    undescribed = {"signing_token"}  # newer than the description
    places = (
        *("projects/{id}/access_tokens", "groups/{id}/hooks", "groups/{id}/members"),
        *(["projects/{id}/members"] * 2),
        "groups/{id}/hooks",
    )
    for (_, _, body), place in zip(gitlab.calls, places, strict=True):
        (form,) = paths[f"/api/v4/{place}"]["post"]["requestBody"]["content"].values()
        assert body.keys() - undescribed <= form["schema"]["properties"].keys()
        assert body.keys() >= set(form["schema"].get("required", ()))


async def test_a_dry_run_says_what_would_be_done_and_does_nothing(
    gitlab: Served, tmp_path: Path
) -> None:
    drive(gitlab, "licence", premium=True)
    owner = gitlab.standin.token
    status, said = await setup(gitlab.url, tmp_path / "s", "--dry-run", owner=owner)
    assert status == 0, said
    assert "webhook would be made" in said
    assert all("would be" in line for line in said.splitlines())
    assert not (tmp_path / "s").exists()
    assert hooks(gitlab, ["groups/shop"]) == []
    status, said = await setup(gitlab.url, tmp_path / "s", "--dry-run", owner="wrong")
    assert status == 1
    assert "401" in said


async def test_an_address_that_is_wrong_is_a_sentence(gitlab: Served, tmp_path: Path) -> None:
    nobody = "http://127.0.0.1:1"
    status, said = await setup(nobody, tmp_path / "s", owner="x")
    assert (status, said.count("\n")) == (1, 1)
    assert said.startswith(f"{nobody}: ")
    status, said = await setup("gitlab.example.com", tmp_path / "s", owner="x")
    assert status == 2
    assert "must be an address like https://" in said
