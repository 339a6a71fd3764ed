"""The Slack gateway against the stand-in, over real connections."""

import socket

import aiohttp
import pytest
from aiohttp import ThreadedResolver, web
from aiohttp.abc import ResolveResult
from slack_sdk.web.async_client import AsyncWebClient
from typing_extensions import override

from qbot.errors import PermanentError, TransientError, UserError
from qbot.gateways.slack import (
    AccessError,
    FileUnreadyError,
    LostMessageError,
    Mark,
    NotHereError,
    Posted,
    RateLimitedError,
    SlackGateway,
    UnsureError,
    open_slack,
    web_client,
)
from qbot.render.blocks import Message, message, section
from qbot.render.card import card
from qbot.render.details import loading
from qbot.sandbox.demo import free_port
from tests.render.samples import RUNNING, STYLE
from tests.sandbox.slack.stage import (
    ANA,
    ARCHIVED,
    BEN,
    CHLOE,
    DAN,
    EVE,
    GENERAL,
    GUS,
    NILS,
    PARTNERS,
    RANDOM,
    SECRET,
    ZOE,
    Stage,
    served,
)

HELLO = message("hello", [section("hello")])
MARK = Mark("op1", "card")


def said(text: str) -> Message:
    return message(text, [section(text)])


async def test_a_card_is_posted_and_edited(played: Stage, slack: SlackGateway) -> None:
    posted = await slack.post(GENERAL, card(RUNNING, STYLE), mark=MARK)
    await slack.update(posted, said("changed"))
    (seen,) = await played.seen("ana")
    assert (seen["ts"], seen["text"]) == (posted.ts, "changed")
    assert seen["blocks"][0]["text"]["text"] == "changed"


async def test_a_reply_is_in_its_thread(played: Stage, slack: SlackGateway) -> None:
    parent = await slack.post(GENERAL, HELLO)
    await slack.post(GENERAL, said("done"), thread_ts=parent.ts)
    replies = await played.seen("ana", thread=parent.ts)
    assert [m["text"] for m in replies][-1] == "done"


async def test_a_dm_is_edited_where_it_was_posted(played: Stage, slack: SlackGateway) -> None:
    posted = await slack.post(ANA, HELLO)
    assert posted.channel.startswith("D")
    await slack.update(posted, said("changed"))
    assert [m["text"] for m in await played.seen("ana", "dm")] == ["changed"]


async def test_an_ephemeral_message_is_for_one_person(played: Stage, slack: SlackGateway) -> None:
    await slack.post_ephemeral(GENERAL, ANA, HELLO)
    assert [m["text"] for m in await played.seen("ana")] == ["hello"]
    assert await played.seen("ben") == []


async def test_a_message_is_found_by_its_mark(slack: SlackGateway) -> None:
    posted = await slack.post(GENERAL, HELLO, mark=MARK)
    await slack.post(GENERAL, HELLO, mark=Mark("op2", "card"))
    assert await slack.find(GENERAL, MARK, since=0) == posted
    assert await slack.find(GENERAL, Mark("op1", "end"), since=0) is None
    assert await slack.find(GENERAL, MARK, since=float(posted.ts) + 1) is None


async def test_a_mark_survives_an_edit(slack: SlackGateway) -> None:
    posted = await slack.post(GENERAL, HELLO, mark=MARK)
    await slack.update(posted, said("changed"))
    assert await slack.find(GENERAL, MARK, since=0) == posted


async def test_a_reply_is_found_in_its_thread_and_a_dm_by_the_person(slack: SlackGateway) -> None:
    parent = await slack.post(GENERAL, HELLO)
    end = Mark("op1", "end")
    reply = await slack.post(GENERAL, HELLO, mark=end, thread_ts=parent.ts)
    assert await slack.find(GENERAL, end, since=0, thread_ts=parent.ts) == reply
    direct = await slack.post(CHLOE, HELLO, mark=MARK)
    assert await slack.find(CHLOE, MARK, since=0) == direct


