"""The values of jobs as short JSON texts, and back: exactly what was written, or an error.

Texts are plain ASCII, so that any text of a caller's comes back as it was, lone surrogates included. What the texts mean is settled
by the version of the file that they stand in; what is not known there is refused, never dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, cast

import attrs

from backfill.jobstores._json import as_flag, as_list, as_maybe, as_number, as_object, as_text, as_texts, as_whole, dump, load
from backfill.jsonvalues import JsonValue
from backfill.model import (
    BackfillPlan,
    BackfillRequest,
    BackfillScope,
    BackfillStatus,
    Change,
    CollectionStrategy,
    DayListed,
    DayPublished,
    DistrictError,
    Doubt,
    Finding,
    Found,
    JobSpec,
    Method,
    PlannedDay,
    ScopeKind,
    Stage,
    StatusChanged,
    UnitAttempted,
    UnitFailed,
    UnitsSettled,
    UnitState,
)

# --- simple values ----------------------------------------------------------------------------------------------------


def encode_time(at: datetime) -> str:
    """Return *at* in UTC, in a form whose order as text is the order in time.

    Raises:
        ValueError: It names no time zone.
    """
    if at.tzinfo is None:
        message = f"{at!r} has no time zone; use an aware datetime, as Clock.now() returns"
        raise ValueError(message)
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def decode_time(text: str) -> datetime:
    """Return the time that *text* holds (aware, UTC)."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        message = f"{text!r} has no time zone"
        raise ValueError(message)
    return at


def encode_day(day: date | None) -> str | None:
    """Return *day* in ISO form."""
    return None if day is None else day.isoformat()


def decode_day(text: str | None) -> date | None:
    """Return the day that *text* holds."""
    return None if text is None else date.fromisoformat(text)


def encode_names(names: Sequence[str]) -> str:
    """Return a list of districts."""
    return dump(list(names))


def decode_names(text: str) -> tuple[str, ...]:
    """Return the districts that *text* holds."""
    return as_texts(load(text))


def encode_name(name: str | None) -> str:
    """Return a district, or ``None`` for a day as a whole."""
    return dump(name)


def decode_name(text: str) -> str | None:
    """Return the district that *text* holds."""
    return as_maybe(as_text, load(text))


# --- what was accepted ------------------------------------------------------------------------------------------------------------


def encode_spec(spec: JobSpec) -> str:
    """Return what was accepted, without identifier, time and days, which stand in columns and rows."""
    plan, scope, strategy = spec.plan, spec.plan.scope, spec.plan.strategy
    asked: dict[str, JsonValue] = {} if spec.asked is None else {"asked": spec.asked}
    return dump(
        {
            **asked,
            "operation": spec.operation,
            "retry_of": spec.retry_of,
            "request": {field.name: _plain(getattr(plan.request, field.name)) for field in attrs.fields(BackfillRequest)},
            "scope": [scope.kind, scope.districts, _encode_doubts(scope.excluded), _encode_doubts(scope.doubtful)],
            "strategy": [strategy.method, strategy.detail, strategy.rationale],
            "source": plan.source,
            "requests": dict(plan.requests),
            "seconds_at_rate": plan.seconds_at_rate,
            "exact": plan.exact,
            "fingerprint": plan.fingerprint,
        }
    )


def decode_spec(text: str, job_id: str, created_at: datetime, days: tuple[PlannedDay, ...]) -> JobSpec:
    """Return what was accepted, from *text* and what stands beside it."""
    stored = as_object(load(text))
    kind, districts, excluded, doubtful = as_list(stored.pop("scope"))
    method, detail, rationale = as_list(stored.pop("strategy"))
    plan = BackfillPlan(
        request=decode_request(stored.pop("request")),
        scope=BackfillScope(
            ScopeKind(as_text(kind)), as_maybe(as_texts, districts), _decode_doubts(excluded), _decode_doubts(doubtful)
        ),
        strategy=CollectionStrategy(Method(as_text(method)), as_text(detail), as_text(rationale)),
        source=as_text(stored.pop("source")),
        days=days,
        requests={name: as_maybe(as_whole, count) for name, count in as_object(stored.pop("requests")).items()},
        seconds_at_rate=as_maybe(as_number, stored.pop("seconds_at_rate")),
        exact=as_flag(stored.pop("exact")),
        fingerprint=as_text(stored.pop("fingerprint")),
    )
    spec = JobSpec(
        job_id,
        created_at,
        plan,
        as_maybe(as_text, stored.pop("retry_of")),
        as_text(stored.pop("operation")),
        as_maybe(as_text, stored.pop("asked", None)),
    )
    if stored:
        message = f"{sorted(stored)} are not known here"
        raise ValueError(message)
    return spec


