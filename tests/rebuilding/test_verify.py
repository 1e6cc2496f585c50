"""Whether what is stored is what the archive gives: everything that can be wrong, told with its cause."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from backfill.jsonvalues import dumps
from backfill.model import Cause, DistrictRecord, Verification
from backfill.stores._snapshot import FileSnapshot
from backfill.toastmasters import ranking, source
from tm_serving import counts, opened, ran, serving, whole, windows
from trust_roots import DAY, END, START, blob_of, edited, file_of, forget, over, stored

CLUBS = "clubperformance~61~2023-01-31~2023-02-08"
SUMMARY = "districtsummary~2023-01-31~2023-02-08"


def verified(root: Path, **options: object) -> Verification:
    """Verify the root."""
    with over(root) as service:
        return service.verify(START, END, **options)  # type: ignore[arg-type] # passed through


def causes(found: Verification) -> set[tuple[str, str | None, str]]:
    """Return what differs: the day, the district, and why."""
    return {(one.day.isoformat(), one.district, str(one.cause)) for one in found.differences}


def _more_members(held: dict[str, object]) -> None:
    held["data"]["clubs"][0]["membershipCount"] = 99  # type: ignore[index] # the form of a stored record


def _with_manifest(root: Path) -> None:
    """Edit a record, and the manifest so that it agrees."""
    content = edited(file_of(root), _more_members)

    def agree(held: dict[str, object]) -> None:
        for entry in held["districts"]:  # type: ignore[attr-defined] # the form of a manifest
            if entry["districtId"] == "61":
                entry["sha256"], entry["fileSize"] = hashlib.sha256(content).hexdigest(), len(content)

    edited(file_of(root, "manifest.json"), agree)


def _other_provenance(root: Path) -> None:
    """Edit what a record says of when its documents were fetched, and the manifest so that it agrees."""

    def later(held: dict[str, object]) -> None:
        held["status"] = "fine"

    content = edited(file_of(root), later)

    def agree(held: dict[str, object]) -> None:
        for entry in held["districts"]:  # type: ignore[attr-defined] # as above
            if entry["districtId"] == "61":
                entry["sha256"], entry["fileSize"] = hashlib.sha256(content).hexdigest(), len(content)

    edited(file_of(root, "manifest.json"), agree)


def _of_another_district(root: Path) -> None:
    """Put another district's record in the place of one, and have the manifest agree: it is there, and is not what it should be."""
    content = file_of(root, "district_F.json").read_bytes()
    file_of(root).write_bytes(content)

    def agree(held: dict[str, object]) -> None:
        for entry in held["districts"]:  # type: ignore[attr-defined] # as above
            if entry["districtId"] == "61":
                entry["sha256"], entry["fileSize"] = hashlib.sha256(content).hexdigest(), len(content)

    edited(file_of(root, "manifest.json"), agree)


DAMAGES: dict[str, tuple[Callable[[Path], object], set[tuple[str, str | None, str]]]] = {
    "a document's content is gone": (lambda root: blob_of(root, CLUBS).unlink(), {(DAY, "61", "document missing")}),
    "a document's content is another": (lambda root: blob_of(root, CLUBS).write_bytes(b"x"), {(DAY, "61", "document damaged")}),
    "a document is not in the index": (lambda root: forget(root, CLUBS), {(DAY, "61", "document missing")}),
    "the day's summary is gone": (
        lambda root: blob_of(root, SUMMARY).unlink(),
        {(DAY, name, "document missing") for name in ("61", "F", "U", None)},
    ),
    "a record was edited": (lambda root: edited(file_of(root), _more_members), {(DAY, "61", "file edited")}),
    "a record is gone": (lambda root: file_of(root).unlink(), {(DAY, "61", "file missing")}),
    "a record and its manifest were edited": (_with_manifest, {(DAY, "61", "file edited")}),
    "what a record says beside its figures was edited": (_other_provenance, {(DAY, "61", "file edited")}),
    "the rankings were edited": (
        lambda root: file_of(root, "all-districts-rankings.json").write_bytes(b"{}"), {(DAY, None, "file edited")},
    ),
    "the manifest is no manifest": (lambda root: file_of(root, "manifest.json").write_bytes(b"{}"), {(DAY, None, "day unreadable")}),
    "the manifest is gone": (lambda root: file_of(root, "manifest.json").unlink(), {(DAY, None, "day unreadable")}),
    "a record is of another district": (_of_another_district, {(DAY, "61", "file edited")}),
    "the rankings are gone": (
        lambda root: file_of(root, "all-districts-rankings.json").unlink(), {(DAY, None, "file missing")},
    ),
    "the metadata are gone": (lambda root: file_of(root, "metadata.json").unlink(), {(DAY, None, "day unreadable")}),
}  # fmt: skip


