"""Who Qbot was in Slack when it last asked: scripts, and their port."""

from qbot.domain.identity import Identity
from qbot.store.statements import Driver, Script, alone, sql


class SqlIdentities:
    """Implements the port `Identities`; see there for the promises."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    async def remembered(self, mark: str) -> Identity | None:
        """Of this token."""
        return await self._driver.run(_remembered(mark))

    async def remember(self, mark: str, identity: Identity) -> None:
        """In the place of all others."""
        await self._driver.run(_remember(mark, identity))


def _remembered(mark: str) -> Script[Identity | None]:
    rows = yield alone("select * from identities where mark = ?", mark)
    if not rows:
        return None
    row = rows[0]
    return Identity(row["team"], row["bot_user"], frozenset(row["scopes"].split()))


def _remember(mark: str, identity: Identity) -> Script[None]:
    yield sql("delete from identities where mark <> ?", mark)
    yield sql(
        "insert into identities(mark, team, bot_user, scopes) values(?, ?, ?, ?) "
        "on conflict(mark) do update set team = excluded.team, bot_user = excluded.bot_user, "
        "scopes = excluded.scopes",
        mark,
        identity.team,
        identity.bot_user,
        " ".join(sorted(identity.scopes)),
    )
