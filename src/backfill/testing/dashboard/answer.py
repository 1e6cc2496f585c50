"""An answer as a value: what is sent, and how. Faults turn one into another; only the server sends it."""

from __future__ import annotations

from http import HTTPStatus
from threading import Event

from attrs import evolve, frozen

from backfill.testing.dashboard.report import ReportKey

HTML = "text/html; charset=utf-8"
Headers = tuple[tuple[str, str], ...]


@frozen
class Answer:
    """What goes over the wire.

    Attributes:
        status: The status; ``None`` = nothing is sent at all.
        headers: The headers, in the order in which they are sent.
        body: The bytes after the headers, which *Content-Length* need not agree with.
        shows: What the report in the body shows; ``None`` for anything else.
        reason: What stands beside the status; empty = what HTTP suggests.
        close: Whether the connection ends with the answer.
        reset: Whether it is broken off, so that the client sees a reset and not an end.
        delay: Seconds to wait before the first byte.
        gate: Wait for this as well before the first byte.
        piece: Bytes to send at a time; ``None`` = all at once.
        pause: Seconds between pieces.
    """

    status: int | None
    headers: Headers
    body: bytes
    shows: ReportKey | None = None
    reason: str = ""
    close: bool = False
    reset: bool = False
    delay: float = 0.0
    gate: Event | None = None
    piece: int | None = None
    pause: float = 0.0

    def header(self, name: str) -> str | None:
        """Return the value of a header, or ``None``."""
        return next((value for each, value in self.headers if each.lower() == name.lower()), None)

    def with_header(self, name: str, value: str | None) -> Answer:
        """Return the answer with another value for a header; ``None`` takes it out."""
        kept = tuple(each for each in self.headers if each[0].lower() != name.lower())
        return evolve(self, headers=kept if value is None else (*kept, (name, value)))

    def with_body(self, body: bytes) -> Answer:
        """Return the answer with another body, and its length."""
        return evolve(self, body=body).with_header("Content-Length", str(len(body)))


def make_answer(body: bytes, content_type: str, *, status: int = 200, shows: ReportKey | None = None) -> Answer:
    """Return a plain answer with its length."""
    answer = Answer(status, (("Cache-Control", "private"), ("Content-Type", content_type)), b"", shows)
    return answer.with_body(body)


def make_page(title: str, content: str = "", *, status: int = 200) -> Answer:
    """Return a page of HTML; *content* is markup."""
    heading = f"<h1>{title}</h1>\r\n" if title else ""
    text = (
        "<!DOCTYPE html>\r\n<html>\r\n<head><title>Toastmasters International</title></head>\r\n"
        f"<body>\r\n{heading}{content}</body>\r\n</html>\r\n"
    )
    return make_answer(text.encode(), HTML, status=status)


def make_error_page() -> Answer:
    """Return the page that stands where something went wrong, with status 200 like any other."""
    return make_page("An error occurred", "<p>Please report it.</p>\r\n")


def make_redirect(path: str) -> Answer:
    """Return the way to the error page, as the framework of the dashboard sends it from *path*."""
    found = make_page("Object moved", status=HTTPStatus.FOUND)
    return found.with_header("Location", f"/error.aspx?aspxerrorpath={path}")
