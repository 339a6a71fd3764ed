from datetime import timedelta
from typing import Any

import gitlab
import httpx
import pytest
from gitlab.exceptions import GitlabAuthenticationError, GitlabCreateError, GitlabGetError

from tests.plain import NO_TLS
from tests.sandbox.gitlab.served import Served, client, serving


def issue(served: Served, user: str, *scopes: str) -> str:
    return served.do(lambda: served.standin.issue_token(user, *scopes))


def get(served: Served, path: str, **headers: str) -> httpx.Response:
    return httpx.get(f"{served.url}/api/v4{path}", headers=headers, verify=NO_TLS)


def test_every_way_to_present_a_token_works(served: Served) -> None:
    token = served.standin.token
    ways: list[dict[str, str]] = [{"PRIVATE-TOKEN": token}, {"Authorization": f"Bearer {token}"}]
    for headers in ways:
        assert get(served, "/user", **headers).json()["username"] == "qbot"
    assert get(served, f"/user?private_token={token}").status_code == 200


@pytest.mark.parametrize("headers", [{}, {"PRIVATE-TOKEN": "wrong"}, {"Authorization": "Basic x"}])
def test_without_a_known_token_nothing_is_told(served: Served, headers: dict[str, str]) -> None:
    answer = get(served, "/projects/shop%2Fcart", **headers)
    assert (answer.status_code, answer.json()) == (401, {"message": "401 Unauthorized"})


def test_a_revoked_or_expired_token_is_invalid(served: Served) -> None:
    found = served.standin.world.tokens[0]
    found.expires_at = served.standin.world.now() + timedelta(days=1)
    assert get(served, "/user", **{"PRIVATE-TOKEN": found.secret}).status_code == 200
    served.advance(90_000)
    expired = get(served, "/user", **{"PRIVATE-TOKEN": found.secret})
    assert (expired.status_code, expired.json()["error"]) == (401, "invalid_token")
    found.revoked = True
    revoked = get(served, "/user", **{"PRIVATE-TOKEN": found.secret}).json()
    assert "revoked" in revoked["error_description"]


def test_a_read_only_token_reads_and_is_told_which_scope_it_lacks(served: Served) -> None:
    with client(served, issue(served, "ana", "read_api")) as gl:
        branches = gl.projects.get("shop/cart").branches
        assert len(branches.list(get_all=True)) == 3
        with pytest.raises(GitlabCreateError) as caught:
            branches.create({"branch": "x", "ref": "main"})
        assert caught.value.response_code == 403
        assert b'"error":"insufficient_scope"' in (caught.value.response_body or b"")


def test_a_private_project_does_not_exist_for_outsiders(served: Served) -> None:
    served.do(lambda: served.standin.set_member("shop", "ana", present=False))
    token = issue(served, "ana")
    with client(served, token) as gl:
        for path in ("shop/cart", "shop/nothing"):
            with pytest.raises(GitlabGetError, match="404 Project Not Found"):
                gl.projects.get(path)
        with pytest.raises(GitlabGetError, match="404 Group Not Found"):
            gl.groups.get("shop")
        assert gl.projects.list(get_all=True) == []
    gone = get(served, "/projects/shop%2Fcart/repository/branches/main", **{"PRIVATE-TOKEN": token})
    assert gone.json() == {"message": "404 Project Not Found"}


def test_the_token_describes_itself(served: Served, gl: gitlab.Gitlab) -> None:
    own = gl.personal_access_tokens.get("self")
    assert (own.scopes, own.active, own.expires_at) == (["api"], True, None)
    gl.auth()
    assert gl.user is not None
    assert gl.user.username == "qbot"


def test_the_installation_tells_its_version_and_edition(gl: gitlab.Gitlab) -> None:
    version, _ = gl.version()
    assert version.startswith("19.")
    metadata: Any = gl.http_get("/metadata")
    assert metadata["enterprise"] is False


def emails(gl: gitlab.Gitlab, **query: Any) -> list[str]:
    return [u.username for u in gl.users.list(get_all=True, **query)]


def test_only_an_administrator_finds_people_by_a_private_email() -> None:
    with serving() as served, client(served) as admin:
        assert emails(admin, search="femke@shop.example") == ["femke"]
        assert admin.users.list(search="femke@shop.example", get_all=True)[0].email
    with serving(admin=False) as served, client(served) as group:
        assert emails(group, search="femke@shop.example") == []
        assert emails(group, search="ben@shop.example") == ["ben"]
        assert emails(group, public_email="ben@shop.example") == ["ben"]
        assert not hasattr(group.users.list(username="ana", get_all=True)[0], "email")
        group.auth()
        assert group.user is not None
        assert group.user.bot is True


def test_people_are_found_by_name_and_number(gl: gitlab.Gitlab) -> None:
    assert emails(gl, username="CHLOE") == ["chloe"]
    assert emails(gl, search="dan ito") == ["dan"]
    ana = gl.users.list(username="ana", get_all=True)[0]
    assert gl.users.get(ana.id).name == "Ana Costa"
    with pytest.raises(GitlabGetError, match="404 User Not Found"):
        gl.users.get(1)


def names(members: Any) -> set[str]:
    return {m.username for m in members if not m.username.startswith("qbot")}


def test_a_project_has_the_members_of_its_group_and_of_those_invited(
    served: Served, gl: gitlab.Gitlab
) -> None:
    managers, config = gl.groups.get("release-managers"), gl.projects.get("shop/deployments")
    assert names(managers.members.list(get_all=True)) == {"chloe", "dan"}
    people = {"ana", "ben", "chloe", "dan", "femke"}
    assert names(config.members_all.list(get_all=True)) == people
    levels = {m.username: m.access_level for m in config.members_all.list(get_all=True)}
    assert (levels["ana"], levels["chloe"], levels["dan"]) == (30, 40, 40)
    served.do(lambda: served.standin.set_member("release-managers", "ana", present=True))
    assert names(managers.members.list(get_all=True)) == {"ana", "chloe", "dan"}
    served.do(lambda: served.standin.set_member("release-managers", "dan", present=False))
    dan = gl.users.list(username="dan", get_all=True)[0].id
    with pytest.raises(GitlabGetError):
        managers.members.get(dan)
    assert config.members_all.get(dan).access_level == 30


def test_members_of_a_project_come_from_its_group(gl: gitlab.Gitlab) -> None:
    cart = gl.projects.get("shop/cart")
    assert cart.members.list(get_all=True) == []
    found = cart.members_all.list(query="ana", get_all=True)
    assert [(m.username, m.access_level) for m in found] == [("ana", 30)]
    assert names(cart.members_all.list(user_ids=[found[0].id], get_all=True)) == {"ana"}


def test_an_unknown_group_or_person_cannot_join(served: Served) -> None:
    for group, user in (("nope", "ana"), ("shop", "zoe")):
        with pytest.raises(ValueError, match=r"no (group nope|user zoe)"):
            served.standin.set_member(group, user, present=True)
    with pytest.raises(ValueError, match="no user zoe"):
        served.standin.issue_token("zoe")


def test_an_unauthorized_client_gets_its_own_exception(served: Served) -> None:
    with client(served, "wrong") as gl, pytest.raises(GitlabAuthenticationError):
        gl.projects.get("shop/cart")
