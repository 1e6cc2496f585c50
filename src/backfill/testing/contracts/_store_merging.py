"""What a day must hold after several operations have contributed to it."""

from __future__ import annotations

from backfill.errors import SnapshotNotFound
from backfill.model import SnapshotStatus
from backfill.testing.contracts._asserting import equal, holds, present, refused
from backfill.testing.contracts._store_hooks import StoreHooks, committed, state_of
from backfill.testing.contracts._store_reading import EARLY, LATE
from backfill.testing.samples import DAY, contribution, failure, record, store_records


class MergingContract(StoreHooks):
    """The merge rule of `backfill.model.combine_day`, seen from outside."""

    def test_a_day_without_records_is_not_stored(self) -> None:
        """A day of which nothing could be had is no day of the store, even if a summary of it could. [R6.3]"""
        store = self.new_store()
        with store.begin(DAY, job_id="job-1") as draft:
            draft.put_summary("totals", {"n": 0}, as_of=EARLY)
            equal(
                draft.commit(contribution(["61"], errors=[failure("61")])), None, "what commit returns of a day without records"
            )
        equal(list(store.days()), [], "days")

    def test_a_partial_day_is_completed_later(self) -> None:
        """A day with failures is stored as partial, names them, and becomes whole by another job. [R6.3, R6.6]"""
        store = self.new_store()
        with store.begin(DAY, job_id="job-1") as draft:
            draft.put(record("61"))
            said = draft.commit(contribution(["61", "F"], errors=[failure("F")]))
        info = present(said, "what commit says of a day with one district of two")
        found = (info.status, info.missing, info.snapshot_id)
        equal(found, (SnapshotStatus.PARTIAL, ("F",), "2024-01-31"), "status, missing districts and id after a failure")
        metadata = store.read(DAY).metadata
        told = (metadata.status, metadata.failed, metadata.errors)
        equal(told, (SnapshotStatus.PARTIAL, ("F",), (failure("F"),)), "status, failed districts and errors of the metadata")
        info = store_records(store, record("F"), job_id="job-2")
        expected = (SnapshotStatus.SUCCESS, (), ("61", "F"))
        equal((info.status, info.missing, info.districts), expected, "status, missing and stored districts once it came")
        equal(store.read(DAY).metadata.errors, (), "errors once it came")

    def test_a_failure_hides_nothing(self) -> None:
        """A district that is stored stays stored, and is not missing, when a later job fails to get it. [P6, R6.2]"""
        store = self.new_store()
        store_records(store, record("61"), record("F"))
        before = dict(store.entries(DAY))
        with store.begin(DAY, job_id="job-2") as draft:
            said = draft.commit(contribution(["F", "U"], job_id="job-2", errors=[failure("F"), failure("U")]))
        info = present(said, "what commit says of failures on a day that is stored")
        found = (info.stored, info.kept, info.districts, info.missing)
        equal(found, ((), (), ("61", "F"), ("U",)), "districts stored, kept, in the day, and missing")
        equal(dict(store.entries(DAY)), before, "entries after failures alone")
        equal(store.read(DAY).metadata.status, SnapshotStatus.PARTIAL, "status while 'U' is missing")

    def test_unavailable_is_no_failure(self) -> None:
        """A district of which nothing was published makes no day partial, and is told until it is stored after all. [R6.3]"""
        store = self.new_store()
        with store.begin(DAY, job_id="job-1") as draft:
            draft.put(record("61"))
            draft.commit(contribution(["61", "F"], unavailable=["F"]))
        metadata = store.read(DAY).metadata
        found = (metadata.status, metadata.unavailable, metadata.failed)
        equal(found, (SnapshotStatus.SUCCESS, ("F",), ()), "status, unavailable and failed districts")
        store_records(store, record("F"), job_id="job-2")
        equal(store.read(DAY).metadata.unavailable, (), "unavailable districts once it came")

    def test_p5_a_targeted_job_leaves_the_others(self) -> None:
        """A targeted job adds or replaces exactly its districts. [P5, R5.4]"""
        store = self.new_store()
        store_records(store, record("61", "a"), record("F", "b"))
        info = store_records(store, record("F", "changed"), record("U", "new"), job_id="job-2")
        equal((info.stored, info.kept), (("F", "U"), ()), "districts stored and kept")
        equal(info.districts, ("61", "F", "U"), "districts of the day")
        equal(state_of(store, DAY), {"61": "a", "F": "changed", "U": "new"}, "data")
        jobs = [header.job_id for header in store.entries(DAY).values()]
        equal(jobs, ["job-1", "job-2", "job-2"], "jobs of the entries")

    def test_a_summary_never_replaces_a_full_record(self) -> None:
        """A full record stays when a summary comes, is flagged when that is newer, and another full one replaces it. [R5.4]"""
        store = self.new_store()
        store_records(store, record("61", "full", as_of=EARLY))
        info = store_records(store, record("61", "short", detail="summary", as_of=LATE), job_id="job-2")
        equal((info.stored, info.kept), ((), ("61",)), "districts stored and kept when a summary came")
        equal(state_of(store, DAY), {"61": "full"}, "data after a summary came")
        holds(store.entries(DAY)["61"].stale_detail, "the full record is not flagged, though a newer summary was seen")
        store_records(store, record("61", "fuller", as_of=LATE), job_id="job-3")
        equal(state_of(store, DAY), {"61": "fuller"}, "data after a newer full record came")
        holds(not store.entries(DAY)["61"].stale_detail, "the new full record is still flagged")

    def test_a_full_record_replaces_a_summary(self) -> None:
        """A summary record gives way to a full one that is as new or newer, not to an older one. [R5.4]"""
        store = self.new_store()
        store_records(store, record("61", "short", detail="summary", as_of=LATE))
        store_records(store, record("61", "older", as_of=EARLY), job_id="job-2")
        equal(state_of(store, DAY), {"61": "short"}, "data after an older full record came")
        store_records(store, record("61", "full", as_of=LATE), job_id="job-3")
        equal(state_of(store, DAY), {"61": "full"}, "data after an equally new full record came")
        equal(store.entries(DAY)["61"].detail, "full", "detail of the entry")

    def test_older_never_replaces_newer(self) -> None:
        """A record stays when an older one comes, and is replaced by an equally old one of another content. [R5.4]"""
        store = self.new_store()
        store_records(store, record("61", "late", as_of=LATE))
        equal(store_records(store, record("61", "early", as_of=EARLY), job_id="job-2").kept, ("61",), "districts kept")
        equal(state_of(store, DAY), {"61": "late"}, "data after an older record came")
        equal(store_records(store, record("61", "corrected", as_of=LATE), job_id="job-3").stored, ("61",), "districts stored")
        equal(state_of(store, DAY), {"61": "corrected"}, "data after a correction came")

    def test_the_same_again_is_noted_for_the_job(self) -> None:
        """The same record again stays as it is, but the entry names the job, so that its resume finds it. [B2]"""
        store = self.new_store()
        store_records(store, record("61", settled=False))
        equal(store_records(store, record("61"), job_id="job-2").kept, ("61",), "districts kept")
        header = store.entries(DAY)["61"]
        equal((header.job_id, header.settled), ("job-2", True), "job and settled of the entry")

    def test_summaries_of_the_day_are_merged(self) -> None:
        """Of summaries only a newer one, or an equally old one of another content, replaces; others of the day stay. [R5.2]"""
        store = self.new_store()
        seen = []
        for as_of, version in ((EARLY, 1), (LATE, 2), (EARLY, 3), (LATE, 4), (LATE, 4)):
            with store.begin(DAY, job_id="job-1") as draft:
                draft.put(record())
                draft.put_summary("all-districts-rankings", {"v": version}, as_of=as_of)
                committed(draft, "61")
            seen.append(store.read(DAY).summary("all-districts-rankings"))
        equal(seen, [{"v": 1}, {"v": 2}, {"v": 2}, {"v": 4}, {"v": 4}], "the summary after each commit")
        with store.begin(DAY, job_id="job-2") as draft:
            draft.put(record())
            draft.put_summary("totals", 1, as_of=EARLY)
            committed(draft, "61", job_id="job-2")
        equal(store.read(DAY).summary("all-districts-rankings"), {"v": 4}, "the summary after another one came")
        with refused(SnapshotNotFound, "reading a summary that was never put"):
            store.read(DAY).summary("rankings")

    def test_no_merge_is_lost(self) -> None:
        """Drafts of one day that stand side by side do not wait for each other, and each reaches the day. [R11.2, R5.4]"""
        store = self.new_store()
        store_records(store, record("61", "first"))
        with store.begin(DAY, job_id="job-1") as one, store.begin(DAY, job_id="job-2") as other:
            one.put(record("F", "one"))
            other.put(record("U", "other"))
            committed(other, "U", job_id="job-2")
            equal(committed(one, "F").districts, ("61", "F", "U"), "districts after the second commit")
        equal(state_of(store, DAY), {"61": "first", "F": "one", "U": "other"}, "data")
