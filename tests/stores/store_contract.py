"""What every snapshot store must do, as a class of tests over one fixture. It knows the protocol only, and no store."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import cast

import pytest
from attrs import evolve

from backfill.errors import InvalidRequest, PermanentSourceError, SnapshotNotFound, StoreError
from backfill.jsonvalues import JsonValue
from backfill.model import Finding, SnapshotStatus
from backfill.protocols import SnapshotStore
from backfill.serialization import encode_record
from backfill.testing import VirtualClock
from stores.store_cases import DAY, contribution, failure, record, store_records

EARLY, LATE = date(2024, 2, 5), date(2024, 2, 9)
HOSTILE = ["", ".", "..", "../61", "a/b", "a\\b", ".hidden", "6 1", " 61", "61\n", "6\x001", "ä", "x" * 65, "/etc/passwd"]


class SnapshotStoreContract:
    """Subclass it, and give it a fixture ``store`` that returns an empty store on the fixture ``clock``."""

    @pytest.fixture
    def clock(self) -> VirtualClock:
        """Return the time that the store sees."""
        return VirtualClock()

    def test_is_a_snapshot_store(self, store: SnapshotStore) -> None:
        """The store has every member of the protocol. [R5.1]"""
        assert isinstance(store, SnapshotStore)

    def test_empty_store_holds_nothing(self, store: SnapshotStore) -> None:
        """A store without days lists none, has no entries, and says how a day would come into it."""
        assert list(store.days()) == []
        assert dict(store.entries(DAY)) == {}
        store.delete(DAY)
        with pytest.raises(SnapshotNotFound, match="a backfill of 2024-01-31 would make it"):
            store.read(DAY)

    def test_p4_what_is_put_is_read(self, store: SnapshotStore) -> None:
        """A record comes back equal in every field, whether put as it is or encoded by a worker. [P4, R5.2]"""
        plain, encoded = record("61", {"clubs": [1, 2.5, None, "ä"]}), record("F", {"clubs": []}, settled=False)
        with store.begin(DAY, job_id="job-1") as draft:
            draft.put(plain)
            draft.put(encode_record(encoded, job_id="worker", method="targeted"))
            draft.commit(contribution(["61", "F"]))
        snapshot = store.read(DAY)
        assert snapshot.day == DAY
        assert snapshot.districts == ("61", "F")
        assert snapshot.district("61") == plain
        assert snapshot.district("F") == encoded
        assert snapshot.district("F") == encoded  # and again
        assert "2024-01-31" in repr(snapshot)

    def test_entries_say_what_reading_would(self, store: SnapshotStore) -> None:
        """The entries have detail, as-of, digest and size of each record, the job that stored it and its method. [R11.4]"""
        full, summary = record("61"), record("F", detail="summary", settled=False)
        with store.begin(DAY, job_id="job-7") as draft:
            draft.put(full)
            draft.put(encode_record(summary, job_id="worker", method="targeted"))
            draft.commit(contribution(["61", "F"], job_id="job-7"))
        expected = {
            "61": encode_record(full, job_id="job-7", method="per-district").header,
            "F": encode_record(summary, job_id="job-7", method="targeted").header,
        }
        assert dict(store.entries(DAY)) == expected
        assert dict(store.entries(DAY)) == expected  # now from whatever the store keeps in short
        assert store.entries(DAY)["61"].satisfies("full")
        assert not store.entries(DAY)["F"].satisfies("summary")

    def test_last_put_counts(self, store: SnapshotStore) -> None:
        """Of several records of one district in a draft the last is stored."""
        info = store_records(store, record("61", "first"), record("61", "second"))
        assert info.stored == ("61",)
        assert store.read(DAY).district("61").data == "second"

    def test_left_draft_leaves_no_trace(self, store: SnapshotStore) -> None:
        """A draft that is left without commit stores nothing, however it is left. [B2]"""
        with store.begin(DAY, job_id="job-1") as draft:
            draft.put(record())
        for kind in (ValueError, KeyboardInterrupt):
            with suppress(kind), store.begin(DAY, job_id="job-1") as draft:
                draft.put(record())
                raise kind
        assert list(store.days()) == []

    def test_draft_is_used_once(self, store: SnapshotStore) -> None:
        """A draft that was committed or left refuses everything more, and says what to do instead."""
        committed = store.begin(DAY, job_id="job-1")
        committed.put(record())
        committed.commit(contribution())
        with store.begin(DAY, job_id="job-1") as left:
            pass
        for draft in (committed, left):
            with pytest.raises(StoreError, match="makes another"):
                draft.put(record())
            with pytest.raises(StoreError, match="makes another"):
                draft.put_summary("totals", 1, as_of=DAY)
            with pytest.raises(StoreError, match="makes another"):
                draft.commit(contribution())

    def test_day_without_records_is_not_stored(self, store: SnapshotStore) -> None:
        """A day of which nothing could be had is no day of the store, even if a summary of it could. [R6.3]"""
        with store.begin(DAY, job_id="job-1") as draft:
            draft.put_summary("totals", {"n": 0}, as_of=EARLY)
            assert draft.commit(contribution(["61"], errors=[failure("61")])) is None
        assert list(store.days()) == []

    def test_partial_day_is_completed_later(self, store: SnapshotStore) -> None:
        """A day with failures is stored as partial, names them, and becomes whole by another job. [R6.3, R6.6]"""
        with store.begin(DAY, job_id="job-1") as draft:
            draft.put(record("61"))
            info = draft.commit(contribution(["61", "F"], errors=[failure("F")]))
        assert info is not None
        assert (info.status, info.missing, info.snapshot_id) == (SnapshotStatus.PARTIAL, ("F",), "2024-01-31")
        metadata = store.read(DAY).metadata
        assert (metadata.status, metadata.failed, metadata.errors) == (SnapshotStatus.PARTIAL, ("F",), (failure("F"),))
        info = store_records(store, record("F"), job_id="job-2")
        assert (info.status, info.missing, info.districts) == (SnapshotStatus.SUCCESS, (), ("61", "F"))
        assert store.read(DAY).metadata.errors == ()

    def test_failures_alone_change_only_what_is_said(self, store: SnapshotStore) -> None:
        """A job that brings nothing to a stored day leaves its records, and its failures are said. [R6.2]"""
        store_records(store, record("61"))
        before = dict(store.entries(DAY))
        with store.begin(DAY, job_id="job-2") as draft:
            info = draft.commit(contribution(["F"], job_id="job-2", errors=[failure("F")]))
        assert info is not None
        assert (info.stored, info.kept, info.districts, info.missing) == ((), (), ("61",), ("F",))
        assert dict(store.entries(DAY)) == before
        assert store.read(DAY).metadata.status is SnapshotStatus.PARTIAL

    def test_p5_targeted_job_leaves_the_others(self, store: SnapshotStore) -> None:
        """A targeted job adds or replaces exactly its districts. [P5, R5.4]"""
        store_records(store, record("61", "a"), record("F", "b"))
        info = store_records(store, record("F", "changed"), record("U", "new"), job_id="job-2")
        assert (info.stored, info.kept, info.districts) == (("F", "U"), (), ("61", "F", "U"))
        snapshot = store.read(DAY)
        assert [snapshot.district(name).data for name in snapshot.districts] == ["a", "changed", "new"]
        assert [header.job_id for header in store.entries(DAY).values()] == ["job-1", "job-2", "job-2"]

    def test_full_is_not_replaced_by_summary(self, store: SnapshotStore) -> None:
        """A full record stays when a summary comes, is flagged when that is newer, and another full one replaces it. [R5.4]"""
        store_records(store, record("61", "full", as_of=EARLY))
        info = store_records(store, record("61", "short", detail="summary", as_of=LATE), job_id="job-2")
        assert (info.stored, info.kept) == ((), ("61",))
        assert store.read(DAY).district("61").data == "full"
        assert store.entries(DAY)["61"].stale_detail
        assert not store.entries(DAY)["61"].satisfies("full")
        store_records(store, record("61", "fuller", as_of=LATE), job_id="job-3")
        assert store.read(DAY).district("61").data == "fuller"
        assert not store.entries(DAY)["61"].stale_detail

    def test_newer_is_not_replaced_by_older(self, store: SnapshotStore) -> None:
        """A record stays when an older one comes, and is replaced by an equally old one of another content. [R5.4]"""
        store_records(store, record("61", "late", as_of=LATE))
        assert store_records(store, record("61", "early", as_of=EARLY), job_id="job-2").kept == ("61",)
        assert store.read(DAY).district("61").data == "late"
        assert store_records(store, record("61", "corrected", as_of=LATE), job_id="job-3").stored == ("61",)
        assert store.read(DAY).district("61").data == "corrected"

    def test_same_again_is_noted_for_the_job(self, store: SnapshotStore) -> None:
        """The same record again stays as it is, but the entry names the job, so that its resume finds it. [B2]"""
        store_records(store, record("61", settled=False))
        first = store.read(DAY).metadata
        assert store_records(store, record("61"), job_id="job-2").kept == ("61",)
        header = store.entries(DAY)["61"]
        assert (header.job_id, header.settled) == ("job-2", True)
        assert store.read(DAY).metadata.created_at == first.created_at

    def test_drafts_stand_side_by_side(self, store: SnapshotStore) -> None:
        """Two drafts of one day do not wait for each other, and both reach it. [R11.2]"""
        with store.begin(DAY, job_id="job-1") as one, store.begin(DAY, job_id="job-2") as other:
            one.put(record("61"))
            other.put(record("F"))
            other.commit(contribution(["F"], job_id="job-2"))
            info = one.commit(contribution(["61"]))
        assert info is not None
        assert info.districts == ("61", "F")

    def test_summaries_of_the_day(self, store: SnapshotStore) -> None:
        """A summary is read as it was put; only newer, or equally old and different, replaces it. [R5.2]"""
        versions = [(EARLY, {"v": 1}), (LATE, {"v": 2}), (EARLY, {"v": 3}), (LATE, {"v": 4}), (LATE, {"v": 4})]
        seen = []
        for as_of, payload in versions:
            with store.begin(DAY, job_id="job-1") as draft:
                draft.put(record())
                draft.put_summary("all-districts-rankings", {"discarded": True}, as_of=as_of)
                draft.put_summary("all-districts-rankings", payload, as_of=as_of)
                draft.commit(contribution())
            seen.append(store.read(DAY).summary("all-districts-rankings"))
        assert seen == [{"v": 1}, {"v": 2}, {"v": 2}, {"v": 4}, {"v": 4}]
        with pytest.raises(SnapshotNotFound, match=r"no summary 'rankings'.*'all-districts-rankings'"):
            store.read(DAY).summary("rankings")

    @pytest.mark.parametrize("payload", [None, float("nan"), b"bytes", {"a": object()}])
    def test_summary_that_is_not_json_is_refused(self, store: SnapshotStore, payload: object) -> None:
        """A summary that JSON cannot hold is an invalid payload, and the draft can go on without it."""
        with store.begin(DAY, job_id="job-1") as draft:
            draft.put(record())
            with pytest.raises(PermanentSourceError) as caught:
                draft.put_summary("totals", payload, as_of=EARLY)
            assert draft.commit(contribution()) is not None
        assert caught.value.kind == "invalid_payload"

    def test_snapshot_stays_one_state(self, store: SnapshotStore) -> None:
        """What was read stays what it was while its day is stored anew. [B2]"""
        with store.begin(DAY, job_id="job-1") as draft:
            draft.put(record("61", "before"))
            draft.put_summary("totals", "before", as_of=EARLY)
            draft.commit(contribution())
        snapshot = store.read(DAY)
        with store.begin(DAY, job_id="job-2") as draft:
            draft.put(record("61", "after"))
            draft.put_summary("totals", "after", as_of=EARLY)
            draft.commit(contribution(job_id="job-2"))
        assert (snapshot.district("61").data, snapshot.summary("totals")) == ("before", "before")
        assert len(snapshot.metadata.operations) == 1
        assert (store.read(DAY).district("61").data, store.read(DAY).summary("totals")) == ("after", "after")

    def test_nothing_is_shared_with_callers(self, store: SnapshotStore) -> None:
        """Changing what was put, or what was read, changes nothing stored."""
        data: JsonValue = {"clubs": ["a"]}
        with store.begin(DAY, job_id="job-1") as draft:
            draft.put(record("61", data))
            cast("dict[str, list[str]]", data)["clubs"].append("b")
            draft.commit(contribution())
        read = store.read(DAY).district("61")
        cast("dict[str, list[str]]", read.data)["clubs"].append("c")
        cast("dict[str, str]", store.read(DAY).metadata.operations[0])["job"] = "forged"
        assert store.read(DAY).district("61").data == {"clubs": ["a"]}
        assert store.read(DAY).metadata.operations[0]["job"] == "job-1"

    def test_metadata_says_everything(self, store: SnapshotStore, clock: VirtualClock) -> None:
        """Metadata has source, scope, strategy, job, times, and what is missing and why. [R5.5, R6.2, R11.4]"""
        findings = (Finding("duplicate_rows", "two rows of club 9905", DAY, "61"), Finding("note", "of the day"))
        created = clock.now()
        with store.begin(DAY, job_id="job-1") as draft:
            draft.put(record("61", as_of=LATE))
            said = contribution(["61", "F", "U"], errors=[failure("F")], unavailable=["U"], findings=findings, listed=True)
            draft.commit(said)
        metadata = store.read(DAY).metadata
        assert (metadata.day, metadata.as_of, metadata.source, metadata.listed) == (DAY, LATE, "test", True)
        assert (metadata.expected, metadata.districts) == (("61", "F", "U"), ("61",))
        assert (metadata.unavailable, metadata.failed) == (("U",), ("F",))
        assert (metadata.errors, metadata.findings) == ((failure("F"),), findings)
        assert (metadata.created_at, metadata.updated_at) == (created, created)
        assert metadata.processing_seconds == pytest.approx(1.5)
        assert metadata.operations == (
            {"job": "job-1", "operation": "backfill", "method": "per-district", "scope": "targeted", "at": said.at.isoformat()},
        )
        clock.advance(3600)
        store_records(store, record("F"), job_id="job-2")
        metadata = store.read(DAY).metadata
        assert (metadata.created_at, metadata.updated_at) == (created, created + timedelta(hours=1))
        assert [operation["job"] for operation in metadata.operations] == ["job-1", "job-2"]

    def test_operations_are_the_last_twenty(self, store: SnapshotStore) -> None:
        """Metadata does not grow without end with the operations on a day."""
        for number in range(22):
            store_records(store, record("61", number), job_id=f"job-{number}")
        jobs = [operation["job"] for operation in store.read(DAY).metadata.operations]
        assert jobs == [f"job-{number}" for number in range(2, 22)]

    def test_findings_are_those_of_the_last_look(self, store: SnapshotStore) -> None:
        """A finding goes when its district is looked at again without it. [R6.4]"""
        for findings in ([Finding("note", "odd", DAY, "61")], []):
            with store.begin(DAY, job_id="job-1") as draft:
                draft.put(record("61"))
                draft.commit(contribution(["61"], findings=findings))
        assert store.read(DAY).metadata.findings == ()

    def test_message_with_broken_text_does_not_stop_a_day(self, store: SnapshotStore) -> None:
        """A message that quotes a file name which is not UTF-8 keeps no day from being stored. [R6.1]"""
        findings = [Finding("note", "file \udcff")]
        with store.begin(DAY, job_id="job-1") as draft:
            draft.put(record("61"))
            draft.commit(contribution(["61", "F"], errors=[failure("F", message="file \udcff")], findings=findings))
        assert store.read(DAY).metadata.errors[0].message.startswith("file ")

    def test_days_are_ascending_and_bounded(self, store: SnapshotStore) -> None:
        """Days come in their order whatever the order of storing, bounds included. (pitfall: creation order is not date order)"""
        days = [date(2024, 3, 1), date(2023, 12, 31), date(2024, 2, 29), date(2024, 1, 1)]
        for day in days:
            store_records(store, record(day=day), day=day)
        assert list(store.days()) == sorted(days)
        assert list(store.days(date(2024, 1, 1), date(2024, 2, 29))) == [date(2024, 1, 1), date(2024, 2, 29)]
        assert list(store.days(date(2024, 2, 1))) == [date(2024, 2, 29), date(2024, 3, 1)]
        assert list(store.days(None, date(2023, 12, 31))) == [date(2023, 12, 31)]
        assert list(store.days(date(2024, 3, 2), date(2024, 1, 1))) == []

    def test_deleted_day_is_gone(self, store: SnapshotStore) -> None:
        """A deleted day is not read, listed or skipped, and can be stored anew."""
        store_records(store, record("61"), record("F"))
        store.delete(DAY)
        store.delete(DAY)
        assert list(store.days()) == []
        assert dict(store.entries(DAY)) == {}
        with pytest.raises(SnapshotNotFound):
            store.read(DAY)
        assert store_records(store, record("U")).districts == ("U",)

    def test_other_day_is_refused(self, store: SnapshotStore) -> None:
        """A record or contribution of another day than the draft's is refused by name."""
        with store.begin(DAY, job_id="job-1") as draft:
            with pytest.raises(InvalidRequest, match="its own day"):
                draft.put(record(day=date(2024, 2, 1)))
            draft.put(record())
            with pytest.raises(InvalidRequest, match="its own day"):
                draft.commit(contribution(day=date(2024, 2, 1)))

    @pytest.mark.parametrize("name", HOSTILE)
    def test_hostile_names_are_refused(self, store: SnapshotStore, name: str) -> None:
        """No identifier that could name another file reaches a path, in writing or reading. (pitfall: path traversal)"""
        store_records(store, record())
        snapshot = store.read(DAY)
        with store.begin(DAY, job_id="job-1") as draft:
            with pytest.raises(InvalidRequest):
                draft.put(record(name))
            with pytest.raises(InvalidRequest):
                draft.put_summary(name, 1, as_of=DAY)
        with pytest.raises(InvalidRequest):
            snapshot.district(name)
        with pytest.raises(InvalidRequest):
            snapshot.summary(name)

    @pytest.mark.parametrize("name", ["manifest", "Metadata", "district_61", "DISTRICT_x"])
    def test_summary_cannot_take_another_files_name(self, store: SnapshotStore, name: str) -> None:
        """A summary cannot be named like a file that the store writes itself."""
        with store.begin(DAY, job_id="job-1") as draft, pytest.raises(InvalidRequest, match="the store's own files"):
            draft.put_summary(name, 1, as_of=DAY)

    def test_names_that_differ_in_case_only_are_refused(self, store: SnapshotStore) -> None:
        """Two names that would be one file on some file systems never stand on one day, in one draft or across two."""
        with store.begin(DAY, job_id="job-1") as draft:
            draft.put(record("F"))
            draft.put_summary("totals", 1, as_of=EARLY)
            with pytest.raises(InvalidRequest, match="upper and lower case"):
                draft.put(record("f"))
            with pytest.raises(InvalidRequest, match="upper and lower case"):
                draft.put_summary("Totals", 1, as_of=EARLY)
            draft.commit(contribution(["F"]))
        with store.begin(DAY, job_id="job-2") as draft:
            draft.put(record("f"))
            with pytest.raises(InvalidRequest, match="upper and lower case"):
                draft.commit(contribution(["f"], job_id="job-2"))
        with store.begin(DAY, job_id="job-3") as draft:
            draft.put_summary("Totals", 1, as_of=EARLY)
            with pytest.raises(InvalidRequest, match="two summaries differ"):
                draft.commit(contribution(["f"], job_id="job-3"))
        assert store.read(DAY).districts == ("F",)

    def test_altered_encoding_is_refused(self, store: SnapshotStore) -> None:
        """An encoded record whose bytes are not those of its header is not stored. [B3]"""
        encoded = encode_record(record(), job_id="job-1")
        for content in (encoded.content.replace(b"figures", b"FIGURES"), encoded.content + b" "):
            with store.begin(DAY, job_id="job-1") as draft, pytest.raises(InvalidRequest, match="size and SHA-256"):
                draft.put(evolve(encoded, content=content))

    @pytest.mark.parametrize("data", [float("nan"), {"a": {1, 2}}, "\ud800"])
    def test_data_that_are_not_json_are_refused(self, store: SnapshotStore, data: object) -> None:
        """Data that JSON cannot hold are refused when they are put, not when they are read."""
        with store.begin(DAY, job_id="job-1") as draft, pytest.raises(InvalidRequest, match="not what JSON can hold"):
            draft.put(record("61", cast("JsonValue", data)))

    def test_moment_is_no_day(self, store: SnapshotStore) -> None:
        """A datetime is refused where a day is meant, since its text would name another directory."""
        moment = datetime(2024, 1, 31)  # noqa: DTZ001 - the point of the test
        for call in (store.read, store.entries, store.delete):
            with pytest.raises(InvalidRequest, match="time of day"):
                call(moment)
        with pytest.raises(InvalidRequest, match="time of day"):
            store.begin(moment, job_id="job-1")

    def test_missing_district_is_explained(self, store: SnapshotStore) -> None:
        """A district that the day does not have is answered with those that may have been meant."""
        store_records(store, record("01"), record("F"))
        with pytest.raises(SnapshotNotFound, match=r"no district '1' \(did you mean '01'\?\)"):
            store.read(DAY).district("1")
        with pytest.raises(SnapshotNotFound, match=r"no district 'xyz'; \.districts lists"):
            store.read(DAY).district("xyz")

    def test_threads_put_into_one_draft(self, store: SnapshotStore) -> None:
        """Puts of several threads into one draft all arrive. [R9.2]"""
        names = [f"{number:02d}" for number in range(40)]
        with store.begin(DAY, job_id="job-1") as draft, ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda name: draft.put(record(name, name)), names))
            info = draft.commit(contribution(names))
        assert info is not None
        assert info.stored == tuple(names)
        snapshot = store.read(DAY)
        assert [snapshot.district(name).data for name in names] == names


