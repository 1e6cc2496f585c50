"""What the file store leaves on the disk, what it makes of damage, and how it keeps its own house."""

from __future__ import annotations

import gc
import hashlib
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import cast

import pytest
from attrs import evolve
from filelock import FileLock

import backfill.stores
from backfill.errors import DamagedFile, DayLocked, InvalidRequest, SnapshotNotFound, StoreError, StoreUnavailable
from backfill.jsonvalues import dumps
from backfill.model import EncodedRecord, Finding
from backfill.protocols import Snapshot
from backfill.serialization import encode_record
from backfill.stores import PerDistrictFileSnapshotStore
from backfill.stores._metadata import _package_version
from backfill.testing import VirtualClock
from backfill.testing.files import UnsyncedFiles
from backfill.testing.samples import DAY, NOON, contribution, failure, record, store_records

HOUSE = {".index", ".locks", ".retired", ".staging"}


@pytest.fixture
def clock() -> VirtualClock:
    """Return the time that the store sees."""
    return VirtualClock()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return where the store is."""
    return tmp_path / "data" / "snapshots"


@pytest.fixture
def store(root: Path, clock: VirtualClock) -> PerDistrictFileSnapshotStore:
    """Return an empty store."""
    return PerDistrictFileSnapshotStore(root, clock=clock, files=UnsyncedFiles())


def read_json(path: Path) -> dict[str, object]:
    """Return the object that a file holds."""
    return cast("dict[str, object]", json.loads(path.read_bytes()))


def everything(path: Path) -> set[str]:
    """Return all files below *path*, but those of locks and index."""
    found = {str(item.relative_to(path)) for item in path.rglob("*") if item.is_file()}
    return {name for name in found if not name.startswith((".locks", ".index"))}


# --- on the disk --------------------------------------------------------------------------------------------------------


def test_day_is_a_directory_with_a_file_per_district(store: PerDistrictFileSnapshotStore, root: Path) -> None:
    """A day is one directory: metadata, manifest, a file per district, a file per summary, and nothing else. [R5.2]"""
    with store.begin(DAY, job_id="job-1") as draft:
        draft.put(record("61", {"clubs": []}))
        draft.put(record("F"))
        draft.put_summary("all-districts-rankings", {"rankings": []}, as_of=DAY)
        draft.commit(contribution(["61", "F"]))
    assert everything(root) == {
        f"2024-01-31/{name}"
        for name in ("metadata.json", "manifest.json", "district_61.json", "district_F.json", "all-districts-rankings.json")
    }
    assert (root / "2024-01-31" / "all-districts-rankings.json").read_bytes() == b'{"rankings":[]}'
    assert (root / "2024-01-31" / "district_61.json").read_bytes() == encode_record(
        record("61", {"clubs": []}), job_id="another"
    ).content
    assert {path.name for path in root.iterdir()} <= {"2024-01-31", *HOUSE}
    assert store.root == root


def test_manifest_has_the_published_fields(store: PerDistrictFileSnapshotStore, root: Path, clock: VirtualClock) -> None:
    """The manifest has size, SHA-256 and origin of each file, in the names of the published format. [R5.5, R11.3]"""
    with store.begin(DAY, job_id="job-1") as draft:
        draft.put(record("61"))
        draft.put(encode_record(record("F", detail="summary", settled=False), job_id="worker", method="system-wide"))
        draft.put_summary("all-districts-rankings", [1], as_of=DAY)
        draft.commit(contribution(["61", "F", "U"], errors=[failure("U")]))
    first = clock.now().isoformat()
    clock.advance(60)
    store_records(store, record("F", detail="summary", as_of=date(2024, 2, 9)), record("61", "newer"), job_id="job-2")
    store_records(store, record("F", "late", detail="summary", as_of=date(2024, 2, 10)), job_id="job-3")
    second = clock.now().isoformat()
    manifest = read_json(root / "2024-01-31" / "manifest.json")
    for name in ("metadata.json", "district_61.json", "district_F.json", "all-districts-rankings.json"):
        content = (root / "2024-01-31" / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() in json.dumps(manifest)
    header = encode_record(record("61", "newer"), job_id="").header
    assert list(manifest) == [
        "snapshotId", "createdAt", "updatedAt", "schemaVersion", "calculationVersion", "writeComplete", "districts",
        "totalDistricts", "successfulDistricts", "failedDistricts", "summaries", "allDistrictsRankings", "metadata",
    ]  # fmt: skip
    assert (manifest["snapshotId"], manifest["createdAt"], manifest["updatedAt"]) == ("2024-01-31", first, second)
    assert (manifest["schemaVersion"], manifest["calculationVersion"], manifest["writeComplete"]) == ("1.0.0", "1.2.0", True)
    counts = ("totalDistricts", "successfulDistricts", "failedDistricts")
    assert tuple(manifest[name] for name in counts) == (3, 2, 1)
    assert manifest["allDistrictsRankings"] == {"filename": "all-districts-rankings.json", "size": 3, "status": "present"}
    entries = cast("list[dict[str, object]]", manifest["districts"])
    assert entries[0] == {
        "districtId": "61",
        "fileName": "district_61.json",
        "status": "success",
        "fileSize": header.size,
        "lastModified": second,
        "detail": "full",
        "asOfDate": "2024-02-05",
        "settled": True,
        "sha256": header.sha256,
        "contentDigest": header.content_digest,
        "backfillJobId": "job-2",
        "collectionMethod": "per-district",
    }
    summaries = cast("list[dict[str, object]]", manifest["summaries"])
    assert summaries == [
        {
            "name": "all-districts-rankings",
            "fileName": "all-districts-rankings.json",
            "size": 3,
            "sha256": hashlib.sha256(b"[1]").hexdigest(),
            "asOfDate": "2024-01-31",
            "backfillJobId": "job-1",
        }
    ]


def test_unchanged_file_keeps_its_time(store: PerDistrictFileSnapshotStore, root: Path, clock: VirtualClock) -> None:
    """An entry's time is that of its own file, not of the last commit; a full record behind a newer summary is flagged."""
    store_records(store, record("61"), record("F"))
    first = clock.now().isoformat()
    clock.advance(60)
    store_records(store, record("61", detail="summary", as_of=date(2024, 2, 9)), record("F", "new"), job_id="job-2")
    entries = cast("list[dict[str, object]]", read_json(root / "2024-01-31" / "manifest.json")["districts"])
    assert [entry["lastModified"] for entry in entries] == [first, clock.now().isoformat()]
    assert [entry.get("staleDetail") for entry in entries] == [True, None]
    manifest = read_json(root / "2024-01-31" / "manifest.json")
    assert manifest["allDistrictsRankings"] == {"filename": "all-districts-rankings.json", "size": 0, "status": "missing"}


