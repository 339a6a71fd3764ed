"""From a link in Slack through GitLab's sign-in and back, with a browser's manners."""

import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from aiohttp import web

from qbot.domain.people import Actor
from qbot.domain.promotion import Account
from qbot.errors import PermanentError, QbotError, TransientError, UserError
from qbot.gateways.gitlab import GitLabOAuth
from qbot.gateways.linking import Invitations
from qbot.sandbox.server import Sandbox
from qbot.web.link import COOKIE, Linking
from tests.clocks import HandClock
from tests.sandbox.gitlab.served import Served, serving
from tests.sandbox.slack.stage import served

ANA = Actor("T1", "U1")
HOSTILE = "Ana <script>alert(1)</script>"


@dataclass
class Rows:
    """The database, as far as links go."""

    links: dict[Actor, Account] = field(default_factory=dict)
    rules: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    error: QbotError | None = None

    async def link(self, actor: Actor, account: Account, *, rule: str = "") -> None:
        if self.error is not None:
            raise self.error
        self.links[actor] = account
        self.rules.append(rule)

    async def saw(self, key: str) -> bool:
        new = key not in self.seen
        self.seen.add(key)
        return new


@dataclass
class Scene:
    """Qbot's pages, GitLab's pages, and a browser with cookies."""

    shop: Served
    invitations: Invitations
    rows: Rows
    browser: httpx.AsyncClient
    clock: HandClock
    mapped: dict[str, str]

    async def pressed(self, url: str) -> str:
        """The address in GitLab to which the button leads."""
        answer = await self.browser.post(url)
        assert answer.status_code == 303, answer.text
        return answer.headers["Location"]

    async def allowed(self, url: str, user: str = "ana", answer: str = "authorize") -> str:
        """The address to which GitLab sends the browser back."""
        page = await self.browser.get(url)
        assert page.status_code == 200, page.text
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        form = asked | {"user": user, "answer": answer}
        decided = await self.browser.post(f"{self.shop.url}/oauth/authorize", data=form)
        assert decided.status_code == 302, decided.text
        return decided.headers["Location"]

    async def linked(self, user: str = "ana") -> httpx.Response:
        """The whole way."""
        there = await self.pressed(self.invitations.invite(ANA, "Ana"))
        return await self.browser.get(await self.allowed(there, user))

    def account(self, name: str) -> Account:
        found = self.shop.standin.world.user(name)
        assert found is not None
        return Account(found.id, found.username)

    def fault(self, match: str, kind: str) -> None:
        self.shop.do(lambda: self.shop.kernel.faults.add("gitlab", match, kind, 1))


@pytest.fixture(scope="module")
def shop() -> Iterator[Served]:
    with serving(services=1) as made:
        yield made
        assert made.kernel.calls.refused == []


@pytest.fixture
async def scene(shop: Served) -> AsyncIterator[Scene]:
    clock, rows, mapped = HandClock(), Rows(), dict[str, str]()
    application = shop.standin.oauth.application
    listening = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    invitations = Invitations(public_url=url, secret=application.secret, clock=clock)
    application.redirect_uris = (invitations.callback,)
    sign_in = GitLabOAuth(
        shop.url, application.client_id, application.secret, callback=invitations.callback
    )
    app = web.Application()
    app.add_routes(
        Linking(
            invitations=invitations, sign_in=sign_in, accounts=rows, once=rows, mapped=mapped
        ).routes()
    )
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.SockSite(runner, listening).start()
    async with httpx.AsyncClient() as browser:
        yield Scene(shop, invitations, rows, browser, clock, mapped)
    await runner.cleanup()


async def test_the_way_there_and_back_links_the_account(scene: Scene) -> None:
    answer = await scene.linked()
    assert answer.status_code == 200
    assert "ana in GitLab now" in answer.text
    assert scene.rows.links == {ANA: scene.account("ana")}
    assert scene.rows.rules == ["gitlab-sign-in"]
    assert COOKIE not in scene.browser.cookies


def test_the_sandbox_registers_the_way_back() -> None:
    sandbox = Sandbox(qbot_url="http://127.0.0.1:9000")
    invitations = Invitations(public_url="http://127.0.0.1:9000", secret="s", clock=HandClock())
    assert sandbox.gitlab.oauth.application.redirect_uris == (invitations.callback,)


async def test_a_link_may_be_looked_at_and_says_whose_it_is(scene: Scene) -> None:
    url = scene.invitations.invite(ANA, HOSTILE)
    for _ in range(3):  # people, and whatever opens links before them
        seen = await scene.browser.get(url)
        assert seen.status_code == 200
        assert "U1" in seen.text
        assert "<script>" not in seen.text
    assert (await scene.browser.head(url)).status_code == 405
    assert await scene.pressed(url)


