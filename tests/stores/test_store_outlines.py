"""The outlines of all days of a file store, from one file: what the manifests say, whatever happened to either."""

from __future__ import annotations

import shutil
import zlib
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfill.model import CellState, DayCells, DayOutline, UnitState
from backfill.model.units import CODES, OutcomeRow
from backfill.protocols import SupportsOutlines
from backfill.stores import PerDistrictFileSnapshotStore, check, repair
from backfill.stores._missing import no_manifest
from backfill.testing.files import UnsyncedFiles
from backfill.testing.samples import DAY, record, store_records

SECOND, THIRD = DAY + timedelta(days=1), DAY + timedelta(days=2)


class Counting(UnsyncedFiles):
    """Counts what is read."""

    def __init__(self) -> None:
        self.reads: list[str] = []

    def read(self, path: Path) -> bytes:
        """Note it, and read."""
        self.reads.append(path.name)
        return super().read(path)


@pytest.fixture
def store(tmp_path: Path) -> PerDistrictFileSnapshotStore:
    """A store of three days: in full, in summary, not settled."""
    store = PerDistrictFileSnapshotStore(tmp_path / "snapshots", files=UnsyncedFiles())
    store_records(store, record("61"), record("F"), day=DAY)
    store_records(store, record("61", day=SECOND, detail="summary"), record("F", day=SECOND), day=SECOND)
    store_records(store, record("61", day=THIRD, settled=False), record("F", day=THIRD), day=THIRD)
    return store


def expected(store: PerDistrictFileSnapshotStore) -> dict[date, DayOutline]:
    """Return what the manifests say, and what is left of days that have none."""
    remnants = {day: DayOutline.damaged(no_manifest(store.root / f"{day}")) for day in store.remnants()}
    return remnants | {day: DayOutline.of(store.entries(day), store.read(day).metadata.own_list) for day in store.days()}


def test_an_outline_says_what_is_stored(store: PerDistrictFileSnapshotStore) -> None:
    """The detail of each district, and which of them a later run completes. [B5]"""
    assert isinstance(store, SupportsOutlines)
    for _look in ("from the manifests", "from the one file"):
        found = store.outlines()
        assert list(found) == [DAY, SECOND, THIRD]
        assert dict(found[SECOND].cells) == {"61": CellState.SUMMARY, "F": CellState.FULL}
        assert [found[day].incomplete for day in found] == [frozenset(), frozenset(), {"61"}]
        assert found == expected(store)
    assert list(store.outlines(SECOND, SECOND)) == [SECOND]


def test_the_second_look_opens_one_file(store: PerDistrictFileSnapshotStore) -> None:
    """Days that have not changed are not opened again; one that has is, alone. [B5]"""
    store.outlines()
    files = Counting()
    again = PerDistrictFileSnapshotStore(store.root, files=files)
    again.outlines()
    assert files.reads == ["outlines.json"]
    store_records(store, record("U", day=SECOND), day=SECOND)
    files.reads.clear()
    assert list(again.outlines()[SECOND].cells) == ["61", "F", "U"]
    assert files.reads == ["outlines.json", f"{SECOND}.json", "metadata.json"]


def _put_a_folder(store: PerDistrictFileSnapshotStore) -> None:
    path = store.root / ".index/outlines.json"
    path.unlink()
    path.mkdir()


