"""What an exception means for a unit: by its type, whatever it is and whatever it says."""

from __future__ import annotations

import errno
import http.client
import logging
import math
import socket
from typing import NoReturn
from urllib.error import URLError

import pytest

from backfill.engine.failures import as_source_error, district_error
from backfill.errors import (
    BackfillError,
    Cancelled,
    DataUnavailable,
    DayLocked,
    InvalidRequest,
    NotArchived,
    PermanentSourceError,
    ServiceUnusable,
    SourceError,
    StoreUnavailable,
    TransientSourceError,
)
from backfill.model import DistrictError, Stage
from engine_doubles import DAY, NOW


def foreign(*names: str, base: type[Exception] = Exception) -> Exception:
    """Return an exception of a library that this one does not know: of classes with these names, each derived from the one before."""
    cls = base
    for name in names:
        cls = type(name, (cls,), {})
    return cls("from a library")


class Mute(Exception):  # noqa: N818 - stands for any class of a source's own
    """An exception whose text raises."""

    def __str__(self) -> NoReturn:
        message = "no text for you"
        raise RuntimeError(message)


class Gone(Exception):  # noqa: N818 - as above
    """An exception whose text would end the program."""

    def __str__(self) -> NoReturn:
        raise SystemExit(3)


def meaning(error: BaseException) -> tuple[type[SourceError], str]:
    """Return the class and kind of what *error* means."""
    failure = as_source_error(error, extra={})
    return type(failure), failure.kind


def as_reported(error: SourceError) -> DistrictError:
    """Return what a report says of it."""
    return district_error(error, day=DAY, district="61", stage="fetch", at=NOW)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (TimeoutError(), "timeout"),
        (socket.timeout("slow"), "timeout"),  # noqa: UP041 - the old name is what old code raises
        (URLError(TimeoutError("slow")), "timeout"),
        (foreign("RequestException", "Timeout", "ReadTimeout", base=OSError), "timeout"),
        (foreign("HTTPError", "TransportError", "TimeoutException", "ConnectTimeout"), "timeout"),
        (foreign("HTTPError", "TimeoutError", "ReadTimeoutError"), "timeout"),
        (ConnectionResetError("reset"), "connection"),
        (BrokenPipeError(), "connection"),
        (http.client.RemoteDisconnected("gone"), "connection"),
        (http.client.IncompleteRead(b"half"), "connection"),
        (URLError(ConnectionRefusedError("refused")), "connection"),
        (URLError(socket.gaierror(socket.EAI_NONAME, "no such name")), "connection"),
        (socket.gaierror(socket.EAI_AGAIN, "try again"), "connection"),
        (OSError(errno.ENETUNREACH, "no network"), "connection"),
        (OSError(errno.EHOSTUNREACH, "no route"), "connection"),
        (foreign("RequestException", "ConnectionError", "SSLError", base=OSError), "connection"),
        (foreign("RequestException", "ChunkedEncodingError", base=OSError), "connection"),
        (foreign("HTTPError", "TransportError", "NetworkError", "ReadError"), "connection"),
        (foreign("HTTPError", "ProtocolError"), "connection"),
        (foreign("ClientError", "ClientConnectionError", "ServerDisconnectedError"), "connection"),
    ],
)
def test_timeouts_and_connection_errors_are_transient(error: Exception, kind: str, caplog: pytest.LogCaptureFixture) -> None:
    """From the standard library and from any HTTP client, by type or by the name of a class, and without noise in the log. [R6.2, R6.5]"""
    with caplog.at_level(logging.DEBUG, "backfill"):
        assert meaning(error) == (TransientSourceError, kind)
    assert not caplog.records


