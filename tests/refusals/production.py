"""A world whose `production` lacks a version of many services, and what people do to it."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx
from click.testing import CliRunner
from dotenv import dotenv_values

from qbot.cli import main
from qbot.domain import actions
from tests.world import Drive, World, buttons, header, said

T = TypeVar("T")
CONFIG = "shop/deployments"
MANAGERS = "release-managers"
PATIENCE = 60.0  # seconds for what takes less than one on a machine that has time
OPEN = ("Waiting for ", "Approved, but held up")  # it has not the stage's lock
ADMISSION = frozenset({"guest", "foreign-workspace"})  # refused before it is looked what is pressed


def audit_of(world: World) -> list[dict[str, Any]]:
    """What `qbot audit export` writes now, oldest first."""
    asked = ["audit", "export", "--env-file", str(world.env_file), "--format", "jsonl"]
    others = {name: None for name in os.environ if name.startswith("QBOT_")}
    told = CliRunner(env=others).invoke(main, asked, catch_exceptions=False)
    assert told.exit_code == 0, told.output
    return [json.loads(line) for line in told.stdout.splitlines()]


@dataclass(slots=True)
class Change:
    """One promotion of one service that asks for approvals."""

    name: str
    service: str
    card: dict[str, Any]

    @property
    def branch(self) -> str:
        return f"qbot/{self.name}"

    @property
    def file(self) -> str:
        return f"production/{self.service}.yaml"


class Production:
    """The stage, with a service of its own for each promotion."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._fresh = self._services()
        self._asked: list[Change] = []
        self._held: set[str] = set()  # branches whose pipeline nobody has ended

    @property
    def drive(self) -> Drive:
        return self.world.drive

    async def _services(self) -> AsyncIterator[str]:
        """Those that run another version in staging."""
        apps = (await self.drive.state())["applications"]
        for name in sorted(a["name"] for a in apps if a["project"] == "staging"):
            service = name.removeprefix("staging-")
            texts = [
                await self.tag(f"{stage}/{service}.yaml") for stage in ("staging", "production")
            ]
            if texts[0] != texts[1]:
                yield service

    async def tag(self, path: str, ref: str = "main") -> str:
        """The line with the version."""
        lines = (await self.text(path, ref)).splitlines()
        return next(line for line in lines if line.strip().startswith("tag:"))

    async def text(self, path: str, ref: str = "main") -> str:
        found = await self.drive.post("file", project=CONFIG, ref=ref, path=path)
        return str(found["text"])

    async def service(self) -> str:
        """One that nobody has touched."""
        found = await anext(self._fresh, "")
        assert found, "the file has more rows than services with a newer version"
        return found

    async def asked(
        self, service: str = "", more: str = "", *, user: str = "ana", held: bool = False
    ) -> Change:
        """Ask for a promotion of one service; `held`: its pipeline ends only when told how."""
        service = service or await self.service()
        if held:
            await self.pipeline(await self.next_branch(), "running")
        card = await self._card(service, more, "Waiting for 2 approvals", user)
        change = Change(header(card).partition(":")[0], service, card)
        self._asked.append(change)
        return change

    async def failed(self, service: str) -> str:
        """Ask for a promotion that fails at once; what its card says."""
        return said(await self._card(service, "", "Failed: ", "ana"))

    async def _card(self, service: str, more: str, words: str, user: str) -> dict[str, Any]:
        before = {m["ts"] for m in await self.drive.messages()}
        told = await self.drive.env(f"promote staging production {service} {more}", user=user)

        async def look() -> dict[str, Any] | None:
            found = [m for m in await self.drive.messages() if m["ts"] not in before]
            return next((m for m in found if words in said(m)), None)

        return await self.soon(look, what=f"{words!r} about {service}; said was {told!r}")

    async def next_branch(self) -> str:
        """Of the merge request that comes next."""
        names = {row["promotion"] for row in await self.log()} - {""}
        return f"qbot/P-{max((int(name[2:]) for name in names), default=0) + 1}"

    @asynccontextmanager
    async def busy(self, *, then: str = "Done: ") -> AsyncIterator[Change]:
        """Another promotion has the stage's lock until the end of the block; `then` it shows."""
        other = await self.asked(held=True)
        await self.approved(other)
        await self.shows(other, "Merging")
        try:
            yield other
        finally:
            await self.pipeline(other.branch, "success")
        await self.shows(other, then)

    async def person(self, name: str) -> str:
        """Somebody's Slack id."""
        users = (await self.drive.get("users"))["users"]
        return str(next(u["id"] for u in users if u["name"] == name))

    async def log(self) -> list[dict[str, Any]]:
        return await asyncio.to_thread(audit_of, self.world)

    async def press(
        self, change: Change, action: str = actions.APPROVE, *, user: str, **more: Any
    ) -> str:
        """What the presser alone is told."""
        answer = await self.drive.click(change.card, action, user=user, **more)
        assert answer["http_status"] == 200, answer
        return "\n".join(said(r) for r in answer["replies"] if r["ephemeral"])

    async def refused(self, change: Change, *words: str, user: str, **more: Any) -> None:
        """Press Approve in vain: the presser alone is told all of this."""
        await self.press(change, user=user, **more)
        await self.drive.whispered(*words, user=user)

    async def approved(self, change: Change, *users: str) -> None:
        for user in users or ("chloe", "dan"):
            told = await self.press(change, user=user)
            assert not told, told

    async def retried(self, change: Change) -> None:
        """Press Retry; what follows has a card of its own, which is the change's from then on."""
        old = change.card["ts"]
        (shown,) = [m for m in await self.drive.messages() if m["ts"] == old]
        await self.drive.click(shown, buttons(shown)["Retry"]["action_id"])

        async def look() -> dict[str, Any] | None:
            found = [m for m in await self.drive.messages() if change.name in header(m)]
            return next((m for m in found if m["ts"] != old), None)

        change.card = await self.soon(look, what=f"a newer card of {change.name}")

    async def shows(self, change: Change, *words: str, seconds: float = PATIENCE) -> str:
        """The card's text as soon as it says all of this."""
        last = ""

        async def look() -> str | None:
            nonlocal last
            last = await self._shown(change)
            return last if all(w in last for w in words) else None

        try:
            return await self.soon(look, seconds=seconds, what=f"a card with {words}")
        except AssertionError as late:
            raise AssertionError(f"{late}; shown:\n{last}") from None

    async def _shown(self, change: Change) -> str:
        found = await self.drive.messages()
        return next(said(m) for m in found if m["ts"] == change.card["ts"])

    async def at_rest(self) -> None:
        """Nothing that was asked for is under way any more, whatever became of the row."""
        asked, self._asked = self._asked, []
        for branch in sorted(self._held):
            await self.pipeline(branch, "success")

        async def look() -> bool:
            shown = {change.name: await self._shown(change) for change in asked}
            return all(
                not text.startswith(name) or any(words in text for words in OPEN)
                for name, text in shown.items()
            )

        await self.soon(look, what=f"{[change.name for change in asked]} to come to rest")

    async def soon(
        self, look: Callable[[], Awaitable[T | None]], *, what: str, seconds: float = PATIENCE
    ) -> T:
        return await self.drive.until(look, seconds=seconds, what=what)

    async def pass_time(self, seconds: float = 61.0) -> None:
        await self.drive.post("time", advance=seconds)

    async def pipeline(self, branch: str, status: str) -> None:
        await self.drive.post("pipeline", project=CONFIG, ref=branch, status=status)
        self._held.discard(branch)
        if status == "running":
            self._held.add(branch)

    async def push(self, branch: str, files: dict[str, str]) -> None:
        await self.drive.post("push", project=CONFIG, branch=branch, files=files, author="ben")

    async def merge_requests(self, change: Change) -> list[dict[str, Any]]:
        """Those of its branch."""
        found = (await self.drive.state())["merge_requests"]
        return [m for m in found if m["source_branch"] == change.branch]

    async def iid(self, change: Change) -> int:
        """Of its merge request."""
        return int((await self.merge_requests(change))[0]["iid"])

    async def merge_request(self, change: Change, action: str) -> None:
        iid = await self.iid(change)
        await self.drive.post("mr", project=CONFIG, iid=iid, action=action)

    async def member(self, user: str, *, present: bool) -> None:
        await self.drive.post("member", group=MANAGERS, user=user, **{"in": present})

    async def merged(self, change: Change) -> bool:
        """Whether production's configuration has the new version."""
        old, new = await self.tag(change.file), await self.tag(f"staging/{change.service}.yaml")
        return old.split()[1] == new.split()[1]

    async def goes_on(self, change: Change) -> None:
        """It is merged, soon."""
        await self.soon(lambda: self.merged(change), what=f"{change.name} to be merged")

    async def audited(self, change: Change | None, **wanted: str) -> dict[str, Any]:
        """The newest entry with fields that begin so, in the entry or in its detail."""

        async def look() -> dict[str, Any] | None:
            rows: list[dict[str, Any]] = await self.log()
            for row in reversed(rows):
                facts = {**row["detail"], **{k: v for k, v in row.items() if k != "detail"}}
                about = change is None or facts.get("promotion") == change.name
                if about and all(str(facts.get(k)).startswith(v) for k, v in wanted.items()):
                    return dict(row)
            return None

        return await self.soon(look, what=f"an audit entry of {change} {wanted}")

    def slack(self) -> httpx.AsyncClient:
        """Slack's Web API as the app uses it."""
        found = dotenv_values(self.world.env_file)
        return httpx.AsyncClient(
            base_url=str(found["QBOT_SLACK__API_URL"]), trust_env=False,
            headers={"Authorization": f"Bearer {found['QBOT_SLACK__BOT_TOKEN']}"},
        )  # fmt: skip


@asynccontextmanager
async def put(production: Production, begin: str, end: str) -> AsyncIterator[None]:
    """Something in the way, for the time of the block; chloe's."""
    await production.drive.env(begin, user="chloe")
    try:
        yield
    finally:
        await production.drive.env(end, user="chloe")


async def press_is_refused(
    production: Production, change: Change, user: str, rule: str, sentence: str
) -> None:
    """The presser alone is told why, the card stays as it was, the log names the rule."""
    before = await production.shows(change)
    await production.refused(change, sentence, user=user)
    person = await production.person(user)
    entry = await production.audited(change if rule not in ADMISSION else None, rule=rule)
    assert (entry["outcome"], entry["user"]) == ("refused", person)
    assert "Waiting for" in before
