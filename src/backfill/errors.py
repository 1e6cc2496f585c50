"""Every exception that `backfill` raises, in one tree.

.. code-block:: text

    Exception
    └── BackfillError                         the root: catch it to catch everything below
        ├── InvalidRequest (ValueError)       a value that cannot be accepted: names value, rule, remedy
        ├── PlanOutdated                      a plan made earlier no longer describes what would happen
        ├── ConfigurationChanged              the districts configured are not those that a change was based on
        ├── JobNotFound (LookupError)         no job has that identifier
        ├── JobFailed                         raised by BackfillReport.raise_for_failures()
        ├── LeaseLost                         a job has another owner by now: what was to be noted of it was not
        ├── ServiceUnusable (RuntimeError)    the service was closed, or carried over a fork
        ├── MissingExtra (ImportError)        an optional library is not installed: names the extra
        ├── StoreError
        │   ├── SnapshotNotFound (LookupError)   no snapshot, or no district in it
        │   ├── DamagedFile                   a stored file does not hold what it must
        │   ├── DayLocked (TimeoutError)      another writer held the day for too long
        │   └── StoreUnavailable              full, read-only, or not a directory: no day can be stored
        └── SourceError                       raised by sources and by `fetch`
            ├── DataUnavailable               nothing was published: counted, never a failure
            │   └── NotArchived               the archive holds no such document (and there is no network)
            ├── TransientSourceError          another attempt may succeed
            │   └── HostDown                  the host does not answer anybody: the job pauses
            ├── PermanentSourceError          another attempt would fail in the same way
            └── Cancelled                     the job was cancelled while this call waited

Whether a retry can help is the *type* of the exception; nothing ever reads a message to decide. All of them can be pickled.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = [
    "BackfillError",
    "Cancelled",
    "ConfigurationChanged",
    "DamagedFile",
    "DataUnavailable",
    "DayLocked",
    "HostDown",
    "InvalidRequest",
    "JobFailed",
    "JobNotFound",
    "LeaseLost",
    "MissingExtra",
    "NotArchived",
    "PermanentSourceError",
    "PlanOutdated",
    "ServiceUnusable",
    "SnapshotNotFound",
    "SourceError",
    "StoreError",
    "StoreUnavailable",
    "TransientSourceError",
]


PAGES = "https://backfill.readthedocs.io/en/latest/errors.html"
"""Where each class has a section that says what to do; a traceback ends with its address."""

_SHOWN = 200  # characters of a value that an error repeats


class BackfillError(Exception):
    """The root of every exception that this library raises on purpose."""

    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        named = next(cls.__name__ for cls in type(self).__mro__ if cls.__module__ == __name__)
        self.add_note(f"What to do about it: {PAGES}#{named.lower()}")

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by attributes, since constructors here take keywords that ``args`` does not hold."""
        return _rebuild, (type(self), self.args, self.__dict__)


def _rebuild(cls: type[BackfillError], args: tuple[object, ...], state: dict[str, object]) -> BackfillError:
    error = cls.__new__(cls, *args)
    super(BackfillError, error).__init__(*args)  # the built-in parents keep facts of their own, ImportError its msg
    error.__dict__.update(state)
    return error


def _show(value: object) -> str:
    try:
        shown = repr(value)
    except Exception:  # noqa: BLE001 - whatever a caller's class, or a number of 5,000 digits, raises: the error must still be told
        return f"<{type(value).__name__}>"
    return shown if len(shown) <= _SHOWN else shown[:_SHOWN] + "…"


class InvalidRequest(BackfillError, ValueError):  # noqa: N818 - a contract name, as HTTP's "bad request"
    """A value was given that cannot be accepted.

    Attributes:
        field: Which value, by its public name (``"end_date"``), or ``""``.
        value: The value as it was given.
        rule: The rule that it breaks.
        remedy: What to write instead.
        others: What else of the same call cannot be accepted; its traceback tells that too.
    """

    def __init__(self, field: str, value: object, rule: str, remedy: str) -> None:
        self.field, self.value, self.rule, self.remedy = field, value, rule, remedy
        self.others: tuple[InvalidRequest, ...] = ()
        super().__init__(f"{field}={_show(value)}: {rule}; {remedy}")

    def with_others(self, others: Iterable[InvalidRequest]) -> InvalidRequest:
        """Return this error, which now says of *others* that they cannot be accepted either."""
        more = tuple(one for other in others for one in (other, *other.others))
        for other in more:
            other.others = ()
            self.add_note(f"Nor can {other}")
        self.others += more
        return self


class PlanOutdated(BackfillError):  # noqa: N818 - a contract name
    """A plan was handed in again, but the request would now be planned differently; nothing was started.

    Attributes:
        changes: What differs, one sentence each.
    """

    def __init__(self, changes: tuple[str, ...]) -> None:
        self.changes = changes
        super().__init__(f"the plan is out of date ({'; '.join(changes)}); call plan() again and look at the new one")


class ConfigurationChanged(BackfillError):  # noqa: N818 - reads as the state it reports
    """The districts configured are not those that a change was based on; nothing was changed.

    Attributes:
        expected: The districts that the caller saw; ``None`` = none were configured.
        found: The districts that are configured.
    """

    def __init__(self, expected: tuple[str, ...] | None, found: tuple[str, ...] | None) -> None:
        self.expected, self.found = expected, found
        super().__init__(
            f"districts were changed from {_show(expected)} to {_show(found)} meanwhile; look at them, then change them again"
        )