async def test_a_message_on_a_later_page_is_found(played: Stage, slack: SlackGateway) -> None:
    played.slack.limiter.enabled = False
    posted = await slack.post(GENERAL, HELLO, mark=MARK)
    for _ in range(205):
        await slack.post(GENERAL, HELLO)
    assert await slack.find(GENERAL, MARK, since=0) == posted


@pytest.mark.parametrize("channel", [SECRET, RANDOM, ARCHIVED, "C0NOWHERE", ZOE, EVE])
async def test_where_qbot_may_not_write_it_is_not_here(slack: SlackGateway, channel: str) -> None:
    with pytest.raises(NotHereError):
        await slack.post(channel, HELLO)


async def test_what_cannot_be_changed_is_lost(played: Stage, slack: SlackGateway) -> None:
    with pytest.raises(LostMessageError):
        await slack.update(Posted(GENERAL, "1700000000.000100"), HELLO)
    with pytest.raises(LostMessageError):
        await slack.post(GENERAL, HELLO, thread_ts="1700000000.000100")
    other = played.as_token(played.slack.bot_token)
    posted = await other.chat_postMessage(channel=GENERAL, text="x")
    await other.chat_delete(channel=GENERAL, ts=posted["ts"])
    with pytest.raises(LostMessageError):
        await slack.update(Posted(GENERAL, posted["ts"]), HELLO)


async def test_the_limit_is_told_with_how_long_to_wait(played: Stage, slack: SlackGateway) -> None:
    played.kernel.faults.add("slack", "POST /api/chat.postMessage", "429", 1)
    with pytest.raises(RateLimitedError) as caught:
        await slack.post(GENERAL, HELLO)
    assert caught.value.retry_after
    assert caught.value.retry_after >= 1
    assert await played.seen("ana") == []


@pytest.mark.parametrize("kind", ["drop-after", "500", "503", "html", "partial"])
async def test_a_lost_answer_leaves_it_open_and_nothing_is_sent_twice(
    played: Stage, slack: SlackGateway, kind: str
) -> None:
    played.kernel.faults.add("slack", "POST /api/chat.postMessage", kind, 1)
    with pytest.raises(UnsureError):
        await slack.post(GENERAL, HELLO, mark=MARK)
    assert len(await played.seen("ana")) <= 1
    posts = [c for c in played.kernel.calls.select() if "chat.postMessage" in c["path"]]
    assert len(posts) == 1


async def test_an_address_that_nobody_listens_at_is_certain_not_to_have_acted() -> None:
    async with open_slack("xoxb-x", "http://127.0.0.1:1/api/") as slack:
        with pytest.raises(TransientError) as caught:
            await slack.post(GENERAL, HELLO)
    assert not isinstance(caught.value, UnsureError)


async def test_a_missing_scope_is_named(played: Stage) -> None:
    token = played.slack.grant("chat:write")
    only_chat = sorted(played.slack.world.tokens[token].scopes)
    for scope in only_chat:
        if scope.endswith(":history"):
            played.slack.world.tokens[token].scopes.discard(scope)
    async with open_slack(token, f"{played.kernel.url}/slack/api/") as slack:
        with pytest.raises(PermanentError, match="channels:history"):
            await slack.find(GENERAL, MARK, since=0)


async def test_a_refused_token_is_permanent_and_not_shown(played: Stage) -> None:
    async with open_slack("xoxb-secret-token", f"{played.kernel.url}/slack/api/") as slack:
        with pytest.raises(PermanentError) as caught:
            await slack.identity()
    assert "secret" not in str(caught.value)
    assert "invalid_auth" in str(caught.value)
    assert caught.value.__cause__ is None


async def test_identity_tells_team_bot_and_scopes(played: Stage, slack: SlackGateway) -> None:
    team, user, scopes = await slack.identity()
    assert team == played.slack.team_id
    assert user.startswith("U")
    assert "channels:history" in scopes


