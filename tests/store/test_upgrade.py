"""A database of an earlier version, with rows of each kind, comes up to the newest whole."""

from collections.abc import Iterator
from typing import Any

import pytest

from qbot.domain.barriers import Freeze, Lock
from qbot.domain.changes import Change, PhaseChanged, PlansChanged, SetReady
from qbot.domain.environment import Phase
from qbot.domain.names import EnvId, ServiceName
from qbot.domain.promotion import PromotionState
from qbot.domain.release_changes import HoldsPlaced, PromotionMoved
from qbot.domain.services import ServicePlan, Source
from qbot.store.migrations import MIGRATIONS, migrate
from qbot.store.statements import Script, sql
from tests.clocks import START
from tests.store.promoting import BENS, MERGE_REQUEST, PRODUCTION, SCOPE, begun, opened, word
from tests.store.wishes import ANA, BEN, Wishes

BACK_TO_9 = (
    "drop index promotions_back",
    "drop index promotions_open",
    *(
        f"alter table environments drop column {c}"
        for c in ("pin", "used_at", "used_what", "used_by")
    ),
    "alter table cards drop column term",
    "drop index environment_services_sha",
    "drop index cards_newer",
    "alter table cards drop column newer",
    "drop table branches",
    "drop table merge_requests",
    "drop table looks",
    "drop table build_news",
    "drop table sweeps",
    "drop table sweep_tries",
    "drop table merge_notes",
    "drop table homes",
    "drop table mornings",
    "drop table unfinished",
    "drop table identities",
    "drop table channel_digests",
    "drop index cards_missing",
    "alter table cards drop column missing",
    "drop table orphans",
    "drop table missing",
    *(
        f"drop table reaper_{name}"
        for name in ("deletions", "doubts", "kept", "notices", "questions", "warnings")
    ),
    "drop table reaper_pause",
    "drop table reaper_presence",
    "alter table promotions drop column asked_sha",
    "alter table environment_sets drop column back_to",
    "drop index environment_services_gone",
    "alter table environment_services drop column gone",
    "alter table environment_services drop column origin",
    "drop index cards_followed",
    "alter table cards drop column followed_by",
    "delete from schema_versions where version > 9",
)
KEYS = {
    "approvals": "seq",
    "audit": "seq",
    "cards": "op_id",
    "environment_services": "env_id, service",
    "environment_sets": "seq",
    "environments": "id",
    "freezes": "stage",
    "holds": "stage",
    "lock_waiters": "scope",
    "locks": "scope",
    "op_keys": "key",
    "op_steps": "op_id, name",
    "operations": "seq",
    "people_links": "actor",
    "promotion_services": "stage, service",
    "promotions": "number",
}


@pytest.fixture
def migrated(schemas: Iterator[str]) -> str:
    """The tables are changed here, so that no other test may have them."""
    return next(schemas)


async def environment(wishes: Wishes) -> None:
    """With a version that somebody has set, which was ready once."""
    operation = await wishes.create("feat/a")
    (claim,) = await wishes.claim()
    env = operation.env or EnvId("")
    plan = ServicePlan(ServiceName("cart"), Source.SET, "fix/ö", "1" * 40, image="1.4", by=BEN)
    changes: list[Change] = [
        PlansChanged(env, (plan,)),
        PhaseChanged(env, Phase.READY),
        SetReady(env),
    ]
    await wishes.journal.commit(claim, "ready", 1, changes)


async def promotion(wishes: Wishes, service: str, state: PromotionState, merge: str = "") -> None:
    """Each is about a service of its own."""
    claim, row = await opened(wishes, ServiceName(service))
    if state is PromotionState.OPEN:
        await wishes.database.promotions.decide(word(row), rule="approver")
        return
    change = PromotionMoved(row.id, state, merge, "why")
    held = HoldsPlaced(row.id, PRODUCTION, ((ServiceName(service), "v1"),))
    await wishes.journal.commit(claim, "move", 1, [change, *([held] if merge else [])])


async def in_the_way(wishes: Wishes) -> None:
    rows = wishes.database.promotions
    await rows.freeze(Freeze(PRODUCTION, BEN, "release", START, None))
    await rows.lock(Lock(SCOPE, ANA, "look", START, None))
    await rows.await_free(SCOPE, BEN)
    await rows.link(BEN, BENS)


async def rows(wishes: Wishes) -> dict[str, list[dict[str, Any]]]:
    return {
        table: await wishes.look(f"select * from {table} order by {key}")  # noqa: S608 (constants)
        for table, key in KEYS.items()
    }


async def test_a_database_of_version_9_is_brought_up_with_all_that_it_has(wishes: Wishes) -> None:
    await environment(wishes)
    await begun(wishes, ServiceName("resolving"))
    for state in (PromotionState.OPEN, PromotionState.APPROVED, PromotionState.FAILED):
        await promotion(wishes, state.value, state)
    for state in (PromotionState.MERGED, PromotionState.DONE):
        await promotion(wishes, state.value, state, "f" * 40)
    await in_the_way(wishes)
    before = await rows(wishes)
    assert all(before.values())

    def back() -> Script[None]:
        for statement in BACK_TO_9:
            yield sql(statement)

    driver = wishes.database.driver
    # Else a merge whose answer the earlier version never heard would be told as one by hand.
    asked = {PromotionState.APPROVED, PromotionState.FAILED}
    await driver.run(back())
    assert await driver.run(migrate(driver.dialect)) == len(MIGRATIONS) - 9
    for row in before["promotions"]:
        row["asked_sha"] = MERGE_REQUEST.sha if row["state"] in asked else ""
    assert await rows(wishes) == before
