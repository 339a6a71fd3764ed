"""What the database may forget."""

from datetime import datetime, timedelta

from qbot.store.rows import time_text
from qbot.store.statements import Script, sql

_KEEP_DELIVERIES = timedelta(days=2)  # Slack and GitLab repeat for an hour or so
_KEEP_WORKERS = 3600.0  # seconds since the lease ran out


def forget_old(at: datetime) -> Script[int]:
    """Drop deliveries that nobody repeats any more and workers long dead; how many rows went."""
    deliveries = yield sql(
        "delete from deliveries where at < ? returning key", time_text(at - _KEEP_DELIVERIES)
    )
    workers = yield sql("delete from workers where expires < {NOW} - ? returning id", _KEEP_WORKERS)
    return len(deliveries) + len(workers)