class ConcurrentStoreContract:
    """What a store must do for threads; give it a fixture ``live_store``, an empty store on the system's clock."""

    def test_drafts_of_several_threads_lose_nothing(self, live_store: SnapshotStore) -> None:
        """Jobs that commit different districts to one day at the same time lose nothing. [R5.4, R11.2]"""
        together = threading.Barrier(6)

        def job(number: int) -> None:
            together.wait()
            for turn in range(5):
                store_records(live_store, record(f"{number}-{turn}", turn), job_id=f"job-{number}")

        with ThreadPoolExecutor(6) as pool:
            list(pool.map(job, range(6)))
        expected = sorted(f"{number}-{turn}" for number in range(6) for turn in range(5))
        assert list(live_store.read(DAY).districts) == expected
        assert sorted(live_store.entries(DAY)) == expected

    def test_reader_never_sees_a_torn_day(self, live_store: SnapshotStore) -> None:
        """A reader beside two hundred changes of all districts sees each time one state of them all. [B2]"""
        names = [str(number) for number in range(4)]
        store_records(live_store, *(record(name, 0) for name in names))
        done = threading.Event()

        def read() -> int:
            seen = 0
            while not done.wait(0.0005):  # leaves the writer some time
                snapshot = live_store.read(DAY)
                states = {snapshot.district(name).data for name in snapshot.districts}
                assert len(states) == 1, states
                seen += 1
            return seen

        with ThreadPoolExecutor(1) as pool:
            reader = pool.submit(read)
            try:
                for turn in range(1, 201):
                    store_records(live_store, *(record(name, turn) for name in names))
            finally:
                done.set()
            assert reader.result() > 0
