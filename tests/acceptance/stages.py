"""A promotion and a rollback as people make them, and what must hold at the end of each."""

import json
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from qbot.domain import actions
from qbot.settings import secret
from qbot.settings.loading import load
from tests.acceptance.checks import replies
from tests.plain import NO_TLS
from tests.world import POLL, Drive, Program, World, buttons, header, said, until

PROJECT = "shop/deployments"
CHANGED = ("cart", "notifications", "payments", "shipping")  # staging is ahead in these
APPLICATIONS = Counter(f"production-{service}" for service in CHANGED)
WRITTEN = Counter(("commits", "merge_requests", "merge", "pipeline", "deployments"))
IDS = {"ana": "U05ANA4K2M1", "chloe": "W05CHL0E8T4", "dan": "U05DAN1V6R2"}
PROMOTE, ROLLBACK = "promote staging production", "rollback production --reason again"
_TAG = re.compile(r"\b[0-9a-f]{40}\b")
_NAME = re.compile(r"\bP-\d+\b")
_APPROVED = re.compile(r"^Qbot-Approved-By: (\S+)", re.MULTILINE)
_WRITES = re.compile(r"(POST|PUT) .*/(commits|merge_requests|merge|pipeline|deployments)(\?|$)")

Act = Callable[[], Awaitable[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Before:
    """What was there when somebody asked."""

    cards: frozenset[str]
    merge_requests: int
    gitlab: int  # requests so far
    argocd: int
    truth: "Truth"


@dataclass(frozen=True, slots=True)
class Truth:
    """What the vendors themselves say has been done so far."""

    syncs: Counter[str]  # of each of the Applications
    jobs: int  # pipelines that somebody started
    deployments: int


@dataclass(frozen=True, slots=True)
class Shown:
    """A card that asks for approvals, and the promotion that it is about."""

    name: str
    card: Mapping[str, Any]


async def before(made: World) -> Before:
    """Look around before anything is asked."""
    drive = made.drive
    return Before(
        cards=frozenset(m["ts"] for m in await _cards(drive)),
        merge_requests=len((await drive.state())["merge_requests"]),
        gitlab=len(await drive.calls("gitlab")),
        argocd=len(await drive.calls("argocd")),
        truth=await truth(made),
    )


async def truth(made: World) -> Truth:
    """Ask the vendors."""
    apps = await _argocd(made, "applications?projects=production")
    return Truth(
        syncs=Counter(
            {
                app["metadata"]["name"]: app["status"]["history"][-1]["id"]
                for app in apps["items"]
                if app["metadata"]["name"] in APPLICATIONS
            }
        ),
        jobs=len(await _gitlab(made, "pipelines?source=api&per_page=100")),
        deployments=len(await _gitlab(made, "deployments?per_page=100")),
    )


async def _argocd(made: World, what: str) -> Any:
    settings = load({}, env_file=made.env_file).argocd["main"]
    return await _asked(settings.url, f"api/v1/{what}", secret(settings.token))


async def _gitlab(made: World, what: str) -> Any:
    """Something of the configuration project."""
    settings = load({}, env_file=made.env_file).gitlab
    path = f"api/v4/projects/{quote(PROJECT, safe='')}/{what}"
    return await _asked(settings.url, path, secret(settings.token))


async def _asked(url: object, path: str, token: str) -> Any:
    async with httpx.AsyncClient(trust_env=False, verify=NO_TLS) as http:
        headers = {"Authorization": f"Bearer {token}"}
        answer = await http.get(f"{str(url).rstrip('/')}/{path}", headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def files(drive: Drive, stage: str = "production") -> Mapping[str, str]:
    """What the configuration repository says of the services that change."""
    found = {}
    for service in CHANGED:
        path = f"{stage}/{service}.yaml"
        answer = await drive.post("file", project=PROJECT, ref="main", path=path)
        found[service] = str(answer["text"])
    return found


def with_tag_of(text: str, other: str) -> str:
    """One values file with the version that another one has, and nothing else changed."""
    (old,), (new,) = _TAG.findall(text), _TAG.findall(other)
    return text.replace(old, new)


async def insisted(act: Act) -> None:
    """Somebody does it again whenever Slack tells them that it has failed."""

    async def acknowledged() -> bool:
        answer = await act()
        return bool(answer["http_status"] == 200)

    await until(acknowledged, poll=0.2, what="Qbot to acknowledge")


async def typed(drive: Drive, text: str) -> None:
    await insisted(lambda: drive.post("slash", user="ana", channel="general", text=text))


async def pressed(drive: Drive, shown: Shown, user: str) -> None:
    """Approve; the button may be gone when a press that seemed to fail has counted."""

    async def press() -> dict[str, Any]:
        return await drive.click(shown.card, actions.APPROVE, user=user, stale=True)

    await insisted(press)


async def asking(drive: Drive, was: Before, *, seconds: float = 60.0) -> Shown:
    """The new card, as soon as people can decide on it."""

    async def look() -> Mapping[str, Any] | None:
        found = [m for m in await _cards(drive) if m["ts"] not in was.cards]
        return next((m for m in found if "Approve" in buttons(m)), None)

    card = await drive.until(look, seconds=seconds, what="a card that asks for approvals")
    found = _NAME.search(header(card))
    assert found is not None, header(card)
    return Shown(found[0], card)


async def merge_request(drive: Drive, shown: Shown) -> dict[str, Any]:
    """The only merge request of a promotion."""
    every: Sequence[dict[str, Any]] = (await drive.state())["merge_requests"]
    found = [m for m in every if m["source_branch"] == f"qbot/{shown.name}"]
    assert len(found) == 1, found
    return found[0]


async def merged(drive: Drive, shown: Shown, *, poll: float = POLL) -> None:
    async def look() -> bool:
        return bool((await merge_request(drive, shown))["state"] == "merged")

    await until(look, seconds=60, poll=poll, what=f"{shown.name} to be merged")


async def job_started(drive: Drive, was: Before) -> None:
    async def look() -> bool:
        calls = (await drive.calls("gitlab"))[was.gitlab :]
        return any(c["method"] == "POST" and c["path"].endswith("/pipeline") for c in calls)

    await drive.until(look, seconds=60, what="the job after the deployment to be started")


async def done(drive: Drive, shown: Shown) -> None:
    """Its card says so, and so does one reply."""

    async def ended() -> bool:
        # The reply may come a second before the edit: each has a budget of its own at Slack.
        card = await _card(drive, shown)
        over = header(card).startswith(("Done", "Rolled back", "Failed", "Closed"))
        return over and bool(await replies(drive, card, "general"))

    try:
        await drive.until(ended, seconds=90, what=f"{shown.name} to end")
    except AssertionError as late:
        told = "\n".join(await _told_privately(drive))
        text = said(await _card(drive, shown))
        raise AssertionError(f"{late}; shown:\n{text}\ntold:\n{told}") from None
    card = await _card(drive, shown)
    assert header(card).startswith(("Done", "Rolled back")), said(card)


async def exactly_once(
    made: World, shown: Shown, was: Before, by: Collection[str], *, answered: bool = True
) -> None:
    """One merge request, one merge, one sync of each Application, one card, one end.

    Args:
        made: the sandbox.
        shown: what is done.
        was: the world before it was asked for.
        by: who approved it.
        answered: whether each request that had an effect was answered.
    """
    drive, now = made.drive, await truth(made)
    await _one_merge_request(drive, shown, was)
    await _one_merge(made, shown, by)
    await _one_card(drive, shown, was, by)
    assert now.syncs - was.truth.syncs == APPLICATIONS
    assert (now.jobs, now.deployments) == (was.truth.jobs + 1, was.truth.deployments + 1)
    if answered:
        assert _effects((await drive.calls("gitlab"))[was.gitlab :]) == WRITTEN
        assert _syncs((await drive.calls("argocd"))[was.argocd :]) == APPLICATIONS
    apps = [a for a in await drive.applications("production") if a["name"] in APPLICATIONS]
    assert {(a["sync"], a["health"]) for a in apps} == {("Synced", "Healthy")}


async def _one_merge(made: World, shown: Shown, by: Collection[str]) -> None:
    """The change and its merge, which names who approved."""
    commits = await _gitlab(made, "repository/commits?ref_name=main&per_page=100")
    mine = [c for c in commits if f"Qbot-Promotion: {shown.name}\n" in c["message"] + "\n"]
    assert sorted(len(c["parent_ids"]) for c in mine) == [1, 2], mine
    merge = next(c["message"] for c in mine if len(c["parent_ids"]) == 2)
    approvers = Counter(_APPROVED.findall(merge))
    assert approvers == Counter(IDS[user] for user in by), merge


async def _one_merge_request(drive: Drive, shown: Shown, was: Before) -> None:
    state = await drive.state()
    new = state["merge_requests"][was.merge_requests :]
    assert [(m["source_branch"], m["state"]) for m in new] == [(f"qbot/{shown.name}", "merged")]
    assert [b for b in state["branches"][PROJECT] if b.startswith("qbot/")] == []


async def _one_card(drive: Drive, shown: Shown, was: Before, by: Collection[str]) -> None:
    cards = [m for m in await _cards(drive) if m["ts"] not in was.cards]
    assert [m["ts"] for m in cards] == [shown.card["ts"]], [header(m) for m in cards]
    for user in by:
        assert said(cards[0]).count(f"<@{IDS[user]}> <!date") == 1, said(cards[0])
    (end,) = await replies(drive, cards[0], "general")
    assert all(f"<@{IDS[user]}>" in said(end) for user in {"ana", *by}), said(end)


def _effects(calls: Sequence[Mapping[str, Any]]) -> Counter[str]:
    """What was written to GitLab, by the last part of its path."""
    found = [
        match[2]
        for c in calls
        if c["status"] in (200, 201) and (match := _WRITES.search(f"{c['method']} {c['path']}"))
    ]
    return Counter(found)


def _syncs(calls: Sequence[Mapping[str, Any]]) -> Counter[str]:
    """How often a sync of each Application was begun."""
    return Counter(
        c["path"].split("/")[4]
        for c in calls
        if c["method"] == "POST" and c["path"].endswith("/sync") and c["status"] == 200
    )


async def _cards(drive: Drive) -> list[dict[str, Any]]:
    """Cards of promotions, oldest first."""
    found = await drive.messages("general")
    return [m for m in found if _NAME.search(header(m)) and not m.get("ephemeral")]


async def _told_privately(drive: Drive) -> list[str]:
    """What those who press were answered for their eyes only."""
    return [
        f"{user}: {said(m)}"
        for user in IDS
        for m in await drive.messages("general", user=user)
        if m.get("ephemeral")
    ]


async def _card(drive: Drive, shown: Shown) -> dict[str, Any]:
    return next(m for m in await _cards(drive) if m["ts"] == shown.card["ts"])


async def audited(made: World, **env: str) -> list[dict[str, Any]]:
    """Every row of the audit log, by `qbot audit export`."""
    target = made.folder / "audit.jsonl"
    target.unlink(missing_ok=True)
    program = await Program.start(
        made.folder / "audit.log", "audit", "export", "--out", str(target),
        "--env-file", str(made.env_file), env=env,
    )  # fmt: skip
    assert await program.ended() == 0, program.log.read_text()
    return [json.loads(line) for line in target.read_text().splitlines()]