def test_metadata_has_the_published_fields(store: PerDistrictFileSnapshotStore, root: Path, clock: VirtualClock) -> None:
    """Metadata has the names of the published format; a record given out after its month is closing data. [R5.5, R11.3, B10]"""
    with store.begin(DAY, job_id="job-1") as draft:
        draft.put(record("61"))
        findings = [Finding("note", "text", DAY, "61"), Finding("note", "text")]
        draft.commit(contribution(["61", "F", "U"], errors=[failure("F")], unavailable=["U"], findings=findings, listed=True))
    now = clock.now().isoformat()
    assert read_json(root / "2024-01-31" / "metadata.json") == {
        "snapshotId": "2024-01-31",
        "createdAt": now,
        "updatedAt": now,
        "schemaVersion": "1.0.0",
        "calculationVersion": "1.2.0",
        "packageVersion": _package_version(),
        "status": "partial",
        "configuredDistricts": ["61", "F", "U"],
        "successfulDistricts": ["61"],
        "failedDistricts": ["F"],
        "unavailableDistricts": ["U"],
        "listed": True,
        "errors": ["F: HTTP 503"],
        "districtErrors": [
            {
                "districtId": "F",
                "operation": "fetch",
                "kind": "http_503",
                "error": "HTTP 503",
                "attempts": 4,
                "timestamp": NOON.isoformat(),
                "shouldRetry": True,
            }
        ],
        "findings": [
            {"kind": "note", "message": "text", "day": "2024-01-31", "district": "61"},
            {"kind": "note", "message": "text", "day": None, "district": None},
        ],
        "processingDuration": 1500,
        "source": "test",
        "dataAsOfDate": "2024-02-05",
        "isClosingPeriodData": True,
        "collectionDate": "2024-02-05",
        "logicalDate": "2024-01-31",
        "operations": [
            {
                "job": "job-1",
                "operation": "backfill",
                "method": "per-district",
                "scope": "targeted",
                "at": NOON.isoformat(),
            }
        ],
        "writeComplete": True,
    }


