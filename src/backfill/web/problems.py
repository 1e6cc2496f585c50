"""Why a request was not carried out, as problem details (RFC 9457): decided by the type of the exception, never by its text.

What the problem says is meant for the client. What happened inside (an exception's text, a path on the server) goes to the log only,
under the request's identifier.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus

from starlette.exceptions import HTTPException

from backfill.errors import (
    ConfigurationChanged,
    DayLocked,
    InvalidRequest,
    JobNotFound,
    PlanOutdated,
    ServiceUnusable,
    StoreUnavailable,
)
from backfill.web.bodies import WrongValue
from backfill.web.convert import MOST, Misfit, pointer, show
from backfill.web.operations import Operation
from backfill.web.scrub import scrub
from backfill.web.trouble import Trouble
from backfill.web.wire import in_wire_words

logger = logging.getLogger("backfill.web")

_PHRASES = {int(status): status.phrase for status in HTTPStatus}
"""What an `HTTPException` says of its own accord."""

Places = Mapping[str, tuple[str, str]]
"""For names of values in Python: where they stood in a request, and under which name."""

_SAME = (("start_date", "start"), ("end_date", "end"), ("target_districts", "districts", "district"))
"""Names of one value in the several classes that have it."""


def places_of(operation: Operation | None) -> Places:
    """Return where the values that errors of *operation* speak of stood in its request."""
    query_only = operation is not None and operation.body is None and operation.query is not None
    places = {
        "": ("query" if query_only else "body", ""),
        "backfill_id": ("path", "backfillId"),
        "idempotency_key": ("header", "Idempotency-Key"),
    }
    for where, shape in () if operation is None else (("query", operation.query), ("body", operation.body)):
        for member in () if shape is None else shape.members:
            places[member.attribute] = (where, member.name)
    for names in _SAME:
        known = next((places[name] for name in names if name in places), None)
        if known is not None:
            places.update((name, known) for name in names if name not in places)
    return places


def trouble_of(error: Exception, places: Places, request_id: str) -> Trouble:  # noqa: PLR0911 - a case, a return
    """Return what *error* means for the client; what it means for nobody else goes to the log, under the request's identifier."""
    match error:
        case Trouble():
            return error
        case Misfit():
            return _misfit(error)
        case InvalidRequest():
            return refusal_of(error, places, {})
        case JobNotFound():
            return Trouble("job-not-found", f"there is no job {error.backfill_id}", "GET /backfills lists the jobs there are")
        case PlanOutdated():
            detail = "the request would now be planned differently; nothing was started"
            return Trouble("plan-outdated", detail, "POST /plans again, look at the new plan, and send its fingerprint")
        case ConfigurationChanged():
            return Trouble(
                "configuration-changed", "it is not the one that If-Match names", "GET /configuration again, then repeat"
            )
        case HTTPException() if _refuses(error.status_code):
            return _refused(error)
        case _:
            return _inside(error, request_id)


def _inside(error: Exception, request_id: str) -> Trouble:
    """Return what may be said of an exception that is the server's own business; the log has the rest."""
    logger.error("request %s failed", request_id, exc_info=error, extra={"request_id": request_id})
    match error:
        case ServiceUnusable():
            detail, remedy = "it was closed, or this process was forked from the one that made it", "ask again later"
            return Trouble("service-closed", detail, remedy, headers={"Retry-After": "30"})
        case StoreUnavailable() | DayLocked():
            detail = "snapshots, jobs or configuration cannot be read or written at the moment"
            return Trouble("store-unavailable", detail, "ask again later", headers={"Retry-After": "30"})
        case _:
            return Trouble("internal-error", "the server's log has the details", "report it with this requestId")


def _misfit(error: Misfit) -> Trouble:
    places = {value.place for value in error.wrong}
    code = "not-found" if "path" in places else "invalid-body" if "body" in places else "invalid-parameter"
    count = len(error.wrong)
    detail = "one value does not fit the schema" if count == 1 else f"{count} values do not fit the schema"
    return Trouble(code, detail, "see errors for each of them; GET /openapi.json has the schema", wrong=error.wrong)


def refusal_of(error: InvalidRequest, places: Places, given: Mapping[str, object]) -> Trouble:
    """Return what *error* means for the client, with a pointer to everything that it is about.

    Args:
        error: What was raised.
        places: Where its names stood in the request.
        given: The values that the request had, by their names in Python.
    """
    wrong = list(dict.fromkeys(_wrong(one, places, given) for one in (error, *error.others)))[:MOST]
    code = "job-state" if error.field == "backfill_id" else "invalid-request"
    if len(wrong) == 1:
        return Trouble(code, wrong[0].detail, wrong[0].remedy, wrong=wrong)
    return Trouble(code, f"{len(wrong)} values cannot be accepted", "see errors for each of them", wrong=wrong)


def _wrong(error: InvalidRequest, places: Places, given: Mapping[str, object]) -> WrongValue:
    """Return what *error* says of one value, with a pointer to the very element where it is about one of a list."""
    where, name = places.get(error.field, places[""])
    detail, remedy = in_wire_words(error.rule), in_wire_words(error.remedy)
    tokens = [name] if name else []
    names = (attribute for attribute, place in places.items() if place == (where, name))
    value = next((given[attribute] for attribute in names if attribute in given), None)
    if isinstance(value, tuple) and isinstance(error.value, str) and error.value in value:
        tokens.append(str(value.index(error.value)))
        detail = f"{show(error.value)}: {detail}"
    return WrongValue(where, pointer(*tokens), detail, remedy)


def _refuses(status: int) -> bool:
    """Return whether an answer of this status can refuse something, and have a body that says why."""
    return 300 <= status < 600 and status != HTTPStatus.NOT_MODIFIED  # noqa: PLR2004 - as HTTP has it


def _refused(error: HTTPException) -> Trouble:
    """Return what a refusal of the host's own is for the client: its status, headers and words are meant to be passed on."""
    phrase = _PHRASES.get(error.status_code)
    told: object = error.detail
    said = scrub(told) if isinstance(told, str) and told and told != phrase else None
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.UNAUTHORIZED:
        detail = said or "the request names nobody who is known"
        return Trouble("unauthorized", detail, "sign in, then repeat it", headers=headers)
    if error.status_code == HTTPStatus.FORBIDDEN:
        detail = said or "whoever sent the request may not do this"
        return Trouble("forbidden", detail, "ask whoever runs this server", headers=headers)
    detail = said or "the application that this interface is a part of refuses the request"
    return Trouble("refused", detail, "ask whoever runs this server", headers=headers, status=error.status_code)
