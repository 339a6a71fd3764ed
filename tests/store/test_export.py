"""The audit log leaves the database whole, in order and without secrets, beside a running Qbot."""

import csv
import io
import json
import sqlite3
from contextlib import aclosing, closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from qbot.errors import PermanentError
from qbot.store import export as exporting
from qbot.store.audit import note
from qbot.store.export import Entry, audit_entries
from qbot.store.formats import writer
from qbot.store.statements import Script
from tests.clocks import START
from tests.store.promoting import CART, opened, word
from tests.store.wishes import ANA, Wishes

TOKEN = "glpat-abcdefghijklmnopqrst"


async def entries(url: str, **how: Any) -> list[Entry]:
    async with aclosing(audit_entries(url, **how)) as pages:
        return [entry async for page in pages for entry in page]


async def noted(wishes: Wishes, count: int) -> None:
    def script() -> Script[None]:
        for number in range(count):
            at = START + timedelta(days=number)
            detail = (("reason", f"number {number}, {TOKEN}"), ("rule", "role"))
            yield from note(ANA, "thing.done", "done", at, detail=detail)

    await wishes.database.driver.run(script())


async def test_it_is_read_while_qbot_has_the_database(wishes: Wishes, database_url: str) -> None:
    _, promotion = await opened(wishes, CART)
    await wishes.database.promotions.decide(word(promotion), rule="approver:managers")
    found = await entries(database_url)
    assert [(e["action"], e["promotion"], e["rule"]) for e in found] == [
        ("promote.requested", "P-1", ""),
        ("promotion.approval", "P-1", "approver:managers"),
    ]
    assert {e["scope"] for e in found} == {"stage:production"}


async def test_pages_join_without_gap_or_repeat(wishes: Wishes, database_url: str) -> None:
    await noted(wishes, exporting._PAGE + 3)
    found = await entries(database_url)
    assert [e["seq"] for e in found] == list(range(1, exporting._PAGE + 4))


async def test_no_secret_leaves(wishes: Wishes, database_url: str) -> None:
    await noted(wishes, 1)
    (entry,) = await entries(database_url)
    assert entry["detail"] == {"reason": "number 0, [redacted]", "rule": "role"}


async def test_it_may_begin_later(wishes: Wishes, database_url: str) -> None:
    await noted(wishes, 5)
    found = await entries(database_url, since=START + timedelta(days=3))
    assert [e["seq"] for e in found] == [4, 5]


async def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match="There is no database"):
        await entries(f"sqlite:///{tmp_path}/none.db")
    (tmp_path / "other.db").write_text("")
    with pytest.raises(PermanentError, match="cannot read the audit log"):
        await entries(f"sqlite:///{tmp_path}/other.db")


ENTRY: Entry = {
    "seq": 1, "at": "2026-01-05", "team": "T1", "user": "UANA", "action": "thing.done",
    "outcome": "done", "rule": "role", "promotion": "P-1", "operation": "op1",
    "scope": "stage:production", "detail": {"reason": "Grüße,\nall"},
}  # fmt: skip


def test_json_lines_are_read_back() -> None:
    told = io.StringIO()
    with writer("jsonl", None, told) as target:
        target.write([ENTRY])
        target.write([ENTRY])
    assert [json.loads(line) for line in told.getvalue().splitlines()] == [ENTRY, ENTRY]


def test_csv_is_read_back() -> None:
    told = io.StringIO()
    with writer("csv", None, told) as target:
        target.write([ENTRY])
    (row,) = csv.DictReader(io.StringIO(told.getvalue()))
    assert (row["seq"], row["scope"]) == ("1", "stage:production")
    assert json.loads(row["detail"]) == ENTRY["detail"]


def test_a_sqlite_file_can_be_asked(tmp_path: Path) -> None:
    out = tmp_path / "audit.db"
    with writer("sqlite", out, io.StringIO()) as target:
        target.write([ENTRY])
        target.write([{**ENTRY, "seq": 2}])
    with closing(sqlite3.connect(out)) as connection:
        asked = "select seq, detail ->> 'reason' from audit where promotion = 'P-1' order by seq"
        assert connection.execute(asked).fetchall() == [(1, "Grüße,\nall"), (2, "Grüße,\nall")]
    assert list(tmp_path.iterdir()) == [out]


def test_a_file_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    out = tmp_path / "audit.jsonl"

    def fail() -> None:
        with writer("jsonl", out, io.StringIO()) as target:
            target.write([ENTRY])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", ["jsonl", "csv", "sqlite"])
def test_no_file_is_overwritten(tmp_path: Path, form: str) -> None:
    out = tmp_path / "qbot.db"
    out.write_text("precious")
    with (
        pytest.raises(PermanentError, match="there already"),
        writer(form, out, io.StringIO()),
    ):
        pass
    assert out.read_text() == "precious"


def test_a_sqlite_file_needs_a_name() -> None:
    with pytest.raises(PermanentError, match="--out"), writer("sqlite", None, io.StringIO()):
        pass
