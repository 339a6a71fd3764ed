"""Opening the database: URL -> driver -> newest schema -> the ports."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from qbot.domain.figures import Figures
from qbot.domain.meters import Ran, uncounted
from qbot.domain.ports import Clock
from qbot.errors import QbotError
from qbot.store import queue
from qbot.store.audit import SqlAudit
from qbot.store.branch_rows import SqlBranches, SqlBuildNews
from qbot.store.cards import SqlCards
from qbot.store.digests import SqlDigests
from qbot.store.figures import figures
from qbot.store.homes import SqlHomes
from qbot.store.housekeeping import (
    forget_cards,
    forget_deliveries,
    forget_facts,
    forget_said,
    forget_work,
    forget_workers,
)
from qbot.store.identities import SqlIdentities
from qbot.store.journal import SqlJournal
from qbot.store.lifetimes import SqlLifetimes
from qbot.store.migrations import migrate
from qbot.store.mornings import SqlMornings
from qbot.store.notices import SqlNotices
from qbot.store.orphans import SqlOrphans
from qbot.store.reads import SqlStore
from qbot.store.reaper import SqlReaper
from qbot.store.reaping import SqlReaping
from qbot.store.releases import SqlPromotions
from qbot.store.sqlite import SqliteDriver
from qbot.store.statements import Channel, Driver, Script, alone
from qbot.store.timing import TimedDriver, Told
from qbot.store.unfinished import SqlUnfinished
from qbot.store.urls import file_of, needs_extra


@dataclass(frozen=True, slots=True)
class Database:
    """An open database; close it."""

    journal: SqlJournal
    store: SqlStore
    cards: SqlCards
    audit: SqlAudit
    promotions: SqlPromotions
    branches: SqlBranches
    news: SqlBuildNews
    lifetimes: SqlLifetimes
    homes: SqlHomes
    digests: SqlDigests
    mornings: SqlMornings
    reaper: SqlReaper
    reaping: SqlReaping
    notices: SqlNotices
    orphans: SqlOrphans
    unfinished: SqlUnfinished
    identities: SqlIdentities
    driver: Driver
    clock: Clock

    def subscribe(self, wake: Callable[[], None]) -> None:
        """Call `wake`, from the event loop, after commits that change what a card should show."""
        self.driver.listen(Channel.CARDS, wake)

    async def check(self) -> str:
        """Whether it answers: an empty text, or what is wrong."""
        try:
            await self.driver.run(_ask())
        except QbotError as error:
            return str(error)
        return ""

    async def figures(self) -> Figures:
        """How much there is of what."""
        return await self.driver.run(figures())

    async def forget_old(self) -> int:
        """Drop what nobody will ask for again; how many rows went."""
        now = self.clock.now()
        gone = await self.driver.run(forget_workers())
        for forget in (forget_deliveries, forget_work, forget_cards, forget_facts, forget_said):
            while (some := await self.driver.run(forget(now))) is not None:
                gone += some
        return gone

    async def close(self) -> None:
        """Finish what runs and let go."""
        await self.driver.close()


def new_op_id() -> str:
    """An operation's id: short enough to be read out."""
    return f"o{secrets.token_hex(6)}"


async def open_store(
    url: str,
    *,
    clock: Clock,
    ids: Callable[[], str] = new_op_id,
    ran: Ran | None = None,
    told: Told = uncounted,
) -> Database:
    """Open `sqlite:///relative`, `sqlite:////absolute` or `postgresql://...`.

    Args:
        url: its password shows in no error.
        clock: of what the domain records; leases use the database's own.
        ids: makes an operation's id.
        ran: told of each transaction.
        told: where `ran` is, told whether the database answered as well.

    Raises:
        TransientError: the server does not answer yet.
        PermanentError: not a URL of ours, refused, in use by another process, or too new.
    """
    driver = await _driver(url)
    if ran is not None:
        driver = TimedDriver(driver, ran, told)
    try:
        await driver.run(migrate(driver.dialect))
        if driver.dialect == SqliteDriver.dialect:
            await driver.run(queue.free_all())
    except BaseException:
        await driver.close()
        raise
    return Database(
        journal=SqlJournal(driver, clock=clock, ids=ids),
        store=SqlStore(driver, clock=clock),
        cards=SqlCards(driver),
        audit=SqlAudit(driver, clock=clock),
        promotions=SqlPromotions(driver, clock=clock),
        branches=SqlBranches(driver, clock=clock),
        news=SqlBuildNews(driver, clock=clock),
        lifetimes=SqlLifetimes(driver, clock=clock),
        homes=SqlHomes(driver, clock=clock),
        digests=SqlDigests(driver, clock=clock),
        mornings=SqlMornings(driver, clock=clock),
        reaper=SqlReaper(driver, clock=clock),
        reaping=SqlReaping(driver, clock=clock, ids=ids),
        notices=SqlNotices(driver, clock=clock),
        orphans=SqlOrphans(driver, clock=clock),
        unfinished=SqlUnfinished(driver),
        identities=SqlIdentities(driver),
        driver=driver,
        clock=clock,
    )


async def _driver(url: str) -> Driver:
    if path := file_of(url):
        return await SqliteDriver.open(path)
    try:
        from qbot.store.postgres import PostgresDriver  # noqa: PLC0415  (an optional extra)
    except ImportError as error:
        raise needs_extra() from error
    return await PostgresDriver.open(url)


def _ask() -> Script[None]:
    yield alone("select 1 as one")
