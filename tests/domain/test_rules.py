"""What qbot.yaml decides."""

from datetime import timedelta

import pytest

from qbot.domain.names import EnvName, ServiceName
from qbot.domain.rules import Rules, known
from qbot.errors import UserError
from tests.operations.scene import RULES, catalog

CATALOG = catalog("cart", "orders", "web")


def test_the_url_carries_the_environments_name() -> None:
    assert RULES.url_of(EnvName("qbot-x")) == "https://qbot-x.example.test"


def test_the_defaults_wait_for_what_flaps() -> None:
    fields = Rules.__dataclass_fields__
    assert fields["broken_after"].default == timedelta(seconds=15)


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
