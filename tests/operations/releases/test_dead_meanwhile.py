"""A rollback takes a promotion's place while its worker is dead: its syncs do not run on."""

import pytest

from qbot.domain.names import AppName, ServiceName
from tests.databases import clock, database, database_url
from tests.operations.engine.shop import shop
from tests.operations.releases.test_ended_at_the_end import PLACE, Race, race, services, ticking
from tests.store.promoting import CART, WEB
from tests.store.wishes import wishes

__all__ = ["clock", "database", "database_url", "race", "services", "shop", "ticking", "wishes"]


def syncs(race: Race, *services: ServiceName) -> None:
    """What the dead worker has begun does not end by itself."""
    for service in services:
        race.apps.held.add(service)
        app = AppName(f"production-{service}")
        race.apps.put(app, info=race.promotion.op, phase="Running", finished_at=None)


async def test_its_running_syncs_are_terminated_once(race: Race) -> None:
    syncs(race, CART)
    await race.overtaken()
    await race.gave_way(await race.goes_on(), PLACE)
    assert race.apps.times("terminate") == {"cart": 1}
    (row,) = await race.wishes.look(
        "select * from audit where action = 'promotion.syncs-terminated'"
    )
    assert "production-cart" in row["detail"]


@pytest.mark.parametrize("services", [(CART, WEB)])
async def test_what_the_rollback_leaves_alone_goes_on_syncing(race: Race) -> None:
    syncs(race, CART, WEB)
    await race.overtaken()
    await race.goes_on()
    assert race.apps.times("terminate") == {"cart": 1}
    assert race.apps.of("web").phase == "Running"
