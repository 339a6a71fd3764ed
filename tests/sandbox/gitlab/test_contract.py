"""Answers against GitLab's own description of its API, where that description is at hand."""

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from qbot.sandbox.gitlab.routing import Route
from tests.sandbox.gitlab.served import Served, drive

CONTRACT = Path(__file__).parents[3].parent / "shared/contracts/gitlab-openapi-subset.json"
pytestmark = pytest.mark.skipif(not CONTRACT.exists(), reason="GitLab's OpenAPI file is not here")

# Real GitLab has these; its description of 18.9 has not (yet).
UNDESCRIBED_PATHS = {
    "/groups", "/merge_requests", "/personal_access_tokens/self",
    "/projects/:id/pipelines/:pipeline_id/variables", "/projects/:id/jobs/:job_id/trace",
    "/projects/:id/repository/commits/:sha/diff", "/projects/:id/repository/merge_base",
    "/groups/:id/merge_requests",
}  # fmt: skip
UNDESCRIBED_FIELDS = {
    "commits": {"stats"},
    "pipelines": set[str](),
    "members": {"id", "username", "name", "state", "locked", "avatar_url", "web_url",
                "public_email"},  # merged in from the user, described as nested
    "users": {"email", "commit_email", "external", "two_factor_enabled", "identities", "is_admin",
              "created_at", "bio", "location", "job_title", "organization", "bot", "confirmed_at"},
    "user": {"is_admin"},
    "hooks": {"token_present", "signing_token_present"},
}  # fmt: skip
LISTS_AND_THINGS = [
    "/projects/{id}", "/groups/{id}", "/groups/{id}/projects", "/users", "/user",
    "/projects/{id}/repository/branches", "/projects/{id}/repository/branches/main",
    "/projects/{id}/repository/commits", "/projects/{id}/repository/commits/main",
    "/projects/{id}/repository/tags", "/projects/{id}/repository/tree",
    "/projects/{id}/repository/compare?from=main&to=feat%2Fcheckout",
    "/projects/{id}/repository/commits/main/statuses",
    "/projects/{id}/pipelines", "/projects/{id}/pipelines/latest",
    "/projects/{id}/pipelines/{pipeline}/jobs", "/projects/{id}/members/all", "/metadata",
    "/version", "/projects/{id}/merge_requests", "/projects/{id}/merge_requests/1",
    "/projects/{id}/repository/commits/main/refs",
    "/projects/{id}/merge_requests/1/approvals", "/projects/{id}/merge_requests/1/diffs",
    "/projects/{id}/merge_requests/1/commits", "/projects/{id}/merge_requests/1/pipelines",
    "/projects/{id}/merge_requests/1/notes", "/projects/{id}/deployments",
    "/projects/{id}/environments", "/projects/{id}/registry/repositories?tags_count=true",
    "/projects/{id}/registry/repositories/{repository}/tags/{tag}", "/projects/{id}/hooks",
    "/projects/{id}/events?action=pushed", "/groups/{id}/merge_requests",
]  # fmt: skip
TYPES: dict[str, tuple[type, ...]] = {
    "integer": (int,), "Boolean": (bool,), "boolean": (bool,), "array": (list,), "object": (dict,),
    "number": (int, float), "DateTime": (str,),
}  # fmt: skip


@pytest.fixture(scope="module")
def contract() -> Any:
    return json.loads(CONTRACT.read_text())


def described(contract: Any, path: str) -> tuple[str, Any]:
    wanted = path.partition("?")[0].strip("/").split("/")
    best: tuple[int, str] | None = None
    for name in contract["paths"]:
        parts = name.removeprefix("/api/v4/").split("/")
        if len(parts) != len(wanted):
            continue
        if all(p == w or p.startswith("{") for p, w in zip(parts, wanted, strict=True)):
            exact = sum(p == w for p, w in zip(parts, wanted, strict=True))
            best = max(best or (-1, ""), (exact, name))
    assert best is not None, f"{path} is not described"
    return best[1], contract["paths"][best[1]]


def resolve(contract: Any, schema: Any) -> Any:
    while "$ref" in schema:
        schema = contract["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def check(contract: Any, schema: Any, value: Any, where: str, extra: set[str]) -> None:
    schema = resolve(contract, schema)
    if isinstance(value, list) and schema.get("type") == "array":
        assert value, f"{where} is empty: nothing was checked"
        for item in value:
            check(contract, schema.get("items", {}), item, where, extra)
        return
    if not isinstance(value, dict) or "properties" not in schema:
        return
    unknown = set(value) - set(schema["properties"]) - extra
    assert not unknown, f"{where}: GitLab has no {sorted(unknown)}"
    for name, field in schema["properties"].items():
        types = TYPES.get(field.get("type", ""))
        if types and value.get(name) is not None:
            assert isinstance(value[name], types), f"{where}.{name} is {value[name]!r}"


@pytest.mark.parametrize("path", LISTS_AND_THINGS)
def test_an_answer_has_only_fields_that_gitlab_has(
    served: Served, raw: httpx.Client, contract: Any, path: str
) -> None:
    drive(served, "merge", project="shop/cart", branch="fix/cart-rounding")
    raw.post("/projects/shop%2Fcart/merge_requests/1/notes", json={"body": "Good"})
    raw.post("/projects/shop%2Fcart/hooks", json={"url": "http://127.0.0.1:9/"})
    deployed = {"environment": "staging", "sha": served.sha("shop/cart", "main"), "ref": "main",
                "tag": False, "status": "success"}  # fmt: skip
    assert raw.post("/projects/shop%2Fcart/deployments", json=deployed).status_code == 201
    place = "shop" if path.startswith("/groups") else "shop%2Fcart"
    pipelines = raw.get("/projects/shop%2Fcart/pipelines").json()
    first = raw.get("/projects/shop%2Fcart/repository/commits").json()[-1]["id"]
    (images,) = raw.get("/projects/shop%2Fcart/registry/repositories").json()
    path = path.replace("{id}", place).replace("{pipeline}", str(pipelines[0]["id"]))
    path = path.replace("{repository}", str(images["id"])).replace("{tag}", first)
    answer = raw.get(path)
    assert answer.status_code == 200, answer.text
    name, operations = described(contract, path)
    content = operations["get"]["responses"]["200"]["content"]["application/json"]
    last = re.sub(r"/all$", "", name).rpartition("/")[2]
    check(contract, content["schema"], answer.json(), path, UNDESCRIBED_FIELDS.get(last, set()))


def routes(served: Served) -> list[Route]:
    return list(served.standin.router())


def test_every_route_and_parameter_is_one_of_gitlabs(served: Served, contract: Any) -> None:
    for route in routes(served):
        if route.path in UNDESCRIBED_PATHS:
            continue
        name, operations = described(contract, route.path.replace(":iid", ":merge_request_iid"))
        assert route.method.lower() in operations, f"{route.method} {name}"
        operation = operations[route.method.lower()]
        body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        known = set(resolve(contract, body.get("schema", {})).get("properties", {}))
        known |= {p["name"].removesuffix("[]") for p in operation.get("parameters", [])}
        uploads = ("/repository/commits", "/repository/files/:file_path")
        if route.path.endswith(uploads) and route.method in ("POST", "PUT"):
            continue  # described as an upload of one file
        newer = {"merged_after", "merged_before", "draft", "trailers", "ref", "page_token",
                 "signing_token"}  # fmt: skip
        assert route.takes - newer <= known, f"{route.method} {name}: {route.takes - known}"
