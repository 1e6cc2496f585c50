"""Filling gaps: exactly what is missing and can be had, whatever else is wrong with the history."""

from __future__ import annotations

from pathlib import Path

import pytest

from backfill.errors import InvalidRequest
from backfill.model import CellState
from backfill.protocols import SnapshotStore
from backfill.stores import MemorySnapshotStore, PerDistrictFileSnapshotStore
from backfill.testing.files import UnsyncedFiles
from backfill.testing.source import ScriptedCatalog, ScriptedDashboard, ScriptedSource
from engine_doubles import record, store_records
from service_doubles import ask, day, serving

PATIENCE = 30


def damaged(root: Path) -> PerDistrictFileSnapshotStore:
    """Return a store of three days, of which the first has a manifest that is none, and the second has lost it."""
    store = PerDistrictFileSnapshotStore(root, files=UnsyncedFiles())
    for number in range(3):
        store_records(store, day(number), record("A", on=day(number)))
    (root / f"{day(0)}" / "manifest.json").write_bytes(b"{}")
    (root / f"{day(1)}" / "manifest.json").unlink()
    return store


class Slow:
    """Another store's days, looked at one by one: it knows no outlines."""

    def __init__(self, store: PerDistrictFileSnapshotStore) -> None:
        self.begin, self.read, self.entries, self.days, self.delete = (
            store.begin, store.read, store.entries, store.days, store.delete,
        )  # fmt: skip
        self.remnants = store.remnants


@pytest.mark.parametrize("in_short", [True, False])
def test_a_damaged_day_keeps_no_other_from_being_told_and_filled(tmp_path: Path, *, in_short: bool) -> None:
    """It is told as damaged, with what is wrong; the days beside it are told as they are, and filled; it is left as it is. [B5, R6.1]"""
    files = damaged(tmp_path)
    store: SnapshotStore = files if in_short else Slow(files)
    source = ScriptedSource()
    with serving(source, store) as service:
        coverage = service.coverage(day(0), day(3), districts=["A"])
        assert [coverage.state(on, "A") for on in coverage.days] == ["damaged", "damaged", "full", "never-tried"]
        assert list(coverage.damaged) == [day(0), day(1)]
        assert all("manifest" in why for why in coverage.damaged.values())
        assert coverage.counts[CellState.DAMAGED] == 2
        assert coverage.missing == {day(3): ("A",)}
        assert service.fill_gaps(coverage).wait(PATIENCE).status == "complete"
        assert source.calls == [("collect_district", day(3), ("A",))]
        with pytest.raises(InvalidRequest, match=f"mend the damaged days first: {day(0)}, {day(1)}"):
            service.fill_gaps(day(0), day(3), districts=["A"])
        files.delete(day(1))
        assert service.coverage(day(1), day(1), districts=["A"]).counts[CellState.NEVER_TRIED] == 1


def test_the_districts_of_a_damaged_day_are_those_that_were_tried(tmp_path: Path) -> None:
    """Where no district is named, the ledger says which the day may have; where it knows none, the day itself is told. [B5]"""
    store = PerDistrictFileSnapshotStore(tmp_path / "collected", files=UnsyncedFiles())
    with serving(ScriptedSource(), store) as service:
        service.run_backfill(ask(1, "A", "B"))
        (store.root / f"{day(0)}" / "manifest.json").write_bytes(b"{}")
        coverage = service.coverage(day(0), day(0))
        assert {name: state for _day, name, state in coverage} == {"A": "damaged", "B": "damaged"}
        assert coverage.to_text(ascii_only=True).splitlines()[-1] == "! damaged 2"
        assert coverage.to_json()["damaged"] == {f"{day(0)}": coverage.damaged[day(0)]}
    with serving(ScriptedSource(), damaged(tmp_path / "copied")) as service:
        coverage = service.coverage(day(0), day(1))
        assert (coverage.districts, list(coverage.damaged), coverage.missing) == ((), [day(0), day(1)], {})


def test_a_request_over_a_damaged_day_collects_the_others(tmp_path: Path) -> None:
    """The day that cannot be stored over fails, with what is wrong; a plan and a job go on with the rest. [R6.1, R6.3]"""
    store = damaged(tmp_path)
    with serving(ScriptedSource(), store) as service:
        assert service.plan(ask(4, "A")).total_units == 4
        report = service.run_backfill(ask(4, "A"))
        assert (report.status, report.progress.completed, report.progress.skipped) == ("partial_success", 1, 1)
        assert {(error.day, error.kind) for error in report.errors} == {(day(0), "damaged_day"), (day(1), "damaged_day")}


