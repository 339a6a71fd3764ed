"""Every kind of fault, from every vendor, during a create and a delete: the right end state.

`cut-stream` and `empty-list` are faults of streams and lists: Slack is asked for neither.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from qbot.domain.names import BranchName, env_name
from tests.acceptance.checks import all_struck, created_once, nothing_left, one_card_and_one_end
from tests.acceptance.conftest import FULL
from tests.world import HASTE, Drive, buttons, said, until, world

SERVICES = 11 if FULL else 5
LAG = 1.0  # seconds by which Argo CD's lists are behind, as in a real one
KINDS = ("429", "500", "503", "html", "drop-before", "drop-after", "slow:2", "partial", "duplicate")
LIVE = "stream/applications"
# What each vendor is asked for in each part, and which of its requests go wrong.
CREATE = {
    "argocd": ("POST /api/v1/applications", "GET /api/v1/applications"),
    "gitlab": ("GET /api/v4/projects",),
    "slack": ("chat.postMessage", "chat.update"),
}
DELETE = {
    "argocd": ("DELETE /api/v1/applications", "GET /api/v1/applications"),
    "gitlab": (),  # is not asked
    "slack": ("chat.postMessage", "chat.update"),
}
PATIENCE = 240  # seconds; a stream that hangs is given up after 120
# What is said once of a thing that is there and permitted is asked again, or was not needed.
MISTAKES = [("argocd", "403"), ("argocd", "404"), ("slack", "401")]
STREAMS = [("argocd", "cut-stream"), ("argocd", "empty-list"), ("gitlab", "empty-list")]
ALL = [(v, k) for v in CREATE for k in (*KINDS, "hang")] + MISTAKES + STREAMS
SAMPLE = [
    ("argocd", "drop-after"),
    ("gitlab", "503"),
    ("slack", "drop-after"),
]


def orders(vendor: str, kind: str, matches: Sequence[str]) -> list[tuple[str, str, int]]:
    """What goes wrong, how, and how often."""
    match vendor, kind:
        case "slack", "duplicate":  # Slack repeats what it sends, no other way
            return [("DELIVER", kind, 1)]
        case _, "cut-stream":
            return [(LIVE, kind, 2)]
        case "argocd", "empty-list":  # it is an answer as well
            return [("GET /api/v1/applications?", kind, 1)]
        case "gitlab", "empty-list":
            return [("/pipelines?", kind, 1)] if matches else []
        case "argocd", "hang" if matches is CREATE["argocd"]:  # and a stream, opened after a cut
            return [(LIVE, "cut-stream", 1), *((m, kind, 1) for m in (LIVE, *matches))]
        case _, "slow:2" | "duplicate" | "hang" | "401" | "403" | "404":
            # It is done nevertheless, or nobody has to ask for it twice.
            return [(match, kind, 1) for match in matches]
        case _:
            return [(match, kind, 2) for match in matches]


async def order(drive: Drive, vendor: str, kind: str, part: Mapping[str, Sequence[str]]) -> None:
    """Let the next requests of this part go wrong."""
    for match, how, times in orders(vendor, kind, part[vendor]):
        await drive.post("fault", vendor=vendor, match=match, kind=how, times=times)


async def create(drive: Drive, branch: str) -> None:
    """Asked for; a hook waits until its card is there: one posted at the end has no edit."""
    name = env_name(BranchName(branch), prefix="qbot")
    hook = {"name": f"{name}-payments", "hook": "db-migrate"}
    await drive.post("app", **hook, phase="Running")
    await drive.env(f"create {branch}")

    async def shown() -> bool:
        return bool(await drive.cards(branch))

    await until(shown, what=f"the card of {branch}", seconds=PATIENCE)
    await drive.post("app", **hook, phase="Succeeded")


async def settle(drive: Drive, branch: str) -> None:
    """Created in spite of the faults that were ordered."""
    name = env_name(BranchName(branch), prefix="qbot")
    await drive.card(branch, "Ready", seconds=PATIENCE)
    await created_once(drive, name, SERVICES)
    card = await one_card_and_one_end(drive, branch, "Ready")
    assert buttons(card)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("cases", [ALL if FULL else SAMPLE], ids=["each-kind-on-each-vendor"])
async def test_passing_faults_change_nothing_at_the_end(
    tmp_path: Path, cases: list[tuple[str, str]], either_database: str
) -> None:
    async with world(tmp_path, services=SERVICES, speed=60.0, lag=LAG) as made:
        await made.serve(QBOT_DATABASE_URL=either_database)
        drive = made.drive
        for vendor, kind in cases:
            branch = f"fault/{vendor}-{kind.replace(':', '-')}"
            name = env_name(BranchName(branch), prefix="qbot")
            await pushed(drive, branch)
            await order(drive, vendor, kind, CREATE)
            await create(drive, branch)
            await settle(drive, branch)
            await all_struck(drive)
            await order(drive, vendor, kind, DELETE)
            card = await one_card_and_one_end(drive, branch, "Ready")
            await drive.click(card, buttons(card)["Delete"]["action_id"])
            await drive.card(branch, "Deleted", seconds=PATIENCE)
            await nothing_left(drive, name)
            await one_card_and_one_end(drive, branch, "Deleted")
            await all_struck(drive)


@dataclass(frozen=True)
class Refusal:
    """Said again and again until somebody puts it right; `names` what that is."""

    vendor: str
    match: str
    kind: str
    names: str


TOKEN = "QBOT_ARGOCD__MAIN__TOKEN"
CREATE_REFUSED = [
    Refusal("argocd", "POST /api/v1/projects", "401", TOKEN),
    Refusal("argocd", "POST /api/v1/projects", "403", "permission denied"),
    Refusal("gitlab", "GET /api/v4/projects", "401", "QBOT_GITLAB__TOKEN"),
    Refusal("gitlab", "GET /api/v4/projects", "403", "QBOT_GITLAB__TOKEN"),
    Refusal("gitlab", "GET /api/v4/projects", "404", "QBOT_GITLAB__URL"),
]
DELETE_REFUSED = [
    Refusal("argocd", "DELETE /api/v1/applications", "401", TOKEN),
    Refusal("argocd", "DELETE /api/v1/applications", "403", "permission denied"),
    Refusal("argocd", "GET /api/v1/applications", "401", TOKEN),
]


@pytest.mark.timeout(900)
async def test_a_lasting_refusal_ends_the_operation_and_names_what_to_put_right(
    tmp_path: Path,
) -> None:
    async with world(tmp_path, services=SERVICES, speed=60.0, lag=LAG) as made:
        await made.serve()
        drive = made.drive
        for number, refusal in enumerate(CREATE_REFUSED if FULL else CREATE_REFUSED[:3]):
            branch = await pushed(drive, f"refused/create-{number}")
            await refuse(drive, refusal, times=500)
            await drive.env(f"create {branch}")
            card = await drive.card(branch, "Create failed")
            assert refusal.names in card["text"]
            await refuse(drive, refusal, times=0)
        for number, refusal in enumerate(DELETE_REFUSED if FULL else DELETE_REFUSED[:1]):
            branch = await pushed(drive, f"refused/delete-{number}")
            await drive.env(f"create {branch} --services cart")
            ready = await drive.card(branch, "Ready")
            await refuse(drive, refusal, times=500)
            await drive.click(ready, buttons(ready)["Delete"]["action_id"])
            card = await drive.card(branch, "Delete incomplete", seconds=PATIENCE)
            assert refusal.names in card["text"]
            await refuse(drive, refusal, times=0)
            await drive.click(card, buttons(card)["Delete Again"]["action_id"])
            await drive.card(branch, "Deleted", seconds=90)
            await nothing_left(drive, env_name(BranchName(branch), prefix="qbot"))


async def pushed(drive: Drive, branch: str) -> str:
    """A branch of one service, with a build that passed."""
    await drive.post("push", project="shop/cart", branch=branch)
    await drive.post("pipeline", project="shop/cart", ref=branch, status="success")
    return branch


async def refuse(drive: Drive, refusal: Refusal, *, times: int) -> None:
    await drive.post(
        "fault", vendor=refusal.vendor, match=refusal.match, kind=refusal.kind, times=times
    )


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", ["401", "403"] if FULL else ["401"])
async def test_one_refused_call_of_slack_delays_a_card_by_seconds(
    tmp_path: Path, kind: str
) -> None:
    async with world(tmp_path, services=SERVICES, speed=60.0) as made:
        await made.serve()
        drive = made.drive
        await drive.post("fault", vendor="slack", match="chat.update", kind=kind, times=1)
        await drive.env("create feat/checkout")
        await drive.card("feat/checkout", "Ready", seconds=45)
        await one_card_and_one_end(drive, "feat/checkout", "Ready")


@pytest.mark.skipif(not FULL, reason="a long run")
@pytest.mark.timeout(300)
async def test_what_slack_refuses_in_a_channel_is_told_in_direct_messages(tmp_path: Path) -> None:
    async with world(tmp_path, services=SERVICES, speed=60.0, lag=LAG) as made:
        await made.serve()
        drive = made.drive
        for match, kind in (("chat.postMessage", "403"), ("chat.update", "404")):
            branch = await pushed(drive, f"elsewhere/{kind}")
            await drive.post("fault", vendor="slack", match=match, kind=kind, times=1)
            await drive.env(f"create {branch}")
            await drive.card(branch, "Ready", channel="dm")
            await one_card_and_one_end(drive, branch, "Ready", channel="dm")
        branch = await pushed(drive, "elsewhere/deleted")
        await drive.env(f"create {branch}")
        card = await drive.card(branch, "Ready")
        await drive.post("fault", vendor="slack", match="chat.update", kind="404", times=1)
        await drive.click(card, buttons(card)["Delete"]["action_id"])
        await one_card_and_one_end(drive, branch, "Deleted", channel="dm")
        await nothing_left(drive, env_name(BranchName(branch), prefix="qbot"))


@pytest.mark.incident("doubled-work")
@pytest.mark.timeout(120)
async def test_a_payload_that_is_delivered_three_times_counts_once(tmp_path: Path) -> None:
    async with world(tmp_path, services=SERVICES, speed=60.0, haste=HASTE) as made:
        await made.serve()
        drive = made.drive
        name = env_name(BranchName("feat/checkout"), prefix="qbot")
        for kind in ("slash", "interactive"):
            await drive.post(
                "fault", vendor="slack", match=f"DELIVER {kind}", kind="duplicate", times=1
            )
        answer = await drive.env("create feat/checkout")
        assert "is taken" not in answer
        await drive.card("feat/checkout", "Ready")
        await created_once(drive, name, SERVICES)
        card = await one_card_and_one_end(drive, "feat/checkout", "Ready")
        await drive.click(card, buttons(card)["Delete"]["action_id"])
        await drive.card("feat/checkout", "Deleted")
        await one_card_and_one_end(drive, "feat/checkout", "Deleted")


@pytest.mark.timeout(300)
async def test_argo_cd_away_for_a_while_is_said_on_the_card_and_waited_for(tmp_path: Path) -> None:
    async with world(tmp_path, services=SERVICES, speed=60.0) as made:
        await made.serve()
        drive = made.drive
        await drive.post("fault", vendor="argocd", match="/api/v1", kind="503", times=3)
        await drive.env("create feat/checkout")

        async def told() -> bool:
            cards = await drive.cards("feat/checkout")
            return bool(cards) and "Argo CD" in said(cards[0]) and "waits" in said(cards[0])

        await until(told, what="the card to say that Argo CD does not answer")
        await drive.card("feat/checkout", "Ready", seconds=90)
