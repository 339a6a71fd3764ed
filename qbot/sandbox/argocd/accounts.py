"""Who calls, and what they may do: API tokens of local accounts, then the RBAC policy.

Source: Argo CD `util/session/sessionmanager.go`, `server/rbacpolicy/rbacpolicy.go`.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from aiohttp import web

from qbot.sandbox.argocd.errors import DENIED, UNAUTHENTICATED, ApiError, denied, missing
from qbot.sandbox.argocd.objects import Json, project_of, stamp
from qbot.sandbox.argocd.rbac import Policy
from qbot.sandbox.argocd.shelves import Shelf

_MALFORMED = "invalid session: token is malformed: token contains an invalid number of segments"


@dataclass(frozen=True, slots=True)
class Account:
    """A local account with an API key."""

    name: str


class Access:
    """Authentication and authorisation of every call."""

    def __init__(self, tokens: Mapping[str, str], policy: str, issued: datetime) -> None:
        self._tokens = dict(tokens)  # token -> account
        self._lines = self._first = tuple(policy.splitlines())
        self._policy = Policy.parse(policy)
        self._issued = stamp(issued)

    def change(self, line: str, *, granted: bool) -> None:
        """Add a line to the policy, or take it out; how many spaces it has does not matter.

        Raises:
            ValueError: it is no line of a policy, or was not in it.
        """
        Policy.parse(line)
        others = tuple(known for known in self._lines if _bare(known) != _bare(line))
        if not granted and len(others) == len(self._lines):
            raise ValueError(f"the policy has no line {line!r}")
        self._set((*others, line) if granted else others)

    def restore(self) -> None:
        """The policy as it was at first."""
        self._set(self._first)

    def _set(self, lines: tuple[str, ...]) -> None:
        self._lines, self._policy = lines, Policy.parse("\n".join(lines))

    def account(self, request: web.Request) -> Account:
        """Who calls.

        Raises:
            ApiError: 401 without a valid token.
        """
        token = _bearer(request)
        if not token:
            raise ApiError(UNAUTHENTICATED, "no session information")
        for known, name in self._tokens.items():
            if hmac.compare_digest(known.encode(), token.encode()):
                return Account(name)
        raise ApiError(UNAUTHENTICATED, _MALFORMED)

    def visitor(self, request: web.Request) -> Account | None:
        """Who calls where nobody has to say so; a bad token is a stranger's.

        The servers of versions, settings and sessions authenticate and ignore the error
        (`AuthFuncOverride`), so there a refused token gets 200.
        """
        try:
            return self.account(request)
        except ApiError:
            return None

    def allows(self, account: Account, resource: str, action: str, thing: str) -> bool:
        """Whether the policy allows it."""
        return self._policy.allows(account.name, resource, action, thing)

    def enforce(self, account: Account, resource: str, action: str, thing: str) -> None:
        """The verbose kind of refusal.

        Raises:
            ApiError: 403 that names everything.
        """
        if not self.allows(account, resource, action, thing):
            what = f"{resource}, {action}, {thing}, sub: {account.name}, iat: {self._issued}"
            raise ApiError(DENIED, f"permission denied: {what}")

    def application(
        self, account: Account, shelf: Shelf, name: str, project: str, action: str = "get"
    ) -> Json:
        """The Application, read consistently, if the account may do `action` to it.

        Without `project` nothing tells whether it exists.

        Raises:
            ApiError: 403 bare; with `project` 404 for one that is absent or elsewhere.
        """
        app = shelf.get(name)
        if not project:
            if app is None or not self.allows(
                account, "applications", action, f"{project_of(app)}/{name}"
            ):
                raise denied()
            return app
        if not self.allows(account, "applications", action, f"{project}/{name}"):
            raise denied()
        if app is None or project_of(app) != project:
            raise missing("applications", name)
        return app


def _bare(line: str) -> str:
    return "".join(line.split())


def _bearer(request: web.Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme == "Bearer" and token:
        return token.strip()
    return request.cookies.get("argocd.token", "")
