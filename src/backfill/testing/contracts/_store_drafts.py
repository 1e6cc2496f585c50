"""What a snapshot store must take, and what it must refuse."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date
from typing import cast

from attrs import evolve

from backfill.clock import SystemClock
from backfill.errors import InvalidRequest, PermanentSourceError, StoreError
from backfill.jsonvalues import JsonValue
from backfill.protocols import SnapshotStore
from backfill.serialization import encode_record
from backfill.testing.contracts._asserting import equal, holds, refused
from backfill.testing.contracts._store_hooks import StoreHooks, committed, state_of
from backfill.testing.samples import DAY, contribution, record, store_records

HOSTILE = ("", ".", "..", "../61", "a/b", "a\\b", ".hidden", "6 1", " 61", "61\n", "6\x001", "ä", "x" * 65, "/etc/passwd")
"""Names that could name another file, row or object than a district's own."""

RESERVED = ("manifest", "Metadata", "district_61", "DISTRICT_x")
"""Names of summaries that belong to the files of the published format."""


class DraftsContract(StoreHooks):
    """A draft is seen by nobody, takes only what can be stored, and is used once."""

    def test_a_draft_is_seen_by_nobody(self) -> None:
        """What is put is not read before the commit, neither on a new day nor on one that is stored. [B2]"""
        store = self.new_store()
        for before in (None, {"61": "stored"}):
            with store.begin(DAY, job_id="job-2") as draft:
                draft.put(record("61", "staged"))
                draft.put(record("F", "staged"))
                equal(state_of(store, DAY), before, "the day while a draft of it is open")
                holds("F" not in store.entries(DAY), "an entry is there before its record was committed")
            store_records(store, record("61", "stored"))

    def test_an_abandoned_draft_leaves_no_trace(self) -> None:
        """A draft that is left without commit stores nothing, however it is left. [B2]"""
        store = self.new_store()
        with store.begin(DAY, job_id="job-1") as draft:
            draft.put(record())
            draft.put_summary("totals", 1, as_of=DAY)
        for kind in (ValueError, KeyboardInterrupt):
            with suppress(kind), store.begin(DAY, job_id="job-1") as draft:  # raised below
                draft.put(record())
                raise kind
        equal((list(store.days()), dict(store.entries(DAY))), ([], {}), "days and entries after drafts were left")
        equal(store_records(store, record("F")).districts, ("F",), "districts of the day stored afterwards")

    def test_a_draft_is_used_once(self) -> None:
        """A draft that was committed or left refuses everything more. [B2]"""
        store = self.new_store()
        used = store.begin(DAY, job_id="job-1")
        used.put(record())
        committed(used, "61")
        with store.begin(DAY, job_id="job-1") as left:
            left.put(record("F"))
        for name, draft in (("committed", used), ("left", left)):
            with refused(StoreError, f"put() into a draft that was {name}"):
                draft.put(record("F"))
            with refused(StoreError, f"put_summary() into a draft that was {name}"):
                draft.put_summary("totals", 1, as_of=DAY)
            with refused(StoreError, f"commit() of a draft that was {name}"):
                draft.commit(contribution(["F"]))
        equal(state_of(store, DAY), {"61": "figures"}, "the day after used drafts were used again")

    def test_the_last_put_counts(self) -> None:
        """Of several records of one district, and of several summaries of one name, the last in a draft is stored. [R5.4]"""
        store = self.new_store()
        with store.begin(DAY, job_id="job-1") as draft:
            for text in ("first", "second"):
                draft.put(record("61", text))
                draft.put_summary("totals", text, as_of=DAY)
            equal(committed(draft, "61").stored, ("61",), "districts stored")
        equal(state_of(store, DAY), {"61": "second"}, "data")
        equal(store.read(DAY).summary("totals"), "second", "summary")

    def test_drafts_are_apart(self) -> None:
        """Drafts of several days and jobs may be open at once, and none sees what another has put. [R11.2]"""
        store = self.new_store()
        other_day = date(2024, 2, 1)
        with store.begin(DAY, job_id="job-1") as one, store.begin(other_day, job_id="job-2") as other:
            one.put(record("61", "one"))
            other.put(record("F", "other", day=other_day))
            committed(other, "F", job_id="job-2", day=other_day)
            committed(one, "61")
        equal(state_of(store, DAY), {"61": "one"}, "data of one day")
        equal(state_of(store, other_day), {"F": "other"}, "data of the other day")

    def test_another_day_is_refused(self) -> None:
        """A record or contribution of another day than the draft's is refused, and the draft goes on. [R5.4]"""
        store = self.new_store()
        other_day = date(2024, 2, 1)
        with store.begin(DAY, job_id="job-1") as draft:
            with refused(InvalidRequest, "put() of a record of another day"):
                draft.put(record(day=other_day))
            draft.put(record())
            with refused(InvalidRequest, "commit() of a contribution to another day"):
                draft.commit(contribution(day=other_day))
            committed(draft, "61")
        equal(list(store.days()), [DAY], "days")

    def test_hostile_districts_are_refused(self) -> None:
        """No identifier that could name something else is taken, in writing or in reading, and the draft goes on. [R2.3]"""
        store = self.new_store()
        store_records(store, record())
        snapshot = store.read(DAY)
        for name in HOSTILE:
            with refused(InvalidRequest, f"reading district {name!r}"):
                snapshot.district(name)
            with store.begin(DAY, job_id="job-1") as draft:
                with refused(InvalidRequest, f"put() of district {name!r}"):
                    draft.put(record(name))
                draft.put(record("61", name))
                committed(draft, "61")
            equal(state_of(store, DAY), {"61": name}, f"the day after district {name!r} was refused")

    def test_hostile_summaries_are_refused(self) -> None:
        """No summary can be named like something else, in writing or in reading. [R5.2]"""
        store = self.new_store()
        store_records(store, record())
        snapshot = store.read(DAY)
        for name in (*HOSTILE, *RESERVED):
            with store.begin(DAY, job_id="job-1") as draft, refused(InvalidRequest, f"put_summary() of {name!r}"):
                draft.put_summary(name, 1, as_of=DAY)
        for name in HOSTILE:
            with refused(InvalidRequest, f"reading summary {name!r}"):
                snapshot.summary(name)

    def test_names_that_differ_in_case_only_are_refused(self) -> None:
        """Two names that would be one file on some file systems never stand on one day, in one draft or across two. [R5.2]"""
        store = self.new_store()
        with store.begin(DAY, job_id="job-1") as draft:
            draft.put(record("F"))
            draft.put_summary("totals", 1, as_of=DAY)
            with refused(InvalidRequest, "'f' beside 'F' in one draft"):
                draft.put(record("f"))
            with refused(InvalidRequest, "summary 'Totals' beside 'totals' in one draft"):
                draft.put_summary("Totals", 1, as_of=DAY)
            committed(draft, "F")
        with store.begin(DAY, job_id="job-2") as draft, refused(InvalidRequest, "'f' on a day that has 'F'"):
            draft.put(record("f"))
            draft.commit(contribution(["f"], job_id="job-2"))
        with store.begin(DAY, job_id="job-3") as draft, refused(InvalidRequest, "summary 'Totals' on a day that has 'totals'"):
            draft.put(record("F"))
            draft.put_summary("Totals", 1, as_of=DAY)
            draft.commit(contribution(["F"], job_id="job-3"))
        equal(store.read(DAY).districts, ("F",), "districts")

    def test_a_refused_commit_changes_nothing(self) -> None:
        """A commit that is refused leaves the whole day as it was, also what in it could have been stored. [B2]"""
        store = self.new_store()
        store_records(store, record("61", "before"), record("F", "before"))
        before = (dict(store.entries(DAY)), store.read(DAY).metadata)
        with store.begin(DAY, job_id="job-2") as draft:
            for name in ("61", "U"):
                draft.put(record(name, "after"))
            with refused(InvalidRequest, "'f' on a day that has 'F'"):  # at the put or at the commit
                draft.put(record("f", "after"))
                draft.commit(contribution(["61", "U", "f"], job_id="job-2"))
        equal(state_of(store, DAY), {"61": "before", "F": "before"}, "the day after a commit was refused")
        equal((dict(store.entries(DAY)), store.read(DAY).metadata), before, "its entries and metadata")

    def test_an_altered_encoding_is_refused(self) -> None:
        """An encoded record whose bytes are not those of its header is not stored. [B3]"""
        store = self.new_store()
        encoded = encode_record(record(), job_id="job-1")
        for content in (encoded.content.replace(b"figures", b"FIGURES"), encoded.content + b" "):
            with store.begin(DAY, job_id="job-1") as draft, refused(InvalidRequest, "put() of an altered encoding"):
                draft.put(evolve(encoded, content=content))
        equal(list(store.days()), [], "days")

    def test_data_that_are_not_json_are_refused(self) -> None:
        """Data that JSON cannot hold are refused when they are put, not when they are read. [R6.2]"""
        store = self.new_store()
        for data in (float("nan"), float("inf"), {"a": {1, 2}}, "\ud800"):
            with store.begin(DAY, job_id="job-1") as draft, refused(InvalidRequest, f"put() of the data {data!r}"):
                draft.put(record("61", cast("JsonValue", data)))

    def test_a_summary_that_is_not_json_is_refused(self) -> None:
        """A summary that JSON cannot hold is an invalid payload, and the draft goes on without it. [R6.2, R6.1]"""
        store = self.new_store()
        for payload in (None, float("nan"), b"bytes", {"a": object()}):
            with store.begin(DAY, job_id="job-1") as draft:
                draft.put(record())
                with refused(PermanentSourceError, f"put_summary() of {payload!r}") as refusal:
                    draft.put_summary("totals", payload, as_of=DAY)
                equal(getattr(refusal.error, "kind", None), "invalid_payload", "kind of the refusal")
                committed(draft, "61")

    def test_threads_put_into_one_draft(self) -> None:
        """Puts of several threads into one draft all arrive. [R9.2]"""
        self.clock = SystemClock()
        store = self.new_store()
        names = [f"{number:02d}" for number in range(40)]
        with store.begin(DAY, job_id="job-1") as draft, ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda name: draft.put(record(name, name)), names))
            equal(committed(draft, *names).stored, tuple(names), "districts stored")
        equal(state_of(store, DAY), {name: name for name in names}, "data")


def store_in_turns(store: SnapshotStore, number: int, turns: int) -> None:
    """Commit one district after the other to one day, as job *number*."""
    for turn in range(turns):
        store_records(store, record(f"{number}-{turn}", turn), job_id=f"job-{number}")
