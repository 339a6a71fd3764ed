"""What a person or a test decides about Argo CD: Applications, lag, whether it notifies."""

import json
from collections.abc import Sequence
from typing import Any

from aiohttp import web

from qbot.sandbox.argocd.accounts import Access
from qbot.sandbox.argocd.engine.engine import Engine
from qbot.sandbox.argocd.engine.health import ORDER
from qbot.sandbox.argocd.engine.pins import Pin
from qbot.sandbox.argocd.notifications import Notifications
from qbot.sandbox.argocd.objects import Json
from qbot.sandbox.argocd.shelves import Shelf

_FIELDS = {"name", "health", "message", "hook", "phase"}
_PHASES = ("Failed", "Running", "Succeeded", None)


class BadDriveError(Exception):
    """The request makes no sense; the message says why."""


class Drive:
    """The driver's calls for Argo CD."""

    def __init__(
        self,
        engine: Engine,
        notifications: Notifications,
        shelves: Sequence[Shelf],
        access: Access,
    ) -> None:
        self._access = access
        self._engine = engine
        self._notifications = notifications
        self._shelves = shelves

    def routes(self) -> list[web.RouteDef]:
        """Where the handlers are."""
        return [
            web.post("/drive/app", self.app),
            web.post("/drive/lag", self.lag),
            web.post("/drive/notifications", self.notifications),
            web.post("/drive/policy", self.policy),
        ]

    async def notifications(self, request: web.Request) -> web.Response:
        """Turn Argo CD's notifications on or off."""
        try:
            self._notifications.on = _switched(await request.read())
        except BadDriveError as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response({"ok": True})

    async def policy(self, request: web.Request) -> web.Response:
        """Add a line to argocd-rbac-cm's policy, or take it out."""
        try:
            line, granted = _line(await request.read())
            self._access.change(line, granted=granted)
        except (BadDriveError, ValueError) as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response({"ok": True})

    async def app(self, request: web.Request) -> web.Response:
        """Pin an Application's health or a hook of it, or take pins away.

        It may come before the Application does.
        """
        try:
            asked = _checked(await request.read())
        except BadDriveError as error:
            return web.json_response({"error": str(error)}, status=400)
        self._pin(asked)
        self._engine.look_again(asked["name"])
        return web.json_response({"ok": True})

    async def lag(self, request: web.Request) -> web.Response:
        """By how many seconds lists, watches and checks of a new project are behind from now on."""
        try:
            seconds = _seconds(await request.read())
        except BadDriveError as error:
            return web.json_response({"error": str(error)}, status=400)
        for shelf in self._shelves:
            shelf.settle()  # nothing overtakes what is still on its way
            shelf.lag = seconds
        return web.json_response({"ok": True})

    def _pin(self, asked: Json) -> None:
        pins, name, message = self._engine.pins, asked["name"], asked.get("message") or ""
        if "hook" in asked:
            phase = asked.get("phase") if asked.get("phase") != "Succeeded" else None
            pins.pin_hook(name, asked["hook"], Pin(phase, message) if phase else None)
        if asked.get("health"):
            pins.pin_health(name, Pin(asked["health"], message))
        elif "health" in asked and "hook" not in asked:
            pins.free(name)


def _switched(text: bytes) -> bool:
    on = _object(text, {"on"}).get("on")
    if not isinstance(on, bool):
        raise BadDriveError("on must be true or false")
    return on


def _line(text: bytes) -> tuple[str, bool]:
    asked = _object(text, {"line", "granted"})
    line, granted = asked.get("line"), asked.get("granted")
    if not isinstance(line, str) or not line.strip():
        raise BadDriveError("line must be a line of policy.csv")
    if not isinstance(granted, bool):
        raise BadDriveError("granted must be true or false")
    return line, granted


def _object(text: bytes, fields: set[str]) -> Json:
    try:
        asked: Any = json.loads(text)
    except ValueError:
        raise BadDriveError("the body is no JSON") from None
    if not isinstance(asked, dict):
        raise BadDriveError("the body is no object")
    unknown = sorted(set(asked) - fields)
    if unknown:
        raise BadDriveError(f"unknown fields: {', '.join(unknown)}")
    return asked


def _seconds(text: bytes) -> float:
    seconds: Any = _object(text, {"seconds"}).get("seconds")
    if type(seconds) not in (int, float) or seconds < 0:
        raise BadDriveError("seconds must be a number that is not negative")
    return float(seconds)


def _checked(text: bytes) -> Json:
    asked = _object(text, _FIELDS)
    for field in ("name", "message", "hook"):
        if not isinstance(asked.get(field, ""), str):
            raise BadDriveError(f"{field} must be text")
    if not asked.get("name"):
        raise BadDriveError("name is missing")
    if not {"health", "hook"} & set(asked):
        raise BadDriveError("health or hook is missing")
    if asked.get("health") not in (*ORDER, None):
        raise BadDriveError(f"health must be null or one of {', '.join(ORDER)}")
    if asked.get("phase") not in _PHASES:
        raise BadDriveError("phase must be Failed, Running, Succeeded or null")
    return asked
