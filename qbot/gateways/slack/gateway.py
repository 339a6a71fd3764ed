"""The calls that Qbot makes to Slack.

slack_sdk repeats a POST whose connection dropped, which posts twice, so its retries are off; and
it opens a connection per call unless it is given a session, so there is one, with timeouts.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from qbot.domain.meters import Called, uncounted
from qbot.errors import PermanentError, TransientError, UserError
from qbot.gateways.metering import measured
from qbot.gateways.slack import find, uploading
from qbot.gateways.slack.errors import VENDOR, LostMessageError, status_of, translate
from qbot.gateways.slack.types import EVENT_TYPE, Channel, Mark, Posted, Profile, UserGroup
from qbot.gateways.trust import trusting
from qbot.render.blocks import Message

CALL_SECONDS = 8.0  # after which no call is under way any more
TIMEOUT = aiohttp.ClientTimeout(total=CALL_SECONDS, connect=3)
_OK = 200
_GONE = (404, 410)
_HOSTS = ("slack.com", "slack-gov.com")
_HOOKS = frozenset(("https", f"hooks.{host}") for host in _HOSTS)
_FILES = frozenset(("https", f"files.{host}") for host in _HOSTS)
_TOO_MANY = 429
_SERVER = 500


class SlackGateway:
    """Every call may raise TransientError (RateLimitedError, UnsureError) or PermanentError.

    Messages go out as they are rendered: text and blocks together, nothing unfurled, nothing
    parsed by Slack.

    Args:
        client: slack_sdk's, without retries.
        session: for answers by a response_url.
        called: told of each request.
    """

    def __init__(
        self, client: AsyncWebClient, session: aiohttp.ClientSession, called: Called = uncounted
    ) -> None:
        self._client = client
        self._session = session
        self._called = called

    async def call(self, method: str, **arguments: Any) -> Mapping[str, Any]:
        """Any method of the Web API by its name; arguments that are None are left out."""
        given = {k: v for k, v in arguments.items() if v is not None}
        data = (await self._asked(method, json=given)).data
        return data if isinstance(data, Mapping) else {}

    async def read(self, method: str, **arguments: Any) -> Mapping[str, Any]:
        """A method that reads; those take no JSON body."""
        given = {k: v for k, v in arguments.items() if v is not None}
        data = (await self._asked(method, http_verb="GET", params=given)).data
        return data if isinstance(data, Mapping) else {}

    async def _asked(self, method: str, **how: Any) -> AsyncSlackResponse:
        try:
            with measured(self._called, "slack") as counted:
                try:
                    answer = await self._client.api_call(method, **how)
                except SlackApiError as error:
                    counted.status = status_of(error)
                    raise
                counted.status = answer.status_code
                return answer
        except VENDOR as error:
            raise translate(error, method) from None

    async def post(
        self, channel: str, message: Message, *, mark: Mark | None = None, thread_ts: str = ""
    ) -> Posted:
        """Post to a channel, a DM or (by a user's id) the user's DM; `thread_ts` makes a reply.

        Raises:
            NotHereError: Qbot may not post there.
            LostMessageError: the thread is gone.
            UnsureError: it may have been posted; look with `find` before repeating.
        """
        answer = await self.call(
            "chat.postMessage",
            channel=channel,
            text=message.text,
            blocks=list(message.blocks),
            metadata=_metadata(mark),
            thread_ts=thread_ts or None,
            parse="none",
            unfurl_links=False,
            unfurl_media=False,
        )
        return Posted(str(answer["channel"]), str(answer["ts"]))

    async def update(self, posted: Posted, message: Message) -> None:
        """Change one of Qbot's own messages; its metadata stays.

        Raises:
            LostMessageError: it cannot be changed any more.
        """
        await self.call(
            "chat.update",
            channel=posted.channel,
            ts=posted.ts,
            text=message.text,
            blocks=list(message.blocks),
            parse="none",
        )

    async def post_ephemeral(
        self, channel: str, user: str, message: Message, *, thread_ts: str = ""
    ) -> None:
        """Show something to one person; delivery is not guaranteed and a reload loses it."""
        await self.call(
            "chat.postEphemeral",
            channel=channel,
            user=user,
            text=message.text,
            blocks=list(message.blocks),
            thread_ts=thread_ts or None,
            parse="none",
        )

    async def respond(
        self, url: str, message: Message, *, replace: bool = False, public: bool = False
    ) -> None:
        """Answer an interaction by its response_url: five times within 30 minutes.

        Raises:
            UserError: the URL is used up or too old.
            PermanentError: it leads neither to Slack's hooks nor to where the Web API is.
        """
        body = {
            "text": message.text,
            "blocks": list(message.blocks),
            "response_type": "in_channel" if public else "ephemeral",
            "replace_original": replace,
        }
        await self._answer(url, body)

    async def withdraw(self, url: str) -> None:
        """Remove the message that an interaction came from, by its response_url."""
        await self._answer(url, {"delete_original": True})

    async def _answer(self, url: str, body: Mapping[str, Any]) -> None:
        if _origin(url) not in {*_HOOKS, _origin(self._client.base_url)}:
            raise PermanentError("The address for an answer (response_url) is not one of Slack's.")
        status = await self._sent(url, "response_url", json=body)
        if status == _TOO_MANY or status >= _SERVER:
            raise TransientError(f"Slack failed (response_url: HTTP {status})")
        if status in _GONE:
            raise UserError("Slack no longer takes an answer to that command; run it again.")
        if status != _OK:
            raise PermanentError(f"Slack refuses the answer (response_url: HTTP {status})")

    async def _sent(self, url: str, what: str, **body: Any) -> int:
        """Post beside the Web API, without the token; the status of the answer."""
        try:
            with measured(self._called, "slack") as counted:
                async with self._session.post(
                    url, proxy=self._client.proxy, allow_redirects=False, **body
                ) as reply:
                    counted.status = reply.status
                    return reply.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise translate(error, what) from None

    async def open_view(self, trigger_id: str, view: Mapping[str, Any]) -> str:
        """Open a modal within 3 s of the interaction; its view id.

        Raises:
            TooLateError: the three seconds are over, or the trigger has been used.
        """
        answer = await self.call("views.open", trigger_id=trigger_id, view=dict(view))
        return str(answer["view"]["id"])

    async def update_view(
        self, view_id: str, view: Mapping[str, Any], *, view_hash: str = ""
    ) -> None:
        """Change an open modal; `view_hash` refuses to overwrite a newer one."""
        await self.call("views.update", view_id=view_id, view=dict(view), hash=view_hash or None)

    async def publish_home(self, user: str, view: Mapping[str, Any]) -> None:
        """Show somebody their App Home; doing it twice does no harm.

        Raises:
            PermanentError: also where there is no such person, or the app has no Home tab.
        """
        await self.call("views.publish", user_id=user, view=dict(view))

    async def upload(self, name: str, body: bytes, *, title: str, alt: str) -> str:
        """Give Slack a file that nobody sees until a message shows it; its id.

        Raises:
            AccessError: the scope files:write is missing.
        """
        files = await uploading.begun(self._asked, name, len(body), alt=alt)
        await self._put(files.url, body)
        await uploading.ended(self._asked, files.id, title)
        return files.id

    async def _put(self, url: str, body: bytes) -> None:
        if _origin(url) not in {*_FILES, _origin(self._client.base_url)}:
            raise PermanentError("The address for a file (upload_url) is not one of Slack's.")
        status = await self._sent(url, "upload_url", data=body)
        if status == _TOO_MANY or status >= _SERVER:
            raise TransientError(f"Slack failed (upload_url: HTTP {status})")
        if status != _OK:
            raise PermanentError(f"Slack refuses the file (upload_url: HTTP {status})")

    async def permalink(self, posted: Posted) -> str:
        """The address of a message; empty when Slack does not find it."""
        try:
            answer = await self.read(
                "chat.getPermalink", channel=posted.channel, message_ts=posted.ts
            )
        except LostMessageError:
            return ""
        return str(answer["permalink"])

    async def find(
        self, channel: str, mark: Mark, *, since: float, thread_ts: str = ""
    ) -> Posted | None:
        """Qbot's message with this mark, posted after `since` (Unix seconds); None: not there.

        Args:
            channel: a channel, or a user's id for the DM with them.
            mark: what the message was posted with.
            since: how far back to look.
            thread_ts: look among the replies to this message.

        Raises:
            AccessError: the token is refused, or lacks a history scope.
        """
        where = await self.open_dm(channel) if channel.startswith(("U", "W")) else channel
        return await find.by_mark(self.read, where, mark, since=since, thread_ts=thread_ts)

    async def open_dm(self, user: str) -> str:
        """The D... id of the conversation with one person."""
        answer = await self.call("conversations.open", users=user)
        return str(answer["channel"]["id"])

    async def profile(self, user: str) -> Profile:
        """One account, read now."""
        answer = await self.read("users.info", user=user, include_locale="true")
        return _profile(answer["user"])

    async def user_groups(self) -> tuple[UserGroup, ...]:
        """All that are in use, with their members, in one call (about 20 a minute are allowed).

        Raises:
            PermanentError: also where the workspace's plan has no user groups.
        """
        answer = await self.read("usergroups.list", include_users="true")
        return tuple(
            UserGroup(str(g["id"]), str(g["handle"]), frozenset(map(str, g.get("users") or ())))
            for g in answer["usergroups"]
        )

    async def channel(self, channel: str) -> Channel:
        """One conversation, read now.

        Raises:
            NotHereError: it is private and Qbot is no member, or it does not exist.
        """
        found = (await self.read("conversations.info", channel=channel))["channel"]
        direct = bool(found.get("is_im"))
        return Channel(
            id=str(found["id"]),
            name=str(found.get("name") or ""),
            member=direct or bool(found.get("is_member")),
            external=bool(found.get("is_ext_shared") or found.get("is_pending_ext_shared")),
            archived=bool(found.get("is_archived")),
        )

    async def identity(self) -> tuple[str, str, frozenset[str]]:
        """Who the token is: team id, bot user id, and the scopes that it has.

        Raises:
            AccessError: the token is refused.
        """
        answer = await self.tested()
        return str(answer["team_id"]), str(answer["user_id"]), scopes_of(answer)

    async def tested(self) -> AsyncSlackResponse:
        """What auth.test answers, with its headers.

        Raises:
            AccessError: the token is refused.
        """
        return await self._asked("auth.test")


def scopes_of(answer: AsyncSlackResponse) -> frozenset[str]:
    """Those that Slack says the token has; empty: it does not say."""
    granted = str(answer.headers.get("x-oauth-scopes", ""))
    return frozenset(s.strip() for s in granted.split(",") if s.strip())


def _metadata(mark: Mark | None) -> Mapping[str, Any] | None:
    if mark is None:
        return None
    return {"event_type": EVENT_TYPE, "event_payload": {"op": mark.op, "part": mark.part}}


def _profile(user: Mapping[str, Any]) -> Profile:
    details = user.get("profile") or {}
    grid = user.get("enterprise_user") or {}
    return Profile(
        user=str(user["id"]),
        team=str(user.get("team_id") or ""),
        enterprise=str(grid.get("enterprise_id") or ""),
        name=str(details.get("display_name") or user.get("real_name") or ""),
        email=str(details.get("email") or "").lower(),
        locale=str(user.get("locale") or ""),
        timezone=str(user.get("tz") or ""),
        deleted=user.get("deleted"),
        bot=user.get("is_bot"),
        restricted=user.get("is_restricted"),
        ultra_restricted=user.get("is_ultra_restricted"),
        stranger=user.get("is_stranger"),
    )


@asynccontextmanager
async def open_slack(
    token: str, api_url: str = "", *, called: Called = uncounted
) -> AsyncIterator[SlackGateway]:
    """A gateway with its connections; `api_url` as in https://slack.com/api/."""
    connector = aiohttp.TCPConnector(ssl=trusting())
    async with aiohttp.ClientSession(timeout=TIMEOUT, connector=connector) as session:
        yield SlackGateway(web_client(token, api_url, session), session, called)


def web_client(
    token: str | None, api_url: str, session: aiohttp.ClientSession | None = None
) -> AsyncWebClient:
    """slack_sdk's client without retries of its own, and without a proxy to this machine."""
    base = f"{api_url.rstrip('/')}/" if api_url else AsyncWebClient.BASE_URL
    client = AsyncWebClient(
        token=token, base_url=base, ssl=trusting(), session=session, retry_handlers=[]
    )
    if _loopback(base):
        client.proxy = None  # slack_sdk takes HTTP_PROXY and does not know NO_PROXY
    return client


def _origin(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", ""
    return parts.scheme, parts.netloc.lower()


def _loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