async def test_profiles_tell_what_decides(slack: SlackGateway) -> None:
    ana = await slack.profile(ANA)
    assert (ana.email, ana.deleted, ana.bot, ana.restricted) == (
        "ana@shop.example", False, False, False,
    )  # fmt: skip
    assert (await slack.profile(GUS)).restricted
    assert (await slack.profile(ZOE)).deleted
    assert (await slack.profile(NILS)).email == ""
    outside = await slack.profile(EVE)
    assert outside.team != ana.team
    assert (await slack.profile(CHLOE)).user == CHLOE


async def test_channels_tell_membership_and_sharing(slack: SlackGateway) -> None:
    general, partners = await slack.channel(GENERAL), await slack.channel(PARTNERS)
    assert (general.name, general.member, general.external) == ("general", True, False)
    assert partners.external
    assert not (await slack.channel(RANDOM)).member
    assert (await slack.channel(ARCHIVED)).archived
    with pytest.raises(NotHereError):
        await slack.channel(SECRET)


async def test_a_dm_cannot_be_read_about_with_the_scopes_of_the_manifest(
    slack: SlackGateway,
) -> None:
    with pytest.raises(PermanentError, match="im:read"):
        await slack.channel(await slack.open_dm(BEN))


async def test_a_permalink_names_the_message(slack: SlackGateway) -> None:
    posted = await slack.post(GENERAL, HELLO)
    assert posted.ts.replace(".", "") in await slack.permalink(posted)
    assert await slack.permalink(Posted(GENERAL, "1700000000.000100")) == ""


async def test_a_response_url_answers_where_qbot_is_no_member(
    played: Stage, slack: SlackGateway
) -> None:
    await slack.respond(played.slack.responses.issue("commands", ANA, RANDOM, "t"), HELLO)
    assert [m["text"] for m in await played.seen("ana", "random")] == ["hello"]
    assert await played.seen("ben", "random") == []


async def test_a_used_up_response_url_is_noticed(played: Stage, slack: SlackGateway) -> None:
    url = played.slack.responses.issue("commands", ANA, GENERAL, "t")
    for _ in range(5):
        await slack.respond(url, HELLO)
    with pytest.raises(UserError, match="run it again"):
        await slack.respond(url, HELLO)


async def test_an_answer_that_cannot_be_sent_may_be_sent_again() -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    async with open_slack("xoxb-x", f"{nowhere}/api/") as slack:
        with pytest.raises(TransientError):
            await slack.respond(f"{nowhere}/response", HELLO)


@pytest.mark.incident("hostile-text")
@pytest.mark.parametrize(
    "url",
    [
        "{elsewhere}/commands/1",
        "https://hooks.slack.com@{host}/1",
        "http://hooks.slack.com/commands/1",
        "https://hooks.slack.com.{host}/1",
        "https://[hooks.slack.com/1",
        "",
    ],
)
async def test_an_answer_goes_nowhere_but_to_slack(slack: SlackGateway, url: str) -> None:
    heard: list[web.Request] = []

    async def hear(request: web.Request) -> web.Response:
        heard.append(request)
        return web.Response()

    app = web.Application()
    app.router.add_post("/{path:.*}", hear)
    async with served(app) as elsewhere:
        place = url.format(elsewhere=elsewhere, host=elsewhere.removeprefix("http://"))
        with pytest.raises(PermanentError, match="not one of Slack's"):
            await slack.respond(place, HELLO)
    assert heard == []


class Nowhere(ThreadedResolver):
    """Every name is a port of this machine on which nobody listens."""

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return await super().resolve("127.0.0.1", free_port(), family)


