"""A fresh shop, again and again: it is seeded once, and then put in place."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache

from qbot.sandbox.clock import SandboxClock
from qbot.sandbox.kernel import Kernel
from qbot.sandbox.packed import Packed, pack
from qbot.sandbox.repo_folder import Repositories
from qbot.sandbox.shop.seed import seed
from qbot.sandbox.shop.services import Service
from qbot.sandbox.shop.stages import Placement, Variant, seed_stages, stages_project

_SAME = 600  # seconds in which every fresh shop has the same commits: its history is hours old


@dataclass(frozen=True, slots=True)
class _Shop:
    repositories: Mapping[str, Packed]
    services: tuple[Service, ...]
    placements: tuple[Placement, ...]


def settle(
    repositories: Repositories, count: int, variant: Variant, now: datetime
) -> tuple[list[Service], tuple[Placement, ...]]:
    """Make all repositories of the shop: its `count` services, and what the stages run.

    The history is told from the last full ten minutes, so that it need not be made each time.
    """
    shop = _shop(count, variant, int(now.timestamp()) // _SAME * _SAME)
    for path, packed in shop.repositories.items():
        repositories.restore(path, packed)
    url = repositories.url(stages_project(variant))
    placed = (
        replace(each, source={**deepcopy(each.source), "repoURL": url}) for each in shop.placements
    )
    return list(shop.services), tuple(placed)


@lru_cache(maxsize=8)
def _shop(count: int, variant: Variant, at: int) -> _Shop:
    now, repositories = datetime.fromtimestamp(at, UTC), Repositories(Kernel(SandboxClock()))
    try:
        services = seed(repositories, count, now)
        placements = seed_stages(repositories, services, variant, now)
        packed = {each.path: pack(each.git) for each in repositories}
    finally:
        repositories.clear()
    return _Shop(packed, tuple(services), placements)
