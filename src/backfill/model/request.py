"""What a caller asks for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from enum import StrEnum

from attrs import frozen

from backfill.errors import InvalidRequest
from backfill.model.checks import Refusals, as_bool, as_choice, as_count, as_date, as_seconds, as_texts

MAX_CONCURRENCY = 64


class CollectionType(StrEnum):
    """How days are collected, as a caller may force it."""

    AUTO = "auto"
    SYSTEM_WIDE = "system-wide"
    PER_DISTRICT = "per-district"


class Detail(StrEnum):
    """How much of a district is wanted, as a caller may ask for it."""

    AUTO = "auto"
    SUMMARY = "summary"
    FULL = "full"


class Frequency(StrEnum):
    """Which days of the range: every one, every seventh from its first, or the last of each month."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTH_END = "month-end"


class Order(StrEnum):
    """In which order the days are collected."""

    NEWEST_FIRST = "newest-first"
    OLDEST_FIRST = "oldest-first"


@frozen(init=False)
class BackfillRequest:
    """A range of past days, for some districts or all, and how to collect them.

    The constructor checks the form of every value; whether the days have been published yet is checked against the clock when
    the request is planned.

    Args:
        start_date: First day: a ``datetime.date`` or "YYYY-MM-DD".
        end_date: Last day, inclusive; ``None`` = the first day alone.
        target_districts: Which districts; ``None`` = all in the configured scope.
        collection_type: ``"auto"`` lets the selector choose the cheapest way.
        detail: ``"auto"`` = full for named districts, a summary for all of them.
        concurrency: Districts (or days, where one call serves a day) in work at once, 1 to 64.
        retry_failures: ``False`` = one attempt a document.
        skip_existing: Do not collect again what is stored, settled and of sufficient detail.
        enable_caching: ``False`` = ask the publisher anew, once, even for what is archived.
        min_interval: Seconds between this job's requests, on top of the host's limit.
        frequency: ``"daily"``, ``"weekly"`` (start + 7k) or ``"month-end"``.
        order: ``"newest-first"`` or ``"oldest-first"``.
        max_failures: The job pauses once so many units have failed since it was started, or last resumed; ``None`` = it goes on.

    Raises:
        InvalidRequest: A value breaks its rule; the error names value, rule and remedy.
    """

    start_date: date
    end_date: date
    target_districts: tuple[str, ...] | None
    collection_type: CollectionType
    detail: Detail
    concurrency: int
    retry_failures: bool
    skip_existing: bool
    enable_caching: bool
    min_interval: float | None
    frequency: Frequency
    order: Order
    max_failures: int | None

    def __init__(
        self,
        start_date: date | str,
        end_date: date | str | None = None,
        target_districts: Sequence[str] | None = None,
        collection_type: CollectionType | str = "auto",
        detail: Detail | str = "auto",
        concurrency: int = 3,
        retry_failures: bool = True,
        skip_existing: bool = True,
        enable_caching: bool = True,
        min_interval: float | None = None,
        frequency: Frequency | str = "daily",
        order: Order | str = "newest-first",
        max_failures: int | None = None,
    ) -> None:
        start = as_date("start_date", start_date)
        self.__attrs_init__(
            start_date=start,
            end_date=start if end_date is None else as_date("end_date", end_date),
            target_districts=None if target_districts is None else as_texts("target_districts", target_districts),
            collection_type=as_choice("collection_type", collection_type, CollectionType),
            detail=as_choice("detail", detail, Detail),
            concurrency=as_count("concurrency", concurrency, least=1, most=MAX_CONCURRENCY),
            retry_failures=as_bool("retry_failures", retry_failures),
            skip_existing=as_bool("skip_existing", skip_existing),
            enable_caching=as_bool("enable_caching", enable_caching),
            min_interval=None if min_interval is None else as_seconds("min_interval", min_interval, most=86400),
            frequency=as_choice("frequency", frequency, Frequency),
            order=as_choice("order", order, Order),
            max_failures=None if max_failures is None else as_count("max_failures", max_failures, least=1, most=2**53 - 1),
        )

    def __attrs_post_init__(self) -> None:
        refusals = Refusals()
        with refusals.noting():
            if self.end_date < self.start_date:
                rule = f"lies before start_date {self.start_date.isoformat()}"
                raise InvalidRequest("end_date", self.end_date.isoformat(), rule, "exchange the two")
        with refusals.noting():
            if self.collection_type is CollectionType.SYSTEM_WIDE and self.detail is Detail.FULL:
                rule = "a system-wide report holds a summary of each district only"
                raise InvalidRequest("detail", "full", rule, "ask for detail='summary', or for collection_type='per-district'")
        refusals.check()
