"""Fill the repositories of a fresh world: services with history and branches, environments."""

import random
import re
from datetime import datetime, timedelta

from qbot.sandbox.repo_folder import Repositories
from qbot.sandbox.repos import DEFAULT_BRANCH, Person, Repository
from qbot.sandbox.shop.base import base_files
from qbot.sandbox.shop.charts import service_files
from qbot.sandbox.shop.history import FEATURES, MAIN
from qbot.sandbox.shop.people import TEAM
from qbot.sandbox.shop.services import CONFIG_PROJECT, Service, services

_DAYS = (44, 31, 23, 9, 2)  # ago: the commits of each default branch after its first


def seed(repositories: Repositories, count: int, now: datetime) -> list[Service]:
    """Make `count` services and the configuration project; the newest commit is hours old."""
    shop = services(count)
    for service in shop:
        _seed_service(repositories.create(service.project), service, now)
    environments = repositories.create(CONFIG_PROJECT)
    dan, chloe = TEAM[3], TEAM[2]
    at = now - timedelta(days=90)
    files = base_files()
    limits = {path: files.pop(path) for path in list(files) if "limits" in path}
    environments.write(DEFAULT_BRANCH, files, message="Base of an environment", author=dan, at=at)
    message = "Give containers default limits"
    at = now - timedelta(days=41, hours=3)
    environments.write(DEFAULT_BRANCH, limits, message=message, author=chloe, at=at)
    return shop


def _seed_service(repository: Repository, service: Service, now: datetime) -> None:
    chance = random.Random(service.name)
    at = now - timedelta(days=chance.randint(60, 400), minutes=chance.randint(0, 1400))
    files = service_files(service)
    first = repository.write(
        DEFAULT_BRANCH, files, message=f"Start {service.name}", author=chance.choice(TEAM), at=at
    )
    log = f"# Changes of {service.name}\n"
    for days, title in zip(_DAYS, chance.sample(MAIN, len(_DAYS)), strict=True):
        at = now - timedelta(days=days, minutes=chance.randint(0, 2800))
        log += f"- {title}\n"
        changes = {"CHANGELOG.md": log}
        repository.write(DEFAULT_BRANCH, changes, message=title, author=chance.choice(TEAM), at=at)
    repository.set_tag("v1.0.0", first)
    for branch, titles in FEATURES.items():
        _seed_branch(repository, branch, titles.get(service.name, ()), now)


def _seed_branch(
    repository: Repository, branch: str, titles: tuple[str, ...], now: datetime
) -> None:
    for index, title in enumerate(titles):
        chance = random.Random(f"{repository.path} {title}")
        at = now - timedelta(hours=4 * (len(titles) - index), minutes=chance.randint(0, 180))
        start = None if index else repository.branches()[DEFAULT_BRANCH]
        change = feature_file(title)
        author: Person = chance.choice(TEAM)
        repository.write(branch, change, message=title, author=author, at=at, start=start)


def feature_file(title: str) -> dict[str, str]:
    """A small change that conflicts with no other: one source file named after the title."""
    name = re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")[:60] or "change"
    return {f"src/{name}.py": f'"""{title}."""\n\nENABLED = True\n'}
