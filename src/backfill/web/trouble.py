"""The kinds of problem, and a problem in the making (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from backfill.web.bodies import Problem, WrongValue
from backfill.web.render import encode_as
from backfill.web.wire import object_of

DOCUMENTATION = "https://backfill.readthedocs.io/en/latest/reference/http.html"

KINDS: Mapping[str, tuple[int, str]] = {
    "malformed-body": (400, "The body is not JSON"),
    "invalid-body": (400, "The body does not fit the schema"),
    "invalid-parameter": (400, "A parameter does not fit the schema"),
    "unauthorized": (401, "Not authorized"),
    "forbidden": (403, "Not allowed"),
    "cross-origin": (403, "The request comes from another site"),
    "not-found": (404, "There is nothing at this address"),
    "job-not-found": (404, "There is no such job"),
    "snapshot-not-found": (404, "There is no such snapshot"),
    "refused": (0, "Refused by the host application"),
    "method-not-allowed": (405, "This address does not know the method"),
    "job-state": (409, "The job is not in a state for this"),
    "plan-outdated": (409, "The plan is out of date"),
    "configuration-changed": (412, "The configuration was changed meanwhile"),
    "body-too-large": (413, "The body is too large"),
    "unsupported-media-type": (415, "The body is not declared as plain JSON"),
    "misdirected": (421, "The host is not known here"),
    "invalid-request": (422, "The request cannot be done"),
    "queue-full": (429, "Too many jobs are waiting"),
    "internal-error": (500, "Something went wrong"),
    "too-busy": (503, "Too many requests at once"),
    "too-many-streams": (503, "Too many streams of events"),
    "store-unavailable": (503, "The store cannot be used"),
    "service-closed": (503, "The service is closed"),
}
"""Every kind of problem: its status (0 = any), and its title."""


class Trouble(Exception):  # noqa: N818 - reads as what it becomes
    """A problem in the making: raised by whoever notices it. Never leaves the application.

    Args:
        code: Its kind.
        detail: What happened this time.
        remedy: What to do about it.
        wrong: The values that cannot be accepted.
        headers: Headers that belong to the answer.
        status: The HTTP status; 0 = that of its kind.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        remedy: str,
        *,
        wrong: Sequence[WrongValue] = (),
        headers: Mapping[str, str] | None = None,
        status: int = 0,
    ) -> None:
        self.code, self.detail, self.remedy = code, detail, remedy
        self.wrong = tuple(wrong)
        self.headers = dict(headers or {})
        self.status = status or KINDS[code][0]
        super().__init__(f"{code}: {detail}; {remedy}")

    def encoded(self, request_id: str) -> bytes:
        """Return the body of the answer."""
        _status, title = KINDS[self.code]
        problem = Problem(
            type=f"{DOCUMENTATION}#{self.code}",
            title=title,
            status=self.status,
            detail=self.detail,
            code=self.code,
            remedy=self.remedy,
            request_id=request_id,
            errors=self.wrong,
        )
        return encode_as(object_of(Problem), problem)
