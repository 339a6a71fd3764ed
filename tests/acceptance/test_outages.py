"""Each vendor away for an hour, under load: it is said, nothing goes that should not, and when it
is back all comes to its end without a burst. And the database away, and back."""

import json
import sqlite3
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from qbot.domain.names import BranchName, env_name
from qbot.settings.loading import load
from tests.acceptance import stages
from tests.acceptance.checks import created_once, nothing_left, one_card_and_one_end
from tests.acceptance.conftest import FULL
from tests.plain import NO_TLS
from tests.postgres import PostgresServer
from tests.world import HASTE, Drive, World, buttons, until, world

LASTS = 3_600.0 if FULL else 900.0  # seconds
STEP = 20.0  # seconds; shorter than anybody waits between two tries, but for knocks
SERVICES = 11 if FULL else 3
ALWAYS = 1_000_000
AT_ONCE = 16  # requests that a gateway has under way
KNOCKS = 1.0 / 3  # a second: one comes each four to six, and finds out about some more
FIRST = 2.0  # seconds after the first answer; whoever waits comes within fifteen
SETTLED = 60.0  # seconds; by then an outage is known, and nothing is asked but by knocks
NAMES = {"argocd": "Argo CD", "gitlab": "GitLab", "slack": "Slack"}
# A request that hangs costs real seconds.
CASES = [(v, k) for v in NAMES for k in ("503", "drop-before")] + [("argocd", "hang")]
SAMPLE = [("argocd", "503")]
PATIENCE = 240.0  # seconds until all has come to its end


def name_of(branch: str) -> str:
    return env_name(BranchName(branch), prefix="qbot")


@dataclass
class Qbot:
    """Its pages for operators, and people who use it."""

    made: World
    http: httpx.AsyncClient

    async def ready(self) -> tuple[int, dict[str, Any]]:
        answer = await self.http.get("/readyz")
        found: dict[str, Any] = answer.json()
        return answer.status_code, found

    async def up(self, vendor: str) -> bool:
        """As its metric says."""
        text = (await self.http.get("/metrics")).text
        (line,) = [
            row for row in text.splitlines() if row.startswith("qbot_vendor_up{") and vendor in row
        ]
        return line.endswith(" 1.0")


@asynccontextmanager
async def started(folder: Path, **env: str) -> AsyncIterator[Qbot]:
    async with world(folder, services=SERVICES) as made:
        await made.serve(**env)
        listen = load({}, env_file=made.env_file).admin_listen
        base = f"http://{listen}"
        async with httpx.AsyncClient(base_url=base, trust_env=False, verify=NO_TLS) as http:
            yield Qbot(made, http)


async def branch(drive: Drive, name: str) -> str:
    await drive.post("push", project="shop/cart", branch=name)
    await drive.post("pipeline", project="shop/cart", ref=name, status="success")
    return name


async def passes(qbot: Qbot, seconds: float) -> None:
    """Time goes by; Qbot answers whoever probes it all the while."""
    for _ in range(round(seconds / STEP)):
        await qbot.made.drive.post("time", advance=STEP)
        await qbot.ready()


async def told_of(qbot: Qbot, vendor: str, kind: str) -> None:
    """Operators are told."""

    async def look() -> bool:
        if kind != "hang":  # no clock of a test's moves what is awaited on a connection
            await qbot.made.drive.post("time", advance=5)
        return NAMES[vendor] in (await qbot.ready())[1].get("degraded", {})

    await until(look, seconds=PATIENCE, what=f"{vendor} to be known as away")
    assert not await qbot.up(vendor)


async def people_are_told(drive: Drive) -> None:
    """Since when, instead of an answer that comes late or is old."""
    silent = "Argo CD has not answered since"

    async def listed() -> bool:
        return silent in await drive.env("list")

    await until(listed, what="the list to say it")
    await drive.env("show feat/stays")
    await drive.whispered(silent, "Last known: ready")

    async def home() -> bool:
        view = (await drive.get("home", **{"as": "ana"}))["view"]
        return silent in json.dumps(view or {})

    await drive.until(home, what="the App Home to say it")