class JobNotFound(BackfillError, LookupError):  # noqa: N818 - a contract name
    """No job has this identifier (it may have been cleaned up)."""

    def __init__(self, backfill_id: str) -> None:
        self.backfill_id = backfill_id
        super().__init__(f"no job {backfill_id!r}; list_backfills() shows the jobs there are")


class JobFailed(BackfillError):  # noqa: N818 - reads as the state it reports
    """A job did not collect all of what it planned, or rests before it has.

    Attributes:
        backfill_id: The job.
        failed: The number of units that failed.
    """

    def __init__(self, backfill_id: str, message: str, *, failed: int = 0) -> None:
        self.backfill_id, self.failed = backfill_id, failed
        super().__init__(message)


class LeaseLost(BackfillError):  # noqa: N818 - reads as the state it reports
    """Whoever was to change a job does not own it, or not any more; nothing was changed.

    Attributes:
        backfill_id: The job.
        epoch: The number under which it was to be changed.
        current: The number of its newest owner.
    """

    def __init__(self, backfill_id: str, epoch: int, current: int) -> None:
        self.backfill_id, self.epoch, self.current = backfill_id, epoch, current
        super().__init__(
            f"job {backfill_id!r} is not owned under number {epoch} (its newest owner has number {current}); "
            "stop working on it: what was noted stays, and whoever owns it next goes on from there"
        )


class ServiceUnusable(BackfillError, RuntimeError):  # noqa: N818 - reads as the state it reports
    """The service cannot be used here: it was closed, or inherited by a forked process; or its executor runs nothing any more."""


class MissingExtra(BackfillError, ImportError):  # noqa: N818 - reads as the state it reports
    """An optional library is missing.

    Attributes:
        extra: The extra to install, as in ``pip install "backfill[extra]"``.
    """

    def __init__(self, what: str, extra: str) -> None:
        self.extra = extra
        super().__init__(f'{what} needs an optional library; install it with: pip install "backfill[{extra}]"')


class StoreError(BackfillError):
    """A snapshot store, configuration file or archive could not do what was asked."""


class SnapshotNotFound(StoreError, LookupError):  # noqa: N818 - as FileNotFoundError without the suffix
    """The store holds no snapshot of this day, or the snapshot does not hold this district."""


class DamagedFile(StoreError):  # noqa: N818 - reads as the state it reports
    """A stored file does not hold what it must hold.

    Attributes:
        path: The file.
        rule: What it should hold.
        is_missing: Whether it is not there at all.
    """

    def __init__(self, path: str, rule: str, remedy: str, *, is_missing: bool = False) -> None:
        self.path, self.rule, self.remedy, self.is_missing = path, rule, remedy, is_missing
        super().__init__(f"{path}: {rule}; {remedy}")


class DayLocked(StoreError, TimeoutError):  # noqa: N818 - reads as the state it reports
    """Another writer held a day for longer than this one was willing to wait."""


class StoreUnavailable(StoreError):  # noqa: N818 - reads as the state it reports
    """No day can be stored at all: the disk is full or read-only, or the root is not a usable directory."""


class SourceError(BackfillError):
    """Something that a source, or the ``fetch`` it was handed, has to say about one document or district.

    Args:
        message: What happened, for people.
        kind: One word of a small vocabulary for grouping, for instance ``"timeout"`` or ``"http_404"``.
        stage: ``list``, ``fetch``, ``validate``, ``transform`` or ``store``; ``None`` lets the engine say it.
        attempts: How many attempts were made already; 0 means that nobody has retried yet.
    """

    default_kind = "source_error"

    def __init__(self, message: str = "", *, kind: str | None = None, stage: str | None = None, attempts: int = 0) -> None:
        self.kind = kind or self.default_kind
        self.stage = stage
        self.attempts = attempts
        super().__init__(message)


class DataUnavailable(SourceError):  # noqa: N818 - a contract name: an outcome more than an error
    """Nothing was published for this day and district. Counted as unavailable; not a failure, never retried."""

    default_kind = "unavailable"


class NotArchived(DataUnavailable):
    """The archive holds no such document, and this ``fetch`` has nowhere else to ask."""

    default_kind = "not_archived"


class TransientSourceError(SourceError):
    """This attempt failed in a way that another attempt may not.

    Args:
        retry_after: Seconds for which the server asked to be left alone, or ``None``.
        max_attempts: Fewer attempts than the policy allows are worth making for this error; ``None`` = as the policy says.
    """

    default_kind = "transient"

    def __init__(
        self,
        message: str = "",
        *,
        kind: str | None = None,
        stage: str | None = None,
        attempts: int = 0,
        retry_after: float | None = None,
        max_attempts: int | None = None,
    ) -> None:
        super().__init__(message, kind=kind, stage=stage, attempts=attempts)
        self.retry_after = retry_after
        self.max_attempts = max_attempts


class HostDown(TransientSourceError):  # noqa: N818 - reads as the state it reports
    """The host answers no request at all, and has not for as long as the door waits: the fault of no unit, which stays pending."""

    default_kind = "host_down"


class PermanentSourceError(SourceError):
    """Another attempt would fail in the same way. Never retried."""

    default_kind = "permanent"


class Cancelled(SourceError):  # noqa: N818 - reads as the state it reports
    """The job was cancelled while this call waited. Sources let it pass; the unit stays pending."""

    default_kind = "cancelled"
