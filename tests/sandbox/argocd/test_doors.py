"""Before any Application is touched: content types, who calls, what they may, error shapes."""

import httpx
import pytest

from qbot.sandbox.argocd import TOKEN
from tests.sandbox.argocd.world import Argo, cart, refusal, running

APPS = "/api/v1/applications"
DENIED = (403, 7, "permission denied")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("kind", ["", "text/plain", "application/json; charset=utf-8"])
async def test_a_write_without_the_exact_content_type_is_415(
    argo: Argo, method: str, kind: str
) -> None:
    headers = {"Content-Type": kind}
    response = await argo.client.request(method, f"{APPS}/qbot-x-cart", headers=headers)
    assert response.status_code == 415
    assert response.headers["content-type"].startswith("text/plain")
    assert response.text == "Invalid content type\n"


async def test_the_content_type_is_compared_without_case(argo: Argo) -> None:
    headers = {"Content-Type": "Application/JSON"}
    response = await argo.client.delete(f"{APPS}/qbot-x-cart", headers=headers)
    assert refusal(response) == DENIED


async def test_a_read_needs_no_content_type(argo: Argo) -> None:
    response = await argo.client.get(APPS, headers={"Content-Type": ""})
    assert response.status_code == 200


async def test_without_a_token_nobody_gets_in(argo: Argo) -> None:
    response = await argo.client.get(APPS, headers={"Authorization": ""})
    assert refusal(response) == (401, 16, "no session information")


async def test_a_bad_token_is_an_invalid_session(argo: Argo) -> None:
    response = await argo.client.get(APPS, headers={"Authorization": "Bearer nonsense"})
    status, code, message = refusal(response)
    assert (status, code) == (401, 16)
    assert message.startswith("invalid session: ")


async def test_the_header_beats_the_cookie(argo: Argo) -> None:
    good, bad = f"argocd.token={TOKEN}", "argocd.token=nonsense"
    cookie = await argo.client.get(APPS, headers={"Authorization": "", "Cookie": good})
    header = await argo.client.get(APPS, headers={"Cookie": bad})
    assert (cookie.status_code, header.status_code) == (200, 200)


async def test_a_watch_without_a_token_fails_like_a_plain_call(argo: Argo) -> None:
    response = await argo.client.get("/api/v1/stream/applications", headers={"Authorization": ""})
    assert refusal(response) == (401, 16, "no session information")


async def test_without_a_project_absent_and_forbidden_look_alike(argo: Argo) -> None:
    for name in ("qbot-x-none", "somebody-elses"):
        assert refusal(await argo.client.get(f"{APPS}/{name}")) == DENIED


async def test_with_a_project_an_absent_application_is_404(argo: Argo) -> None:
    expected = (404, 5, 'applications.argoproj.io "none" not found')
    assert refusal(await argo.get("none")) == expected


async def test_an_application_of_another_project_is_404(argo: Argo) -> None:
    await argo.project()
    await argo.create(cart(auto=False))
    response = await argo.get("qbot-x-cart", project="qbot-y")
    assert refusal(response) == (404, 5, 'applications.argoproj.io "qbot-x-cart" not found')


async def test_a_project_without_rights_is_a_bare_403(argo: Argo) -> None:
    assert refusal(await argo.get("none", project="default")) == DENIED


async def test_two_projects_are_one_too_many(argo: Argo) -> None:
    response = await argo.client.get(f"{APPS}/x?project=qbot-x&project=qbot-y")
    assert refusal(response)[:2] == (400, 3)


POLICY = """\
p, qbot, applications, get, qbot-*/*, allow
p, qbot, projects, get, *, allow
p, qbot, projects, create, *, allow
p, qbot, applications, create, qbot-*/*, allow
"""


