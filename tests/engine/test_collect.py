"""Calls of the source for one district: whatever it returns or raises becomes a record or an error, and never more than that."""

from __future__ import annotations

import errno
import logging
import math
import threading
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import NoReturn

import pytest

from backfill.errors import (
    Cancelled,
    DataUnavailable,
    PermanentSourceError,
    SourceError,
    StoreUnavailable,
    TransientSourceError,
)
from backfill.model import (
    Collected,
    DistrictRecord,
    Document,
    Finding,
    RetryPolicy,
)
from backfill.protocols import Fetch
from backfill.testing import VirtualClock
from collect_doubles import (
    RAISED,
    URL,
    Figures,
    Lazy,
    Mute,
    Odd,
    collect_one,
    collector,
    error_of,
    giving,
    in_worker,
    raising,
    record_of,
)
from engine_doubles import DAY, NOW, Door, Many, NoDoor, One, context, planned


def test_a_bare_payload_is_of_the_day_itself_in_full_detail() -> None:
    """What is returned without a `Collected` around it is as of the day, full, settled, and without findings. [R3.4, R5.5]"""
    assert record_of({"n": [1, 2.5, "x", None, True]}) == DistrictRecord(
        district_id="1", day=DAY, as_of=DAY, detail="full", data={"n": [1, 2.5, "x", None, True]}, collected_at=NOW
    )


def test_all_that_a_source_says_of_a_payload_is_kept() -> None:
    """As-of, detail, findings and version reach the record; findings get the day and district that they are about. [R5.5, B3]"""

    class Versioned(One):
        calculation_version = "2.1.0"

    found = Finding("odd", "odd figures", date(1999, 1, 1), "other")
    value = Collected(Figures({"n": 1}), as_of=date(2026, 1, 8), detail="summary", findings=[found])
    batch = collector(Versioned(giving(value))).collect_district(planned("1"), "1")
    record = batch.values["1"]
    assert isinstance(record, DistrictRecord)
    assert (record.as_of, record.detail, record.data) == (date(2026, 1, 8), "summary", {"values": {"n": 1}})
    assert record.calculation_version == "2.1.0"
    assert batch.findings == (Finding("odd", "odd figures", DAY, "1"),)
    assert batch.listed is None


def test_a_version_is_stored_as_text() -> None:
    """A source that numbers its rules with a number does not make files that cannot be read back. [R5.5]"""

    class Numbered(One):
        calculation_version = 3

    record = collect_one(Numbered())
    assert isinstance(record, DistrictRecord)
    assert record.calculation_version == "3"


