"""What a history, a pruning and a coverage refuse, and what they do with what is damaged, odd or empty."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from backfill import BackfillRequest, BackfillService, InvalidRequest, function_source
from backfill.history.cache import HistoryCache
from backfill.protocols import Fetch
from backfill.stores import MemorySnapshotStore
from raining import rain
from trust_roots import over

JANUARY, FEBRUARY = date(2023, 1, 31), date(2023, 2, 28)


def _spoiled(content: str, *values: object) -> Callable[[Path], object]:
    def spoil(path: Path) -> None:
        with sqlite3.connect(path) as connection:
            connection.execute(content, values)
        connection.close()

    return spoil


SPOILED: dict[str, Callable[[Path], object]] = {
    "no database": lambda path: path.write_bytes(b"not a database" * 100),
    "a cut database": lambda path: path.write_bytes(path.read_bytes()[:5000]),
    "no table": _spoiled("DROP TABLE days"),
    "other columns": _spoiled("ALTER TABLE days RENAME COLUMN figures TO numbers"),
    "a list": _spoiled("UPDATE days SET figures = ?", b"[1]"),
    "a number for a record": _spoiled("UPDATE days SET figures = ?", b'{"61": 1, "F": 2, "U": 3}'),
    "a number for figures": _spoiled("UPDATE days SET figures = ?", b'{"61": ["", 5]}'),
    "lists for figures": _spoiled("UPDATE days SET figures = ?", b'{"61": ["", {"a": []}]}'),
    "no JSON": _spoiled("UPDATE days SET figures = ?", b"\xff"),
    "a text": _spoiled("UPDATE days SET figures = ?", "{}"),
    "a number": _spoiled("UPDATE days SET figures = ?", 7),
    "no days": _spoiled("UPDATE days SET day = day || 'x'"),
}


@pytest.mark.parametrize("spoil", SPOILED.values(), ids=SPOILED)
def test_a_damaged_cache_is_made_anew(root: Path, spoil: Callable[[Path], object]) -> None:
    """Whatever was done to the file, the figures are those of the records, and the file is good again afterwards. [B2]"""
    path = root / "history.sqlite3"
    with over(root) as service:
        expected = service.history()
        kept = HistoryCache(path).load(JANUARY, FEBRUARY)
    spoil(path)
    with over(root) as service:
        assert service.history() == expected
    assert HistoryCache(path).load(JANUARY, FEBRUARY) == kept


Wrong = Callable[[BackfillService], object]
WRONG: dict[str, tuple[str, Wrong]] = {
    "one field": ("fields", lambda service: service.history(fields="a.b")),
    "no field": ("fields", lambda service: service.history(fields=[])),
    "a number as fields": ("fields", lambda service: service.history(fields=3)),  # type: ignore[arg-type] # of any kind, here and below
    "a number in fields": ("fields", lambda service: service.history(fields=[3])),  # type: ignore[list-item] # as above
    "a rule that is none": ("keep", lambda service: service.prune(keep="x")),  # type: ignore[arg-type] # as above
    "a text for dry_run": ("dry_run", lambda service: service.prune(dry_run="no")),  # type: ignore[arg-type] # as above
    "a text for archive": ("archive", lambda service: service.prune(archive="no")),  # type: ignore[arg-type] # as above
    "no day to begin with": ("start", lambda service: service.history(start="2024-02-30")),
    "a history that ends first": ("end", lambda service: service.history(start="2024-01-31", end="2024-01-30")),
    "findings that end first": ("end", lambda service: service.findings("2024-01-31", "2024-01-30")),
    "a pruning that ends first": ("end", lambda service: service.prune("2024-01-31", "2024-01-30")),
    "a day of a coverage": ("day", lambda service: service.coverage("2024-01-31", "2024-01-31").state("31.1.", "north")),
    "a day of a detail": ("day", lambda service: service.coverage("2024-01-31", "2024-01-31").detail("", "north")),
    "a day of a kind": ("day", lambda service: service.coverage("2024-01-31", "2024-01-31").kind(3, "north")),  # type: ignore[arg-type] # as above
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_meant_is_refused(raining: BackfillService, case: str) -> None:
    """The error names the value, the rule and the remedy, before anything is looked at or removed. [R7.4]"""
    field, ask = WRONG[case]
    with pytest.raises(InvalidRequest) as raised:
        ask(raining)
    assert raised.value.field == field
    assert raised.value.rule
    assert raised.value.remedy
    assert len(list(raining.store.days())) == 3


def test_a_day_of_a_coverage_may_be_a_text(raining: BackfillService) -> None:
    """As everywhere else. [B5]"""
    coverage = raining.coverage("2024-01-31", "2024-01-31")
    assert (coverage.state("2024-01-31", "north"), coverage.detail("2024-01-31", "north")) == ("full", "full")
    assert coverage.kind("2024-01-31", "north") is None


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    """Also where it is not even a path. [R7.4]"""
    with over(tmp_path) as service:
        for folder in (None, 3, "", tmp_path / "nowhere"):
            with pytest.raises(InvalidRequest, match="folder"):
                service.import_reports(folder)  # type: ignore[arg-type] # of any kind


def test_a_number_beyond_64_bits_makes_a_column_of_text() -> None:
    """No figure is lost, rounded or refused, whichever library takes the table over. [B9]"""
    figures = {1: 2**63 - 1, 2: -(2**63), 3: 2**63, 4: -(2**70)}

    @function_source("large")
    def large(day: date, district: str, fetch: Fetch) -> object:
        return {"n": figures[day.day]}

    with BackfillService(large, MemorySnapshotStore()) as service:
        service.run_backfill(BackfillRequest("2024-01-01", "2024-01-04", ["a"]), progress=False)
        assert list(service.history(end="2024-01-02")["n"]) == [2**63 - 1, -(2**63)]
        table = service.history()
        assert list(table["n"]) == [str(figures[number]) for number in range(1, 5)]
        pl = pytest.importorskip("polars")
        assert list(pl.DataFrame(table)["n"]) == list(table["n"])
        assert list(service.history(end="2024-01-02").to_frame("polars")["n"]) == [2**63 - 1, -(2**63)]


def test_a_history_without_rows_has_the_types_of_one_with_rows(raining: BackfillService) -> None:
    """So that frames of several histories can be put together. [B9]"""
    full = raining.history()
    for empty in (raining.history(["nobody"]), raining.history(end="2023-01-01"), raining.history(start="2025-01-01")):
        assert len(empty) == 0
        assert [(column.name, column.kind) for column in empty.columns] == [(column.name, column.kind) for column in full.columns]
    chosen = raining.history(["nobody"], ["by.hour.max"])
    assert [column.kind for column in chosen.columns[4:]] == [full.columns[5].kind]
    with BackfillService(rain, MemorySnapshotStore()) as service:
        nothing = service.history(fields=["mm"])
        assert [(column.name, column.kind) for column in nothing.columns[:4]] == [
            (column.name, column.kind) for column in full.columns[:4]
        ]
        assert service.history().names == full.names[:4]