@pytest.mark.parametrize(
    "error",
    [
        ValueError("timeout: connection reset, please retry"), KeyError("61"), AssertionError(), MemoryError(), RecursionError(),
        StopIteration(1), OSError("unnumbered"), FileNotFoundError(errno.ENOENT, "none"), OSError([errno.ENOSPC], "a list"),
        URLError("unknown url type"), NotImplementedError(), SystemExit(1), KeyboardInterrupt(), GeneratorExit(),
        ExceptionGroup("both", [ValueError(), TimeoutError()]), foreign("TimeoutWarning"), foreign("ConnectionErrorHandler"),
    ],
)  # fmt: skip
def test_anything_else_is_a_bug_of_the_source(error: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever else is raised is permanent, of kind source_bug; its traceback is in the log, with the unit, and only there. [R6.2]"""
    with caplog.at_level(logging.ERROR, "backfill"):
        failure = as_source_error(error, extra={"job_id": "j1", "day": "2026-01-05", "district": "61"})
    assert type(failure) is PermanentSourceError
    assert (failure.kind, failure.stage) == ("source_bug", "transform")
    assert type(error).__name__ in str(failure)
    (entry,) = caplog.records
    assert entry.exc_info is not None
    assert entry.exc_info[1] is error
    assert (vars(entry)["job_id"], vars(entry)["day"], vars(entry)["district"]) == ("j1", "2026-01-05", "61")


@pytest.mark.parametrize("error", [Mute(), Gone()])
def test_an_exception_whose_text_raises_is_told_all_the_same(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    """The text of an exception may raise anything, also what would end the program: the failure is recorded. [R6.1, R6.2]"""
    with caplog.at_level(logging.ERROR, "backfill"):
        assert str(as_source_error(error, extra={})) == f"raised {type(error).__name__}: (its text cannot be had)"
    assert type(error).__name__ in caplog.text


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_a_full_disk_is_the_fault_of_no_unit(number: int) -> None:
    """A full or read-only disk stops the job, instead of becoming a failure of each of 400,000 units. [R6.2, B2]"""
    error = OSError(number, "it is full")
    with pytest.raises(StoreUnavailable, match="make room, then run the job again") as caught:
        as_source_error(error, extra={})
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("error", [StoreUnavailable("full"), ServiceUnusable("the door was carried over a fork")])
def test_what_concerns_the_whole_job_is_passed_on(error: BackfillError) -> None:
    """What a store says of a full disk, or a door of being closed, reaches the job as it is. [B2]"""
    with pytest.raises(type(error)) as caught:
        as_source_error(error, extra={})
    assert caught.value is error


def test_a_lock_held_too_long_may_be_free_another_time() -> None:
    """Another writer of the day is a time-out, and so transient. [R6.2, R11.2]"""
    assert meaning(DayLocked("busy"))[0] is TransientSourceError


@pytest.mark.parametrize("error", [InvalidRequest("district", "../x", "no file name", "write '61'"), BackfillError("of ours")])
def test_an_error_of_ours_is_permanent_and_no_bug(error: BackfillError, caplog: pytest.LogCaptureFixture) -> None:
    """A value that this library refuses is no bug of the source: kind invalid, without a traceback in the log. [R6.2]"""
    assert meaning(error) == (PermanentSourceError, "invalid")
    assert not caplog.records


@pytest.mark.parametrize(
    "cls", [SourceError, DataUnavailable, NotArchived, TransientSourceError, PermanentSourceError, Cancelled]
)
def test_what_a_source_says_is_kept(cls: type[SourceError]) -> None:
    """Class, text, kind, stage and attempts of a source's own error are what the report will say. [R6.2, R6.5]"""
    error = cls("no answer", kind="http_500", stage="validate", attempts=3)
    failure = as_source_error(error, extra={})
    assert type(failure) is cls
    assert (str(failure), failure.kind, failure.stage, failure.attempts) == ("no answer", "http_500", "validate", 3)
    assert as_source_error(cls("x"), extra={}).kind == cls.default_kind


def test_what_a_server_asked_for_is_kept() -> None:
    """Retry-After, and the attempts that an error is worth, are kept. [R6.5]"""
    failure = as_source_error(TransientSourceError("later", retry_after=30.0, max_attempts=2), extra={})
    assert isinstance(failure, TransientSourceError)
    assert (failure.retry_after, failure.max_attempts) == (30.0, 2)


def test_one_instance_may_be_raised_again_and_again() -> None:
    """What the engine notes in an error is not noted in the source's own object, which it may raise for another unit. [R6.5]"""
    error = TransientSourceError("later")
    failure = as_source_error(error, extra={})
    failure.attempts, failure.stage = 4, "fetch"
    assert (error.attempts, error.stage) == (0, None)


class Forgetful(TransientSourceError):  # noqa: N818 - as above
    """An error that does not call its parent's constructor."""

    default_kind = "throttled"

    def __init__(self, status: int) -> None:
        self.status = status


class Untidy(TransientSourceError):  # noqa: N818 - as above
    """An error with facts of the wrong types."""

    def __init__(self, **facts: object) -> None:
        super().__init__("untidy")
        self.__dict__.update(facts)


class Speechless(DataUnavailable):
    """An error of ours whose text raises."""

    def __str__(self) -> NoReturn:
        raise Mute


def test_an_error_class_of_a_sources_own_need_not_be_complete() -> None:
    """A subclass that forgets its parent's constructor is what it is derived from, under its own kind. [R3.4, R6.2]"""
    failure = as_source_error(Forgetful(503), extra={})
    assert isinstance(failure, TransientSourceError)
    assert (failure.kind, failure.stage, failure.attempts) == ("throttled", None, 0)
    assert (failure.retry_after, failure.max_attempts) == (None, None)


@pytest.mark.parametrize("kind", [404, None, "", b"x", object()])
@pytest.mark.parametrize("stage", ["download", 7, None, ["fetch"]])
@pytest.mark.parametrize("attempts", [-1, "3", None, 2.5, math.nan])
def test_facts_of_the_wrong_type_are_left_out(kind: object, stage: object, attempts: object) -> None:
    """A kind, stage or count that cannot be one does not stop the job when the failure is recorded. [R6.1, R6.2]"""
    failure = as_source_error(Untidy(kind=kind, stage=stage, attempts=attempts), extra={})
    reported = as_reported(failure)
    assert (reported.kind, reported.stage, reported.attempts, reported.is_retryable) == ("transient", Stage.FETCH, 1, True)


@pytest.mark.parametrize("wanted", [math.nan, -1, "60", None, object()])
@pytest.mark.parametrize("most", ["2", None, 1.5])
def test_a_pause_that_is_none_is_left_out(wanted: object, most: object) -> None:
    """A pause that is no positive number is not waited for. [R6.5]"""
    failure = as_source_error(Untidy(retry_after=wanted, max_attempts=most), extra={})
    assert isinstance(failure, TransientSourceError)
    assert (failure.retry_after, failure.max_attempts) == (None, None)


def test_an_error_of_ours_whose_text_raises_is_reported() -> None:
    """The text of a source's own subclass may raise: unit and class are recorded. [R6.1]"""
    assert type(as_source_error(Speechless(), extra={})) is DataUnavailable
    assert as_reported(Speechless()).message == "(its text cannot be had)"


def test_a_report_says_where_why_and_how_often() -> None:
    """District, day, stage, kind, attempts, whether a retry can help, cause and time of a failure. [R6.2]"""
    assert as_reported(TransientSourceError("no answer", kind="http_503", attempts=4)) == DistrictError(
        district_id="61", day=DAY, stage=Stage.FETCH, kind="http_503", message="no answer", attempts=4, is_retryable=True,
        timestamp=NOW,
    )  # fmt: skip
    said = as_reported(PermanentSourceError("bad", stage="validate"))
    assert (said.stage, said.is_retryable, said.attempts) == (Stage.VALIDATE, False, 1)


def test_a_report_is_not_flooded() -> None:
    """A text of a megabyte is cut, wherever it came from. [R6.4]"""
    long = "x" * 1_000_000
    assert len(as_reported(PermanentSourceError(long)).message) == 500
    assert len(str(as_source_error(ValueError(long), extra={}))) < 600
