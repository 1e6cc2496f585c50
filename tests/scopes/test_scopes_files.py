"""The configuration's file: shared, damaged, interrupted."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from backfill import wholefile
from backfill.errors import DamagedFile, StoreUnavailable
from backfill.scopes import DistrictConfigurationService, stored

ADDS = """
import sys
from backfill.scopes import DistrictConfigurationService
service = DistrictConfigurationService(sys.argv[1])
print("ready", flush=True)
sys.stdin.read(1)
for number in range(int(sys.argv[3])):
    service.add(f"{sys.argv[2]}-{number}")
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the file of a configuration of two districts."""
    path = tmp_path / "districts.json"
    DistrictConfigurationService(path).set_districts(["61", "F"], by="Ada")
    return path


def adder(path: Path, name: str, count: int) -> subprocess.Popen[bytes]:
    """Start a process that adds *count* districts when told to."""
    process = subprocess.Popen(
        [sys.executable, "-c", ADDS, path, name, str(count)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


def test_the_file_can_be_read_by_people_and_programs(path: Path) -> None:
    """The file holds configuration and history together, with a schema version, in the names of the wire. [R7.1]"""
    file = json.loads(path.read_bytes())
    at = file["lastUpdated"]
    assert file == {
        "schemaVersion": "1.0.0",
        "version": 1,
        "configuredDistricts": ["61", "F"],
        "lastUpdated": at,
        "updatedBy": "Ada",
        "history": [
            {"at": at, "action": "set", "previousDistricts": None, "newDistricts": ["61", "F"], "by": "Ada", "note": None}
        ],
    }


def test_processes_lose_no_change(path: Path) -> None:
    """Several processes that change one file at once lose no change of each other. [R7.1]"""
    processes = [adder(path, name, 15) for name in ("a", "b")]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"x")
        process.stdin.flush()
    for process in processes:
        process.communicate(timeout=60)
        assert process.returncode == 0
    service = DistrictConfigurationService(path)
    assert set(service.districts or ()) == {"61", "F", *(f"{name}-{number}" for name in "ab" for number in range(15))}
    history = service.history()
    assert len(history) == 31
    assert all(newer.before == older.after for newer, older in pairwise(history))


def test_threads_lose_no_change(path: Path) -> None:
    """Several threads may share one service, some reading while others write. [R7.1]"""
    service = DistrictConfigurationService(path)
    with ThreadPoolExecutor(4) as pool:
        changes = [pool.submit(service.add, str(number)) for number in range(20)]
        reads = [pool.submit(service.resolve, ["61", str(number)]) for number in range(20)]
    assert [future.exception() for future in changes] == [None] * 20
    assert [future.exception() for future in reads] == [None] * 20
    assert set(service.districts or ()) == {"61", "F", *map(str, range(20))}


def test_a_killed_writer_harms_nothing(path: Path) -> None:
    """Whenever a writer is killed, the file is whole, its history leads to its configuration, and the next writer goes on. [B2, R7.1]"""
    for turn in range(3):
        process = adder(path, f"t{turn}", 10_000)
        assert process.stdin is not None
        assert process.stdout is not None
        before = path.stat().st_ino
        process.stdin.write(b"x")
        process.stdin.flush()
        deadline = time.monotonic() + 30
        while path.stat().st_ino == before and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(0.003 * turn)
        process.kill()
        process.communicate(timeout=30)
        assert process.returncode == -signal.SIGKILL
        service = DistrictConfigurationService(path)
        history = service.history()
        assert service.districts == history[0].after
        assert all(newer.before == older.after for newer, older in pairwise(history))
        service.add(f"after-{turn}")
        assert f"after-{turn}" in (service.districts or ())
    assert {item.name for item in path.parent.iterdir()} <= {"districts.json", "districts.json.lock"}


@pytest.mark.parametrize("operation", ["fsync", "replace"])
def test_a_failed_write_leaves_the_file_as_it_was(path: Path, operation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk during a write is told as such, and configuration, history and folder are as before. [B2, R7.1]"""
    service = DistrictConfigurationService(path)
    content = path.read_bytes()

    def fail(*_args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, operation, fail)
        if operation == "replace":
            patch.setattr(Path, "replace", fail)
        with pytest.raises(StoreUnavailable, match=r"cannot be written .*No space left.*with room on its disk"):
            service.add("117")
    assert path.read_bytes() == content
    assert not list(path.parent.glob(".*"))
    assert service.districts == ("61", "F")
    service.add("117")
    assert service.resolve(["117"]).districts == ("117",)


def test_the_newest_is_seen_without_a_restart(path: Path) -> None:
    """A service sees what another has changed since, and a file that was removed leaves nothing configured. [R7.1, R7.2]"""
    service, other = DistrictConfigurationService(path), DistrictConfigurationService(path)
    assert service.resolve(None).districts == ("61", "F")
    other.set_districts(["42"])
    assert service.resolve(None).districts == ("42",)
    path.unlink()
    assert service.resolve(None).districts is None
    other.add("7")
    assert service.districts == ("7",)


