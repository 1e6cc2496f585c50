"""What a snapshot store must say of a day as a whole."""

from __future__ import annotations

from backfill.model import Finding
from backfill.testing.clock import VirtualClock
from backfill.testing.contracts._asserting import equal, holds
from backfill.testing.contracts._store_hooks import StoreHooks
from backfill.testing.contracts._store_reading import LATE
from backfill.testing.samples import DAY, contribution, failure, record, store_records


class MetadataContract(StoreHooks):
    """Metadata say who has contributed to a day, when, and what is missing and why."""

    def test_metadata_says_everything(self) -> None:
        """Metadata has source, scope, strategy, job, times, and what is missing and why. [R5.5, R6.2, R11.4]"""
        store = self.new_store()
        findings = (Finding("duplicate_rows", "two rows of club 9905", DAY, "61"), Finding("note", "of the day"))
        said = contribution(["61", "F", "U"], errors=[failure("F")], unavailable=["U"], findings=findings, listed=True)
        with store.begin(DAY, job_id="job-1") as draft:
            draft.put(record("61", as_of=LATE))
            draft.commit(said)
        metadata = store.read(DAY).metadata
        found = (metadata.day, metadata.as_of, metadata.source, metadata.listed)
        equal(found, (DAY, LATE, "test", True), "day, as-of date, source and whether it was listed")
        equal((metadata.expected, metadata.districts), (("61", "F", "U"), ("61",)), "districts expected and stored")
        equal((metadata.unavailable, metadata.failed), (("U",), ("F",)), "districts unavailable and failed")
        equal((metadata.errors, metadata.findings), ((failure("F"),), findings), "errors and findings")
        holds(abs(metadata.processing_seconds - said.seconds) < 0.01, "processing_seconds is not what the job said")
        job = {"job": "job-1", "operation": "backfill", "method": "per-district", "scope": "targeted", "at": said.at.isoformat()}
        equal(metadata.operations, (job,), "operations")

    def test_times_say_when(self) -> None:
        """A day keeps the time at which it was first stored, and has that of its last change; both aware. [R5.5]"""
        store = self.new_store()
        store_records(store, record("61"))
        first = store.read(DAY).metadata
        if isinstance(self.clock, VirtualClock):
            self.clock.advance(3600)
        store_records(store, record("F"), job_id="job-2")
        second = store.read(DAY).metadata
        holds(first.created_at.tzinfo is not None and first.updated_at.tzinfo is not None, "the times have no zone")
        equal(second.created_at, first.created_at, "created_at after a change")
        holds(second.created_at <= first.updated_at <= second.updated_at, "updated_at goes back")
        equal([operation["job"] for operation in second.operations], ["job-1", "job-2"], "jobs of the operations")

    def test_a_refresh_is_told_from_a_backfill(self) -> None:
        """Whether a backfill or a refresh changed the day stands in its operations. [R11.4, R11.3]"""
        store = self.new_store()
        for job, operation in (("job-1", "refresh"), ("job-2", "backfill")):
            with store.begin(DAY, job_id=job) as draft:
                draft.put(record("61", operation))
                draft.commit(contribution(["61"], job_id=job, operation=operation))
        found = [operation["operation"] for operation in store.read(DAY).metadata.operations]
        equal(found, ["refresh", "backfill"], "operations of the day")

    def test_operations_are_the_last_twenty(self) -> None:
        """Metadata does not grow without end with the operations on a day. [R5.5]"""
        store = self.new_store()
        for number in range(22):
            store_records(store, record("61", number), job_id=f"job-{number}")
        jobs = [operation["job"] for operation in store.read(DAY).metadata.operations]
        equal(jobs, [f"job-{number}" for number in range(2, 22)], "jobs of the operations")

    def test_findings_are_those_of_the_last_look(self) -> None:
        """A finding goes when its district is looked at again without it. [R6.4]"""
        store = self.new_store()
        for findings in ([Finding("note", "odd", DAY, "61")], []):
            with store.begin(DAY, job_id="job-1") as draft:
                draft.put(record("61"))
                draft.commit(contribution(["61"], findings=findings))
        equal(store.read(DAY).metadata.findings, (), "findings")

    def test_a_message_with_broken_text_stops_no_day(self) -> None:
        """A message that quotes a file name which is not UTF-8 keeps no day from being stored. [R6.1]"""
        store = self.new_store()
        findings = [Finding("note", "file \udcff")]
        with store.begin(DAY, job_id="job-1") as draft:
            draft.put(record("61"))
            draft.commit(contribution(["61", "F"], errors=[failure("F", message="file \udcff")], findings=findings))
        errors = store.read(DAY).metadata.errors
        holds(errors and errors[0].message.startswith("file "), "the error's message is lost")