@pytest.mark.parametrize(
    ("method", "path", "denied"),
    [
        pytest.param("POST", "/sync", "applications, sync", id="sync"),
        pytest.param("DELETE", "", "applications, delete", id="delete"),
        pytest.param("DELETE", "/operation", "applications, sync", id="terminate"),
        pytest.param("GET", "/logs", "logs, get", id="logs"),
        pytest.param("POST", "/rollback", "applications, sync", id="rollback"),
    ],
)
async def test_who_may_read_is_told_in_detail_what_they_may_not_do(
    method: str, path: str, denied: str
) -> None:
    async with running(policy=POLICY) as argo:
        await argo.project()
        await argo.create(cart(auto=False))
        url = f"{APPS}/qbot-x-cart{path}?project=qbot-x"
        status, code, message = refusal(await argo.client.request(method, url))
    assert (status, code) == (403, 7)
    assert message.startswith(
        f"permission denied: {denied}, qbot-x/qbot-x-cart, sub: qbot, iat: 20"
    )


async def test_creating_elsewhere_is_denied_before_anything_else_is_said(argo: Argo) -> None:
    app = cart()
    app["spec"]["project"] = "nowhere"
    status, code, message = refusal(await argo.create(app))
    assert (status, code) == (403, 7)
    assert "applications, create, nowhere/qbot-x-cart" in message


async def test_an_unknown_route_is_text_and_noticed(argo: Argo) -> None:
    response = await argo.client.get("/api/v1/nothing")
    assert (response.status_code, response.text) == (404, "Not Found\n")
    assert response.headers["content-type"].startswith("text/plain")
    assert argo.kernel.calls.refused == ["argocd: GET /argocd/api/v1/nothing"]


@pytest.mark.parametrize("method", ["HEAD", "PUT"])
async def test_the_wrong_verb_is_405_text_and_noticed(argo: Argo, method: str) -> None:
    response = await argo.client.request(method, APPS)
    assert response.status_code == 405
    assert response.headers["content-type"].startswith("text/plain")
    assert argo.kernel.calls.refused == [f"argocd: {method} /argocd{APPS}"]


@pytest.mark.parametrize(
    ("field", "value"),
    [("sources", [{"repoURL": "http://x"}]), ("sourceHydrator", {"drySource": {}})],
)
async def test_what_the_stand_in_lacks_is_501_and_noticed(
    argo: Argo, field: str, value: object
) -> None:
    await argo.project()
    app = cart()
    app["spec"][field] = value
    assert refusal(await argo.create(app))[:2] == (501, 12)
    assert argo.kernel.calls.refused == [f"argocd: spec.{field}"]


async def test_broken_json_is_400(argo: Argo) -> None:
    response = await argo.client.post(APPS, content=b'{"metadata":')
    assert refusal(response)[:2] == (400, 3)


async def test_a_field_of_the_wrong_type_is_400_in_the_words_of_go(argo: Argo) -> None:
    response = await argo.client.post(APPS, json={"spec": {"project": 7}})
    status, code, message = refusal(response)
    assert (status, code) == (400, 3)
    assert message.startswith("json: cannot unmarshal number into Go struct field ")


async def test_an_empty_body_is_accepted_as_all_defaults(argo: Argo) -> None:
    _, _, message = refusal(await argo.client.post(APPS))
    assert "applications, create, default/" in message


async def test_unknown_parameters_are_ignored(argo: Argo) -> None:
    assert (await argo.client.get(APPS, params={"nonsense": "1"})).status_code == 200


async def test_a_flag_that_is_no_boolean_is_400(argo: Argo) -> None:
    await argo.project()
    status, code, message = refusal(await argo.create(cart(), upsert="perhaps"))
    assert (status, code) == (400, 3)
    assert "parameter: upsert" in message


async def test_answers_are_gzipped_where_the_client_can(argo: Argo) -> None:
    zipped = await argo.client.get(APPS, headers={"Accept-Encoding": "gzip"})
    plain = await argo.client.get(APPS, headers={"Accept-Encoding": "identity"})
    assert zipped.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert zipped.json() == plain.json()


