"""Green where everything is granted; where one permission is missing, the doctor names that one.

`make acceptance` takes each in turn, in both modes; `make test` a few of each vendor.
"""

import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio
from typing_extensions import override

from qbot.app.scopes import LOST
from qbot.sandbox.argocd.rbac import POLICY
from tests.dice import Dice
from tests.examining.stand import CONFIG, Mode, Stand, stand, to_mend

FULL = os.environ.get("QBOT_ACCEPTANCE") == "full"
SEED = 5
SAMPLE = 2  # of each vendor
pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(frozen=True)
class Taken:
    """A permission, how it is taken and given back, and the finding that names it."""

    name: str
    call: str
    taken: Mapping[str, Any]
    given: Mapping[str, Any]
    finding: str
    lines: tuple[str, ...] = field(default_factory=tuple)

    @override
    def __str__(self) -> str:
        return self.name


def of_slack() -> list[Taken]:
    return [
        Taken(
            name=scope,
            call="scope",
            taken={"scope": scope, "granted": False},
            given={"scope": scope, "granted": True},
            finding=f"slack.scope.{scope}",
            lines=(f"- {scope}",),
        )
        for scope in LOST
    ]


APP_TOKEN = Taken(
    name="connections:write",
    call="scope",
    taken={"scope": "connections:write", "granted": False},
    given={"scope": "connections:write", "granted": True},
    finding="slack.app-token",
    lines=("connections:write",),
)


def bare(line: str) -> str:
    return ", ".join(part.strip() for part in line.split(","))


def of_argocd() -> list[Taken]:
    found = []
    for line in map(bare, POLICY.splitlines()):
        named = ".".join(line.split(", ")[2:5])
        finding = "role" if line.startswith("g,") else f"right.{named}"
        found.append(
            Taken(
                name=line,
                call="policy",
                taken={"line": line, "granted": False},
                given={"line": line, "granted": True},
                finding=f"argocd.main.{finding}",
                lines=(line,),
            )
        )
    return found


def role(place: str, have: str, low: str, finding: str, wanted: str) -> Taken:
    return Taken(
        name=f"{low} in {place}",
        call="role",
        taken={"place": place, "role": low},
        given={"place": place, "role": have},
        finding=finding,
        lines=(f"qbot: {wanted}",),
    )


OF_GITLAB = [
    Taken(
        name="api",
        call="token",
        taken={"scopes": ["read_api"]},
        given={"scopes": ["api"]},
        finding="gitlab.scope.api",
        lines=("api",),
    ),
    Taken(
        name="api and read_api",
        call="token",
        taken={"scopes": ["read_user"], "admin": True},
        given={"scopes": ["api"], "admin": False},
        finding="gitlab.scope.api",
        lines=("api",),
    ),
    role(CONFIG, "maintainer", "developer", "gitlab.role.merging-versions", "Maintainer"),
    role("shop", "reporter", "guest", "gitlab.role.reading", "Reporter"),
    role("shop", "reporter", "none", "gitlab.projects", "Reporter"),
    role("release-managers", "guest", "none", "gitlab.group.release-managers", "Guest"),
]


def some(all_: list[Taken]) -> list[Taken]:
    return all_ if FULL else Dice(SEED).sample(all_, SAMPLE)


CASES = [*some(of_slack()), *some(of_argocd()), *some(OF_GITLAB)]
MODES: list[Mode] = ["http", "socket"] if FULL else ["http"]


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=MODES)
async def granted(request: pytest.FixtureRequest) -> AsyncIterator[Stand]:
    """All that docs/rights.md asks for, and nothing besides."""
    async with stand(request.param) as made:
        await made.least()
        yield made


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_a_permission_that_is_missing_is_named_and_nothing_else_is(
    granted: Stand, case: Taken
) -> None:
    await granted.drive(case.call, **case.taken)
    try:
        report = await granted.doctor()
    finally:
        await granted.drive(case.call, **case.given)
    assert to_mend(report) == {case.finding: case.lines}
    assert report.exit_status == 1


async def test_what_is_granted_is_enough(granted: Stand) -> None:
    report = await granted.doctor()
    assert not to_mend(report)
    assert report.exit_status == 0


@pytest.mark.parametrize("mode", ["http", "socket"])
async def test_a_fresh_sandbox_is_green_and_examining_it_changes_nothing(mode: Mode) -> None:
    async with stand(mode) as fresh:
        standins = (fresh.sandbox.slack, fresh.sandbox.gitlab, fresh.sandbox.argocd)
        before = [standin.state() for standin in standins]
        report = await fresh.doctor()
        assert not to_mend(report)
        assert [standin.state() for standin in standins] == before
        kernel = fresh.sandbox.kernel
        assert kernel.calls.refused == []
        written = [c for c in kernel.calls.select() if c["method"] not in ("GET", "HEAD")]
        asked = {c["path"].partition("?")[0] for c in written}
        assert asked <= {"/api/auth.test", "/api/apps.connections.open"}
        if mode == "socket":
            await fresh.drive(APP_TOKEN.call, **APP_TOKEN.taken)
            assert to_mend(await fresh.doctor()) == {APP_TOKEN.finding: APP_TOKEN.lines}