@dataclass
class Load:
    """What was asked for around an outage."""

    creates: list[str]
    promotion: tuple[stages.Before, stages.Shown] | None


async def prepared(qbot: Qbot) -> Load:
    """Two environments, and a promotion that lacks one yes."""
    drive = qbot.made.drive
    drive.haste = HASTE
    for name in ("feat/stays", "feat/goes"):
        await drive.env(f"create {await branch(drive, name)} --services cart")
        await drive.card(name, "Ready")
    load = Load([await branch(drive, f"feat/new-{n}") for n in range(8 if FULL else 2)], None)
    if FULL:
        was = await stages.before(qbot.made)
        await stages.typed(drive, stages.PROMOTE)
        shown = await stages.asking(drive, was)
        await stages.pressed(drive, shown, "chloe")
        load.promotion = was, shown
    drive.haste = 0.0
    return load


async def asked_for(drive: Drive, load: Load) -> None:
    """All at once, as people do who do not know of an outage."""
    question = await drive.asked("delete feat/goes", "Delete")
    await drive.click(question, buttons(question)["Delete"]["action_id"])
    for name in load.creates:
        await drive.env(f"create {name} --services cart")
    if load.promotion:
        await stages.pressed(drive, load.promotion[1], "dan")


async def strikes(drive: Drive, vendor: str, kind: str, *, times: int = ALWAYS) -> None:
    if vendor == "argocd":  # and what is heard already
        await drive.post("fault", vendor=vendor, match="stream", kind="cut-stream", times=times)
    match = "/api/"  # and not what Slack delivers
    await drive.post("fault", vendor=vendor, match=match, kind=kind, times=times)


async def all_well(qbot: Qbot) -> None:
    """A knock was answered."""

    async def look() -> bool:
        status, body = await qbot.ready()
        return status == 200 and "degraded" not in body

    await qbot.made.drive.until(look, what="Qbot to say that all is well")


async def all_done(qbot: Qbot, load: Load) -> None:
    """Each came to its own end, once."""
    drive = qbot.made.drive
    for name in load.creates:
        await drive.card(name, "Ready", seconds=PATIENCE)
        await created_once(drive, name_of(name), 1)
        await one_card_and_one_end(drive, name, "Ready")
    await drive.card("feat/goes", "Deleted", seconds=PATIENCE)
    await nothing_left(drive, name_of("feat/goes"))
    await one_card_and_one_end(drive, "feat/goes", "Deleted")
    await created_once(drive, name_of("feat/stays"), 1)
    if load.promotion:
        was, shown = load.promotion
        await stages.done(drive, shown)
        await stages.exactly_once(qbot.made, shown, was, ("chloe", "dan"), answered=False)


async def now(drive: Drive) -> float:
    return float((await drive.post("time", advance=0))["time"])


async def quiet(drive: Drive, vendor: str, since: float) -> None:
    """Who is away was left alone."""
    seconds = await now(drive) - since
    asked = [c for c in await drive.calls(vendor, since=since) if "stream" not in c["path"]]
    assert len(asked) <= seconds * KNOCKS, (len(asked), seconds)


async def no_burst(drive: Drive, since: float) -> None:
    """Nobody was asked for more than they grant, nor more at once than ever."""
    for vendor in NAMES:
        calls = [c for c in await drive.calls(vendor, since=since) if "stream" not in c["path"]]
        assert [c for c in calls if c["status"] == 429] == []
        assert most_at_once(calls) <= AT_ONCE, vendor


async def spread(drive: Drive, vendor: str, since: float) -> None:
    """Those that waited did not all come as soon as it answered; few of them may, by chance."""
    calls = [c for c in await drive.calls(vendor, since=since) if "stream" not in c["path"]]
    first = min(c["at"] for c in calls if c["status"] and c["status"] < 500)
    at_first = [c for c in calls if c["at"] - first <= FIRST]
    assert len(at_first) < len(calls) / 2, (len(at_first), len(calls))


def most_at_once(calls: list[dict[str, Any]]) -> int:
    begun = [(c["at"], 1) for c in calls]
    ended = [(c["at"] + c["ms"] / 1_000, -1) for c in calls]
    under_way = most = 0
    for _, change in sorted([*begun, *ended]):
        under_way += change
        most = max(most, under_way)
    return most


