"""Which services the shop has, and how long each part of one really takes to come up."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, product

GROUP = "shop"
CONFIG_PROJECT = "shop/environments"


@dataclass(frozen=True, slots=True)
class Service:
    """One service; durations are seconds on a real cluster, 0 = the chart has no such part."""

    name: str
    port: int
    deploy: int
    cache: int = 0  # a StatefulSet before the Deployment
    migrate: int = 0  # PreSync Job
    seed: int = 0  # PostSync Job
    drop: int = 0  # PostDelete Job
    export: int = 0  # PreDelete Job
    public: bool = False  # has an Ingress
    replicas: int = 2

    @property
    def project(self) -> str:
        """The full path of its GitLab project."""
        return f"{GROUP}/{self.name}"


CORE = (
    Service("frontend", 3000, deploy=48, public=True, replicas=3),
    Service("cart", 8080, deploy=40, cache=18),
    Service("catalog", 8080, deploy=46, cache=18, migrate=36, seed=44, replicas=3),
    Service("checkout", 8080, deploy=64, public=True),
    Service("payments", 8443, deploy=66, migrate=28),
    Service("orders", 8080, deploy=58, cache=14, migrate=36, drop=12),
    Service("inventory", 8080, deploy=46, migrate=24),
    Service("shipping", 8080, deploy=34),
    Service("search", 9200, deploy=44, cache=58),
    Service("accounts", 8080, deploy=56, cache=20, migrate=44, export=15),
    Service("notifications", 8080, deploy=28, replicas=1),
)

_SUBJECTS = (
    *("pricing", "promotions", "reviews", "wishlist", "recommendations", "tax", "fraud", "loyalty"),
    *(
        "returns",
        "refunds",
        "invoices",
        "ledger",
        "giftcards",
        "coupons",
        "bundles",
        "subscriptions",
    ),
    *("warehouse", "picking", "packing", "labels", "carriers", "tracking", "customs", "suppliers"),
    *("purchasing", "forecast", "media", "images", "content", "landing", "sitemap", "translations"),
    *("sessions", "consent", "profiles", "addresses", "mailer", "sms", "push", "webhooks", "audit"),
    *("reports", "metrics", "exports", "imports", "partners", "marketplace", "sellers", "payouts"),
    *(
        "support",
        "tickets",
        "chat",
        "stores",
        "geo",
        "currency",
        "experiments",
        "flags",
        "scheduler",
    ),
)
_ROLES = ("", "-api", "-worker", "-sync", "-admin", "-jobs")


def services(count: int) -> list[Service]:
    """The first `count` services of the shop; the well-known eleven come first.

    Raises:
        ValueError: fewer than one, or more than there are names.
    """
    found = list(islice(_all(), count)) if count > 0 else []
    if len(found) != count or not found:
        most = len(CORE) + sum(1 for _ in _names())
        raise ValueError(f"the shop can have 1 to {most} services")
    return found


def _all() -> Iterator[Service]:
    yield from CORE
    for name in _names():
        chance = random.Random(name)
        yield Service(
            name,
            8080,
            deploy=chance.randint(26, 70),
            cache=chance.choice((0, 0, 0, 14, 20)),
            migrate=chance.choice((0, 0, 22, 30, 38)),
            replicas=chance.randint(1, 3),
        )


def _names() -> Iterator[str]:
    for role, subject in product(_ROLES, _SUBJECTS):
        if len(name := f"{subject}{role}") <= 20:
            yield name
