"""A merge request that is made anew: what is shown, what stays, and what is void each time."""

from collections.abc import AsyncIterator, Mapping

import pytest

from qbot.domain.changes import Audited
from qbot.operations.releases.rulings import Ruling
from tests.operations.releases.planning_scene import PRODUCTION, file
from tests.operations.releases.proposals import ProposedScene

CART = "production/cart.yaml"
FOREIGN = (
    "somebody else's commit was added to its branch, by Ana Costa; Qbot has taken it off again, "
    "so that what changes is the same as before"
)


@pytest.fixture
async def shop() -> AsyncIterator[ProposedScene]:
    made = ProposedScene()
    yield made
    await made.close()


def voided(shop: ProposedScene) -> list[Mapping[str, str]]:
    return [row for row in shop.audited() if row["action"] == "promotion.voided"]


def shown(shop: ProposedScene) -> list[tuple[int, str, str]]:
    """The changed lines on the card."""
    assert shop.running
    return [(c.line, c.old, c.new) for c in shop.running.tracker.progress.changes.lines]


async def test_the_diff_is_of_the_plan_that_people_are_asked_about_now(
    shop: ProposedScene,
) -> None:
    new = shop.ahead("cart")
    await shop.propose()
    moved = "# moved down by a line\n" + file("cart", "b" * 40)
    shop.push("main", {CART: moved})
    await shop.look()
    assert shop.row.plan
    assert [e.old for e in shop.row.plan.edits] == ["b" * 40]
    expected = [(5, f'  tag: "{"b" * 40}"  # full id', f'  tag: "{new}"  # full id')]
    assert shown(shop) == expected
    await shop.look()  # another run, from what is written down
    assert [(c.line, c.old, c.new) for c in shop.rows.shown.lines] == expected


async def test_who_tries_again_or_makes_it_anew_has_no_more_time(shop: ProposedScene) -> None:
    shop.ahead("cart")
    await shop.propose()
    until = shop.row.expires_at
    shop.clock.advance(600)
    shop.journal.steps.clear()  # a retry: another operation goes on with it
    shop.push("main", {"README.md": "Other matters."})
    shop.config.status = "need_rebase"
    assert await shop.look() is None
    assert "remade:0" in shop.journal.steps
    assert shop.row.expires_at == until
    assert until
    shop.clock.advance(24 * 3600)
    ruled = await shop.look()
    assert ruled
    assert ruled.ruling is Ruling.EXPIRED


async def test_another_change_has_its_own_time(shop: ProposedScene) -> None:
    shop.ahead("cart")
    await shop.propose()
    until = shop.row.expires_at
    shop.clock.advance(600)
    shop.declare(PRODUCTION, "cart", "b" * 40)
    await shop.look()
    assert until
    assert shop.row.expires_at
    assert (shop.row.expires_at - until).total_seconds() == 600


async def test_the_same_foreign_commit_voids_each_time_that_it_is_pushed(
    shop: ProposedScene,
) -> None:
    shop.ahead("cart")
    await shop.propose()
    await shop.approve("UCHLOE")
    foreign = shop.push(shop.branch, {"hidden.yaml": "evil: true"})
    assert await shop.look() is None
    assert [a.void for a in shop.rows.said] == [FOREIGN]
    await shop.approve("UDAN")
    shop.repository.fork("shop/deployments", shop.branch, foreign)
    assert await shop.look() is None
    assert [a.void for a in shop.rows.said] == [FOREIGN, FOREIGN]
    assert [row["head"] for row in voided(shop)] == [foreign, foreign]
    assert shop.notices.voids == [(("UCHLOE",), FOREIGN), (("UDAN",), FOREIGN)]
    assert await shop.look() is None
    assert len(shop.notices.voids) == 2
    assert "hidden.yaml" not in shop.repository.commits[shop.head].files


async def test_a_foreign_commit_is_told_of_also_where_nobody_had_approved(
    shop: ProposedScene,
) -> None:
    shop.ahead("cart")
    await shop.propose()
    shop.push(shop.branch, {"hidden.yaml": "evil: true"})
    assert await shop.look() is None
    assert await shop.look() is None
    assert shop.notices.voids == [((), FOREIGN)]
    rows = [c for c in shop.journal.changes if isinstance(c, Audited)]
    (row,) = [row for row in rows if row.action == "promotion.voided"]
    assert row.found  # not by who asked for the promotion
    assert dict(row.detail)["why"] == FOREIGN


async def test_a_foreign_commit_on_top_of_another_change_does_not_claim_that_it_is_the_same(
    shop: ProposedScene,
) -> None:
    shop.ahead("cart")
    await shop.propose()
    shop.push(shop.branch, {"hidden.yaml": "evil: true"})
    shop.declare(PRODUCTION, "cart", "b" * 40)
    assert await shop.look() is None
    assert shop.notices.voids == [((), FOREIGN.partition(", so that")[0])]


async def test_a_merge_request_that_shows_an_earlier_head_for_a_moment_voids_nothing(
    shop: ProposedScene,
) -> None:
    shop.ahead("cart")
    await shop.propose()
    foreign = shop.push(shop.branch, {"hidden.yaml": "evil: true"})
    assert await shop.look() is None
    await shop.approve("UCHLOE")
    shop.config.lagging, head = foreign, shop.head
    assert await shop.look() is None
    assert [a.void for a in shop.rows.said] == [""]
    assert (shop.head, len(voided(shop))) == (head, 1)


async def test_a_crash_after_the_foreign_commit_was_replaced_forgets_nothing(
    shop: ProposedScene,
) -> None:
    shop.ahead("cart")
    await shop.propose()
    await shop.approve("UCHLOE")
    shop.push(shop.branch, {"hidden.yaml": "evil: true"})
    shop.applying.dies_at = "remade:0"
    with pytest.raises(ConnectionError):
        await shop.look()
    assert "hidden.yaml" not in shop.repository.commits[shop.head].files
    assert await shop.look() is None
    assert [a.void for a in shop.rows.said] == [FOREIGN]


async def test_a_crash_before_the_merge_request_was_made_makes_it_the_same(
    shop: ProposedScene,
) -> None:
    new = shop.ahead("cart")
    shop.applying.dies_at = "propose"
    with pytest.raises(ConnectionError):
        await shop.propose()
    await shop.propose()
    assert shop.repository.commits[shop.head].files[CART] == file("cart", new)


async def test_the_stage_is_read_once_at_one_commit(shop: ProposedScene) -> None:
    for service in ("cart", "orders", "web"):
        shop.ahead(service)
    await shop.propose()
    production = [(ref, path) for ref, path in shop.config.read if path.startswith("production/")]
    assert len(production) == len(set(production)) == 3
