"""Scripts over the GitLab accounts that people linked."""

from datetime import datetime

from qbot.domain.people import Actor
from qbot.domain.promotion import Account
from qbot.store.audit import note
from qbot.store.rows import clean, time_text
from qbot.store.statements import Script, sql


def account(actor: Actor) -> Script[Account | None]:
    """The one that the person linked."""
    rows = yield sql("select * from people_links where actor = ?", actor.key)
    return Account(rows[0]["gitlab_id"], rows[0]["username"]) if rows else None


def link(actor: Actor, wanted: Account, rule: str, at: datetime) -> Script[None]:
    """In the place of an earlier one."""
    yield sql(
        "insert into people_links(actor, gitlab_id, username, at) values(?, ?, ?, ?) "
        "on conflict(actor) do update set gitlab_id = excluded.gitlab_id, "
        "username = excluded.username, at = excluded.at",
        actor.key,
        wanted.id,
        clean(wanted.username),
        time_text(at),
    )
    detail = [("gitlab_id", str(wanted.id)), ("gitlab_username", wanted.username)]
    detail += [("rule", rule)] if rule else []
    yield from note(actor, "person.linked", "done", at, detail=detail)