def test_what_was_collected_is_proved(pristine: Path) -> None:
    """All of a root that nobody touched is what its documents give, byte for byte, and verify changes nothing. [B4]"""
    before = stored(pristine)
    found = verified(pristine)
    assert (found.days, found.records, found.summaries, found.same) == (2, 6, 2, 8)
    assert found.is_proved
    assert found.causes == {}
    assert stored(pristine) == before


@pytest.mark.parametrize("damage", DAMAGES, ids=str)
def test_each_damage_is_told_with_its_cause(root: Path, damage: str) -> None:
    """Whatever happened to it, the day and district are named, and why; the other day is proved all the same. [B4, B3]"""
    do, expected = DAMAGES[damage]
    do(root)
    found = verified(root)
    assert causes(found) == expected
    assert not found.is_proved
    assert all(one.message for one in found.differences)
    with over(root) as service:
        assert service.verify(END).is_proved


def test_a_rebuild_heals_what_can_be_healed(root: Path) -> None:
    """What was edited or lost in the snapshots is proved again after a rebuild. [B4]"""
    for damage in ("a record was edited", "the rankings were edited", "a record is of another district"):
        DAMAGES[damage][0](root)
    file_of(root, "district_F.json").unlink()
    file_of(root, "all-districts-rankings.json", day=END).unlink()
    assert not verified(root).is_proved
    with over(root) as service:
        assert counts(service.rebuild(START, END).wait(60)) == {"completed": 6}
        assert service.verify(START, END).is_proved


def _forged(root: Path, refs: Callable[[list[object]], list[object]]) -> None:
    """Edit the documents that a record names, and the manifest so that it agrees."""

    def forge(held: dict[str, object]) -> None:
        held["provenance"] = refs(held["provenance"])  # type: ignore[arg-type] # the form of a stored record

    content = edited(file_of(root), forge)

    def agree(held: dict[str, object]) -> None:
        for entry in held["districts"]:  # type: ignore[attr-defined] # as above
            if entry["districtId"] == "61":
                entry["sha256"], entry["fileSize"] = hashlib.sha256(content).hexdigest(), len(content)

    edited(file_of(root, "manifest.json"), agree)


@pytest.mark.parametrize("forgery", ["none", "of another month"])
def test_a_rebuild_puts_right_what_a_record_names(root: Path, forgery: str) -> None:
    """A record whose figures are right, and that names no document, or others than its own, names its own again. [B3, B4]"""
    before = stored(root)
    others = json.loads(file_of(root, day=END).read_bytes())["provenance"]
    _forged(root, lambda _refs: [] if forgery == "none" else others)
    assert not verified(root).is_proved
    with over(root) as service:
        assert counts(service.rebuild(DAY).wait(60)) == {"completed": 3}
        assert service.verify(DAY, END).is_proved
    assert stored(root) == before


def test_a_rebuild_of_a_record_that_names_unknown_documents_fails(root: Path) -> None:
    """A document of which the archive has no such content is missing: the unit fails, and nothing is made up. [B3, B4]"""
    _forged(root, lambda refs: [{**ref, "sha256": "0" * 64} for ref in refs])  # type: ignore[dict-item] # as above
    with over(root) as service:
        report = service.rebuild(DAY).wait(60)
        assert [(error.district_id, error.kind) for error in report.errors] == [("61", "document_missing")]
        assert not service.verify(DAY).is_proved


def test_an_edited_figure_is_shown_with_what_the_documents_say(root: Path) -> None:
    """The message names the place, what stands there, and what should. [B4]"""
    _with_manifest(root)
    (difference,) = verified(root).differences
    assert ".membershipCount: 99 -> " in difference.message


