"""The merge rule: what a day holds after an operation has contributed to it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from backfill.model import (
    Contribution,
    Finding,
    MergedDay,
    RecordHeader,
    SnapshotStatus,
    StoredDay,
    SummaryHeader,
    combine_day,
    decide,
)
from backfill.model.merge import KEPT_OPERATIONS
from foundation_samples import DAY, NOW, bounded, make_error

LATER = DAY + timedelta(days=1)
headers = st.builds(
    RecordHeader,
    detail=st.sampled_from(["full", "summary"]),
    as_of=st.sampled_from([DAY, LATER]),
    settled=st.booleans(),
    content_digest=st.sampled_from(["a", "b"]),
    sha256=st.just("s"),
    size=st.just(1),
    job_id=st.sampled_from(["j1", "j2"]),
)
NAMES = ("1", "2", "3", "4")
entries = st.dictionaries(st.sampled_from(NAMES), headers)
summaries = st.dictionaries(st.sampled_from(["rank", "total"]), st.builds(SummaryHeader, st.sampled_from([DAY, LATER]), st.sampled_from("ab"), st.just(1), st.just("j1")))  # fmt: skip


def header(
    detail: str = "full", as_of: date = DAY, digest: str = "a", *, job_id: str = "j1", settled: bool = True
) -> RecordHeader:
    """Return what a manifest says of a record."""
    return RecordHeader(detail, as_of, settled, digest, "s", 1, job_id)


def contribution(
    *expected: str, job_id: str = "j1", unavailable: tuple[str, ...] = (), failed: tuple[str, ...] = (), listed: bool = False
) -> Contribution:
    """Return what a job says of the day."""
    errors = tuple(make_error(name) for name in failed)
    return Contribution(DAY, job_id, "targeted", "targeted", "test", NOW, expected, unavailable, errors, listed=listed)


def merge(old: StoredDay | None, staged: dict[str, RecordHeader], said: Contribution) -> MergedDay:
    """Return the merged day, which must not be nothing."""
    merged = combine_day(old, staged, {}, said, NOW)
    assert merged is not None
    return merged


@pytest.mark.parametrize(
    ("old", "new", "decision"),
    [
        (None, header(), "replace"),
        (header("full"), header("summary", LATER), "keep"),
        (header("summary", LATER), header("full", DAY), "keep"),
        (header("summary"), header("full", digest="b"), "replace"),
        (header("summary"), header("full", LATER), "replace"),
        (header(as_of=LATER), header(as_of=DAY), "keep"),
        (header(as_of=DAY), header(as_of=LATER), "replace"),
        (header(digest="a"), header(digest="a"), "same"),
        (header(digest="a"), header(digest="b"), "replace"),
    ],
)
def test_the_better_record_stays(old: RecordHeader | None, new: RecordHeader, decision: str) -> None:
    """Full beats summary, newer beats older, and of two as old the new one counts if it says something else. [R5.4]"""
    assert decide(old, new) == decision


@bounded
@given(entries, entries, summaries, summaries)
def test_p5_a_day_holds_what_it_held_and_what_was_staged(
    stored: dict[str, RecordHeader],
    staged: dict[str, RecordHeader],
    old_summaries: dict[str, SummaryHeader],
    new_summaries: dict[str, SummaryHeader],
) -> None:
    """Exactly the staged districts are added or replaced, the others are as they were, and full never gives way to summary. [P5, R5.4]"""
    first = combine_day(None, stored, old_summaries, contribution(*stored), NOW)
    old = None if first is None else first.day
    merged = combine_day(old, staged, new_summaries, contribution(*staged, job_id="j2"), NOW)
    if merged is None:
        assert not stored
        assert not staged
        return
    before, after = ({} if old is None else dict(old.entries)), dict(merged.day.entries)
    assert set(after) == {*before, *staged}
    assert list(after) == sorted(after)
    assert merged.day.metadata.districts == merged.info.districts == tuple(after)
    assert set(merged.info.stored) | set(merged.info.kept) == set(staged)
    assert not set(merged.info.stored) & set(merged.info.kept)
    for name, entry in after.items():
        if name not in staged:
            assert entry == before[name]
        elif name in merged.fresh:
            assert entry == staged[name]
        else:
            assert (entry.sha256, entry.content_digest, entry.as_of) == (
                before[name].sha256,
                before[name].content_digest,
                before[name].as_of,
            )
        if name in before:
            assert not (before[name].detail == "full" and entry.detail == "summary")
            assert entry.as_of >= before[name].as_of
    for name, summary in (old.summaries if old else {}).items():
        assert merged.day.summaries[name].as_of >= summary.as_of
    assert merged.fresh_summaries <= set(new_summaries)
    assert list(merged.day.summaries) == sorted(merged.day.summaries)


def test_nothing_is_not_stored() -> None:
    """A day of which nothing could be had has no snapshot, whatever is said of it. [R6.3]"""
    assert combine_day(None, {}, {"rank": SummaryHeader(DAY, "a", 1, "j1")}, contribution("1", failed=("1",)), NOW) is None


def test_the_same_record_again_is_confirmed() -> None:
    """A record collected again with the same content stays, is the confirming job's, and may become settled. [R9.3]"""
    old = merge(None, {"1": header(settled=False)}, contribution("1")).day
    merged = merge(old, {"1": header(job_id="j2")}, contribution("1", job_id="j2"))
    assert (merged.fresh, merged.info.kept) == (frozenset(), ("1",))
    assert (merged.day.entries["1"].job_id, merged.day.entries["1"].settled) == ("j2", True)