def test_rules_are_those_of_the_newest_records(store: PerDistrictFileSnapshotStore, root: Path) -> None:
    """The day's calculation version is that of the records which came last; a commit without any leaves it."""
    store_records(store, record("61"))
    store_records(store, evolve(record("F"), calculation_version="2.0.0"))
    with store.begin(DAY, job_id="job-2") as draft:
        draft.commit(contribution(["61"], job_id="job-2"))
    assert read_json(root / "2024-01-31" / "manifest.json")["calculationVersion"] == "2.0.0"


def test_encoding_that_holds_no_record_is_refused(store: PerDistrictFileSnapshotStore) -> None:
    """Bytes that are no record are not published, though their hash is right."""
    content = b"{}"
    header = evolve(encode_record(record(), job_id="").header, size=2, sha256=hashlib.sha256(content).hexdigest())
    with store.begin(DAY, job_id="job-1") as draft:
        draft.put(EncodedRecord("61", DAY, header, content))
        with pytest.raises(DamagedFile, match="does not hold a district's record"):
            draft.commit(contribution())
    assert list(store.days()) == []


def test_unchanged_files_are_linked(store: PerDistrictFileSnapshotStore, root: Path) -> None:
    """A commit that touches one district of many writes one file, and gives the others a second name."""
    store_records(store, record("61"), record("F"))
    before = (root / "2024-01-31" / "district_F.json").stat().st_ino
    store_records(store, record("61", "new"), job_id="job-2")
    assert (root / "2024-01-31" / "district_F.json").stat().st_ino == before


# --- opening ------------------------------------------------------------------------------------------------------------


def test_only_looking_creates_nothing(store: PerDistrictFileSnapshotStore, root: Path) -> None:
    """Neither making a store, nor reading, nor beginning a draft touches the disk."""
    assert list(store.days()) == []
    assert store.entries(DAY) == {}
    store.delete(DAY)
    with store.begin(DAY, job_id="job-1"):
        pass
    with pytest.raises(SnapshotNotFound):
        store.read(DAY)
    assert not root.parent.exists()


@pytest.mark.parametrize("below", [".", "deeper"])
def test_file_as_root_is_refused_at_once(tmp_path: Path, below: str) -> None:
    """A root that is a file, or lies below one, is refused when the store is made, with the remedy."""
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailable, match="choose a directory"):
        PerDistrictFileSnapshotStore(tmp_path / "file" / below)


def test_bad_timeout_is_refused(tmp_path: Path) -> None:
    """A time-out that is no number of seconds is refused by name."""
    with pytest.raises(InvalidRequest, match="lock_timeout"):
        PerDistrictFileSnapshotStore(tmp_path, lock_timeout=-1)


