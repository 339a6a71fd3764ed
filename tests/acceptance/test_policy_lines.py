"""Each line of manifests/argocd/rbac.yaml about environments, taken away in turn: a journey breaks.

That the lines are enough is what every journey shows: the stand-in grants these and no others. The
lines of stages are taken away in tests/manifests/test_rights.py, where the gateway asks.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from qbot.domain.names import BranchName, env_name
from qbot.gateways.argocd.policy import DEFAULT_KINDS
from qbot.sandbox.argocd.rbac import POLICY
from tests.acceptance.checks import nothing_left
from tests.acceptance.conftest import FULL
from tests.world import HASTE, Drive, World, buttons, world

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not FULL, reason="some minutes: QBOT_ACCEPTANCE=full"),
]
LINES = [line for line in POLICY.splitlines() if "staging" not in line and "production" not in line]
(READS,) = (line for line in LINES if "applications, get" in line)
(CHANGES,) = (line for line in LINES if "projects, update" in line)
PROJECT = "shop/cart"
FORBIDDEN = 403
PATIENCE = 180.0  # seconds; it takes ten where nothing else is done


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    folder: Path = tmp_path_factory.mktemp("lines")
    async with world(folder, haste=HASTE) as made:
        await made.serve()
        yield made


class RefusedError(Exception):
    """Argo CD has said that Qbot may not."""


class Journey:
    """An environment from its creation to its end, up to the first refusal of Argo CD."""

    def __init__(self, drive: Drive, branch: str) -> None:
        self._drive = drive
        self._branch = branch
        self._before = 0
        self.name = env_name(BranchName(branch), prefix="qbot")

    async def refusals(self) -> int:
        calls = await self._drive.calls("argocd")
        return len([call for call in calls if call["status"] == FORBIDDEN])

    async def begin(self) -> None:
        """What was refused before does not count."""
        self._before = await self.refusals()

    async def until(
        self, look: Callable[[], Awaitable[bool]], what: str, *, seconds: float = PATIENCE
    ) -> None:
        async def either() -> bool:
            if await self.refusals() > self._before:
                raise RefusedError(what)
            return await look()

        await self._drive.until(either, seconds=seconds, what=f"{self._branch}: {what}")

    async def commit(self, status: str) -> str:
        """A commit of the branch whose pipeline ends so."""
        made = await self._drive.post("push", project=PROJECT, branch=self._branch)
        await self._drive.post("pipeline", project=PROJECT, ref=self._branch, status=status)
        return str(made["sha"])

    async def runs(self, sha: str) -> bool:
        """Whether the cart runs this commit."""
        found = await self._drive.applications(self.name)
        carts = [each for each in found if each["name"] == f"{self.name}-cart"]
        return [(c["images"][0].rpartition(":")[2], c["health"]) for c in carts if c["images"]] == [
            (sha, "Healthy")
        ]

    async def ended(self, header: str) -> bool:
        cards = await self._drive.cards(self._branch)
        return any(str(card["blocks"][0]).count(header) for card in cards)

    async def come(self, *, seconds: float = PATIENCE) -> None:
        """It is there, but for a service that does not build."""
        await self.commit("failed")
        await self._drive.env(f"create {self._branch}")
        shown = partial(self.ended, "Create failed")
        await self.until(shown, "to be there without the cart", seconds=seconds)

    async def move(self, what: str) -> None:
        """To another commit of that service."""
        sha = await self.commit("success")
        await self._drive.env(f"sync {self._branch}")
        await self.until(partial(self.runs, sha), what)

    async def live(self) -> None:
        """It comes without a service, which joins, then moves; it goes.

        Raises:
            RefusedError: on the way, by Argo CD.
        """
        await self.come()
        await self.move("the cart to join")
        await self.move("the cart to move")
        await self._drive.env(f"sync {self._branch} --hard")
        await self.until(partial(self.ended, "Synced"), "to be synced")
        await self.die()

    async def die(self) -> None:
        """To the end, where it is there at all."""
        await self._ask()
        await self.until(self.gone, "to be gone")

    async def tidy(self) -> None:
        """Now that all is granted, nothing is left of it that would be refused the next time."""
        await self.begin()

        async def gone() -> bool:
            if not (found := await self.gone()) and not await self.ended("Deleting"):
                await self._ask()
            return found

        await self.until(gone, "to be gone at last")

    async def _ask(self) -> None:
        answer = await self._drive.post(
            "slash", user="ana", channel="general", text=f"delete {self._branch}"
        )
        for reply in answer["replies"]:
            if "Delete" in buttons(reply):
                await self._drive.click(reply, buttons(reply)["Delete"]["action_id"])

    async def gone(self) -> bool:
        """Whether nothing of it is left."""
        try:
            await nothing_left(self._drive, self.name)
        except AssertionError:
            return False
        return True


async def test_with_all_lines_it_lives_and_dies_unrefused(shop: World) -> None:
    journey = Journey(shop.drive, "feat/all-lines")
    await journey.begin()
    await journey.live()


@pytest.mark.parametrize("line", [line for line in LINES if line not in (CHANGES, READS)])
async def test_without_a_line_it_is_refused_on_its_way(shop: World, line: str) -> None:
    journey = Journey(shop.drive, f"feat/without-{LINES.index(line)}")
    await shop.drive.post("policy", line=line, granted=False)
    try:
        await journey.begin()
        with pytest.raises(RefusedError):
            await journey.live()
    finally:
        await shop.drive.post("policy", line=line, granted=True)
    await journey.tidy()


async def test_without_the_line_of_reading_nothing_is_known_to_be_ready(shop: World) -> None:
    """Lists and streams have less in them, and are not refused."""
    journey = Journey(shop.drive, "feat/without-reading")
    await shop.drive.post("policy", line=READS, granted=False)
    try:
        await journey.begin()
        with pytest.raises((AssertionError, RefusedError)):
            await journey.come(seconds=20)
    finally:
        await shop.drive.post("policy", line=READS, granted=True)
    await journey.tidy()


async def test_without_the_line_of_changes_a_project_does_not_follow_the_configuration(
    shop: World,
) -> None:
    journey = Journey(shop.drive, "feat/without-changes")
    await journey.begin()
    await journey.come()
    await shop.programs.pop().stop()
    catalog = shop.folder / "qbot.yaml"
    kinds = ", ".join([*DEFAULT_KINDS, "example.com/Widget"])
    text = catalog.read_text()
    catalog.write_text(text.replace("environments:\n", f"environments:\n  kinds: [{kinds}]\n", 1))
    await shop.drive.post("policy", line=CHANGES, granted=False)
    await shop.serve()
    try:
        await journey.begin()
        with pytest.raises(RefusedError):
            await journey.move("the project to follow")
    finally:
        await shop.drive.post("policy", line=CHANGES, granted=True)
    await journey.begin()
    await journey.move("the cart to move")
    await journey.die()
