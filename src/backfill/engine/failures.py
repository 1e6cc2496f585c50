"""What an exception means for a unit: decided by its type, never by its text (R6.2, R6.5)."""

from __future__ import annotations

import errno
import logging
import socket
import threading
import traceback
from datetime import date, datetime
from urllib.error import URLError

from backfill.errors import (
    BackfillError,
    Cancelled,
    DataUnavailable,
    HostDown,
    NotArchived,
    PermanentSourceError,
    ServiceUnusable,
    SourceError,
    StoreUnavailable,
    TransientSourceError,
)
from backfill.model import DistrictError, Stage, redact_text

logger = logging.getLogger("backfill.engine")

DAMAGED_DAY = "damaged_day"
"""The kind of the error, and of the finding, that a day is stored and cannot be read."""

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
_NO_WAY_THERE = (errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTUNREACH)
_FOREIGN_TIMEOUTS = frozenset({"Timeout", "TimeoutException", "TimeoutError"})
_FOREIGN_CONNECTION = frozenset(
    {
        "ConnectionError", "NetworkError", "TransportError",  # of requests and httpx
        "ChunkedEncodingError", "IncompleteRead", "ProtocolError",  # a body that is cut: of requests, http.client and urllib3
        "ClientConnectionError",  # of aiohttp
    }
)  # fmt: skip
_STAGES = tuple(Stage)
_OURS = (NotArchived, DataUnavailable, HostDown, TransientSourceError, PermanentSourceError, Cancelled, SourceError)
_LONGEST = 500


def as_source_error(error: BaseException, *, extra: dict[str, object]) -> SourceError:
    """Return *error* as what it means for the unit that it happened to.

    Timeouts and connection errors are transient, from the standard library and from the HTTP clients that a source may
    bring along (known by the names of their exception classes); whatever was not meant to be raised is a bug of the source,
    and its traceback goes to the log only. *extra* tells the log which unit it was.

    Raises:
        StoreUnavailable: The disk is full or read-only: the fault of no unit.
        ServiceUnusable: What the job works with was closed, or carried over a fork: no unit's fault either.
    """
    if isinstance(error, SourceError):
        return _plain(error)
    if isinstance(error, StoreUnavailable | ServiceUnusable):
        raise error
    if isinstance(error, OSError) and error.errno in _FULL:
        message = f"the disk is full or read-only ({error}); make room, then run the job again"
        raise StoreUnavailable(message) from error
    cause = error.reason if isinstance(error, URLError) and isinstance(error.reason, BaseException) else error
    names = {cls.__name__ for cls in type(cause).__mro__}
    if isinstance(cause, TimeoutError) or names & _FOREIGN_TIMEOUTS:
        return TransientSourceError(describe(cause), kind="timeout", stage="fetch")
    if isinstance(cause, ConnectionError) or names & _FOREIGN_CONNECTION or _finds_no_way(cause):
        return TransientSourceError(describe(cause), kind="connection", stage="fetch")
    if isinstance(error, BackfillError):
        return PermanentSourceError(describe(error), kind="invalid", stage="transform")
    _log_bug(error, extra)
    return PermanentSourceError(f"raised {describe(error)}", kind="source_bug", stage="transform")


def district_error(error: SourceError, *, day: date, district: str | None, stage: str, at: datetime) -> DistrictError:
    """Return what a report says of *error*; *stage* is where it happened, unless the error itself says."""
    return DistrictError(
        district_id=district,
        day=day,
        stage=Stage(error.stage or stage),
        kind=error.kind,
        message=_text(error)[:_LONGEST],
        attempts=max(1, error.attempts),
        is_retryable=isinstance(error, TransientSourceError),
        timestamp=at,
    )


def describe(error: BaseException) -> str:
    """Return the class and the text of *error*, for people, secrets redacted; never raises, whatever class it is of."""
    return f"{type(error).__name__}: {_text(error)}"[:_LONGEST]


def is_interrupt(error: BaseException) -> bool:
    """Whether *error* is Ctrl-C, meant for whoever waits in this thread: Python raises it in the main thread and in no other."""
    return isinstance(error, KeyboardInterrupt) and threading.current_thread() is threading.main_thread()


def _plain(error: SourceError) -> SourceError:
    """Return a new error of ours that says the same.

    New, since the attempts are noted in it, and a source may raise one instance again and again; and of ours, since a source's
    own subclass need not have called our constructor, nor handed it values of the right types.
    """
    kind = getattr(error, "kind", None)
    stage = getattr(error, "stage", None)
    attempts = getattr(error, "attempts", None)
    plain = next(cls for cls in _OURS if isinstance(error, cls))(
        _text(error),
        kind=kind if kind and isinstance(kind, str) else error.default_kind,
        stage=stage if isinstance(stage, str) and stage in _STAGES else None,
        attempts=attempts if isinstance(attempts, int) and attempts > 0 else 0,
    )
    if isinstance(plain, TransientSourceError):
        wanted = getattr(error, "retry_after", None)
        most = getattr(error, "max_attempts", None)
        plain.retry_after = wanted if isinstance(wanted, int | float) and wanted > 0 else None  # NaN is not
        plain.max_attempts = most if isinstance(most, int) else None
    return plain


def _finds_no_way(cause: BaseException) -> bool:
    """Whether no connection could be made, which the operating system tells by numbers: no name, no network, no route."""
    return isinstance(cause, socket.gaierror) or (isinstance(cause, OSError) and cause.errno in _NO_WAY_THERE)


def _text(error: BaseException) -> str:
    try:
        return redact_text(str(error))
    except BaseException:  # noqa: BLE001 - an exception whose own text raises must not take the job with it
        return "(its text cannot be had)"


def _log_bug(error: BaseException, extra: dict[str, object]) -> None:
    """Write the traceback to the log: as it is, or as a text without the secrets that it shows."""
    shown = "".join(traceback.format_exception(error))
    redacted = redact_text(shown)
    if redacted == shown:
        logger.error("raised what it should not", exc_info=error, extra=extra)
    else:
        logger.error("raised what it should not\n%s", redacted, extra=extra)
