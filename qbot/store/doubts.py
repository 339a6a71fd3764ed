"""Who was part of too many at once, so that GitLab may be wrong: scripts.

A row outlives its question and a Go, which has its own end: it is gone when GitLab shows again
what was over, or with the environment.
"""

from collections.abc import Collection
from datetime import datetime

from qbot.domain.names import EnvId
from qbot.domain.people import QBOT
from qbot.store.audit import note
from qbot.store.rows import time_text
from qbot.store.statements import Script, sql


def doubts() -> Script[frozenset[EnvId]]:
    """All of them."""
    rows = yield sql("select env_id from reaper_doubts")
    return frozenset(EnvId(row["env_id"]) for row in rows)


def doubt(envs: Collection[EnvId], at: datetime) -> Script[None]:
    """These wait for a Go from now on."""
    for env in sorted(envs):
        added = yield sql(
            "insert into reaper_doubts(env_id, at) values(?, ?) on conflict(env_id) do nothing "
            "returning env_id",
            env,
            time_text(at),
        )
        if added:
            yield from note(QBOT, "reaper.doubted", "done", at, env=env)


def believe(envs: Collection[EnvId], at: datetime) -> Script[None]:
    """These do not any more."""
    for env in sorted(envs):
        gone = yield sql("delete from reaper_doubts where env_id = ? returning env_id", env)
        if gone:
            yield from note(QBOT, "reaper.believed", "done", at, env=env)


def doubtful(env: EnvId) -> Script[bool]:
    """Whether one does."""
    rows = yield sql("select env_id from reaper_doubts where env_id = ?", env)
    return bool(rows)