@pytest.mark.parametrize("host", ["hooks.slack.com", "hooks.slack-gov.com"])
async def test_slacks_own_addresses_for_answers_are_taken(host: str) -> None:
    connector = aiohttp.TCPConnector(resolver=Nowhere(), use_dns_cache=False)
    async with aiohttp.ClientSession(connector=connector) as session:
        client = web_client("xoxb-x", "", session)
        client.proxy = None
        with pytest.raises(TransientError, match="cannot be reached"):
            await SlackGateway(client, session).respond(f"https://{host}/commands/1", HELLO)


async def test_an_answer_follows_no_redirect() -> None:
    heard: list[str] = []

    async def redirect(request: web.Request) -> web.Response:
        heard.append(request.path)
        return web.Response(status=307, headers={"Location": "/elsewhere"})

    app = web.Application()
    app.router.add_post("/{path:.*}", redirect)
    async with served(app) as origin, open_slack("xoxb-x", f"{origin}/api/") as slack:
        with pytest.raises(PermanentError, match="HTTP 307"):
            await slack.respond(f"{origin}/hook", HELLO)
    assert heard == ["/hook"]


async def test_a_used_up_trigger_does_not_open_a_view(slack: SlackGateway) -> None:
    with pytest.raises(PermanentError, match="trigger"):
        await slack.open_view("123.456.abc", loading("op1", "feat/x"))


async def test_a_proxy_variable_does_not_keep_it_from_loopback(
    played: Stage, slack: SlackGateway
) -> None:
    assert isinstance(slack._client, AsyncWebClient)
    slack_sdk_default = AsyncWebClient(token="x", proxy="http://127.0.0.1:9")
    assert slack_sdk_default.proxy
    assert slack._client.proxy is None


async def test_a_hundred_calls_use_few_connections(played: Stage, slack: SlackGateway) -> None:
    played.slack.limiter.enabled = False
    for _ in range(20):
        await slack.identity()
    connector = slack._session.connector
    assert connector is not None
    assert len(connector._conns) == 1


async def test_user_groups_come_with_their_members_in_one_call(
    played: Stage, slack: SlackGateway
) -> None:
    groups = {group.handle: group for group in await slack.user_groups()}
    assert groups["release-managers"].users == {CHLOE, DAN}
    assert groups["release-managers"].id == "S0RELEASE"
    calls = [call["path"] for call in played.kernel.calls.select(vendor="slack")]
    assert sum("usergroups" in path for path in calls) == 1


async def test_a_file_is_uploaded_and_seen_once_a_message_shows_it(
    played: Stage, slack: SlackGateway
) -> None:
    file = await slack.upload("a.png", b"\x89PNG bars", title="Bars", alt="three bars")
    assert await played.seen("ana") == []
    image = {"type": "image", "alt_text": "three bars", "slack_file": {"id": file}}
    with pytest.raises(FileUnreadyError):
        await slack.post(GENERAL, message("bars", [image]))
    played.kernel.clock.advance(5)
    await slack.post(GENERAL, message("bars", [image]))
    assert len(await played.seen("ana")) == 1


async def test_a_file_goes_nowhere_but_to_slack(played: Stage) -> None:
    async def elsewhere(_: web.Request) -> web.Response:
        return web.json_response({"ok": True, "file_id": "F1", "upload_url": played.kernel.url})

    app = web.Application()
    app.add_routes([web.post("/api/files.getUploadURLExternal", elsewhere)])
    async with served(app) as url, open_slack("xoxb-1", f"{url}/api/") as slack:
        with pytest.raises(PermanentError, match="not one of Slack's"):
            await slack.upload("a.png", b"bars", title="Bars", alt="")


async def test_without_the_scope_the_upload_is_refused_by_its_name(played: Stage) -> None:
    token = played.slack.grant("chat:write")
    async with open_slack(token, f"{played.kernel.url}/slack/api/") as slack:
        with pytest.raises(AccessError) as refused:
            await slack.upload("a.png", b"bars", title="Bars", alt="")
    assert refused.value.scope == "files:write"
