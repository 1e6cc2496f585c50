"""Redirections, one hop at a time, so that each passes the limit of its own host."""

from __future__ import annotations

from contextlib import suppress
from urllib.parse import urljoin

from attrs import evolve

from backfill.errors import PermanentSourceError
from backfill.fetching.addresses import full_address, is_web_address, may_carry_secrets
from backfill.fetching.answers import REDIRECTS, VALIDATORS
from backfill.fetching.call import Call, Door
from backfill.fetching.redaction import Secrets
from backfill.model import Document, DocumentRequest

MAX_REDIRECTS = 5
_SEE_OTHER = 303
_BODY_HEADERS = frozenset({"content-type", "content-length", "content-encoding", "transfer-encoding"})


def following(inner: Door, *, secrets: Secrets) -> Door:
    """Return a door that follows redirections: five at most, to web addresses only, and secrets stay with their host."""

    def door(call: Call) -> Document:
        asked = secrets.address(full_address(call.request))
        for _hop in range(MAX_REDIRECTS + 1):
            answer = inner(call)
            if answer.status not in REDIRECTS:
                return answer
            call = _next_hop(call, answer, secrets)
        message = f"{asked}: redirected more than {MAX_REDIRECTS} times; ask for the address where the document is"
        raise PermanentSourceError(message, kind="too_many_redirects", stage="fetch")

    return door


def _next_hop(call: Call, answer: Document, secrets: Secrets) -> Call:
    source = full_address(call.request)
    target = _target(source, answer.headers["location"])
    if not is_web_address(target):
        message = (
            f"{secrets.address(source)}: redirected to {secrets.address(target)!r}, which is no http or https address; "
            "ask for the address where the document is"
        )
        raise PermanentSourceError(message, kind="bad_url", stage="fetch")
    request = _request(call.request, target, answer.status)
    is_home = may_carry_secrets(source, target)
    headers = request.headers if is_home else secrets.without(request.headers)
    if call.conditional:  # what is archived came from the first address; at this one the same date could mean another content
        headers = {name: value for name, value in headers.items() if name not in VALIDATORS.values()}
    request = evolve(request, headers=headers)
    return evolve(call, request=request, conditional=False, anonymous=call.anonymous or not is_home)


def _target(source: str, location: str) -> str:
    with suppress(UnicodeError):  # headers are read as Latin-1, but what is not ASCII in them was written as UTF-8
        location = location.encode("latin-1").decode()
    try:
        return urljoin(source, location)
    except ValueError:
        return location  # it cannot be taken apart, and is refused as no address


def _request(request: DocumentRequest, target: str, status: int) -> DocumentRequest:
    if request.method == "HEAD" or (status != _SEE_OTHER and (request.method != "POST" or status > _SEE_OTHER)):
        return evolve(request, url=target, params={})
    headers = {name: value for name, value in request.headers.items() if name.lower() not in _BODY_HEADERS}
    return evolve(request, url=target, params={}, method="GET", body=None, headers=headers)
