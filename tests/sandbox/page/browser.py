"""A headless Chromium, driven through its remote debugging protocol."""

import asyncio
import base64
import itertools
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--remote-debugging-port=0",
)
PATIENCE = 10.0


class PageError(AssertionError):
    """The page threw, logged an error, or did not come to what was waited for."""


class Page:
    """One tab. What the page complains about is collected in `complaints`."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self.complaints: list[str] = []

    async def listen(self) -> None:
        """Sort what comes in; runs for as long as the tab is used."""
        async for message in self._socket:
            data = json.loads(message.data)
            if "id" in data:
                self._answers.pop(data["id"]).set_result(data)
            elif data.get("method") == "Runtime.exceptionThrown":
                details = data["params"]["exceptionDetails"]
                self.complaints.append(
                    details.get("exception", {}).get("description", details["text"])
                )
            elif data.get("method") == "Log.entryAdded":
                entry = data["params"]["entry"]
                if entry["level"] == "error":
                    self.complaints.append(f"{entry['text']} {entry.get('url', '')}")

    async def send(self, method: str, **params: Any) -> Any:
        """One command of the protocol."""
        number = next(self._numbers)
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        await self._socket.send_json({"id": number, "method": method, "params": params})
        async with asyncio.timeout(PATIENCE):
            data = await asyncio.shield(answer)
        if "error" in data:
            raise PageError(f"{method}: {data['error']}")
        return data["result"]

    async def run(self, script: str) -> Any:
        """The value of an expression in the page; a promise is awaited."""
        result = await self.send(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in result:
            raise PageError(result["exceptionDetails"]["exception"].get("description", script))
        return result["result"].get("value")

    async def until(self, script: str) -> None:
        """Wait until the expression is truthy."""
        looks = f"""new Promise((done) => {{
            const end = Date.now() + {int(PATIENCE * 800)};
            const look = () => {{
                let value; try {{ value = {script}; }} catch {{ value = null; }}
                if (value || Date.now() > end) done(Boolean(value)); else setTimeout(look, 20);
            }};
            look();
        }})"""
        if not await self.run(looks):
            shown = await self.run("document.body.innerText")
            raise PageError(f"never: {script}\n{self.complaints}\n{shown[-1500:]}")

    async def open(self, url: str) -> None:
        """Load a page of the sandbox and wait until it works."""
        await self.send("Page.navigate", url=url)
        await self.until("document.body?.dataset.ready === 'yes'")

    async def leave(self, url: str) -> None:
        """Load what asks for nothing; requests of the page before are given up.

        An address of the same server: for `about:blank` each page would get a process of its own.
        """
        await self.send("Page.navigate", url=url)
        await self.until(f"location.href === {json.dumps(url)}")

    async def click(self, selector: str, text: str = "") -> None:
        """Press what matches and, if given, contains `text`, once it is there."""
        await self.until(
            f"""(() => {{
                const found = [...document.querySelectorAll({json.dumps(selector)})]
                    .filter((one) => one.textContent.includes({json.dumps(text)}))
                    .find((one) => one.checkVisibility());
                found?.click();
                return Boolean(found);
            }})()"""
        )

    async def type(self, text: str) -> None:
        """Type into whatever has the focus."""
        await self.send("Input.insertText", text=text)

    async def press(self, key: str, code: int) -> None:
        """Press and release a key; `code` is its virtual key code."""
        text = "\r" if key == "Enter" else ""
        common = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        await self.send("Input.dispatchKeyEvent", type="keyDown", text=text, **common)
        await self.send("Input.dispatchKeyEvent", type="keyUp", **common)

    async def size(self, width: int, height: int) -> None:
        """Set the size of the window."""
        await self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=False,
        )  # fmt: skip

    async def colours(self, scheme: str) -> None:
        """Prefer `light` or `dark`."""
        feature = {"name": "prefers-color-scheme", "value": scheme}
        await self.send("Emulation.setEmulatedMedia", features=[feature])

    async def picture(self, path: Path) -> None:
        """Save what is seen as PNG."""
        data = await self.send("Page.captureScreenshot")
        path.write_bytes(base64.b64decode(data["data"]))


@asynccontextmanager
async def browser() -> AsyncIterator[Page]:
    """A fresh browser with one tab."""
    with TemporaryDirectory(prefix="qbot-browser-", ignore_cleanup_errors=True) as folder:
        process = await asyncio.create_subprocess_exec(
            CHROMIUM, *FLAGS, f"--user-data-dir={folder}", "about:blank",
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            port = await _port(Path(folder, "DevToolsActivePort"))
            async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
                async with session.put("/json/new?about:blank") as response:
                    target = await response.json()
                url = target["webSocketDebuggerUrl"]
                async with session.ws_connect(url, max_msg_size=0) as socket:
                    page = Page(socket)
                    listening = asyncio.create_task(page.listen())
                    for domain in ("Page", "Runtime", "Log"):
                        await page.send(f"{domain}.enable")
                    yield page
                    await socket.close()
                    await listening
        finally:
            process.kill()
            await process.wait()


async def _port(file: Path) -> int:
    """Chromium writes it into its folder as soon as it listens."""
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while asyncio.get_running_loop().time() < deadline:
        if file.exists() and (lines := file.read_text().splitlines()):
            return int(lines[0])
        await asyncio.sleep(0.02)
    raise PageError("Chromium does not start")
