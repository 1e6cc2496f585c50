"""What is written of jobs is read as it was, or refused."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfill.jobstores import _codec as codec
from backfill.jobstores._json import MISFITS, dump, load
from backfill.model import (
    BackfillPlan,
    BackfillRequest,
    BackfillScope,
    BackfillStatus,
    Change,
    CollectionStrategy,
    CollectionType,
    DayListed,
    DayPublished,
    Detail,
    DistrictError,
    Doubt,
    Finding,
    Found,
    Frequency,
    JobSpec,
    Method,
    Order,
    PlannedDay,
    ScopeKind,
    Stage,
    StatusChanged,
    UnitAttempted,
    UnitFailed,
    UnitsSettled,
    UnitState,
)
from foundation_samples import DAY, NOW, bounded, make_spec

texts = st.text(st.characters(), max_size=8)  # lone surrogates and all
times = st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=-9, minutes=-30))]))
names = st.lists(texts, max_size=4).map(tuple)
doubts = st.lists(st.builds(Doubt, texts, texts, names), max_size=2).map(tuple)
requests = st.builds(
    BackfillRequest,
    start_date=st.dates(max_value=date(2020, 1, 1)),
    end_date=st.dates(min_value=date(2020, 1, 1)),
    target_districts=st.none() | st.lists(texts, min_size=1, max_size=3),
    collection_type=st.just(CollectionType.PER_DISTRICT),
    detail=st.sampled_from(Detail),
    concurrency=st.integers(1, 64),
    retry_failures=st.booleans(),
    skip_existing=st.booleans(),
    enable_caching=st.booleans(),
    min_interval=st.none() | st.floats(0, 86400),
    frequency=st.sampled_from(Frequency),
    order=st.sampled_from(Order),
)
plans = st.builds(
    BackfillPlan,
    request=requests,
    scope=st.builds(BackfillScope, st.sampled_from(ScopeKind), st.none() | names, doubts, doubts),
    strategy=st.builds(CollectionStrategy, st.sampled_from(Method), texts, texts),
    source=texts,
    days=st.just(()),
    requests=st.dictionaries(texts, st.none() | st.integers(0), max_size=3),
    seconds_at_rate=st.none() | st.floats(0, allow_infinity=False),
    exact=st.booleans(),
    fingerprint=texts,
)
specs = st.builds(JobSpec, st.just("j1"), st.just(NOW), plans, st.none() | texts, texts)
errors = st.builds(
    DistrictError, st.none() | texts, st.dates(), st.sampled_from(Stage), texts, texts, st.integers(0), st.booleans(), times
)
findings = st.builds(Finding, texts, texts, st.none() | st.dates(), st.none() | texts)
changes: st.SearchStrategy[Change] = st.one_of(
    st.builds(StatusChanged, st.sampled_from(BackfillStatus), times, st.none() | texts),
    st.builds(DayListed, st.dates(), names),
    st.builds(UnitsSettled, st.dates(), st.dictionaries(st.none() | texts, st.sampled_from(UnitState), max_size=4)),
    st.builds(UnitFailed, errors),
    st.builds(UnitAttempted, errors),
    st.builds(DayPublished, st.dates(), st.booleans(), times),
    st.builds(Found, findings),
)


@bounded
@given(specs)
def test_what_was_accepted_comes_back(spec: JobSpec) -> None:
    """Any plan, with any texts in it, comes back equal in every field, by plain ASCII. [B2]"""
    text = codec.encode_spec(spec)
    assert text.isascii()
    assert codec.decode_spec(text, "j1", NOW, ()) == spec


@bounded
@given(changes)
def test_changes_come_back(change: Change) -> None:
    """Any change comes back equal, of the same kind. [B2, R4.3]"""
    text = codec.encode_change(change)
    assert text.isascii()
    back = codec.decode_change(text)
    assert type(back) is type(change)
    if not isinstance(change, UnitsSettled):
        assert back == change
    else:
        assert isinstance(back, UnitsSettled)
        assert (back.day, dict(back.states)) == (change.day, dict(change.states))


@bounded
@given(errors, findings)
def test_failures_and_findings_come_back(error: DistrictError, finding: Finding) -> None:
    """Any failure and any finding comes back equal. [B2, R6.2]"""
    texts = codec.encode_name(error.district_id), codec.encode_cause(error), codec.encode_detail(error)
    assert codec.decode_error(error.day.isoformat(), *texts) == error
    assert codec.decode_cause(texts[1]) == (error.stage, error.kind, error.is_retryable)
    assert codec.decode_finding(codec.encode_finding(finding)) == finding


@bounded
@given(times, times)
def test_the_order_of_texts_is_that_of_times(one: datetime, other: datetime) -> None:
    """Times sort as their texts do, whatever their zones and fractions. [R4.1]"""
    first, second = codec.encode_time(one), codec.encode_time(other)
    assert (first < second) == (one < other)
    assert (first == second) == (one == other)
    assert codec.decode_time(first) == one


FIELDS = {
    BackfillPlan: "request scope strategy source days requests seconds_at_rate exact fingerprint",
    BackfillScope: "kind districts excluded doubtful",
    CollectionStrategy: "method detail rationale",
    Doubt: "text why suggestions",
    PlannedDay: "day as_of gap settled_on strategy districts existing listed",
    JobSpec: "job_id created_at plan retry_of operation asked",
    DistrictError: "district_id day stage kind message attempts is_retryable timestamp",
    Finding: "kind message day district",
    StatusChanged: "status at reason",
    DayListed: "day districts",
    UnitsSettled: "day states",
    UnitFailed: "error",
    UnitAttempted: "error",
    DayPublished: "day is_partial at",
    Found: "finding",
}


@pytest.mark.parametrize("cls", FIELDS, ids=lambda cls: cls.__name__)
def test_every_field_is_written(cls: type[attrs.AttrsInstance]) -> None:
    """A field that is added to a value is not dropped silently: it is named here once it is written, and the file's version grows. [B2]"""
    assert [field.name for field in attrs.fields(cls)] == FIELDS[cls].split()


