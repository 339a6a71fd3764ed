from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from qbot.domain.names import EnvId
from qbot.gateways.argocd.states import state
from qbot.gateways.argocd.table import Table, key_of
from tests.gateways.argocd.world import ENV, application

CART = state(application(version=5))


def at(version: int) -> Table:
    table = Table()
    table.offer(replace(CART, version=version))
    return table


@given(versions=st.permutations(range(1, 7)))
def test_the_newest_version_wins_in_whatever_order_they_come(versions: list[int]) -> None:
    table = Table()
    for version in versions:
        table.offer(replace(CART, version=version))
    found = table.get(key_of(CART))
    assert found is not None
    assert found.version == 6


def test_versions_are_compared_as_numbers() -> None:
    table = at(9)
    table.offer(replace(CART, version=10))
    assert table.of(ENV.id)[CART.service].version == 10


def test_late_news_do_not_bring_a_deleted_application_back() -> None:
    table = at(5)
    table.remove(key_of(CART), 7)
    table.offer(replace(CART, version=6))
    assert not table.of(ENV.id)


def test_a_new_application_of_the_same_name_is_welcome() -> None:
    table = at(5)
    table.remove(key_of(CART), 7)
    table.offer(replace(CART, version=8))
    assert table.of(ENV.id)


def test_an_old_deletion_does_not_remove_the_new_application() -> None:
    table = at(8)
    table.remove(key_of(CART), 7)
    assert table.of(ENV.id)


def test_the_truth_is_kept_although_its_version_is_lower() -> None:
    table = at(8)
    table.insist(replace(CART, version=2, health="Degraded"))
    assert table.of(ENV.id)[CART.service].health == "Degraded"


def test_confirmed_deletions_are_forgotten() -> None:
    table = at(5)
    table.remove(key_of(CART), 7)
    table.forget(table.deleted())
    assert not table.deleted()


def test_who_listens_is_woken_by_changes_of_that_environment_only() -> None:
    table = Table()
    with table.listen(ENV.id) as changed:
        table.offer(replace(CART, env=EnvId("other")))
        assert not changed.is_set()
        table.offer(CART)
        assert changed.is_set()
        changed.clear()
        table.offer(CART)
        assert not changed.is_set()
        table.remove(key_of(CART), 9)
        assert changed.is_set()
    assert not table.awaited


def test_a_snapshot_does_not_change_later() -> None:
    table = at(5)
    snapshot = table.of(ENV.id)
    table.remove(key_of(CART), 9)
    assert len(snapshot) == 1