CHANGES: dict[str, Callable[[PerDistrictFileSnapshotStore], object]] = {
    "a day replaced": lambda store: store_records(store, record("61", "newer", day=THIRD), day=THIRD),
    "a day deleted": lambda store: store.delete(SECOND),
    "a day moved away": lambda store: shutil.rmtree(store.root / SECOND.isoformat()),
    "a manifest gone": lambda store: (store.root / SECOND.isoformat() / "manifest.json").unlink(),
    "a record gone": lambda store: (store.root / SECOND.isoformat() / "district_61.json").unlink(),
    "a day set aside": lambda store: (store.root / SECOND.isoformat()).rename(store.root / f".old-{SECOND}"),
    "the file gone": lambda store: (store.root / ".index/outlines.json").unlink(),
    "the file cut": lambda store: (store.root / ".index/outlines.json").write_bytes(b"0000"),
    "the file of another format": lambda store: (store.root / ".index/outlines.json").write_bytes(
        b"%08x" % zlib.crc32(b"[9,[],[]]") + b"[9,[],[]]"
    ),
    "a folder in its place": _put_a_folder,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_outlines_follow_the_days(store: PerDistrictFileSnapshotStore, change: Callable[..., object]) -> None:
    """Whatever happened to the days, or to the file, the outlines are those of the manifests. [B2, B5]"""
    store.outlines()
    change(store)
    for _look in range(2):
        assert store.outlines() == expected(store)


@pytest.mark.parametrize("content", [b"{}", b"", b"\0"])
def test_a_day_that_cannot_be_read_says_so_until_it_can(store: PerDistrictFileSnapshotStore, content: bytes) -> None:
    """One manifest that is none takes no other day's outline with it, and is not remembered. [B5, B2]"""
    path = store.root / f"{SECOND}" / "manifest.json"
    whole, before = path.read_bytes(), store.outlines()
    path.write_bytes(content)
    for _look in range(2):
        found = store.outlines()
        assert [day for day in found if found[day].damage] == [SECOND]
        assert "manifest" in str(found[SECOND].damage)
        assert {day: found[day] for day in (DAY, THIRD)} == {day: before[day] for day in (DAY, THIRD)}
    path.write_bytes(whole)
    assert store.outlines() == before


def test_a_day_without_metadata_is_damaged(store: PerDistrictFileSnapshotStore) -> None:
    """It cannot be read, nor merged with, though its manifest is whole. [B5]"""
    store.outlines()
    (store.root / f"{SECOND}" / "metadata.json").unlink()
    for _look in range(2):
        found = store.outlines()
        assert [day for day in found if found[day].damage] == [SECOND]
        assert "metadata.json: is missing" in str(found[SECOND].damage)


def test_check_and_repair_know_the_file(store: PerDistrictFileSnapshotStore) -> None:
    """A whole one is the store's; a damaged one is a left-over, which repair removes. [B2]"""
    store.outlines()
    assert check(store.root).ok
    path = store.root / ".index" / "outlines.json"
    path.write_bytes(path.read_bytes()[:-1])
    assert [problem.path for problem in check(store.root).problems] == [".index/outlines.json"]
    assert repair(store.root).removed == (".index/outlines.json",)
    assert check(store.root).ok


def test_an_empty_store_has_none(tmp_path: Path) -> None:
    """Nothing is written by looking. [B5]"""
    assert PerDistrictFileSnapshotStore(tmp_path / "none").outlines() == {}
    assert not (tmp_path / "none").exists()


@given(st.lists(st.sampled_from(CODES), max_size=4))
def test_a_row_of_outcomes_is_a_mapping(states: list[UnitState]) -> None:
    """A byte each, and looked at as a mapping of those that have an outcome. [B5]"""
    names = (None, "1", "2", "3", "4")
    row = OutcomeRow(names, bytes(CODES.index(state) for state in states))
    plain = {name: state for name, state in zip(names, states, strict=False) if state is not UnitState.PENDING}
    assert dict(row) == dict(row.items()) == plain
    assert (len(row), list(row), repr(row)) == (len(plain), list(plain), f"OutcomeRow({plain!r})")
    assert [row.get(name) for name in (*names, "5")] == [plain.get(name) for name in (*names, "5")]
    for state in UnitState:
        if state is not UnitState.PENDING:
            assert row.has([state]) == (state in plain.values())


def test_cells_are_a_mapping() -> None:
    """What is not in it raises as a mapping does. [B5]"""
    cells = DayCells(("1", "2"), bytes((0, 1)))
    assert (dict(cells), len(cells), cells.get("3")) == ({"1": CellState.FULL, "2": CellState.SUMMARY}, 2, None)
    assert repr(cells).startswith("DayCells({'1'")
    with pytest.raises(KeyError):
        cells["3"]
