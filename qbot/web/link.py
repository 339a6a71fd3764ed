"""Linking a GitLab account: out of Slack, through GitLab's sign-in, and back.

Opening a link only shows whose it is: scanners open links too, and somebody could be handed another
person's. The button spends it; GitLab's answer counts only in the browser that pressed the button.
"""

from collections.abc import Mapping
from typing import Protocol
from urllib.parse import urlsplit

import structlog
from aiohttp import web

from qbot.domain.people import Actor
from qbot.domain.promotion import Account
from qbot.errors import PermanentError, TransientError, UserError
from qbot.gateways.linking import CALLBACK, LIVES, Invitation, Invitations
from qbot.web.pages import page

log = structlog.get_logger()
PATH = "/link/{token}"
COOKIE = "qbot_link"
RULE = "gitlab-sign-in"
_AGAIN = "Run the link command in Slack again for a new one."


class SignIn(Protocol):
    """GitLab's side of it."""

    @property
    def origin(self) -> str:
        """Scheme, host and port of its pages."""

    def authorize_url(self, *, state: str, verifier: str) -> str:
        """Where the browser goes."""

    async def account(self, code: str, *, verifier: str) -> Account:
        """Who came back."""


class Accounts(Protocol):
    """Where links are written down."""

    async def link(self, actor: Actor, account: Account, *, rule: str = "") -> None:
        """In the place of an earlier one, with an audit row."""


class Once(Protocol):
    """The store's memory of what was used."""

    async def saw(self, key: str) -> bool:
        """True the first time."""


class Linking:
    """The three routes."""

    def __init__(
        self,
        *,
        invitations: Invitations,
        sign_in: SignIn,
        accounts: Accounts,
        once: Once,
        mapped: Mapping[str, str],
    ) -> None:
        """Build.

        Args:
            invitations: what the links are made of.
            sign_in: GitLab.
            accounts: where a link is written down.
            once: what says that a link was used.
            mapped: qbot.yaml's `people`, usernames by Slack user id: no link goes against it.
        """
        self._invitations = invitations
        self._sign_in = sign_in
        self._accounts = accounts
        self._once = once
        self._mapped = mapped
        self._secure = invitations.public_url.startswith("https://")
        self._path = f"{urlsplit(invitations.public_url).path}/link"

    def routes(self) -> list[web.RouteDef]:
        """To be served where `QBOT_PUBLIC_URL` leads to."""
        return [
            web.get(CALLBACK, self._told(self.back), allow_head=False),
            web.get(PATH, self._told(self.show), allow_head=False),
            web.post(PATH, self._told(self.begin)),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """Whose link it is; changes nothing."""
        invitation = self._invited(request)
        return page(
            "Link your GitLab account",
            f"{invitation.name or 'The account'} ({invitation.actor.user}) in Slack will act as "
            "the GitLab account that you are signed in with, and approve in its name.",
            "Go on only if that is you in Slack, and you asked for this link yourself just now.",
            button="That is me: go on to GitLab",
            leads_to=self._sign_in.origin,
        )

    async def begin(self, request: web.Request) -> web.Response:
        """Spend the link and go to GitLab."""
        invitation = self._invited(request)
        if not await self._once.saw(f"link:{invitation.nonce}"):
            raise UserError("This link has been used.", hint=_AGAIN)
        url = self._sign_in.authorize_url(
            state=self._invitations.state(invitation),
            verifier=self._invitations.verifier(invitation),
        )
        headers = {
            "Location": url,
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
        }
        answer = web.Response(status=web.HTTPSeeOther.status_code, headers=headers)
        answer.set_cookie(
            COOKIE,
            self._invitations.browser(invitation),
            max_age=int(LIVES.total_seconds()),
            path=self._path,
            secure=self._secure,
            httponly=True,
            samesite="Lax",  # GitLab sends the browser here from its own site
        )
        return answer

    async def back(self, request: web.Request) -> web.Response:
        """GitLab's answer, once and only in the browser that began."""
        invitation = self._invitations.returned(request.query.get("state", ""))
        if invitation is None:
            raise UserError("This sign-in is too old, or did not begin here.", hint=_AGAIN)
        cookie = request.cookies.get(COOKIE, "")
        if not self._invitations.is_browser(invitation, cookie):
            raise UserError("This sign-in was begun in another browser.", hint=_AGAIN)
        if "code" not in request.query:
            raise UserError("GitLab did not tell who you are: it was not allowed to.", hint=_AGAIN)
        if not await self._once.saw(f"link-back:{invitation.nonce}"):
            raise UserError("This sign-in has been used.", hint=_AGAIN)
        account = await self._sign_in.account(
            request.query["code"], verifier=self._invitations.verifier(invitation)
        )
        self._check(invitation, account)
        await self._accounts.link(invitation.actor, account, rule=RULE)
        log.info("gitlab account linked", actor=invitation.actor.key, account=account.id)
        answer = page(
            "Linked",
            f"{invitation.name or 'The account'} ({invitation.actor.user}) in Slack is "
            f"{account.username} in GitLab now. You can close this page.",
        )
        answer.del_cookie(COOKIE, path=self._path)
        return answer

    def _invited(self, request: web.Request) -> Invitation:
        found = self._invitations.invited(request.match_info["token"])
        if found is None:
            raise UserError("This link is too old, or not one of Qbot's.", hint=_AGAIN)
        return found

    def _check(self, invitation: Invitation, account: Account) -> None:
        """What qbot.yaml says of somebody cannot be changed by a link, nor taken by another."""
        name = account.username.casefold()
        mine = self._mapped.get(invitation.actor.user)
        others = {n.casefold() for u, n in self._mapped.items() if u != invitation.actor.user}
        if (mine is not None and mine.casefold() != name) or (mine is None and name in others):
            raise UserError(
                f"The owner of Qbot says that {account.username} in GitLab is somebody else.",
                hint="Ask for a change of `people` in qbot.yaml if that is wrong.",
            )

    def _told(self, handler: "_Handler") -> "_Handler":
        """The handler with its errors as pages."""

        async def answer(request: web.Request) -> web.Response:
            try:
                return await handler(request)
            except UserError as error:
                return page("That did not work", str(error), error.hint, status=400)
            except TransientError as error:
                log.warning("a link could not be made now", error=str(error))
                text = "Qbot or GitLab is busy. Wait a minute."
                return page("Not now", text, _AGAIN, status=503)
            except PermanentError as error:
                log.exception("links cannot be made", error=str(error))
                text = "Qbot is not set up right; its owner finds the reason in its log."
                return page("That did not work", text, status=502)

        return answer


class _Handler(Protocol):
    async def __call__(self, request: web.Request, /) -> web.Response:
        """Answer."""
