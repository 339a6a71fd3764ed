"""With the glass broken freezes and locks stop nobody; who may not is told of a way that works."""

from dataclasses import replace

import pytest

from qbot.domain.barriers import BarredError, Freeze, Lock
from qbot.domain.inputs import RollbackInput
from qbot.domain.people import Actor
from qbot.operations.releases.planning import admitted, planned, preview
from tests.operations.releases.planning_scene import MANAGERS, PRODUCTION, PlanningScene
from tests.operations.releases.test_planning import CHLOE
from tests.operations.scene import ANA

DAN = Actor("T1", "UDAN")


@pytest.fixture
async def shop() -> PlanningScene:
    """Production can be rolled back, but is frozen and locked."""
    made = PlanningScene()
    made.ahead("cart")
    made.merge(1, await made.promote())
    now = made.clock.now()
    made.promotions.frozen.append(Freeze(PRODUCTION, CHLOE, "audit week", now))
    made.promotions.locked.append(Lock(made.stages[PRODUCTION].scope, DAN, "load test", now))
    made.change_stage(PRODUCTION, break_glass=(MANAGERS,))
    return made


async def test_an_emergency_passes_freezes_and_locks_and_that_is_recorded(
    shop: PlanningScene,
) -> None:
    asked = RollbackInput(PRODUCTION, reason="checkout is down", emergency=True)
    case = shop.case(asked, reason=asked.reason, by=ANA)
    case.promotion = replace(case.promotion, emergency=True)
    await admitted(case, await planned(case, asked))
    await case.run.close()
    rows = [(r["action"], r["rule"], r["by"], r["right"], r["roles"]) for r in shop.audited()]
    assert rows == [
        ("rollback.exempted", rule, "checkout is down", "break-glass", MANAGERS)
        for rule in ("freeze", "lock")
    ]


async def test_an_ordinary_rollback_is_told_who_has_a_way_past(shop: PlanningScene) -> None:
    asked = RollbackInput(PRODUCTION)
    case = shop.case(asked)
    with pytest.raises(BarredError) as refused:
        await admitted(case, await planned(case, asked))
    await case.run.close()
    assert "In an emergency `release-managers` may use" in refused.value.hint
    assert "`rollback production --break-glass`" in refused.value.hint
    assert "`unlock production` is for whoever locked it" in refused.value.hint
    assert "--reason" not in refused.value.hint  # it is no way past the lock


async def test_a_preview_of_an_emergency_names_what_it_would_pass(shop: PlanningScene) -> None:
    asked = RollbackInput(PRODUCTION, reason="outage", emergency=True, dry_run=True)
    run = shop.go(asked, by=CHLOE)
    await preview(run, shop.context, shop.stages[PRODUCTION], asked)
    await run.close()
    (shown,) = shop.answers.previews
    assert shown.barriers == ()
    assert shown.exempted == (
        "`production` is frozen: audit week.",
        "`production` is locked: load test.",
    )