@pytest.mark.incident("wrong-deletion")
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("vendor", "kind"), CASES if FULL else SAMPLE)
async def test_an_hour_without_a_vendor_loses_nothing_and_ends_without_a_burst(
    tmp_path: Path, vendor: str, kind: str
) -> None:
    async with started(tmp_path) as qbot:
        drive = qbot.made.drive
        load = await prepared(qbot)
        await strikes(drive, vendor, kind)
        await asked_for(drive, load)
        await told_of(qbot, vendor, kind)
        if vendor == "argocd":
            await people_are_told(drive)
        await passes(qbot, SETTLED)
        known = await now(drive)
        await passes(qbot, LASTS)
        await quiet(drive, vendor, known)
        if vendor == "argocd":
            assert len(await drive.applications(name_of("feat/goes"))) == 2
        await strikes(drive, vendor, kind, times=0)
        back, drive.haste = await now(drive), HASTE
        await all_well(qbot)
        if load.promotion and vendor != "argocd":
            # Who he is could not be asked, so his yes did not count, and he was told so.
            await stages.pressed(drive, load.promotion[1], "dan")
        await all_done(qbot, load)
        await no_burst(drive, back)
        if FULL:
            await spread(drive, vendor, back)
        assert await qbot.up(vendor)


# Without its database


class Held:
    """An SQLite file that another program has locked."""

    def __init__(self, path: Path) -> None:
        self.url = f"sqlite:///{path}"
        self._path = path
        self._other: sqlite3.Connection | None = None

    def away(self) -> None:
        self._other = sqlite3.connect(
            self._path, timeout=30, isolation_level=None, check_same_thread=False
        )
        self._other.execute("begin immediate")

    def back(self) -> None:
        if self._other is not None:
            self._other.close()
            self._other = None

    stop = back


class Stopped:
    """A PostgreSQL that is stopped and started again."""

    def __init__(self, _: Path) -> None:
        self._server = PostgresServer()
        self.url = self._server.url()
        self.away = self._server.crash
        self.back = self._server.start
        self.stop = self._server.stop


KINDS: Mapping[str, type[Held | Stopped]] = {"sqlite": Held, "postgres": Stopped}


@contextmanager
def database(kind: str, folder: Path) -> Iterator[Held | Stopped]:
    made = KINDS[kind](folder / "qbot.db")
    yield made
    made.stop()


@pytest.mark.skipif(not FULL, reason="a long run")
@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", KINDS)
async def test_without_its_database_qbot_says_so_begins_nothing_and_goes_on_by_itself(
    tmp_path: Path, kind: str
) -> None:
    with database(kind, tmp_path) as base:
        async with started(tmp_path, QBOT_DATABASE_URL=base.url) as qbot:
            drive = qbot.made.drive
            name = name_of(await branch(drive, "feat/held"))
            await drive.post("app", name=f"{name}-cart", hook="db-migrate", phase="Running")
            await drive.env("create feat/held --services cart")
            await drive.card("feat/held", "Creating")
            await branch(drive, "feat/refused")
            base.away()

            async def known() -> bool:
                await drive.post("time", advance=5)
                return "Qbot's database" in (await qbot.ready())[1].get("degraded", {})

            await until(known, what="the database to be known as away")
            assert (await qbot.ready())[0] == 503
            assert "Qbot's database has not answered since" in await drive.env("list")
            assert "Nothing is lost" in await drive.env("create feat/refused --services cart")
            base.back()

            async def back() -> bool:
                return (await qbot.ready())[0] == 200

            await until(back, what="Qbot to be ready again")
            drive.haste = HASTE
            await drive.post("app", name=f"{name}-cart", hook="db-migrate", phase="Succeeded")
            await one_card_and_one_end(drive, "feat/held", "Ready")
            await created_once(drive, name, 1)

            async def answered() -> bool:
                return "1 environment" in await drive.env("list")

            await until(answered, what="a list")
            assert await drive.cards("feat/refused") == []