def test_root_does_not_move_with_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative root is the directory that it was when the store was made."""
    monkeypatch.chdir(tmp_path)
    store = PerDistrictFileSnapshotStore("snapshots")
    monkeypatch.chdir("/")
    store_records(store, record())
    assert (tmp_path / "snapshots" / "2024-01-31").is_dir()
    assert repr(store) == f"PerDistrictFileSnapshotStore('{tmp_path}/snapshots')"


def test_store_can_be_pickled(tmp_path: Path) -> None:
    """A store can be handed to another process."""
    store = PerDistrictFileSnapshotStore(tmp_path)
    store_records(store, record())
    assert list(pickle.loads(pickle.dumps(store)).days()) == [DAY]


def test_public_names_load_on_first_use() -> None:
    """Importing the package loads neither store; asking for one loads that one; other names are refused."""
    program = (
        "import sys, backfill.stores as stores; assert not any('filelock' in m or 'stores.' in m for m in sys.modules);"
        "stores.MemorySnapshotStore; assert 'filelock' not in sys.modules;"
        "stores.PerDistrictFileSnapshotStore; assert 'filelock' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    assert dir(backfill.stores) == sorted(backfill.stores.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = backfill.stores.Nothing


def test_foreign_names_are_passed_over(store: PerDistrictFileSnapshotStore, root: Path) -> None:
    """Only directories that are named like a day and have a manifest are days."""
    store_records(store, record())
    for name in ("2024-02-30", "20240201", "2024-02-01", "2024-2-3", ".old-2024-02-04", "notes", "2024-01-31.bak", ".old-x"):
        (root / name).mkdir()
    (root / "2024-02-05").touch()
    assert list(store.days()) == [DAY]
    assert store.entries(date(2024, 2, 1)) == {}
    assert store.entries(date(2024, 2, 5)) == {}
    with pytest.raises(SnapshotNotFound):
        store.read(date(2024, 2, 5))


# --- damage -------------------------------------------------------------------------------------------------------------


def _set(path: Path, **changes: object) -> None:
    path.write_bytes(json.dumps({**read_json(path), **changes}).encode())


def test_damaged_district_is_told_by_name(store: PerDistrictFileSnapshotStore, root: Path) -> None:
    """A district file that is missing or altered is told apart from one that never was, and names what to do. [B3]"""
    store_records(store, record("61"), record("F"), record("U"))
    snapshot: Snapshot = store.read(DAY)
    (root / "2024-01-31" / "district_F.json").unlink()
    altered = root / "2024-01-31" / "district_U.json"
    altered.write_bytes(altered.read_bytes().replace(b"figures", b"forged!"))
    assert snapshot.district("61").data == "figures"
    for district, rule in (("F", "is missing, though the manifest"), ("U", "does not have the size and SHA-256")):
        with pytest.raises(DamagedFile, match=rf"district_{district}\.json: {rule}") as raised:
            snapshot.district(district)
        assert raised.value.is_missing == (district == "F")


def test_swapped_district_is_told(store: PerDistrictFileSnapshotStore, root: Path) -> None:
    """A file that holds another district than its name and manifest say is not passed on."""
    store_records(store, record("61"))
    foreign = encode_record(record("F"), job_id="")
    (root / "2024-01-31" / "district_61.json").write_bytes(foreign.content)
    manifest = read_json(root / "2024-01-31" / "manifest.json")
    entry = cast("list[dict[str, object]]", manifest["districts"])[0]
    entry.update(fileSize=foreign.header.size, sha256=foreign.header.sha256)
    _set(root / "2024-01-31" / "manifest.json", districts=[entry])
    with pytest.raises(DamagedFile, match="holds district F"):
        store.read(DAY).district("61")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"snapshotId": "2024-02-01"}, "snapshotId is 2024-02-01"),
        ({"writeComplete": False}, "did not finish"),
        ({"schemaVersion": 1}, "schemaVersion is not a text"),
        ({"schemaVersion": "x"}, "invalid literal"),
        ({"districts": {}}, "districts is not a list"),
        ({"districts": [1]}, "not a JSON object"),
        ({"metadata": {"size": "1"}}, "size is not a whole number"),
        ({"metadata": {"size": 1, "sha256": "../etc"}}, "sha256 is not a SHA-256"),
        ({"summaries": [{"name": "../metadata"}]}, "a summary's name is"),
    ],
)
def test_damaged_manifest_is_told(store: PerDistrictFileSnapshotStore, root: Path, changes: dict[str, object], said: str) -> None:
    """A manifest that cannot be one is told with the field that is wrong, by reading, listing entries and writing alike."""
    store_records(store, record())
    _set(root / "2024-01-31" / "manifest.json", **changes)
    for call in (lambda: store.read(DAY), lambda: store.entries(DAY), lambda: store_records(store, record(), job_id="job-2")):
        with pytest.raises(DamagedFile, match=said):
            call()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"districtId": "../61"}, "a district is 1 to 64"),
        ({"detail": "half"}, "detail is 'half'"),
        ({"settled": 1}, "settled is not true or false"),
        ({"lastModified": "2024-01-31T00:00:00"}, "lastModified is not a time with its zone"),
        ({"asOfDate": "soon"}, "Invalid isoformat string"),
    ],
)
def test_damaged_entry_is_told(store: PerDistrictFileSnapshotStore, root: Path, changes: dict[str, object], said: str) -> None:
    """An entry that cannot be one makes the manifest damaged; no path is ever made of what stands in it."""
    store_records(store, record())
    manifest = read_json(root / "2024-01-31" / "manifest.json")
    entry = cast("list[dict[str, object]]", manifest["districts"])[0]
    _set(root / "2024-01-31" / "manifest.json", districts=[{**entry, **changes}])
    with pytest.raises(DamagedFile, match=said):
        store.read(DAY)


def test_entry_twice_is_told(store: PerDistrictFileSnapshotStore, root: Path) -> None:
    """A manifest that lists one district twice is damaged, whichever of the two may be right."""
    store_records(store, record())
    entries = cast("list[object]", read_json(root / "2024-01-31" / "manifest.json")["districts"])
    _set(root / "2024-01-31" / "manifest.json", districts=entries * 2)
    with pytest.raises(DamagedFile, match="stands in it twice"):
        store.entries(DAY)


def test_garbage_is_told(store: PerDistrictFileSnapshotStore, root: Path) -> None:
    """Files that are no JSON at all are damaged files too."""
    store_records(store, record())
    (root / "2024-01-31" / "manifest.json").write_bytes(b"\xff{")
    with pytest.raises(DamagedFile, match="is not the manifest of 2024-01-31"):
        store.read(DAY)


def _reseal(day: Path, **changes: object) -> None:
    """Change metadata and bring the manifest in line with it, as a foreign writer would."""
    _set(day / "metadata.json", **changes)
    content = (day / "metadata.json").read_bytes()
    sealed = {"fileName": "metadata.json", "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    _set(day / "manifest.json", metadata=sealed)


def test_damaged_metadata_is_told(store: PerDistrictFileSnapshotStore, root: Path) -> None:
    """Metadata that are not those of the manifest, or hold what they cannot, are damaged."""
    store_records(store, record())
    _reseal(root / "2024-01-31", status="perfect")
    with pytest.raises(DamagedFile, match=r"metadata\.json: is not the metadata of 2024-01-31 \('perfect' is not a valid"):
        store.read(DAY)
    _reseal(root / "2024-01-31", status="success", configuredDistricts=["61", 2])
    with pytest.raises(DamagedFile, match="configuredDistricts is not a list of texts"):
        store.read(DAY)
    (root / "2024-01-31" / "metadata.json").write_bytes(b"{}")
    with pytest.raises(DamagedFile, match=r"metadata\.json: does not have the size"):
        store.read(DAY)


def test_newer_format_says_upgrade(store: PerDistrictFileSnapshotStore, root: Path) -> None:
    """A file of a later format is not guessed at: the error says which version is needed. A later minor version is read."""
    store_records(store, record())
    _reseal(root / "2024-01-31", schemaVersion="1.9.0", field="of the future")
    assert store.read(DAY).districts == ("61",)
    _reseal(root / "2024-01-31", schemaVersion="2.0.0")
    with pytest.raises(DamagedFile, match="pip install --upgrade backfill"):
        store.read(DAY)
    _set(root / "2024-01-31" / "manifest.json", schemaVersion="2.0.0")
    with pytest.raises(DamagedFile, match=r"manifest\.json: was written by a newer version \(schema 2\.0\.0"):
        store.entries(DAY)


def test_collecting_again_heals(store: PerDistrictFileSnapshotStore, root: Path) -> None:
    """A damaged file is replaced when its district is collected again, even if the figures are the same."""
    with store.begin(DAY, job_id="job-1") as draft:
        draft.put(record("61"))
        draft.put(record("F", "a", as_of=date(2024, 2, 9)))
        draft.put_summary("totals", 1, as_of=DAY)
        draft.commit(contribution(["61", "F"]))
    for name in ("district_61.json", "district_F.json", "totals.json"):
        (root / "2024-01-31" / name).write_bytes(b"rotten")
    with store.begin(DAY, job_id="job-2") as draft:
        draft.put(record("61"))
        draft.put(record("F", "older, but whole", detail="summary"))
        draft.put_summary("totals", 1, as_of=DAY)
        info = draft.commit(contribution(["61", "F"], job_id="job-2"))
    assert info is not None
    assert info.stored == ("61", "F")
    snapshot = store.read(DAY)
    assert [snapshot.district(name).data for name in snapshot.districts] == ["figures", "older, but whole"]
    assert snapshot.summary("totals") == 1


def test_lost_file_of_another_district_stops_the_commit(store: PerDistrictFileSnapshotStore, root: Path) -> None:
    """A commit never publishes a day without a file that it should have; it says how to get that back. (pitfall: less coverage)"""
    store_records(store, record("61"), record("F"))
    (root / "2024-01-31" / "district_F.json").unlink()
    with pytest.raises(DamagedFile, match="skip_existing=False"):
        store_records(store, record("61", "new"), job_id="job-2")
    assert store.read(DAY).district("61").data == "figures"


def test_foreign_directory_is_not_replaced(store: PerDistrictFileSnapshotStore, root: Path) -> None:
    """A directory in a day's place that has files, but no manifest, is somebody's data: it is not replaced silently."""
    (root / "2024-01-31").mkdir(parents=True)
    (root / "2024-01-31" / "precious.csv").write_text("1")
    with pytest.raises(DamagedFile, match=r"no manifest\.json"):
        store_records(store, record())
    assert (root / "2024-01-31" / "precious.csv").exists()
    store.delete(DAY)
    (root / "2024-01-31").mkdir()  # an empty one is nobody's
    assert store_records(store, record()).districts == ("61",)


# --- the house ----------------------------------------------------------------------------------------------------------


def test_former_state_is_kept_for_a_minute(store: PerDistrictFileSnapshotStore, root: Path, clock: VirtualClock) -> None:
    """A reader of a former state has a minute to finish; later it is told to read again, never given the other state. [B2]"""
    store_records(store, record("61", "first"), record("F", "stays"))
    snapshot = store.read(DAY)
    store_records(store, record("61", "second"), job_id="job-2")
    clock.advance(59)
    store_records(store, record("U"), job_id="job-3")
    assert snapshot.district("61").data == "first"
    clock.advance(20)
    store_records(store, record("U", "new"), job_id="job-4")
    with pytest.raises(SnapshotNotFound, match=r"stored anew, or deleted.*read\(2024-01-31\) again"):
        snapshot.district("61")
    assert snapshot.district("F").data == "stays"  # the same file, whatever happened around it
    assert len(list((root / ".retired").iterdir())) == 2
    clock.advance(100)
    store_records(store, record("1"), job_id="job-5")
    assert len(list((root / ".retired").iterdir())) == 1


def test_deleted_day_takes_its_files_along(store: PerDistrictFileSnapshotStore, root: Path) -> None:
    """Deleting frees the space at once, and a reader that still holds the day is told so."""
    store_records(store, record("61"))
    snapshot = store.read(DAY)
    store.delete(DAY)
    assert everything(root) == set()
    assert list((root / ".index").iterdir()) == []
    with pytest.raises(SnapshotNotFound, match="stored anew, or deleted"):
        snapshot.district("61")


def test_a_record_whose_file_is_gone_does_not_count_as_stored(store: PerDistrictFileSnapshotStore, root: Path) -> None:
    """A file that somebody removed is not among the entries, whether the day was looked at before or not, and can be collected again. [R5.2, B5]"""
    store_records(store, record("61"), record("F"), record("92"))
    assert set(store.entries(DAY)) == {"61", "F", "92"}
    for district in ("F", "92"):
        (root / DAY.isoformat() / f"district_{district}.json").unlink()
    for looking in (store, PerDistrictFileSnapshotStore(root)):
        assert set(looking.entries(DAY)) == {"61"}
        assert set(looking.entries(DAY)) == {"61"}
    store_records(store, record("F"), record("92"), job_id="again")
    assert set(store.entries(DAY)) == {"61", "F", "92"}
    assert store.read(DAY).district("F").data == record("F").data


def test_a_day_that_is_replaced_while_it_is_looked_at_is_looked_at_again(
    store: PerDistrictFileSnapshotStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Entries are of one state: the names of another are not held against its manifest, also where the day goes meanwhile. [R5.2, B2]"""
    store_records(store, record("61"))
    fresh = PerDistrictFileSnapshotStore(root)
    names = fresh._generations.names
    changes: list[Callable[[], object]] = [lambda: store_records(store, record("F")), lambda: store.delete(DAY)]

    def meanwhile(day: date) -> frozenset[str]:
        if changes:
            changes.pop(0)()
            for kept in (root / ".index").iterdir():
                kept.unlink()
        return names(day)

    monkeypatch.setattr(fresh._generations, "names", meanwhile)
    for kept in (root / ".index").iterdir():
        kept.unlink()
    assert dict(fresh.entries(DAY)) == {}
    assert changes == []