@pytest.mark.parametrize(
    "value",
    [
        None, math.nan, {"n": math.nan}, {"n": [math.inf]}, b"raw", bytearray(b"raw"), {"n": b"raw"}, {"n": None, "m": {1, 2}},
        object(), {1: "x"}, {None: 1}, {"n": "\ud800"}, 10**5000, iter([1]), lambda: 1, ValueError, ValueError("returned"),
        Document.of(URL, "raw"), DataUnavailable, Collected(None), Collected(b"raw"), Collected(math.nan),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_a_payload_that_cannot_be_stored_fails(value: object) -> None:
    """None, NaN, bytes and whatever else is no JSON fail as invalid_payload at stage validate, never retried. [R6.2, P6]"""
    error = error_of(value)
    assert type(error) is PermanentSourceError
    assert (error.kind, error.stage, error.attempts) == ("invalid_payload", "validate", 0)


def test_a_payload_that_refers_to_itself_fails() -> None:
    """A payload without an end, or nested too deeply, is refused like any other that is no JSON. [R6.2]"""
    loop: list[object] = []
    loop.append(loop)
    assert error_of(loop).kind == "invalid_payload"
    deep: list[object] = []
    for _level in range(100_000):
        deep = [deep]
    assert error_of({"n": deep}).kind == "invalid_payload"


@pytest.mark.parametrize(
    ("value", "what"),
    [
        (Collected(1, as_of="2026-01-05"), "as_of='2026-01-05' is not a date"),  # type: ignore[arg-type] # the mistakes under test
        (Collected(1, as_of=datetime(2026, 1, 5, tzinfo=UTC)), "is not a date"),
        (Collected(1, as_of=20260105), "as_of=20260105 is not a date"),  # type: ignore[arg-type] # as above
        (Collected(1, detail="FULL"), "detail='FULL' is neither"),
        (Collected(1, detail=None), "detail=None is neither"),  # type: ignore[arg-type] # as above
        (Collected(1, detail=["full"]), "detail=.* is neither"),  # type: ignore[arg-type] # as above
        (Collected(1, settled="no"), "settled='no' is neither"),  # type: ignore[arg-type] # as above
        (Collected(1, settled=1), "settled=1 is neither"),  # type: ignore[arg-type] # as above
        (Collected(1, findings=["odd"]), "findings hold str"),  # type: ignore[list-item] # as above
        (Collected(1, findings="odd"), "findings hold str"),  # type: ignore[arg-type] # as above
    ],
)
def test_a_wrong_word_beside_a_payload_fails(value: Collected, what: str) -> None:
    """A wrong as-of, detail, settled or finding is refused by name, rather than stored and found much later. [R6.2]"""
    error = error_of(value)
    assert (error.kind, error.stage) == ("invalid_payload", "validate")
    with pytest.raises(PermanentSourceError, match=what):
        raise error


@pytest.mark.parametrize("raised", [ValueError("x"), KeyError("x"), Mute(), SystemExit(1), KeyboardInterrupt(), GeneratorExit()])
@pytest.mark.parametrize("where", ["detail", "as_of", "settled", "data", "payload"])
def test_a_value_that_raises_when_it_is_looked_at_fails_alone(raised: BaseException, where: str) -> None:
    """A value of a source's own class may raise anything: its district fails, the others of the same call do not. [R6.1, P6]"""
    values = {
        "detail": Collected(1, detail=Odd(raised)),  # type: ignore[arg-type] # the mistakes under test
        "as_of": Collected(1, as_of=Odd(raised)),  # type: ignore[arg-type] # as above
        "settled": Collected(1, settled=Odd(raised)),  # type: ignore[arg-type] # as above
        "data": Collected(Lazy(raising(raised), "n")),
        "payload": Figures(Lazy(raising(raised), "n")),
    }
    source = Many(giving({"1": values[where], "2": {"n": 2}}))
    batch = in_worker(lambda: collector(source).collect_many(planned("1", "2"), ("1", "2"), source))
    assert isinstance(batch.values["1"], PermanentSourceError)
    assert isinstance(batch.values["2"], DistrictRecord)


@pytest.mark.parametrize("error", [DataUnavailable("none"), TransientSourceError("later", kind="x"), PermanentSourceError("bad")])
def test_an_error_that_is_returned_is_one(error: SourceError) -> None:
    """A `SourceError` in the place of a value means what it means when it is raised; it is not tried again. [R6.2]"""
    made = error_of(error)
    assert type(made) is type(error)
    assert (str(made), made.kind) == (str(error), error.kind)


@pytest.mark.parametrize("raised", RAISED, ids=lambda error: type(error).__name__)
def test_a_source_may_raise_anything_at_all(raised: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever is raised is a failure of its unit, of kind source_bug, in one attempt; the traceback is in the log. [R6.1, R6.2]"""
    source = One(raising(raised))
    clock = VirtualClock(NOW)
    with caplog.at_level(logging.ERROR, "backfill"):
        batch = in_worker(lambda: collector(source, clock=clock).collect_district(planned("1"), "1"))
    error = batch.values["1"]
    assert type(error) is PermanentSourceError
    assert (error.kind, error.stage, error.attempts) == ("source_bug", "transform", 1)
    assert error.__cause__ is raised
    assert clock.waits == []
    (entry,) = caplog.records
    assert (vars(entry)["job_id"], vars(entry)["day"], vars(entry)["district"]) == ("j1", "2026-01-05", "1")


def test_an_interrupt_by_the_user_is_not_swallowed() -> None:
    """In the main thread, where somebody waits, Ctrl-C is Ctrl-C and no failure of a unit. [R6.1]"""
    assert threading.current_thread() is threading.main_thread()
    with pytest.raises(KeyboardInterrupt):
        collect_one(One(raising(KeyboardInterrupt())))


def test_a_full_disk_in_a_source_is_the_fault_of_no_unit() -> None:
    """A source that cannot write its own cache stops the job, rather than failing every unit of it. [R6.2]"""
    with pytest.raises(StoreUnavailable):
        collect_one(One(raising(OSError(errno.ENOSPC, "full"))))


@pytest.mark.parametrize("attempts", [1, 2, 4])
@pytest.mark.parametrize("error", [TransientSourceError("later"), TimeoutError("slow"), ConnectionResetError()])
def test_a_sources_own_transient_errors_are_retried(attempts: int, error: Exception) -> None:
    """They are tried as often as the policy says, with growing pauses in between, and the attempts are counted. [R6.5]"""
    clock = VirtualClock(NOW)
    source = One(raising(error))
    policy = RetryPolicy(max_attempts=attempts, base=10, factor=2)
    made = collector(source, clock=clock, policy=policy).collect_district(planned("1"), "1").values["1"]
    assert isinstance(made, TransientSourceError)
    assert made.attempts == attempts
    assert len(clock.waits) == attempts - 1
    assert all(0 <= wait <= 10 * 2**number for number, wait in enumerate(clock.waits))


def test_one_error_object_raised_for_every_unit_is_retried_for_each() -> None:
    """A source may raise one and the same object again and again: each unit has all of its attempts. [R6.5]"""
    error = TransientSourceError("always the same")
    source = One(raising(error))
    collects = collector(source, policy=RetryPolicy(max_attempts=3, base=0))
    counted = [collects.collect_district(planned("1", "2"), name).values[name] for name in ("1", "2")]
    assert [made.attempts for made in counted if isinstance(made, SourceError)] == [3, 3]
    assert (error.attempts, error.stage, error.max_attempts) == (0, None, None)


def test_a_retry_that_helps() -> None:
    """An attempt that succeeds after others gives the record; its documents are those of that attempt alone. [R6.5, B3]"""
    calls: list[str] = []

    def collect(_day: date, _district: str, fetch: Fetch) -> object:
        calls.append(fetch(f"{URL}/{len(calls)}", name=f"d{len(calls)}").name)
        if len(calls) < 3:
            raise TransientSourceError("later")
        return {"n": len(calls)}

    made = collect_one(One(collect), Door())
    assert isinstance(made, DistrictRecord)
    assert [document.name for document in made.provenance] == ["d2"]


def test_what_a_server_asked_for_is_waited_for() -> None:
    """A pause that an error names is kept before the next attempt, and one that is too long is not waited for. [R6.5]"""
    clock = VirtualClock(NOW)
    source = One(raising(TransientSourceError("later", retry_after=120.0)))
    collector(source, clock=clock, policy=RetryPolicy(max_attempts=2)).collect_district(planned("1"), "1")
    assert clock.waits == [120.0]
    impatient = RetryPolicy(max_attempts=9, max_retry_after=60)
    collector(source, clock=clock, policy=impatient).collect_district(planned("1"), "1")
    assert clock.waits == [120.0]


def test_retries_can_be_switched_off() -> None:
    """A job without retries makes one attempt, whatever the policy. [R6.5]"""
    clock = VirtualClock(NOW)
    source = One(raising(TransientSourceError("later")))
    job = context(retry=False)
    made = collector(source, clock=clock, job=job, policy=RetryPolicy(max_attempts=9)).collect_district(planned("1"), "1")
    assert isinstance(made.values["1"], TransientSourceError)
    assert clock.waits == []


def test_errors_from_the_door_are_not_retried_twice() -> None:
    """The door has made its attempts: the call is not made again, and the attempts reported are the door's. [R6.5, R9.1]"""

    def unreachable(_identity: str) -> bytes:
        raise TransientSourceError("no answer", kind="http_503", attempts=4, retry_after=1.0)

    door = Door(unreachable)
    clock = VirtualClock(NOW)
    source = One(lambda _day, _district, fetch: fetch(URL).text)
    made = collector(source, door, clock=clock).collect_district(planned("1"), "1").values["1"]
    assert isinstance(made, TransientSourceError)
    assert (made.attempts, made.kind, made.stage) == (4, "http_503", "fetch")
    assert len(door.asked) == 1
    assert clock.waits == []


@pytest.mark.parametrize("raised", [DataUnavailable("none"), PermanentSourceError("bad"), ValueError()])
def test_what_another_attempt_cannot_help_is_not_retried(raised: Exception) -> None:
    """Permanent errors and unavailable data are asked for once. [R6.5]"""
    clock = VirtualClock(NOW)
    batch = collector(One(raising(raised)), clock=clock).collect_district(planned("1"), "1")
    assert isinstance(batch.values["1"], SourceError)
    assert clock.waits == []


def test_a_cancelled_job_ends_the_attempts() -> None:
    """A job cancelled while a unit waits to try again ends that wait; the unit stays pending. [R4.4]"""
    job = context()

    def collect(*_args: object) -> NoReturn:
        job.cancel.set()
        raise TransientSourceError("later")

    made = collector(One(collect), job=job).collect_district(planned("1"), "1").values["1"]
    assert isinstance(made, Cancelled)
    made = collector(One(), job=job).collect_district(planned("1"), "1").values["1"]
    assert isinstance(made, Cancelled), "nothing new is begun either"


@pytest.mark.parametrize("call", [raising, giving])
def test_a_source_cannot_cancel(call: Callable[[object], Callable[..., object]]) -> None:
    """Cancelled where nobody cancelled is a bug of the source, or its unit would stay pending in a complete job. [P6, R6.2]"""
    made = collect_one(One(call(Cancelled("I give up"))))
    assert type(made) is PermanentSourceError
    assert made.kind == "source_bug"
    job = context()
    job.cancel.set()
    source = Many(giving({"1": Cancelled("as asked")}))
    assert isinstance(collector(source, job=job).collect_many(planned("1"), ("1",), source).values["1"], Cancelled)


def test_a_door_that_cannot_be_bound_fails_the_unit() -> None:
    """A fetcher of the caller's own that raises is a failure of the unit, not of the job. [R6.1]"""

    class Broken(NoDoor):
        def bind(self, unit: object, /) -> Fetch:
            raise ZeroDivisionError

    made = collect_one(One(), Broken())
    assert isinstance(made, PermanentSourceError)
    assert "ZeroDivisionError" in str(made)
