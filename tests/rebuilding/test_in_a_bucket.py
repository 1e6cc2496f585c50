"""A history in a bucket is proved and made anew as one in a folder is."""

from __future__ import annotations

from datetime import date

import pytest

from backfill import BackfillRequest, BackfillService, function_source
from backfill.errors import DamagedFile
from backfill.model import Cause, Document
from backfill.protocols import Fetch, SupportsRemnants
from tm_serving import counts

obstore = pytest.importorskip("obstore.store", reason="the extra 's3' is not installed")

FIRST, SECOND = date(2024, 1, 30), date(2024, 1, 31)


@function_source("rain")
def rain(day: date, district: str, fetch: Fetch) -> object:
    """Return what the document of the day and district says."""
    return {"mm": int(fetch(f"https://rain.test/{day}/{district}").text)}


class Kept:
    """A service over a bucket in memory, with two days of two districts."""

    def __init__(self) -> None:
        from backfill.fetching import ArchiveFetch  # noqa: PLC0415 - only where the bucket's library is
        from backfill.objectstores import ObjectRawArchive, ObjectSnapshotStore  # noqa: PLC0415 - as above

        self.objects = obstore.MemoryStore()
        self.archive = ObjectRawArchive(self.objects, "raw")
        for day in (FIRST, SECOND):
            for district in ("north", "south"):
                self.archive.put(Document.of(f"https://rain.test/{day}/{district}", f"{day.day}"))
        self.store = ObjectSnapshotStore(self.objects, "history")
        self.service = BackfillService(rain, self.store, fetch=ArchiveFetch(self.archive))
        self.service.run_backfill(BackfillRequest(FIRST, SECOND, ["north", "south"]), progress=False)

    def key(self, end: str, within: str = "") -> str:
        """Return the one key that ends so."""
        (found,) = (
            one["path"] for page in self.objects.list() for one in page if one["path"].endswith(end) and within in one["path"]
        )
        return str(found)

    def causes(self) -> dict[tuple[date, str | None], Cause]:
        """Return what differs, and why."""
        return {(one.day, one.district): one.cause for one in self.service.verify(FIRST, SECOND).differences}


def test_each_damage_in_a_bucket_has_its_cause() -> None:
    """What is gone is missing, what is there and something else was edited, in snapshots and archive alike. [B4]"""
    kept = Kept()
    with kept.service as service:
        assert service.verify(FIRST, SECOND).is_proved
        kept.objects.delete([kept.key("district_north.json", f"{FIRST}")])
        kept.objects.put(kept.key("district_south.json", f"{FIRST}"), b"{}")
        kept.objects.put(kept.key("manifest.json", f"{SECOND}"), b"{}")
        assert kept.causes() == {
            (FIRST, "north"): Cause.FILE_MISSING, (FIRST, "south"): Cause.FILE_EDITED, (SECOND, None): Cause.DAY_UNREADABLE,
        }  # fmt: skip
        coverage = service.coverage(FIRST, SECOND)
        assert list(coverage.damaged) == [SECOND]
        assert coverage.state(FIRST, "north") == "full"
        assert counts(service.rebuild(FIRST).wait(60)) == {"completed": 2}
        assert service.verify(FIRST).is_proved
        contents = [one["path"] for page in kept.objects.list("raw/contents") for one in page]
        for content in contents:
            kept.objects.put(content, b"x")
        assert set(_of(kept, FIRST)) == {Cause.DOCUMENT_DAMAGED}
        kept.objects.delete(contents)
        assert set(_of(kept, FIRST)) == {Cause.DOCUMENT_MISSING}


def _of(kept: Kept, day: date) -> list[Cause]:
    return [one.cause for one in kept.service.verify(day).differences]


def test_a_day_whose_pointer_is_gone_is_told_and_comes_back() -> None:
    """A bucket has no remnants: without its pointer a day is not there, as the ledger tells, and the archive gives it again. [B4]"""
    kept = Kept()
    assert not isinstance(kept.store, SupportsRemnants)
    with kept.service as service:
        kept.objects.delete([kept.key(f"days/{FIRST}.json")])
        found = service.verify(FIRST, SECOND)
        assert (found.absent, found.differences) == ((FIRST,), ())
        assert service.coverage(FIRST, FIRST, districts=["north"]).missing == {FIRST: ("north",)}
        assert counts(service.rebuild(FIRST, SECOND).wait(60)) == {"completed": 4}
        assert service.verify(FIRST, SECOND).absent == ()


def test_a_pointer_that_is_none_is_a_damaged_day() -> None:
    """It is told, and the other day goes on. [B4, B5]"""
    kept = Kept()
    with kept.service as service:
        kept.objects.put(kept.key(f"days/{FIRST}.json"), b"{}")
        assert kept.causes() == {(FIRST, None): Cause.DAY_UNREADABLE}
        assert list(service.coverage(FIRST, SECOND).damaged) == [FIRST]
        with pytest.raises(DamagedFile):
            kept.store.read(FIRST)