def test_an_unchanged_file_is_not_read_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Resolving costs no reading while the file is the same. [R9.3]"""
    service = DistrictConfigurationService(path)
    assert service.districts == ("61", "F")
    monkeypatch.setattr(stored, "_decode", lambda *_args: pytest.fail("read again"))
    assert service.districts == ("61", "F")


def change(**fields: object) -> Callable[[dict[str, Any]], object]:
    """Return what replaces fields of a file."""
    return lambda file: {**file, **fields}


def change_entry(**fields: object) -> Callable[[dict[str, Any]], object]:
    """Return what replaces fields of the first entry of a file's history."""
    return lambda file: {**file, "history": [{**file["history"][0], **fields}]}


@pytest.mark.parametrize(
    "damage",
    [
        lambda _file: [],
        lambda _file: "text",
        lambda _file: {},
        lambda file: {name: value for name, value in file.items() if name != "history"},
        lambda file: {name: value for name, value in file.items() if name != "configuredDistricts"},
        change(schemaVersion=1),
        change(configuredDistricts="61"),
        change(configuredDistricts=[]),
        change(configuredDistricts=[61]),
        change(configuredDistricts=["61", "61"]),
        change(configuredDistricts=["f", "F"]),
        change(configuredDistricts=["../61"]),
        change(configuredDistricts=[" 61"]),
        change(history={}),
        change(history=["set"]),
        change_entry(at="yesterday"),
        change_entry(action="rename"),
        change_entry(newDistricts="61"),
        change_entry(previousDistricts=[1]),
        change_entry(by=5),
        change_entry(note=[]),
    ],
)
def test_a_file_of_another_shape_is_refused_and_kept(path: Path, damage: Callable[[dict[str, Any]], object]) -> None:
    """What is JSON but no configuration is refused with path, rule and remedy by every call, and never overwritten. [R7.1, B2]"""
    path.write_text(json.dumps(damage(json.loads(path.read_bytes()))))
    content = path.read_bytes()
    refuse_all(path)
    assert path.read_bytes() == content


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000])
def test_a_torn_file_is_refused_and_kept(path: Path, content: bytes) -> None:
    """What is not even JSON is refused likewise. [R7.1, B2]"""
    path.write_bytes(content)
    refuse_all(path)
    assert path.read_bytes() == content


def refuse_all(path: Path) -> None:
    """Check that each call refuses the damaged file by name."""
    service = DistrictConfigurationService(path)
    for call in (
        lambda: service.districts,
        lambda: service.resolve(None),
        lambda: service.resolve(["61"]),
        service.history,
        service.clear,
        lambda: service.add("117"),
        lambda: service.set_districts(["117"]),
    ):
        with pytest.raises(DamagedFile, match="restore it from a copy") as caught:
            call()
        assert caught.value.path == str(path)


def test_a_file_of_a_later_version_is_refused_and_kept(path: Path) -> None:
    """A file of another major version asks for the release that wrote it; one of a later minor version is read. [R7.1]"""
    file = json.loads(path.read_bytes())
    path.write_text(json.dumps({**file, "schemaVersion": "1.9.0", "later": "field"}))
    assert DistrictConfigurationService(path).districts == ("61", "F")
    path.write_text(json.dumps({**file, "schemaVersion": "2.0.0"}))
    with pytest.raises(DamagedFile, match=r"schema version 2\.0\.0.*or a newer one"):
        DistrictConfigurationService(path).add("117")


def test_a_repaired_file_is_read_again(path: Path) -> None:
    """A service that has refused a damaged file reads it as soon as it is whole. [R7.1]"""
    service, content = DistrictConfigurationService(path), path.read_bytes()
    path.write_bytes(b"{")
    with pytest.raises(DamagedFile):
        service.resolve(None)
    path.write_bytes(content)
    assert service.districts == ("61", "F")


def test_a_place_that_cannot_be_read_or_written_is_named(tmp_path: Path) -> None:
    """A folder in place of the file, or a file in place of the folder, is told as such. [R7.1]"""
    with pytest.raises(StoreUnavailable, match="cannot be read"):
        DistrictConfigurationService(tmp_path).resolve(None)
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreUnavailable, match="cannot be read"):
        DistrictConfigurationService(tmp_path / "file" / "districts.json").add("61")


def test_a_writer_that_never_ends_is_not_waited_for(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock that is kept for too long is told as such; reading needs none. [R7.1]"""
    monkeypatch.setattr(wholefile, "LOCK_SECONDS", 0.02)
    service = DistrictConfigurationService(path)
    with FileLock(path.with_name("districts.json.lock")):
        assert service.districts == ("61", "F")
        with ThreadPoolExecutor(1) as pool, pytest.raises(StoreUnavailable, match=r"kept it locked for 0\.02 seconds; try again"):
            pool.submit(service.add, "117").result(timeout=30)
    service.add("117")
    assert service.resolve(["117"]).districts == ("117",)