@pytest.mark.incident("hostile-text")
async def test_no_header_and_no_query_says_where_a_browser_goes(scene: Scene) -> None:
    evil = {
        "Host": "evil.test", "X-Forwarded-Host": "evil.test", "Forwarded": "host=evil.test",
        "Origin": "https://evil.test", "X-Original-URL": "//evil.test/",
    }  # fmt: skip
    url = f"{scene.invitations.invite(ANA, 'Ana')}?next=https://evil.test&redirect_uri=//evil.test"
    page = await scene.browser.get(url, headers=evil)
    onward = await scene.browser.post(url, headers=evil)
    assert "evil.test" not in f"{page.headers} {page.text} {onward.headers} {onward.text}"
    assert (page.status_code, onward.status_code) == (200, 303)
    assert urlsplit(onward.headers["Location"])[:2] == urlsplit(scene.shop.url)[:2]


async def test_its_pages_are_kept_and_framed_by_nobody(scene: Scene) -> None:
    seen = await scene.browser.get(scene.invitations.invite(ANA, "Ana"))
    assert seen.headers["Cache-Control"] == "no-store"
    assert seen.headers["Referrer-Policy"] == "no-referrer"
    policy = seen.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert f"form-action 'self' {scene.shop.kernel.url}" in policy


async def test_it_asks_gitlab_for_nothing_but_the_name(scene: Scene) -> None:
    there = await scene.pressed(scene.invitations.invite(ANA, "Ana"))
    asked = parse_qs(urlsplit(there).query)
    assert asked["scope"] == ["read_user"]
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["redirect_uri"] == [scene.invitations.callback]


async def test_the_cookie_is_for_qbots_way_back_alone(scene: Scene) -> None:
    answer = await scene.browser.post(scene.invitations.invite(ANA, "Ana"))
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/link" in cookie
    assert "Max-Age=900" in cookie


async def test_a_link_is_good_once(scene: Scene) -> None:
    url = scene.invitations.invite(ANA, "Ana")
    await scene.pressed(url)
    again = await scene.browser.post(url)
    assert again.status_code == 400
    assert "has been used" in again.text


async def test_a_way_back_is_good_once(scene: Scene) -> None:
    there = await scene.pressed(scene.invitations.invite(ANA, "Ana"))
    cookie = scene.browser.cookies[COOKIE]
    back = await scene.allowed(there)
    await scene.browser.get(back)
    scene.rows.links.clear()
    scene.browser.cookies.set(COOKIE, cookie)
    again = await scene.browser.get(back)
    assert "has been used" in again.text
    assert not scene.rows.links


async def test_a_link_ends_after_a_quarter_of_an_hour(scene: Scene) -> None:
    url = scene.invitations.invite(ANA, "Ana")
    there = await scene.pressed(scene.invitations.invite(ANA, "Ana"))
    back = await scene.allowed(there)
    scene.clock.advance(901)
    for answer in (await scene.browser.get(url), await scene.browser.post(url)):
        assert (answer.status_code, "too old" in answer.text) == (400, True)
    late = await scene.browser.get(back)
    assert (late.status_code, "too old" in late.text) == (400, True)
    assert not scene.rows.links


async def test_somebody_sent_into_the_middle_links_nothing(scene: Scene) -> None:
    """Ana presses her own button and hands GitLab's address to Chloe, who is signed in there."""
    there = await scene.pressed(scene.invitations.invite(ANA, "Ana"))
    scene.browser.cookies.clear()
    answer = await scene.browser.get(await scene.allowed(there, "chloe"))
    assert answer.status_code == 400
    assert "another browser" in answer.text
    assert not scene.rows.links


async def test_the_cookie_of_one_link_is_no_use_for_another(scene: Scene) -> None:
    first = await scene.pressed(scene.invitations.invite(ANA, "Ana"))
    back = await scene.allowed(first)
    await scene.pressed(scene.invitations.invite(Actor("T1", "U2"), "Ben"))
    assert "another browser" in (await scene.browser.get(back)).text
    assert not scene.rows.links


async def test_who_says_no_is_not_linked(scene: Scene) -> None:
    there = await scene.pressed(scene.invitations.invite(ANA, "Ana"))
    answer = await scene.browser.get(await scene.allowed(there, answer="deny"))
    assert answer.status_code == 400
    assert "not allowed" in answer.text
    assert not scene.rows.links


