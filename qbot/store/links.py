"""Scripts over the GitLab accounts that people linked."""

from collections.abc import Collection
from datetime import datetime

from qbot.domain.people import Actor
from qbot.domain.promotion import Account
from qbot.errors import UserError
from qbot.store.audit import note
from qbot.store.rows import clean, time_text
from qbot.store.statements import Pass, Script, Turnstile, listed, sql


def accounts(actors: Collection[Actor]) -> Script[dict[Actor, Account]]:
    """Those that these people linked."""
    by_key = {actor.key: actor for actor in actors}
    rows = yield sql(
        "select * from people_links where cast(? as text) like '%,' || actor || ',%'",
        listed(by_key),
    )
    return {
        by_key[row["actor"]]: Account(row["gitlab_id"], row["username"])
        for row in rows
        if row["actor"] in by_key  # `like` takes a for A
    }


def link(actor: Actor, wanted: Account, rule: str, at: datetime) -> Script[None]:
    """In the place of an earlier one.

    Raises:
        UserError: somebody else has linked that account: two would speak as one, unseen.
    """
    yield Pass(Turnstile.SUBMIT)  # looking and inserting must not interleave
    others = yield sql(
        "select actor from people_links where gitlab_id = ? and actor <> ?", wanted.id, actor.key
    )
    if others:
        raise UserError(
            f"{wanted.username} in GitLab is linked to another Slack account already.",
            hint="Sign in to GitLab as yourself, or ask Qbot's owner: `people` in qbot.yaml "
            "says whose account it is.",
        )
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