def test_index_is_only_a_cache(store: PerDistrictFileSnapshotStore, root: Path) -> None:
    """An index that is missing, garbage, torn, of another format, or not of this manifest, changes nothing that is seen."""
    store_records(store, record("61"), record("F", settled=False))
    expected = dict(store.entries(DAY))
    index = root / ".index" / "2024-01-31.json"
    good = index.read_bytes()
    flipped = bytearray(good)
    flipped[len(good) // 2] ^= 1
    for content in (b"", b"garbage", good[:-9], bytes(flipped), good + b" ", b"00000000" + good[8:]):
        index.write_bytes(content)
        assert dict(store.entries(DAY)) == expected
        assert index.read_bytes() == good
    index.unlink()
    assert dict(store.entries(DAY)) == expected
    (root / "2024-01-31" / "manifest.json").touch()
    assert dict(store.entries(DAY)) == expected
    assert index.read_bytes() != good


def test_index_of_another_format_is_not_read(store: PerDistrictFileSnapshotStore, root: Path) -> None:
    """An index file that a later version wrote is passed over."""
    import zlib  # noqa: PLC0415 - here alone

    store_records(store, record("61"))
    index = root / ".index" / "2024-01-31.json"
    content = index.read_bytes()[8:].replace(b"[1,", b"[2,", 1)
    index.write_bytes(b"%08x" % zlib.crc32(content) + content)
    assert list(store.entries(DAY)) == ["61"]
    assert index.read_bytes()[8:].startswith(b"[1,")


def test_leftovers_of_dead_processes_are_swept(store: PerDistrictFileSnapshotStore, root: Path, clock: VirtualClock) -> None:
    """The first draft of a store clears away what processes that ended have left, and leaves what live ones use. [B2]"""
    alive = store.begin(DAY, job_id="job-1")
    alive.put(record("61"))
    dead = root / ".staging" / "dead"
    dead.mkdir()
    (dead / "0.json").write_text("{}")
    (root / ".staging" / "stray").write_text("not ours")
    (root / ".retired" / "2020-01-01~gone").mkdir(parents=True)
    (root / ".retired" / "stray").write_text("not ours")
    (root / ".retired" / "2020-01-01~gone" / "manifest.json").write_text("{}")
    other = PerDistrictFileSnapshotStore(root, clock=clock, files=UnsyncedFiles())
    store_records(other, record("F"))
    assert not dead.exists()
    assert not list((root / ".retired").iterdir())
    info = alive.commit(contribution(["61"]))
    assert info is not None
    assert info.districts == ("61", "F")
    assert [path.name for path in (root / ".staging").iterdir()] == ["stray"]


def test_dropped_draft_leaves_no_trace(store: PerDistrictFileSnapshotStore, root: Path) -> None:
    """A draft that is neither committed nor left, only forgotten, takes its files along."""
    draft = store.begin(DAY, job_id="job-1")
    draft.put(record())
    assert list((root / ".staging").iterdir())
    del draft
    gc.collect()
    assert not list((root / ".staging").iterdir())


def test_another_process_leaves_drafts_alone(store: PerDistrictFileSnapshotStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A draft is only tidied away by the process that made it, not by one that was forked off and ends."""
    draft = store.begin(DAY, job_id="job-1")
    draft.put(record())
    path = draft._space().path
    monkeypatch.setattr(os, "getpid", lambda: -1)
    with draft:
        pass
    assert path.is_dir()


def test_day_set_aside_is_read_and_brought_back(store: PerDistrictFileSnapshotStore, root: Path, clock: VirtualClock) -> None:
    """A day whose writer died between two renames is still read and listed, and the next writer puts it back. [B2]"""
    store_records(store, record("61"))
    (root / "2024-01-31").rename(root / ".old-2024-01-31")
    assert list(store.days()) == [DAY]
    assert store.read(DAY).district("61").data == "figures"
    assert list(store.entries(DAY)) == ["61"]
    other_day = date(2024, 2, 1)
    store_records(PerDistrictFileSnapshotStore(root, clock=clock), record(day=other_day), day=other_day)
    assert (root / "2024-01-31" / "manifest.json").exists()
    assert not (root / ".old-2024-01-31").exists()


def test_state_left_aside_is_retired(store: PerDistrictFileSnapshotStore, root: Path) -> None:
    """A former state whose writer died after the new one came into place does not come back. [B2]"""
    store_records(store, record("61", "former"))
    (root / "2024-01-31").rename(root / ".old-2024-01-31")
    store_records(PerDistrictFileSnapshotStore(root.parent / "other"), record("61", "new"))
    (root.parent / "other" / "2024-01-31").rename(root / "2024-01-31")
    store_records(store, record("F"), job_id="job-2")
    assert store.read(DAY).district("61").data == "new"
    assert not (root / ".old-2024-01-31").exists()


def test_day_set_aside_can_be_deleted(store: PerDistrictFileSnapshotStore, root: Path) -> None:
    """A day that stands aside is deleted like any other."""
    store_records(store, record("61"))
    (root / "2024-01-31").rename(root / ".old-2024-01-31")
    store.delete(DAY)
    assert list(store.days()) == []


# --- locks --------------------------------------------------------------------------------------------------------------


def test_locked_day_says_who_holds_it(root: Path, clock: VirtualClock) -> None:
    """Who waits in vain is told which job of which process holds the day, and since when; the draft can be committed later."""
    store = PerDistrictFileSnapshotStore(root, clock=clock, lock_timeout=30, files=UnsyncedFiles())
    store_records(store, record("61"), job_id="job-9")
    with store.begin(DAY, job_id="job-2") as draft:
        draft.put(record("F"))
        # the lock is held by nobody that leaves a note, so the last one's stands
        with FileLock(root / ".locks" / "2024-01-31.lock"), pytest.raises(DayLocked) as caught:
            draft.commit(contribution(["F"]))
        assert f"job job-9 (process {os.getpid()} on " in str(caught.value)
        assert "since 2026-01-15T12:00:00+00:00) for longer than the 30 s" in str(caught.value)
        assert clock.monotonic() == pytest.approx(30)
        assert draft.commit(contribution(["F"])) is not None
    assert store.read(DAY).districts == ("61", "F")


@pytest.mark.parametrize("note", [None, b"", b'{"holder":"x"}'])
def test_locked_day_without_a_note(root: Path, clock: VirtualClock, note: bytes | None) -> None:
    """Whatever has become of the note, the refusal is the same kind of error."""
    store = PerDistrictFileSnapshotStore(root, clock=clock, files=UnsyncedFiles())
    store_records(store, record("61"))
    path = root / ".locks" / "2024-01-31.json"
    path.unlink()
    if note is not None:
        path.write_bytes(note)
    with FileLock(root / ".locks" / "2024-01-31.lock"), pytest.raises(DayLocked, match="another writer"):
        store.delete(DAY)


def test_locked_day_elsewhere_is_not_recovered_now(store: PerDistrictFileSnapshotStore, root: Path, clock: VirtualClock) -> None:
    """A day aside whose writer is alive is left to that writer; opening the store does not wait for it."""
    store_records(store, record("61"))
    (root / "2024-01-31").rename(root / ".old-2024-01-31")
    other_day = date(2024, 2, 1)
    with FileLock(root / ".locks" / "2024-01-31.lock"):
        other = PerDistrictFileSnapshotStore(root, clock=clock, files=UnsyncedFiles())
        store_records(other, record(day=other_day), day=other_day)
    assert clock.monotonic() == 0
    assert (root / ".old-2024-01-31").exists()
    assert list(store.days()) == [DAY, other_day]


def test_a_day_that_another_has_recovered_needs_nothing(root: Path, clock: VirtualClock) -> None:
    """A day that stood aside when the root was listed, and does no more when its lock is had, is left alone. [B2]"""
    files = UnsyncedFiles()
    names = files.names
    files.names = lambda path: [*names(path), ".old-2024-02-01"] if path == root else names(path)  # type: ignore[method-assign] # a moment ago
    store_records(PerDistrictFileSnapshotStore(root, clock=clock, files=files), record("61"))
    assert not (root / "2024-02-01").exists()


def test_staging_held_by_another_is_told(root: Path, clock: VirtualClock) -> None:
    """A staging area that somebody holds for too long is an error of the store, not an endless wait."""
    store = PerDistrictFileSnapshotStore(root, clock=clock, files=UnsyncedFiles())
    (root / ".locks").mkdir(parents=True)
    draft = store.begin(DAY, job_id="job-1")
    with (
        FileLock(root / ".locks" / "staging.lock"),
        pytest.raises(StoreError, match="the staging area is held by another writer"),
    ):
        draft.put(record())


def test_version_is_known_or_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package's version stands in metadata; run from a checkout that was never installed, it is unknown."""
    monkeypatch.setattr("backfill.stores._metadata.version", lambda name: "1.2.3")
    _package_version.cache_clear()
    assert _package_version() == "1.2.3"
    from importlib.metadata import PackageNotFoundError  # noqa: PLC0415 - here alone

    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("backfill.stores._metadata.version", missing)
    _package_version.cache_clear()
    assert _package_version() == "unknown"
    _package_version.cache_clear()


def test_times_are_written_in_utc(root: Path) -> None:
    """Times carry their zone, so that nothing depends on where the program runs."""
    store = PerDistrictFileSnapshotStore(root)
    store_records(store, record())
    assert datetime.fromisoformat(cast("str", read_json(root / "2024-01-31" / "metadata.json")["createdAt"])).tzinfo == UTC
    assert dumps(1) == b"1"
