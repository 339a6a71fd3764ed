"""A deletion that was asked for and never began: the warning of it stands as before. A script."""

from dataclasses import replace
from datetime import datetime

from qbot.domain.names import EnvId
from qbot.domain.progress import End, Kind
from qbot.domain.reaper_ports import Fate, Warned
from qbot.store import notices
from qbot.store.rows import time_text
from qbot.store.statements import Script, sql

_NEVER = (End.REFUSED, End.CANCELLED)


def reopened(kind: Kind, env: EnvId | None, outcome: End, at: datetime) -> Script[None]:
    """Its owner can answer it again; where the reaper is paused a grace anew from now on."""
    if kind is not Kind.TEARDOWN or outcome not in _NEVER:
        return
    paused = yield sql("select one from reaper_pause")
    for row in (yield sql("select notice from reaper_warnings where env_id = ?", env)):
        said = yield from notices.says(row["notice"])
        if not isinstance(said, Warned) or said.fate is not Fate.GOING:
            continue
        goes = said.goes
        if paused:
            goes = replace(goes, due_at=max(goes.due_at, at + goes.grace))
            yield sql(
                "update reaper_warnings set due_at = ?, warned_at = null, reminded_at = null "
                "where env_id = ?",
                time_text(goes.due_at),
                env,
            )
        now = replace(said, goes=goes, fate=Fate.OPEN, by=None)
        yield from notices.say(row["notice"], now, open_=True)
