"""Both databases for every test here."""

from tests.databases import clock, database, database_url, postgres_url
from tests.operations.engine.shop import shop
from tests.store.wishes import wishes

__all__ = [
    "clock",
    "database",
    "database_url",
    "postgres_url",
    "shop",
    "wishes",
]
