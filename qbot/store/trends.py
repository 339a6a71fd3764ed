"""What the chart of the last days counts: scripts."""

from datetime import UTC, datetime

from qbot.domain.environment import Phase
from qbot.domain.progress import Kind
from qbot.domain.promotion import PromotionState
from qbot.domain.trend import Deployments, Life, Past
from qbot.store.rows import time_of, time_text
from qbot.store.statements import Row, Script, listed, sql

_DEPLOYING = (Kind.CREATE, Kind.DEPLOY, Kind.SYNC, Kind.RESTORE)


def past(since: datetime) -> Script[Past]:
    """All that lived or was deployed since then."""
    lives = yield from _lives(since)
    return Past(lives, (yield from _deployments(since)))


def _lives(since: datetime) -> Script[list[Life]]:
    """Whatever ended last with one that is deleted was its tear-down."""
    rows = yield sql(
        "select created_at, phase, (select max(o.ended_at) from operations o "
        "where o.env_id = e.id and o.ended_at is not null) as ended_at from environments e "
        "where phase <> ? or id in (select env_id from operations "
        "where kind = ? and outcome = 'succeeded' and ended_at >= ?)",
        Phase.DELETED.value,
        Kind.TEARDOWN.value,
        time_text(since),
    )
    return [_life(row) for row in rows]


def _life(row: Row) -> Life:
    begun = datetime.fromisoformat(row["created_at"])
    gone = row["phase"] == Phase.DELETED.value
    return Life(begun, (time_of(row["ended_at"]) or begun) if gone else None)


def _deployments(since: datetime) -> Script[list[Deployments]]:
    """By the minute (16 characters of a time): an hour of one zone is two halves of another's."""
    environments = yield sql(
        "select substr(ended_at, 1, 16) as minute, count(*) as number from operations "
        "where outcome = 'succeeded' and cast(? as text) like '%,' || kind || ',%' "
        "and env_id is not null and lock_key is not null and ended_at >= ? "
        "group by substr(ended_at, 1, 16)",
        listed(_DEPLOYING),
        time_text(since),
    )
    stages = yield sql(
        "select substr(ended_at, 1, 16) as minute, count(*) as number from promotions "
        "where state = ? and ended_at >= ? group by substr(ended_at, 1, 16)",
        PromotionState.DONE.value,
        time_text(since),
    )
    return [_counted(r) for r in environments] + [_counted(r, stages=True) for r in stages]


def _counted(row: Row, *, stages: bool = False) -> Deployments:
    minute = datetime.fromisoformat(row["minute"]).replace(tzinfo=UTC)
    return Deployments(minute, int(row["number"]), stages=stages)
