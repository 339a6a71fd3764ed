"""An examination ends in time, whatever one neighbour does, and tells of the others."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any, cast

import pytest

from qbot.domain.diagnosis.database import DatabaseFacts
from qbot.domain.diagnosis.findings import Report
from qbot.domain.diagnosis.gitlab import GitLabNeeds
from qbot.domain.diagnosis.hooks import HookNeeds, Running
from qbot.domain.diagnosis.repositories import RepositoryNeeds
from qbot.domain.diagnosis.slack import Room, SlackNeeds, SlackToken
from qbot.errors import PermanentError, TransientError
from qbot.gateways.clock import SystemClock
from qbot.operations.examining.run import Examiner, Needs, Readers

NEEDS = Needs(
    slack=SlackNeeds({}),
    gitlab=GitLabNeeds((), {}, writes=False, notes=False, signed=False),
    repositories=RepositoryNeeds((), (), (), ()),
    hooks=HookNeeds(wanted=False, path="/webhooks/gitlab"),
    services=(),
)


class Slack:
    """Counts how often it is asked."""

    asked = 0

    async def token(self) -> tuple[SlackToken, datetime | None]:
        self.asked += 1
        return SlackToken("T1", bot=True, scopes=frozenset({"chat:write"})), None

    async def sockets(self) -> bool | None:
        return None

    async def room(self, channel: str) -> Room | None:
        return None


class GitLab:
    """Does as it is told."""

    def __init__(self, does: Callable[[], Any]) -> None:
        self.does = does

    async def token(self) -> Any:
        found = self.does()
        return await found if asyncio.iscoroutine(found) else found


class Database:
    async def read(self) -> DatabaseFacts:
        return DatabaseFacts(where="qbot.db", schema=1, newest=1, writable=True)


class Serving:
    async def read(self) -> Running:
        return Running()


def examiner(does: Callable[[], Any], slack: Slack | None = None) -> Examiner:
    nothing: Any = None
    readers = Readers(
        slack=cast("Any", slack or Slack()),
        argocd=(),
        gitlab=cast("Any", GitLab(does)),
        files=nothing,
        hooks=nothing,
        database=Database(),
        running=Serving(),
    )
    return Examiner(NEEDS, readers, SystemClock(), clean=str, most=1.0)


def raising(error: Exception) -> Callable[[], Any]:
    def does() -> Any:
        raise error

    return does


def mended(report: Report) -> set[str]:
    assert "database: qbot.db, tables of version 1" in report.well
    return {finding.id for finding in report.to_mend}


@pytest.mark.parametrize(
    ("does", "finding"),
    [
        (lambda: asyncio.sleep(3600), "gitlab.slow"),
        (raising(TransientError("no answer")), "gitlab"),
        (raising(PermanentError("401")), "gitlab"),
        (raising(KeyError("username")), "gitlab.failed"),
    ],
    ids=["hangs", "away", "refuses", "talks nonsense"],
)
async def test_whatever_one_does_the_others_are_told_of(
    does: Callable[[], Any], finding: str
) -> None:
    assert mended(await examiner(does).run()) == {finding}


async def test_who_asks_meanwhile_shares_one_examination() -> None:
    slack = Slack()
    one = examiner(raising(PermanentError("401")), slack)
    first, second = await asyncio.gather(one.run(), one.run())
    assert first is second
    assert slack.asked == 1
    await one.run()
    assert slack.asked == 2
