"""Versions that were ready together, on both databases."""

from qbot.domain.changes import Change, PhaseChanged, PlansChanged, SetReady
from qbot.domain.environment import Phase
from qbot.domain.names import EnvId, ServiceName
from qbot.domain.people import Actor
from qbot.domain.services import ServicePlan, Source
from tests.store.wishes import Wishes

CART = ServiceName("cart")
BY = Actor("T1", "UANA")


def plan(number: int, image: str = "") -> ServicePlan:
    return ServicePlan(CART, Source.SET, "fix/ö", f"{number:040x}", image=image, by=BY)


async def test_sets_are_kept_newest_first_whole_and_at_most_twenty(wishes: Wishes) -> None:
    operation = await wishes.create("feat/a")
    env = operation.env or EnvId("")
    (claim,) = await wishes.database.journal.claim("w", 1)
    for number in range(22):
        changes: list[Change] = [PlansChanged(env, (plan(number, "1.4.2"),)), SetReady(env)]
        await wishes.database.journal.commit(claim, f"step-{number}", None, changes)
    again: list[Change] = [PhaseChanged(env, Phase.READY), SetReady(env)]
    await wishes.database.journal.commit(claim, "again", None, again)
    sets = await wishes.database.store.ready_sets(env)
    assert [s.plans for s in sets] == [(plan(n, "1.4.2"),) for n in range(21, 1, -1)]
    found = await wishes.database.store.environment(env)
    assert found is not None
    assert found.plans == (plan(21, "1.4.2"),)


async def test_an_environment_without_versions_has_no_set(wishes: Wishes) -> None:
    operation = await wishes.create("feat/a")
    env = operation.env or EnvId("")
    (claim,) = await wishes.database.journal.claim("w", 1)
    await wishes.database.journal.commit(claim, "none", None, [SetReady(env)])
    assert await wishes.database.store.ready_sets(env) == []
