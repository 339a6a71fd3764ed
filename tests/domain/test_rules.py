"""What qbot.yaml decides, and when an environment is idle."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbot.domain.idle import idle
from qbot.domain.names import EnvName, ServiceName
from qbot.domain.rules import Rules, known
from qbot.errors import UserError
from tests.clocks import START
from tests.operations.scene import RULES, catalog

DAY = timedelta(days=1)
CATALOG = catalog("cart", "orders", "web")


def test_the_url_carries_the_environments_name() -> None:
    assert RULES.url_of(EnvName("qbot-x")) == "https://qbot-x.example.test"


def test_the_defaults_wait_for_what_flaps_and_rests() -> None:
    fields = Rules.__dataclass_fields__
    assert fields["broken_after"].default == timedelta(seconds=15)
    assert fields["idle_after"].default == 2 * DAY


def test_known_services_are_let_through_in_their_order() -> None:
    names = (ServiceName("web"), ServiceName("cart"))
    assert known(CATALOG, names) == names
    assert known(CATALOG, ()) == ()


def test_an_unknown_service_gets_the_nearest_and_all_there_are() -> None:
    with pytest.raises(UserError, match=r"no service `ordres`. Did you mean `orders`\?") as error:
        known(CATALOG, (ServiceName("ordres"),))
    assert error.value.hint == "Services: `cart`, `orders`, `web`."


def test_a_long_catalog_is_not_listed_whole() -> None:
    many = catalog(*(f"s{n}" for n in range(40)))
    with pytest.raises(UserError, match=r"`zzz`\.$") as error:
        known(many, (ServiceName("zzz"),))
    assert "and 28 more" in error.value.hint


@given(st.timedeltas(timedelta(0), 30 * DAY), st.timedeltas(timedelta(seconds=1), 30 * DAY))
def test_idle_is_what_nobody_used_for_so_long_or_longer(
    rested: timedelta, after: timedelta
) -> None:
    assert idle(START, now=START + rested, after=after) == (rested >= after)
