"""What a caller may ask for, and how everything else is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from attrs import evolve
from attrs.exceptions import FrozenInstanceError

from backfill.errors import InvalidRequest
from backfill.model import BackfillRequest, CollectionType, Detail, Frequency, Order

START = date(2026, 1, 5)


def test_a_request_needs_no_more_than_a_day() -> None:
    """One day alone is a request for all of the configured scope, with the documented defaults. [R2.2, R4.3]"""
    request = BackfillRequest("2026-01-05")
    assert (request.start_date, request.end_date, request.target_districts) == (START, START, None)
    assert (request.collection_type, request.detail, request.frequency, request.order) == (
        CollectionType.AUTO,
        Detail.AUTO,
        Frequency.DAILY,
        Order.NEWEST_FIRST,
    )
    assert (request.concurrency, request.min_interval) == (3, None)
    assert request.retry_failures
    assert request.skip_existing
    assert request.enable_caching


def test_every_form_of_a_value_is_the_same_request() -> None:
    """Text, dates, members of a choice and any sequence mean the same. [R2.1, R2.4, R2.5]"""
    by_text = BackfillRequest("2026-01-05", "2026-01-07", ["61", "F", "61"], collection_type="per-district", min_interval=2)
    by_value = BackfillRequest(
        START, date(2026, 1, 7), ("61", "F"), collection_type=CollectionType.PER_DISTRICT, min_interval=2.0
    )
    assert by_text == by_value
    assert by_text.target_districts == ("61", "F")
    assert BackfillRequest(START, target_districts=["61"]).target_districts == ("61",)


@pytest.mark.parametrize(
    ("options", "field", "remedy"),
    [
        ({"end_date": "2026-01-04"}, "end_date", "exchange the two"),
        ({"target_districts": []}, "target_districts", "leave it out to mean all"),
        ({"target_districts": "61"}, "target_districts", "write ['61']"),
        ({"target_districts": b"61"}, "target_districts", "write [b'61']"),
        ({"target_districts": 61}, "target_districts", "write a list"),
        ({"target_districts": ["F", 61]}, "target_districts", 'write "61"'),
        ({"target_districts": ["F", None]}, "target_districts", "write"),
        ({"start_date": datetime(2026, 1, 5, tzinfo=UTC)}, "start_date", "pass its .date()"),
        ({"end_date": datetime(2026, 1, 5, tzinfo=UTC)}, "end_date", "pass its .date()"),
        ({"start_date": None}, "start_date", "YYYY-MM-DD"),
        ({"start_date": 20260105}, "start_date", "YYYY-MM-DD"),
        ({"start_date": "5 January 2026"}, "start_date", "YYYY-MM-DD"),
        ({"start_date": "2026-02-30"}, "start_date", "YYYY-MM-DD"),
        ({"start_date": "20260105"}, "start_date", "write '2026-01-05'"),
        ({"end_date": "2026-W02-1"}, "end_date", "write '2026-01-05'"),
        ({"concurrency": 0}, "concurrency", "in that range"),
        ({"concurrency": 1000}, "concurrency", "in that range"),
        ({"concurrency": True}, "concurrency", "in that range"),
        ({"concurrency": 2.0}, "concurrency", "in that range"),
        ({"min_interval": float("nan")}, "min_interval", "write a number"),
        ({"min_interval": float("inf")}, "min_interval", "write a number"),
        ({"min_interval": 10**400}, "min_interval", "write a number"),
        ({"min_interval": True}, "min_interval", "write a number"),
        ({"min_interval": "1"}, "min_interval", "write a number"),
        ({"min_interval": -1}, "min_interval", "in that range"),
        ({"min_interval": 86401}, "min_interval", "in that range"),
        ({"collection_type": "everything"}, "collection_type", "'system-wide'"),
        ({"collection_type": ["auto"]}, "collection_type", "'system-wide'"),
        ({"detail": "some"}, "detail", "'summary'"),
        ({"frequency": "hourly"}, "frequency", "'month-end'"),
        ({"order": None}, "order", "'newest-first'"),
        ({"retry_failures": 1}, "retry_failures", "True or False"),
        ({"skip_existing": "yes"}, "skip_existing", "True or False"),
        ({"enable_caching": None}, "enable_caching", "True or False"),
        ({"collection_type": "system-wide", "detail": "full"}, "detail", "collection_type='per-district'"),
    ],
)
def test_a_bad_value_is_refused_by_name(options: dict[str, object], field: str, remedy: str) -> None:
    """A value that breaks its rule is refused with the value, the rule and the remedy. [R2.3]"""
    with pytest.raises(InvalidRequest) as caught:
        BackfillRequest(**{"start_date": START, **options})  # type: ignore[arg-type] # that is what is tested
    error = caught.value
    assert error.field == field
    assert error.rule
    assert remedy in error.remedy
    assert str(error) == f"{field}={error.value!r}: {error.rule}; {error.remedy}" or "…" in str(error)
    assert isinstance(error, ValueError)


def test_a_request_cannot_change_but_evolves() -> None:
    """A request is frozen, and a changed copy is checked like a new one. [R10.2]"""
    request = BackfillRequest(START, "2026-01-07", ["61"])
    with pytest.raises(FrozenInstanceError):
        request.concurrency = 5  # type: ignore[misc] # that is what is tested
    changed = evolve(request, end_date=date(2026, 1, 9), concurrency=5)
    assert (changed.start_date, changed.end_date, changed.concurrency) == (START, date(2026, 1, 9), 5)
    assert changed.target_districts == ("61",)
    with pytest.raises(InvalidRequest, match="lies before start_date"):
        evolve(request, end_date=date(2026, 1, 1))
