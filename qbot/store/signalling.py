"""What is handed to an operation that waits, and wakes it; `turns` uses it up."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from qbot.domain.names import OpId
from qbot.store.rows import document, time_text
from qbot.store.statements import Channel, Notify, Script, sql


def signal(
    op: OpId, topic: str, key: str, payload: Mapping[str, Any], at: datetime
) -> Script[bool | None]:
    """Hand something over; one that is about to nap takes the same row, so none slips between."""
    there = yield sql(
        "select o.id from operations o where o.id = ? and o.state <> 'done' {HOLD}", op
    )
    if not there:
        return None
    fresh = yield sql(
        "insert into op_signals(op_id, topic, dedup, payload, at) values(?, ?, ?, ?, ?) "
        "on conflict(op_id, topic, dedup) do nothing returning seq",
        op,
        topic,
        key,
        document(dict(payload)),
        time_text(at),
    )
    if fresh:
        yield sql(
            "update operations set state = 'ready' "
            "where id = ? and state = 'waiting' and wait_topic = ?",
            op,
            topic,
        )
        yield Notify(Channel.WORK)
    return bool(fresh)
