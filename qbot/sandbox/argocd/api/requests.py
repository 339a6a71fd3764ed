"""Reading requests the way the gateway does: bodies, query parameters, their types."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from qbot.sandbox.argocd.accounts import Access, Account
from qbot.sandbox.argocd.engine.engine import Engine
from qbot.sandbox.argocd.errors import INVALID, UNIMPLEMENTED, UNKNOWN, ApiError, missing
from qbot.sandbox.argocd.objects import Json
from qbot.sandbox.argocd.shelves import NAMESPACE, Shelf
from qbot.sandbox.argocd.specs import unknown_parts
from qbot.sandbox.kernel import Kernel

_BOOLEANS = {
    "1": True, "t": True, "T": True, "true": True, "TRUE": True, "True": True,
    "0": False, "f": False, "F": False, "false": False, "FALSE": False, "False": False,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Context:
    """What every handler needs."""

    kernel: Kernel
    access: Access
    applications: Shelf
    projects: Shelf
    engine: Engine

    def find(self, request: web.Request, account: Account, project: str = "") -> Json:
        """The Application that the path names, if the account may read it.

        Raises:
            ApiError: 403 or 404; 500 for a namespace that is not served.
        """
        project = project or request.query.get("project", "")
        check_namespace(request.query.get("appNamespace", ""))
        name = request.match_info["name"]
        return self.access.application(account, self.applications, name, project)

    def present(self, name: str) -> Json:
        """The newest version of an Application.

        Raises:
            ApiError: 404, gone while the call waited for something.
        """
        app = self.applications.get(name)
        if app is None:
            raise missing("applications", name)
        return app

    def refuse_unknown(self, spec: Json) -> None:
        """Say loudly what the vendor knows and this stand-in does not.

        Raises:
            ApiError: 501 that names it.
        """
        unknown = unknown_parts(spec)
        if unknown:
            self.refuse(", ".join(unknown))

    def refuse(self, what: str) -> None:
        """Say loudly that something of the vendor's is missing here.

        Raises:
            ApiError: 501 that names it.
        """
        self.kernel.calls.refuse("argocd", what)
        raise ApiError(UNIMPLEMENTED, f"the stand-in does not know {what}")


def check_namespace(namespace: str) -> None:
    """Only the control plane's namespace holds Applications here.

    Raises:
        ApiError: 500 for another.
    """
    if namespace not in ("", NAMESPACE):
        raise ApiError(UNKNOWN, f"namespace '{namespace}' is not permitted")


async def body(request: web.Request) -> Any:
    """The JSON of a request; an empty body is an empty object.

    Raises:
        ApiError: 400 for what is no JSON object.
    """
    text = await request.read()
    if not text.strip():
        return {}
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ApiError(INVALID, f"invalid character in JSON: {error}") from None
    if not isinstance(found, dict):
        kind = "array" if isinstance(found, list) else type(found).__name__
        raise ApiError(INVALID, f"json: cannot unmarshal {kind} into Go value")
    return found


def decoded(read: Callable[[Any], Json], value: Any) -> Json:
    """Run a decoder; its complaint becomes the gateway's.

    Raises:
        ApiError: 400 with the complaint.
    """
    try:
        return read(value)
    except ValueError as error:
        raise ApiError(INVALID, str(error)) from None


def flag(request: web.Request, name: str, *, default: bool = False) -> bool:
    """A boolean of the query.

    Raises:
        ApiError: 400 for text that is none.
    """
    text = request.query.get(name)
    if text is None:
        return default
    if text not in _BOOLEANS:
        message = f'type mismatch, parameter: {name}, error: parsing "{text}": invalid syntax'
        raise ApiError(INVALID, message)
    return _BOOLEANS[text]
