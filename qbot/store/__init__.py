"""The database: one set of SQL for SQLite and PostgreSQL; `open_store` opens it.

A transaction is a generator script: it yields statements, gets rows back, and a driver runs it
whole. Scripts know the tables; drivers know the databases; neither knows the other's part.
"""

from qbot.store.database import Database, open_store

__all__ = ["Database", "open_store"]