def test_changed_rules_are_told_from_edited_files(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the rules have another version, that is why records differ; so with the rankings. [B4]"""
    monkeypatch.setattr(source.RefreshServiceSource, "calculation_version", "2.0.0")
    monkeypatch.setattr(ranking, "RANKING_VERSION", "9.0")
    found = verified(root)
    assert found.causes == {Cause.RULES_CHANGED: 8}
    assert "1.0.0, and are 2.0.0" in found.differences[-1].message


def test_rules_that_refuse_what_they_took_are_told(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A document that the rules of today refuse gives no record: with another version that is the cause. [B4]"""
    blob = blob_of(root, CLUBS)
    assert blob.exists()
    monkeypatch.setattr(source.RefreshServiceSource, "collect_many", _refuse)
    found = verified(root, districts=["61"])
    assert found.causes == {Cause.CANNOT_BE_MADE: 2}
    monkeypatch.setattr(source.RefreshServiceSource, "calculation_version", "2.0.0")
    assert verified(root, districts=["61"]).causes == {Cause.RULES_CHANGED: 2}


def _refuse(_source: object, _day: date, _districts: object, _fetch: object) -> dict[str, object]:
    from backfill.errors import PermanentSourceError  # noqa: PLC0415 - used here only

    raise PermanentSourceError("not by these rules", kind="strict")


def test_a_close_that_was_learnt_later_is_told(tmp_path: Path) -> None:
    """What was stored before the close's last state was known is faithful to its documents, and out of date. [B10, B4]"""
    opened_ = windows(m2026_09=("2026-09-10", "2026-10-09"), m2026_10=("2026-10-10", "2026-11-09"))
    files = whole("2026-09", "2026-10-04", ("61",)) | whole("2026-09", "2026-10-09", ("61",))
    with serving(files, "2026-10-05", opened=opened_) as server, opened(tmp_path, server, "2026-10-05") as service:
        assert counts(ran(service, "2026-09-30", districts=["61"])) == {"completed": 1}
    with over(tmp_path, "2026-10-06") as service:
        assert service.verify("2026-09-30").is_proved  # there may be no later state
    with over(tmp_path, "2026-11-01") as service:
        service.refresh_service.almanac.learn(date(2026, 9, 30), date(2026, 10, 9))
        service.refresh_service.almanac.learn(date(2026, 10, 31), date(2026, 10, 10))
        found = service.verify("2026-09-30")
        assert causes(found) == {("2026-09-30", "61", "close learnt later")}
        assert found.same == found.records + found.summaries
        assert "until 2026-10-09" in found.differences[0].message


def test_chosen_districts_alone_are_looked_at(pristine: Path) -> None:
    """With districts named, neither the others nor the summaries of days are looked at. [B4]"""
    found = verified(pristine, districts=["f"])
    assert (found.records, found.summaries, found.same) == (2, 0, 2)


def test_a_summary_that_the_source_does_not_make_is_told(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A summary of another name than those that the rules make cannot be proved. [B4]"""
    monkeypatch.setattr(source, "RANKINGS", "other-rankings")
    found = verified(root)
    assert causes(found) == {(DAY, None, "cannot be made"), (END, None, "cannot be made")}
    assert {one.name for one in found.differences} == {"all-districts-rankings"}


def test_a_summary_names_its_documents(pristine: Path) -> None:
    """The rankings say which document they were made from, as records do. [B3]"""
    held = json.loads(file_of(pristine, "all-districts-rankings.json").read_bytes())
    assert [one["name"] for one in held["provenance"]] == [SUMMARY]
    assert dumps(held) == file_of(pristine, "all-districts-rankings.json").read_bytes()


def test_a_day_that_was_stored_and_is_not_there_is_told(root: Path) -> None:
    """A day that is gone as a whole cannot be compared; it is told, until a rebuild has brought it back. [B4]"""
    shutil.rmtree(file_of(root).parent)
    shutil.rmtree(file_of(root, day=END).parent)
    found = verified(root)
    assert (found.days, found.absent) == (0, (date(2023, 1, 31), date(2023, 2, 28)))
    with over(root) as service:
        assert service.verify(DAY, END, districts=["61"]).absent == found.absent
        assert service.verify(DAY, END, districts=["99"]).absent == ()
        assert service.rebuild(DAY, END).wait().status == "complete"
        found = service.verify(DAY, END)
        assert (found.is_proved, found.days, found.absent) == (True, 2, ())


def test_a_day_without_its_manifest_is_damaged(root: Path) -> None:
    """Files that nothing says the meaning of are told, whatever jobs know, and also when a rebuild could not store over them. [B4]"""
    file_of(root, "manifest.json").unlink()
    damage = (DAY, None, "day unreadable")
    with over(root) as service:
        found = service.verify(DAY, END)
        assert (causes(found), found.days, found.absent, found.is_proved) == ({damage}, 2, (), False)
        report = service.rebuild(DAY).wait(60)
        assert {(error.district_id, error.kind) for error in report.errors} == {
            (name, "damaged_day") for name in ("61", "F", "U")
        }
        assert causes(service.verify(DAY)) == {damage}
    (root / "jobs.sqlite3").unlink()
    assert causes(verified(root)) == {damage}
    shutil.move(file_of(root).parent, root / "aside")
    with over(root) as service:
        service.rebuild(DAY).wait(60)
        assert service.verify(DAY, END).is_proved


def test_each_record_is_read_once(pristine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a record names is known from the comparison itself: the process that others make records for reads none twice. [B4, R9.3]"""
    read: list[tuple[str, str]] = []
    really = FileSnapshot.district

    def noting(snapshot: FileSnapshot, district: str, /) -> DistrictRecord:
        read.append((snapshot.day.isoformat(), district))
        return really(snapshot, district)

    monkeypatch.setattr(FileSnapshot, "district", noting)
    assert verified(pristine).is_proved
    assert sorted(read) == [(day, district) for day in (DAY, END) for district in ("61", "F", "U")]
