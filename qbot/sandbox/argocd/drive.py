"""`POST /drive/app`: what a person or a test decides about an Application."""

import json
from typing import Any

from aiohttp import web

from qbot.sandbox.argocd.engine.engine import Engine
from qbot.sandbox.argocd.engine.health import ORDER
from qbot.sandbox.argocd.engine.pins import Pin
from qbot.sandbox.argocd.objects import Json

_FIELDS = {"name", "health", "message", "hook", "phase"}
_PHASES = ("Failed", "Running", "Succeeded", None)


class BadDriveError(Exception):
    """The request makes no sense; the message says why."""


class Drive:
    """The driver's calls for Argo CD."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def routes(self) -> list[web.RouteDef]:
        """Where the handler is."""
        return [web.post("/drive/app", self.app)]

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

    def _pin(self, asked: Json) -> None:
        pins, name, message = self._engine.pins, asked["name"], asked.get("message") or ""
        if "hook" in asked:
            phase = asked.get("phase") if asked.get("phase") != "Succeeded" else None
            pins.pin_hook(name, asked["hook"], Pin(phase, message) if phase else None)
        if asked.get("health"):
            pins.pin_health(name, Pin(asked["health"], message))
        elif "health" in asked and "hook" not in asked:
            pins.free(name)


def _checked(text: bytes) -> Json:
    try:
        asked: Any = json.loads(text)
    except ValueError:
        raise BadDriveError("the body is no JSON") from None
    if not isinstance(asked, dict):
        raise BadDriveError("the body is no object")
    unknown = sorted(set(asked) - _FIELDS)
    if unknown:
        raise BadDriveError(f"unknown fields: {', '.join(unknown)}")
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