async def test_what_is_made_up_leads_nowhere(scene: Scene) -> None:
    url = scene.invitations.public_url
    for path in ("/link/x", "/link/callback", "/link/callback?code=a&state=b"):
        answer = await scene.browser.get(f"{url}{path}")
        assert answer.status_code == 400
    assert (await scene.browser.post(f"{url}/link/x")).status_code == 400
    assert not scene.rows.seen


@pytest.mark.parametrize(
    ("mapped", "user", "linked"),
    [({"U1": "ANA"}, "ana", True), ({"U1": "ben"}, "ana", False), ({"U2": "ana"}, "ana", False),
     ({"U2": "ben"}, "ana", True)],
)  # fmt: skip
async def test_what_the_owner_says_of_somebody_stands(
    scene: Scene, mapped: dict[str, str], user: str, linked: bool
) -> None:
    scene.mapped |= mapped
    answer = await scene.linked(user)
    assert (answer.status_code == 200) is linked
    assert (ANA in scene.rows.links) is linked


@pytest.mark.parametrize("match", ["POST /oauth/token", "GET /api/v4/user"])
@pytest.mark.parametrize("kind", ["500", "503", "html", "429", "drop-before", "drop-after"])
async def test_a_gitlab_that_is_away_links_nobody(scene: Scene, match: str, kind: str) -> None:
    scene.fault(match, kind)
    answer = await scene.linked()
    assert answer.status_code == 503
    assert not scene.rows.links
    assert (await scene.linked()).status_code == 200


def tokens(scene: Scene) -> list[bool]:
    """Whether each token of a sign-in is revoked."""
    return [t.revoked for t in scene.shop.standin.world.tokens if t.scopes == ("read_user",)]


async def test_the_token_of_a_sign_in_is_taken_back_once_the_user_is_known(scene: Scene) -> None:
    before = len(tokens(scene))
    assert (await scene.linked()).status_code == 200
    scene.fault("GET /api/v4/user", "503")
    assert (await scene.linked()).status_code == 503
    assert tokens(scene)[before:] == [True, True]


@pytest.mark.parametrize("kind", ["500", "html", "drop-before"])
async def test_a_token_that_cannot_be_taken_back_harms_nobody(scene: Scene, kind: str) -> None:
    scene.fault("POST /oauth/revoke", kind)
    assert (await scene.linked()).status_code == 200
    assert tokens(scene)[-1] is False


async def test_a_database_that_is_away_is_told(scene: Scene) -> None:
    scene.rows.error = TransientError("the database is away")
    answer = await scene.linked()
    assert answer.status_code == 503
    assert "database" not in answer.text


async def test_a_code_of_nobody_is_the_persons_to_get_anew(scene: Scene) -> None:
    application = scene.shop.standin.oauth.application
    callback = scene.invitations.callback
    sign_in = GitLabOAuth(
        scene.shop.url, application.client_id, application.secret, callback=callback
    )
    with pytest.raises(UserError, match="one use"):
        await sign_in.account("made-up", verifier="v" * 43)


async def test_a_wrong_secret_is_the_owners_to_put_right(scene: Scene) -> None:
    application = scene.shop.standin.oauth.application
    kept, application.secret = application.secret, "another"
    try:
        there = await scene.pressed(scene.invitations.invite(ANA, "Ana"))
        back = await scene.allowed(there)
        application.secret = "a third"
        sign_in = GitLabOAuth(
            scene.shop.url, application.client_id, kept, callback=scene.invitations.callback
        )
        with pytest.raises(PermanentError, match="QBOT_GITLAB__OAUTH_SECRET") as refused:
            await sign_in.account(parse_qs(urlsplit(back).query)["code"][0], verifier="v")
        assert kept not in str(refused.value)
    finally:
        application.secret = kept


@pytest.mark.incident("lasting-access")
@pytest.mark.parametrize("change", [{"state": "blocked"}, {"bot": True}])
async def test_a_blocked_account_is_not_linked(change: dict[str, object]) -> None:
    async def token(_: web.Request) -> web.Response:
        return web.json_response({"access_token": "t"})

    async def user(_: web.Request) -> web.Response:
        found = {"id": 1, "username": "x", "state": "active", "bot": False}
        return web.json_response(found | change)

    app = web.Application()
    app.add_routes([web.post("/oauth/token", token), web.get("/api/v4/user", user)])
    async with served(app) as url:
        with pytest.raises(UserError, match="blocked or not a person's"):
            await GitLabOAuth(url, "i", "s", callback="c").account("code", verifier="v")
