"""SIGKILL while digests are posted: after the new start each channel has exactly one."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.acceptance.conftest import FULL
from tests.world import Drive, World, until, world

CHANNELS = {"general": "C05GENERAL1", "releases": "C05RELEAS3S", "partners": "C05PARTN3R5"}
POST = "chat.postMessage"
AHEAD = timedelta(hours=6)
DAY = 24 * 3_600


async def digests(drive: Drive) -> Counter[str]:
    """How many each channel has."""
    return Counter(
        {
            channel: sum("Digest since" in str(m["blocks"]) for m in await drive.messages(channel))
            for channel in CHANNELS
        }
    )


async def each_has(drive: Drive, count: int) -> None:
    async def all_there() -> bool:
        return all(number >= count for number in (await digests(drive)).values())

    await until(all_there, seconds=60, what=f"{count} in each channel")
    assert await digests(drive) == dict.fromkeys(CHANNELS, count)


async def begun(drive: Drive) -> None:
    async def some() -> bool:
        return (await digests(drive)).total() > 0

    await until(some, seconds=60, poll=0.05, what="the first digest")


async def with_digests(made: World) -> None:
    now = (await made.drive.post("time", advance=1))["time"]
    path = made.folder / "qbot.yaml"
    tick = datetime.fromtimestamp(now, UTC) + AHEAD  # comes when time is moved, and not by itself
    cron = f"{tick.minute} {tick.hour} * * *"
    lines = [
        f"  - channel: {id_}\n    cron: {cron}\n    chart: false\n" for id_ in CHANNELS.values()
    ]
    path.write_text(f"{path.read_text()}digests:\n{''.join(lines)}")


async def test_killed_in_the_middle_each_channel_gets_exactly_one(tmp_path: Path) -> None:
    async with world(tmp_path) as made:
        await with_digests(made)
        env = {"QBOT_LEASE": "3"}
        program, drive = await made.serve(**env), made.drive
        assert "frozen" in await drive.env("freeze staging --until 60h load test", user="dan")
        # What is answered late was posted all the same: the kill falls between the two.
        await drive.post("fault", vendor="slack", match=POST, kind="drop-after", times=1)
        await drive.post("time", advance=AHEAD.total_seconds())
        await begun(drive)
        await program.kill()
        if FULL:  # it takes as long as Slack says
            await drive.post("fault", vendor="slack", match=POST, kind="429", times=2)
        await made.serve(**env)
        await each_has(drive, 1)
        await drive.post("time", advance=DAY)
        await each_has(drive, 2)  # whatever was left of the first ones came before these