def test_what_is_partial_is_filled_too() -> None:
    """A record that a later run completes is collected again; one that is whole is not. [B5]"""
    store = MemorySnapshotStore()
    store_records(store, day(0), record("A", settled=False), record("B"))
    store_records(store, day(1), record("A", on=day(1)), record("B", on=day(1)))
    source = ScriptedDashboard()
    with serving(source, store) as service:
        coverage = service.coverage(day(0), day(1), districts=["A", "B"])
        assert coverage.missing == {day(0): ("A",)}
        assert service.fill_gaps(coverage).wait(PATIENCE).status == "complete"
        assert [names for call, _on, names in source.calls if call != "list_districts"] == [("A",)]
        assert service.coverage(day(0), day(1), districts=["A", "B"]).missing == {}


def test_what_a_summary_does_not_complete_is_collected_by_districts() -> None:
    """Where the rest is filled by summaries, a partial record in full gets its own call: at once, or once nothing else is missing. [B5]"""
    store = MemorySnapshotStore()
    store_records(store, day(0), record("A", settled=False), record("B", detail="summary"))
    store_records(store, day(1), record("A", on=day(1), settled=False), record("B", on=day(1), detail="summary", settled=False))
    source = ScriptedDashboard(districts=("A", "B"))
    with serving(source, store) as service:
        coverage = service.coverage(day(0), day(1))
        service.fill_gaps(coverage).wait(PATIENCE)
        assert sorted(one for one in source.calls if one[0] != "list_districts") == [
            ("collect_all", day(1), ("A", "B")), ("collect_district", day(0), ("A",)),
        ]  # fmt: skip
        assert service.coverage(day(0), day(1)).missing == {day(1): ("A",)}
        report = service.fill_gaps(day(0), day(1)).wait(PATIENCE)
        assert report.collection_strategy.method == "targeted", "what is told of the job is what it does"
        assert source.calls[-1] == ("collect_many", day(1), ("A",))
        assert service.coverage(day(0), day(1)).missing == {}


@pytest.mark.parametrize("kept", [True, False])
def test_what_was_stored_and_is_gone_is_missing_by_name(*, kept: bool) -> None:
    """Pruned or lost districts stay in the coverage as what they are, whether others of the range are stored or not, and are filled. [B5]"""
    source = ScriptedSource({(day(number), name): 1 for number in range(2) for name in "AB"})
    store = MemorySnapshotStore()
    with serving(source, store) as service:
        service.run_backfill(ask(2, "A", "B"))
        for number in range(int(kept), 2):
            store.delete(day(number))
        coverage = service.coverage(day(0), day(1))
        gone = [day(number) for number in range(int(kept), 2)]
        assert coverage.districts == ("A", "B")
        assert coverage.lost == dict.fromkeys(gone, frozenset({"A", "B"}))
        assert {coverage.kind(day(1), "A"), coverage.kind(day(0), "A")} == ({"lost", None} if kept else {"lost"})
        assert coverage.state(day(1), "A") is CellState.NEVER_TRIED
        assert coverage.missing == dict.fromkeys(gone, ("A", "B"))
        assert f"{day(1)},A,never-tried,lost," in coverage.to_csv()
        assert coverage.to_json()["lost"] == {f"{on}": ["A", "B"] for on in gone}
        assert service.fill_gaps(coverage).wait(PATIENCE).status == "complete"
        assert service.coverage(day(0), day(1)).lost == {}


@pytest.mark.parametrize("kept", ["in a file", "one by one", "in memory"])
def test_what_a_days_own_list_does_not_have_cannot_be_had(tmp_path: Path, kept: str) -> None:
    """A district that came later, or is none, is unavailable on the days before it came, from the first look on; nothing is planned of it. [B5, R2.2]"""
    script = {(day(0), "*"): ("A",), (day(1), "*"): ("A", "B"), (day(0), "A"): 1, (day(1), "A"): 1, (day(1), "B"): 1}
    files = PerDistrictFileSnapshotStore(tmp_path, files=UnsyncedFiles())
    stores: dict[str, SnapshotStore] = {"in a file": files, "one by one": Slow(files), "in memory": MemorySnapshotStore()}
    with serving(ScriptedCatalog(script), stores[kept]) as service:
        service.run_backfill(ask(2))
        for _look in ("first", "second"):
            coverage = service.coverage(day(0), day(2))
            assert {(on, name): str(state) for on, name, state in coverage} == {
                (day(0), "A"): "full", (day(0), "B"): "unavailable", (day(1), "A"): "full", (day(1), "B"): "full",
                (day(2), "A"): "never-tried", (day(2), "B"): "never-tried",
            }  # fmt: skip
            assert coverage.missing == {day(2): ("A", "B")}
        assert service.coverage(day(0), day(0), districts=["Z"]).kind(day(0), "Z") == "nothing-published"
        assert service.explain(day(0), "B").standing == "unavailable"
        with pytest.raises(InvalidRequest, match="nothing is missing"):
            service.fill_gaps(day(0), day(1))