def decode_request(value: JsonValue) -> BackfillRequest:
    """Return the request that *value* holds; its constructor checks every option, and gives those that are missing their default."""
    return BackfillRequest(**cast("dict[str, Any]", as_object(value)))


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value


def _encode_doubts(doubts: Sequence[Doubt]) -> list[object]:
    return [[doubt.text, doubt.why, doubt.suggestions] for doubt in doubts]


def _decode_doubts(value: JsonValue) -> tuple[Doubt, ...]:
    rows = [as_list(row) for row in as_list(value)]
    return tuple(Doubt(as_text(text), as_text(why), as_texts(suggestions)) for text, why, suggestions in rows)


# --- failures and findings --------------------------------------------------------------------------------------------


def encode_cause(error: DistrictError) -> str:
    """Return what failures are grouped by."""
    return dump([error.stage, error.kind, error.is_retryable])


def decode_cause(text: str) -> tuple[Stage, str, bool]:
    """Return stage, kind and whether another attempt may succeed."""
    stage, kind, is_retryable = as_list(load(text))
    return Stage(as_text(stage)), as_text(kind), as_flag(is_retryable)


def encode_detail(error: DistrictError) -> str:
    """Return what a failure has beside its unit and its cause."""
    return dump([error.message, error.attempts, encode_time(error.timestamp)])


def decode_error(day: str, district: str, cause: str, detail: str) -> DistrictError:
    """Return the failure that these texts hold."""
    stage, kind, is_retryable = decode_cause(cause)
    message, attempts, timestamp = as_list(load(detail))
    return DistrictError(
        district_id=decode_name(district),
        day=date.fromisoformat(day),
        stage=stage,
        kind=kind,
        message=as_text(message),
        attempts=as_whole(attempts),
        is_retryable=is_retryable,
        timestamp=decode_time(as_text(timestamp)),
    )


def encode_finding(finding: Finding) -> str:
    """Return *finding*."""
    return dump([finding.kind, finding.message, encode_day(finding.day), finding.district])


def decode_finding(text: str) -> Finding:
    """Return the finding that *text* holds."""
    kind, message, day, district = as_list(load(text))
    return Finding(as_text(kind), as_text(message), decode_day(as_maybe(as_text, day)), as_maybe(as_text, district))


# --- changes ----------------------------------------------------------------------------------------------------------


def encode_change(change: Change) -> str:
    """Return *change*: a word for its kind, and what it says."""
    match change:
        case StatusChanged(status=status, at=at, reason=reason):
            said: list[object] = ["status", status, encode_time(at), reason]
        case DayListed(day=day, districts=districts):
            said = ["listed", encode_day(day), districts]
        case UnitsSettled(day=day, states=states):
            by_state: dict[str, list[str | None]] = {}
            for name, state in states.items():
                by_state.setdefault(state, []).append(name)
            said = ["settled", encode_day(day), by_state]
        case UnitFailed(error=error):
            said = ["failed", *_encode_error(error)]
        case UnitAttempted(error=error):
            said = ["attempted", *_encode_error(error)]
        case DayPublished(day=day, is_partial=is_partial, at=at):
            said = ["published", encode_day(day), is_partial, encode_time(at)]
        case Found(finding=finding):  # pragma: no branch - a change is nothing else
            said = ["found", encode_finding(finding)]
    return dump(said)


def decode_change(text: str) -> Change:
    """Return the change that *text* holds."""
    kind, *said = as_list(load(text))
    return _DECODERS[as_text(kind)](*said)


def _encode_error(error: DistrictError) -> list[str | None]:
    return [encode_day(error.day), encode_name(error.district_id), encode_cause(error), encode_detail(error)]


def _decode_error(day: JsonValue, district: JsonValue, cause: JsonValue, detail: JsonValue) -> DistrictError:
    return decode_error(as_text(day), as_text(district), as_text(cause), as_text(detail))


def _decode_settled(day: JsonValue, by_state: JsonValue) -> UnitsSettled:
    states = {
        as_maybe(as_text, name): UnitState(state) for state, names in as_object(by_state).items() for name in as_list(names)
    }
    return UnitsSettled(date.fromisoformat(as_text(day)), states)


_DECODERS: Mapping[str, Callable[..., Change]] = {
    "status": lambda status, at, reason: StatusChanged(
        BackfillStatus(as_text(status)), decode_time(as_text(at)), as_maybe(as_text, reason)
    ),
    "listed": lambda day, districts: DayListed(date.fromisoformat(as_text(day)), as_texts(districts)),
    "settled": _decode_settled,
    "failed": lambda *said: UnitFailed(_decode_error(*said)),
    "attempted": lambda *said: UnitAttempted(_decode_error(*said)),
    "published": lambda day, is_partial, at: DayPublished(
        date.fromisoformat(as_text(day)), as_flag(is_partial), decode_time(as_text(at))
    ),
    "found": lambda finding: Found(decode_finding(as_text(finding))),
}
