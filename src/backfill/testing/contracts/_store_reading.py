"""What a snapshot store must give back."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, datetime
from typing import cast

from backfill.errors import InvalidRequest, SnapshotNotFound
from backfill.jsonvalues import JsonValue, dumps
from backfill.model import SnapshotStatus
from backfill.protocols import SnapshotStore
from backfill.serialization import encode_record
from backfill.testing.contracts._asserting import equal, holds, refused
from backfill.testing.contracts._store_hooks import StoreHooks, data_of, state_of
from backfill.testing.samples import DAY, contribution, failure, record, store_records

EARLY, LATE = date(2024, 2, 5), date(2024, 2, 9)

DATA: JsonValue = {
    "z": [None, True, False, 0, -1, 2**70, 0.1, 1e-300, 1.7976931348623157e308],
    "a": {"": "", "é ü 漢 😀": 'line\nbreak\ttab " \\ / \u0000 \u2028', "nested": [[[{"deep": []}]], {}]},
    "long": "x" * 100_000,
}
"""Everything that JSON can hold, with keys in an order that is not theirs."""


class ReadingContract(StoreHooks):
    """What is read is what was put, and nothing else."""

    def test_it_has_every_member(self) -> None:
        """The store has every member of the protocol. [B7, R10.5]"""
        holds(isinstance(self.new_store(), SnapshotStore), "the store lacks a member of backfill.protocols.SnapshotStore")

    def test_an_empty_store_holds_nothing(self) -> None:
        """A store without days lists none, has no entries, deletes nothing, and names the day that it does not have. [R5.1]"""
        store = self.new_store()
        equal(list(store.days()), [], "days of an empty store")
        equal(dict(store.entries(DAY)), {}, "entries of a day that is not stored")
        store.delete(DAY)
        with refused(SnapshotNotFound, "reading a day that is not stored", naming=str(DAY)):
            store.read(DAY)

    def test_p4_what_is_put_is_read(self) -> None:
        """A record comes back equal in every field, whether put as it is or encoded by a worker. [P4, R5.2]"""
        store = self.new_store()
        plain, encoded = record("61", {"clubs": [1, 2.5, None, "ä"]}), record("F", {"clubs": []}, settled=False)
        with store.begin(DAY, job_id="job-1") as draft:
            draft.put(plain)
            draft.put(encode_record(encoded, job_id="worker", method="targeted"))
            draft.commit(contribution(["61", "F"]))
        snapshot = store.read(DAY)
        equal(snapshot.day, DAY, "day of the snapshot")
        equal(snapshot.districts, ("61", "F"), "districts of the snapshot")
        equal(snapshot.district("61"), plain, "the record that was put as it is")
        equal(snapshot.district("F"), encoded, "the record that was put encoded")
        equal(snapshot.district("F"), encoded, "the same record read again")

    def test_p4_every_json_value_comes_back(self) -> None:
        """Whatever JSON can hold is read as it was put, keys in their order, in records and in summaries. [P4, R5.2]"""
        store = self.new_store()
        with store.begin(DAY, job_id="job-1") as draft:
            draft.put(record("61", DATA))
            draft.put_summary("totals", DATA, as_of=EARLY)
            draft.commit(contribution(["61"]))
        snapshot = store.read(DAY)
        equal(dumps(snapshot.district("61").data), dumps(DATA), "data of the record, as JSON")
        equal(dumps(snapshot.summary("totals")), dumps(DATA), "the summary, as JSON")

    def test_entries_do_not_lie(self) -> None:
        """The entries have detail, as-of, digest and size of each record, the job that stored it and its method. [R11.4, R5.5]"""
        store = self.new_store()
        full, summary = record("61"), record("F", detail="summary", settled=False)
        with store.begin(DAY, job_id="job-7") as draft:
            draft.put(full)
            draft.put(encode_record(summary, job_id="worker", method="targeted"))
            draft.commit(contribution(["61", "F"], job_id="job-7"))
        expected = {
            "61": encode_record(full, job_id="job-7", method="per-district").header,
            "F": encode_record(summary, job_id="job-7", method="targeted").header,
        }
        for look in ("first", "second"):  # which a store may answer from what it keeps in short
            equal(dict(store.entries(DAY)), expected, f"entries, at the {look} look")

    def test_districts_are_in_text_order(self) -> None:
        """Districts and entries come in text order, in whatever order they were put. [R5.2]"""
        store = self.new_store()
        store_records(store, *(record(district) for district in ("F", "9", "117", "01")))
        store_records(store, record("61"), job_id="job-2")
        expected = ["01", "117", "61", "9", "F"]
        equal(list(store.read(DAY).districts), expected, "districts of the snapshot")
        equal(list(store.entries(DAY)), expected, "districts of the entries")

    def test_days_are_ascending_and_bounded(self) -> None:
        """Days come in their order whatever the order of storing, both bounds included. [B5, R5.2]"""
        store = self.new_store()
        days = [date(2024, 3, 1), date(2023, 12, 31), date(2024, 2, 29), date(2024, 1, 1)]
        for day in days:
            store_records(store, record(day=day), day=day)
        equal(list(store.days()), sorted(days), "all days")
        inner = [date(2024, 1, 1), date(2024, 2, 29)]
        equal(list(store.days(date(2024, 1, 1), date(2024, 2, 29))), inner, "days from 2024-01-01 to 2024-02-29")
        equal(list(store.days(date(2024, 2, 1))), [date(2024, 2, 29), date(2024, 3, 1)], "days from 2024-02-01")
        equal(list(store.days(None, date(2023, 12, 31))), [date(2023, 12, 31)], "days up to 2023-12-31")
        equal(list(store.days(date(2024, 3, 2), date(2024, 1, 1))), [], "days of a range that ends before it begins")

    def test_what_is_missing_is_named(self) -> None:
        """A district or summary that the day does not have is told as such, by its name. [R6.4]"""
        store = self.new_store()
        store_records(store, record("61"))
        snapshot = store.read(DAY)
        with refused(SnapshotNotFound, "reading a district that is not stored", naming="xyz"):
            snapshot.district("xyz")
        with refused(SnapshotNotFound, "reading a summary that is not stored", naming="rankings"):
            snapshot.summary("rankings")

    def test_nothing_stale_is_read(self) -> None:
        """What a commit or a deletion has changed is seen at once, in every way of looking. [R5.1, B2]"""
        store = self.new_store()
        for turn, districts in enumerate((("61",), ("61", "F"), ("61",))):
            store.delete(DAY)
            equal((list(store.days()), dict(store.entries(DAY))), ([], {}), "days and entries after a deletion")
            store_records(store, *(record(district, turn) for district in districts), job_id=f"job-{turn}")
            equal(state_of(store, DAY), dict.fromkeys(districts, turn), "data after a commit")
            jobs = {district: header.job_id for district, header in store.entries(DAY).items()}
            equal(jobs, dict.fromkeys(districts, f"job-{turn}"), "jobs of the entries after a commit")
            equal(store.read(DAY).metadata.districts, districts, "districts of the metadata after a commit")

    def test_a_snapshot_stays_one_state(self) -> None:
        """What was read stays what it was while its day is stored anew. [B2]"""
        store = self.new_store()
        for state in ("before", "after"):
            with store.begin(DAY, job_id=state) as draft:
                for district in ("61", "F"):
                    draft.put(record(district, state))
                draft.put_summary("totals", state, as_of=EARLY)
                draft.commit(contribution(["61", "F"], job_id=state))
            if state == "before":
                snapshot = store.read(DAY)
        before = {"61": "before", "F": "before"}
        equal((data_of(snapshot), snapshot.summary("totals")), (before, "before"), "what a snapshot read before a commit holds")
        equal([operation["job"] for operation in snapshot.metadata.operations], ["before"], "its operations")
        equal(store.read(DAY).summary("totals"), "after", "what is read after the commit")

    def test_nothing_is_shared_with_callers(self) -> None:
        """Changing what was put, or what was read, changes nothing stored. [P4]"""
        store = self.new_store()
        data: JsonValue = {"clubs": ["a"]}
        with store.begin(DAY, job_id="job-1") as draft:
            draft.put(record("61", data))
            cast("dict[str, list[str]]", data)["clubs"].append("changed after the put")
            draft.commit(contribution())
        cast("dict[str, list[str]]", store.read(DAY).district("61").data)["clubs"].append("changed after the read")
        with suppress(TypeError, AttributeError):  # read-only is as good
            cast("dict[str, str]", store.read(DAY).metadata.operations[0])["job"] = "forged"
        with suppress(TypeError, AttributeError):  # read-only is as good
            cast("dict[str, object]", store.entries(DAY)).clear()
        equal(store.read(DAY).district("61").data, {"clubs": ["a"]}, "data after the caller changed its own copy")
        equal(store.read(DAY).metadata.operations[0]["job"], "job-1", "operation after the caller changed its own copy")
        equal(list(store.entries(DAY)), ["61"], "entries after the caller changed its own copy")

    def test_a_deleted_day_is_gone(self) -> None:
        """A deleted day is neither read nor listed, and when it is stored anew nothing of it comes back. [R5.4]"""
        store = self.new_store()
        with store.begin(DAY, job_id="job-1") as draft:
            draft.put(record("61"))
            draft.put_summary("totals", 1, as_of=EARLY)
            draft.commit(contribution(["61", "F"], errors=[failure("F")]))
        store.delete(DAY)
        store.delete(DAY)
        equal((list(store.days()), dict(store.entries(DAY))), ([], {}), "days and entries after a deletion")
        with refused(SnapshotNotFound, "reading a deleted day", naming=str(DAY)):
            store.read(DAY)
        equal(store_records(store, record("U"), job_id="job-2").districts, ("U",), "districts of the day stored anew")
        metadata = store.read(DAY).metadata
        equal((metadata.expected, metadata.failed), (("U",), ()), "what the day stored anew says was expected and failed")
        equal(metadata.status, SnapshotStatus.SUCCESS, "its status")
        with refused(SnapshotNotFound, "reading a summary of the deleted day"):
            store.read(DAY).summary("totals")

    def test_deleting_a_day_leaves_the_others(self) -> None:
        """A deletion touches its own day alone. [R5.4]"""
        store = self.new_store()
        days = (date(2024, 1, 30), DAY, date(2024, 2, 1))
        for day in days:
            store_records(store, record(day=day), day=day)
        store.delete(DAY)
        equal(list(store.days()), [days[0], days[2]], "days after one of three was deleted")
        equal([state_of(store, day) for day in store.days()], [{"61": "figures"}] * 2, "data of the other days")

    def test_a_snapshot_of_a_deleted_day_is_never_another(self) -> None:
        """Who holds a day that is deleted and stored anew reads what it was, or is told that it is gone. [B2]"""
        store = self.new_store()
        store_records(store, record("61", "before"))
        snapshot = store.read(DAY)
        store.delete(DAY)
        store_records(store, record("61", "after"), job_id="job-2")
        with suppress(SnapshotNotFound):  # saying that it is gone is as good
            equal(snapshot.district("61").data, "before", "what a snapshot of the deleted day holds")

    def test_a_moment_is_no_day(self) -> None:
        """A datetime is refused where a day is meant: it is a date for Python, and would name another day. [R10.2]"""
        store = self.new_store()
        moment = datetime(2024, 1, 31)  # noqa: DTZ001 - the point of the test
        calls = {"read": store.read, "entries": store.entries, "delete": store.delete}
        for name, call in calls.items():
            with refused(InvalidRequest, f"{name}() of a datetime"):
                call(moment)
        with refused(InvalidRequest, "begin() of a datetime"):
            store.begin(moment, job_id="job-1")