def test_a_full_record_learns_of_a_newer_summary() -> None:
    """A full record that a newer summary must not replace is marked, so that it is collected again in full. [R5.4]"""
    old = merge(None, {"1": header(), "2": header(as_of=LATER)}, contribution("1", "2")).day
    merged = merge(old, {"1": header("summary", LATER), "2": header("summary", DAY)}, contribution("1", "2"))
    assert merged.day.entries["1"].stale_detail
    assert not merged.day.entries["1"].satisfies("full")
    assert merged.day.entries["2"] == old.entries["2"]


def test_a_summary_of_the_day_gives_way_to_a_newer_or_other_one() -> None:
    """Summaries of the day follow the same rule: newer, or as new and different. [R5.4]"""
    first = combine_day(None, {"1": header()}, {"rank": SummaryHeader(DAY, "a", 1, "j1")}, contribution("1"), NOW)
    assert first is not None
    for offered, replaced in (
        (SummaryHeader(DAY, "a", 1, "j2"), False),
        (SummaryHeader(DAY, "b", 1, "j2"), True),
        (SummaryHeader(LATER, "a", 1, "j2"), True),
        (SummaryHeader(DAY - timedelta(days=1), "b", 1, "j2"), False),
    ):
        merged = combine_day(first.day, {}, {"rank": offered}, contribution(), NOW)
        assert merged is not None
        assert (merged.fresh_summaries == {"rank"}) is replaced
        assert merged.day.summaries["rank"].job_id == ("j2" if replaced else "j1")


def test_a_day_is_partial_while_failed_districts_are_missing() -> None:
    """The state of a day is that of its districts after merging; what fails while it is stored does not make it partial. [R5.5, R6.3]"""
    first = merge(None, {"1": header()}, contribution("1", "2", "3", "4", unavailable=("4",), failed=("2", "3")))
    metadata = first.day.metadata
    assert (metadata.status, metadata.failed, metadata.unavailable) == (SnapshotStatus.PARTIAL, ("2", "3"), ("4",))
    assert first.info.missing == ("2", "3")
    assert metadata.expected == ("1", "2", "3", "4")
    assert [error.district_id for error in metadata.errors] == ["2", "3"]
    second = merge(first.day, {"2": header()}, contribution("1", "2", "3", unavailable=("3",), failed=("1",), job_id="j2"))
    metadata = second.day.metadata
    assert (metadata.status, metadata.failed, metadata.unavailable) == (SnapshotStatus.SUCCESS, (), ("3", "4"))
    assert second.info.status is SnapshotStatus.SUCCESS


def test_what_was_unavailable_may_fail_later() -> None:
    """The last word on a district counts: a failure after an absence is a failure. [R5.5]"""
    first = merge(None, {"1": header()}, contribution("1", "2", unavailable=("2",))).day
    metadata = merge(first, {}, contribution("2", failed=("2",), job_id="j2")).day.metadata
    assert (metadata.failed, metadata.unavailable) == (("2",), ())


def test_a_day_that_could_not_be_listed_has_no_district_of_that_error() -> None:
    """A failure of the day as a whole is the job's affair; it names no missing district. [R6.2]"""
    said = evolve(contribution("1"), errors=(make_error(None),))
    assert merge(None, {"1": header()}, said).day.metadata.errors == ()


def test_findings_stand_as_long_as_the_record_they_are_about() -> None:
    """Findings go with the record they are about: replaced with it, and not taken from a record that is not stored. [R5.5]"""
    newer, older = Finding("odd", "newer", DAY, "1"), Finding("odd", "older", DAY, "1")
    first = merge(None, {"1": header(as_of=LATER)}, evolve(contribution("1"), findings=(newer,))).day
    second = merge(first, {"1": header(as_of=DAY)}, evolve(contribution("1"), findings=(older,))).day
    assert second.metadata.findings == (newer,)
    third = merge(second, {"1": header(as_of=LATER, digest="b")}, contribution("1")).day
    assert third.metadata.findings == ()


def test_metadata_tell_who_contributed() -> None:
    """A day remembers when it was made, its last twenty operations, its findings, and whether all its districts are known. [R5.5, R11.4]"""
    day: StoredDay | None = None
    for number in range(KEPT_OPERATIONS + 3):
        said = evolve(
            contribution("1", job_id=f"j{number}", listed=number == 0),
            findings=(Finding("odd", f"{number}", DAY, "1"), Finding("odd", "the day", DAY)) if number in {0, 5} else (),
            at=NOW + timedelta(hours=number),
            operation="refresh" if number == 4 else "backfill",
            seconds=float(number),
        )
        merged = combine_day(day, {"1": header(digest=str(number))}, {}, said, NOW + timedelta(hours=number))
        assert merged is not None
        day = merged.day
    assert day is not None
    metadata = day.metadata
    assert (metadata.created_at, metadata.updated_at) == (NOW, NOW + timedelta(hours=KEPT_OPERATIONS + 2))
    assert [operation["job"] for operation in metadata.operations] == [f"j{number}" for number in range(3, KEPT_OPERATIONS + 3)]
    assert [operation["operation"] for operation in metadata.operations[:2]] == ["backfill", "refresh"]
    assert metadata.operations[0] == {
        "job": "j3",
        "operation": "backfill",
        "method": "targeted",
        "scope": "targeted",
        "at": "2026-01-15T15:00:00+00:00",
    }
    assert [finding.message for finding in metadata.findings] == ["the day"]
    assert metadata.listed
    assert metadata.processing_seconds == KEPT_OPERATIONS + 2
    assert metadata.as_of == DAY
