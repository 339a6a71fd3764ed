"""A Slack app of a few lines, to have something at the other end of the page."""

import json
from functools import partial
from typing import Any

import aiohttp
from aiohttp import web

from qbot.sandbox.slack import SlackStandIn

HOSTILE = (
    "<img src=x onerror=document.title='broken'> &lt;b&gt;bold&lt;/b&gt; <javascript:alert(1)|link>"
)


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text}


def button(label: str, action: str, value: str, **more: Any) -> dict[str, Any]:
    return {"type": "button", "text": plain(label), "action_id": action, "value": value, **more}


CONFIRM = {
    "title": plain("Delete it?"),
    "text": plain("It goes with everything."),
    "confirm": plain("Delete"),
    "deny": plain("Keep"),
}


def card(state: str) -> list[dict[str, Any]]:
    return [
        {"type": "header", "text": plain(f"Card {state}")},
        {"type": "section", "text": mrkdwn(f"It is *{state}*"), "fields": [mrkdwn("_one_")]},
        {
            "type": "actions",
            "block_id": "row",
            "elements": [
                button("Go", "go", "1", style="primary"),
                button("Delete", "delete", "2", style="danger", confirm=CONFIRM),
            ],
        },
    ]


def option(text: str) -> dict[str, Any]:
    return {"text": plain(text), "value": text}


def asked(label: str, element: dict[str, Any], *, optional: bool = False) -> dict[str, Any]:
    block = {"type": "input", "block_id": f"b_{element['action_id']}", "label": plain(label)}
    return {**block, "element": element, "optional": optional}


def form() -> dict[str, Any]:
    services = [option(name) for name in ("cart", "payments", "search")]
    days = [option("1d"), option("3d")]
    return {
        "type": "modal",
        "callback_id": "form",
        "title": plain("A form"),
        "submit": plain("Create"),
        "blocks": [
            asked("Branch", {"type": "plain_text_input", "action_id": "branch"}),
            asked("Days", {"type": "static_select", "action_id": "days", "options": days,
                           "initial_option": days[1]}),
            asked("Services", {"type": "multi_static_select", "action_id": "services",
                               "options": services}),
            asked("Dry run", {"type": "checkboxes", "action_id": "dry", "options": [option("yes")]},
                  optional=True),
            asked("Size", {"type": "radio_buttons", "action_id": "size",
                           "options": [option("small"), option("large")]}),
            asked("Until", {"type": "datepicker", "action_id": "until"}, optional=True),
        ],
    }  # fmt: skip


class Robot:
    """Answers `/env card`, `thread`, `link`, `hostile`, `quiet` and `form`; `seen` are payloads."""

    def __init__(self, slack: SlackStandIn, url: str) -> None:
        self._slack = slack
        self._url = url
        self.seen: list[dict[str, Any]] = []
        self.values: dict[str, Any] = {}

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/slack/events", self._receive)
        return app

    async def _receive(self, request: web.Request) -> web.StreamResponse:
        if request.content_type == "application/json":
            return web.Response()
        posted = {name: str(value) for name, value in (await request.post()).items()}
        if "payload" not in posted:
            await self._command(posted)
            return web.Response()
        payload = json.loads(posted["payload"])
        self.seen.append(payload)
        if payload["type"] == "view_submission":
            return self._submitted(payload)
        await self._pressed(payload)
        return web.Response()

    async def _command(self, posted: dict[str, str]) -> None:
        channel, user = posted["channel_id"], posted["user_id"]
        say = partial(self._call, "chat.postMessage", channel=channel)
        match posted["text"]:
            case "card":
                await say(text="c", blocks=card("new"))
            case "thread":
                await say(text="done", thread_ts=(await say(text="over"))["ts"])
            case "link":
                where = {"channel": channel, "message_ts": (await say(blocks=card("new")))["ts"]}
                link = (await self._call("chat.getPermalink", **where))["permalink"]
                await say(text=f"<{link}|here>")
            case "hostile":
                await say(text=HOSTILE)
            case "quiet" | "create feat/checkout":
                await self._call("chat.postEphemeral", channel=channel, user=user, text="psst")
            case "form":
                await self._call("views.open", trigger_id=posted["trigger_id"], view=form())
            case _:
                pass  # nothing is said, as by an app that is busy

    async def _pressed(self, payload: dict[str, Any]) -> None:
        where = {"channel": payload["channel"]["id"], "ts": payload["message"]["ts"]}
        state = {"go": "gone", "delete": "deleted"}[payload["actions"][0]["action_id"]]
        await self._call("chat.update", **where, text=state, blocks=card(state))

    def _submitted(self, payload: dict[str, Any]) -> web.Response:
        for block in payload["view"]["state"]["values"].values():
            self.values |= block
        if self.values["branch"]["value"] == "main":
            errors = {"b_branch": "That is the default branch."}
            return web.json_response({"response_action": "errors", "errors": errors})
        return web.Response()

    async def _call(self, method: str, **arguments: Any) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._slack.bot_token}"}
        url = f"{self._url}/slack/api/{method}"
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.post(url, json=arguments) as response,
        ):
            answer: dict[str, Any] = await response.json()
        if not answer["ok"]:
            raise AssertionError(f"{method}: {answer}")
        return answer