def test_bytes_of_states_never_change() -> None:
    """The bytes by which files hold states keep their meaning; further ones follow. [B2]"""
    assert [str(state) for state in UnitState] == ["pending", "completed", "skipped", "unavailable", "failed"]


def test_an_option_that_is_missing_has_its_default() -> None:
    """A request written before an option existed is read with that option's default; one with an option unknown here is refused. [B2]"""
    stored = load(codec.encode_spec(make_spec()))
    assert isinstance(stored, dict)
    request = stored["request"]
    assert isinstance(request, dict)
    del request["order"]
    assert codec.decode_request(request) == make_spec().plan.request
    with pytest.raises(MISFITS):
        codec.decode_request({**request, "speed": 11})


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "null", "NaN", '["settled"]', '["settled","2026-01-05",{"gone":["61"]}]', '["listed","2026-13-05",[]]',
        '["listed","2026-01-05",["61",1]]', '["published","2026-01-05",1,"2026-01-15T12:00:00+00:00"]',
        '["published","2026-01-05",true,"2026-01-15T12:00:00"]', '["walked","2026-01-05"]', '["status","resting","2026-01-15T12:00:00Z",null]',
        '["failed","2026-01-05","\\"61\\"","[\\"fetch\\",\\"x\\",true]","[\\"m\\",true,\\"2026-01-15T12:00:00Z\\"]"]',
    ],
)  # fmt: skip
def test_other_changes_are_refused(text: str) -> None:
    """What is no change, or not exactly one, is refused. [B2]"""
    with pytest.raises(MISFITS):
        codec.decode_change(text)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("scope", ["targeted", None, []]), ("strategy", ["by-luck", "full", ""]), ("exact", 1), ("requests", {"a": 1.5}),
        ("seconds_at_rate", "1"), ("source", None), ("fingerprint", 3), ("request", []), ("colour", "red"),
    ],
)  # fmt: skip
def test_other_plans_are_refused(name: str, value: object) -> None:
    """What is no plan, or says more than is known here, is refused. [B2]"""
    stored = load(codec.encode_spec(make_spec()))
    assert isinstance(stored, dict)
    with pytest.raises(MISFITS):
        codec.decode_spec(dump({**stored, name: value}), "j1", NOW, ())


def test_times_need_a_zone() -> None:
    """A time without a zone is neither written nor read. [R4.3]"""
    with pytest.raises(ValueError, match="use an aware datetime"):
        codec.encode_time(datetime(2026, 1, 5))  # noqa: DTZ001 - that is the slip
    with pytest.raises(ValueError, match="no time zone"):
        codec.decode_time("2026-01-05T00:00:00")
    assert codec.decode_day(codec.encode_day(DAY)) == DAY
    assert codec.decode_day(codec.encode_day(None)) is None
