"""What a snapshot store must do for several threads, for who opens it again, and for who looks beside it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from hashlib import sha256
from typing import ClassVar

from backfill.clock import SystemClock
from backfill.errors import DamagedFile, MissingExtra, SnapshotNotFound
from backfill.protocols import SnapshotStore
from backfill.testing.contracts._asserting import equal, holds, present, refused
from backfill.testing.contracts._store_drafts import store_in_turns
from backfill.testing.contracts._store_hooks import StoreHooks, committed, data_of, state_of
from backfill.testing.contracts._suite import PATIENCE, skip
from backfill.testing.samples import DAY, record, store_records
from backfill.testing.stateful import run_store_machine

_NAMES = tuple(str(number) for number in range(4))


class SharingContract(StoreHooks):
    """Readers see whole days, writers lose nothing, and what lies beside the store is what it says.

    Attributes:
        changes: How often a day is stored anew beside a reader.
        examples: How many orders of calls are compared with a dictionary.
    """

    changes: ClassVar[int] = 50
    examples: ClassVar[int] = 25

    def live_store(self) -> SnapshotStore:
        """Return a store on the system's clock."""
        self.clock = SystemClock()
        return self.new_store()

    def test_threads_lose_nothing(self) -> None:
        """Jobs that commit different districts to one day at the same time lose nothing. [R5.4, R11.2]"""
        store, threads, turns = self.live_store(), 4, 5
        together = threading.Barrier(threads, timeout=PATIENCE)

        def job(number: int) -> None:
            together.wait()
            store_in_turns(store, number, turns)

        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(job, range(threads)))
        expected = {f"{number}-{turn}": turn for number in range(threads) for turn in range(turns)}
        equal(state_of(store, DAY), expected, "data after several threads have committed")
        equal(sorted(store.entries(DAY)), sorted(expected), "entries after several threads have committed")

    def test_a_day_is_never_torn(self) -> None:
        """A reader beside changes of all districts sees each time one state of them all. [B2]"""
        store = self.live_store()
        store_records(store, *(record(name, 0) for name in _NAMES))
        self._change_beside_a_reader(store, deleting=False)

    def test_a_deletion_never_tears_a_day(self) -> None:
        """A reader beside deletions sees a whole day, or none. [B2]"""
        self._change_beside_a_reader(self.live_store(), deleting=True)

    def _change_beside_a_reader(self, store: SnapshotStore, *, deleting: bool) -> None:
        done, looks = threading.Event(), threading.Event()

        def read() -> None:
            while not done.wait(0.0005):  # leaves the writer some time
                with suppress(*([SnapshotNotFound] if deleting else [])):  # a deleted day may be missing, but not half there
                    _see_whole(store)
                looks.set()

        with ThreadPoolExecutor(1) as pool:
            reader = pool.submit(read)
            reader.add_done_callback(lambda _: looks.set())  # if it failed, it is not waited for
            try:
                holds(looks.wait(PATIENCE), "the reader never came to look")  # however busy the machine is
                for turn in range(1, self.changes + 1):
                    if deleting:
                        store.delete(DAY)
                    store_records(store, *(record(name, turn) for name in _NAMES))
            finally:
                done.set()
            reader.result()

    def test_what_is_stored_outlives_the_store(self) -> None:
        """A store that is opened again over the same folder holds what the former one held. [B2, R5.1]"""
        self.need_durable()
        store = self.new_store()
        with store.begin(DAY, job_id="job-1") as draft:
            draft.put(record("61"))
            draft.put_summary("totals", 7, as_of=DAY)
            committed(draft, "61")
        again = self.new_store()
        equal(list(again.days()), [DAY], "days of the store opened again")
        equal(dict(again.entries(DAY)), dict(store.entries(DAY)), "its entries")
        equal(again.read(DAY).district("61"), record("61"), "its record")
        equal(again.read(DAY).summary("totals"), 7, "its summary")
        equal(again.read(DAY).metadata, store.read(DAY).metadata, "its metadata")

    def test_two_stores_over_one_folder_agree(self) -> None:
        """What one store changes another over the same folder sees at once, and neither loses what the other stored. [R11.2]"""
        self.need_durable()
        one, other = self.new_store(), self.new_store()
        store_records(one, record("61", "one"))
        equal(state_of(other, DAY), {"61": "one"}, "what the other store sees of a new day")
        store_records(other, record("F", "other"), job_id="job-2")
        equal(state_of(one, DAY), {"61": "one", "F": "other"}, "what the one store sees of the other's commit")
        equal(list(one.entries(DAY)), ["61", "F"], "entries that it sees")
        other.delete(DAY)
        equal((list(one.days()), dict(one.entries(DAY))), ([], {}), "days and entries after the other store deleted the day")

    def test_raw_bytes_are_what_was_put(self) -> None:
        """Beside the store lie the very bytes whose hash the entry has, from the commit on and not before. [B3, R5.2]"""
        store = self.new_store()
        with store.begin(DAY, job_id="job-1") as draft:
            draft.put(record("61"))
            equal(self.raw_record(store, DAY, "61"), None, "bytes beside the store before the commit")
            committed(draft, "61")
        raw = present(self.raw_record(store, DAY, "61"), "bytes beside the store after the commit")
        header = store.entries(DAY)["61"]
        equal((len(raw), sha256(raw).hexdigest()), (header.size, header.sha256), "size and SHA-256 of the bytes beside the store")

    def test_raw_bytes_go_with_the_day(self) -> None:
        """Nothing of a deleted day is left beside the store. [R5.4]"""
        store = self.new_store()
        store_records(store, record("61"))
        store.delete(DAY)
        equal(self.raw_record(store, DAY, "61"), None, "bytes beside the store after the deletion")

    def test_a_torn_record_is_told(self) -> None:
        """A record that was damaged beside the store is told as damaged, never passed on, and the others are read. [B3, B4]"""
        store = self.new_store()
        store_records(store, record("61"), record("F"))
        self.tear(store, DAY, "61")
        snapshot = store.read(DAY)
        with refused(DamagedFile, "reading a record that was damaged"):
            snapshot.district("61")
        equal(snapshot.district("F"), record("F"), "the record beside it")

    def test_any_order_of_calls_gives_what_the_rule_says(self) -> None:
        """Any order of drafts, commits, deletions and openings leaves what a dictionary under the same rule would. [P4, P5, B2]"""
        try:
            run_store_machine(self.make_store, durable=self.durable, clock=self.clock, examples=self.examples)
        except MissingExtra as error:
            skip("any order of calls is tried by hypothesis", str(error))


def _see_whole(store: SnapshotStore) -> None:
    data = data_of(store.read(DAY))
    if len(data) != len(_NAMES) or len(set(map(str, data.values()))) != 1:
        message = f"a reader saw a torn day: {dict(data)}"
        raise AssertionError(message)