async def test_the_version_tells_a_stranger_less(argo: Argo) -> None:
    stranger = await argo.client.get("/api/version", headers={"Authorization": ""})
    known = await argo.client.get("/api/version")
    assert list(stranger.json()) == ["Version"]
    assert known.json()["Version"] == stranger.json()["Version"]
    assert "GitCommit" in known.json()


async def test_userinfo_says_who_calls_and_nothing_to_a_stranger(argo: Argo) -> None:
    url = "/api/v1/session/userinfo"
    assert (await argo.client.get(url)).json()["username"] == "qbot"
    assert (await argo.client.get(url)).json()["loggedIn"] is True
    assert (await argo.client.get(url, headers={"Authorization": ""})).json() == {}


async def test_what_strangers_may_ask_is_answered_for_a_bad_token_too(argo: Argo) -> None:
    bad = {"Authorization": "Bearer wrong"}
    info = await argo.client.get("/api/v1/session/userinfo", headers=bad)
    assert (info.status_code, info.json()) == (200, {})
    version = await argo.client.get("/api/version", headers=bad)
    assert (version.status_code, list(version.json())) == (200, ["Version"])
    assert (await argo.client.get(APPS, headers=bad)).status_code == 401


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("applications/sync/qbot-x/qbot-x-cart", "yes"),
        ("applications/sync/staging/shop", "yes"),
        ("applications/delete/staging/shop", "no"),
        ("projects/create/qbot-x", "yes"),
        ("clusters/get/https://kubernetes.default.svc", "no"),
        ("logs/get/qbot-x/qbot-x-cart", "yes"),
    ],
)
async def test_can_i_answers_by_the_policy(argo: Argo, question: str, answer: str) -> None:
    response = await argo.client.get(f"/api/v1/account/can-i/{question}")
    assert response.json() == {"value": answer}


async def test_health_is_plain_text(argo: Argo) -> None:
    response = await argo.client.get("/healthz", headers={"Authorization": ""})
    assert (response.status_code, response.text) == (200, "ok\n")


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [("401", 401, 16), ("403", 403, 7), ("404", 404, 5), ("429", 429, 8),
     ("500", 500, 2), ("503", 503, 14)],
)  # fmt: skip
async def test_an_ordered_failure_has_the_shape_of_an_earned_one(
    argo: Argo, kind: str, status: int, code: int
) -> None:
    argo.kernel.faults.add("argocd", f"GET {APPS}", kind, 1)
    assert refusal(await argo.client.get(APPS))[:2] == (status, code)
    assert (await argo.client.get(APPS)).status_code == 200


async def test_a_proxy_in_front_answers_in_html(argo: Argo) -> None:
    argo.kernel.faults.add("argocd", f"GET {APPS}", "html", 1)
    response = await argo.client.get(APPS)
    assert response.status_code == 502
    assert response.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("kind", ["drop-before", "drop-after", "partial"])
async def test_a_connection_can_break(argo: Argo, kind: str) -> None:
    argo.kernel.faults.add("argocd", f"GET {APPS}", kind, 1)
    with pytest.raises(httpx.RemoteProtocolError):
        await argo.client.get(APPS)


async def test_a_dropped_answer_does_not_undo_the_write(argo: Argo) -> None:
    await argo.project()
    argo.kernel.faults.add("argocd", f"POST {APPS}", "drop-after", 1)
    with pytest.raises(httpx.RemoteProtocolError):
        await argo.create(cart())
    assert argo.app()


async def test_a_list_can_come_back_empty(argo: Argo) -> None:
    await argo.project()
    await argo.create(cart())
    argo.kernel.faults.add("argocd", f"GET {APPS}", "empty-list", 1)
    assert (await argo.client.get(APPS)).json()["items"] == []
    assert len((await argo.client.get(APPS)).json()["items"]) == 1
