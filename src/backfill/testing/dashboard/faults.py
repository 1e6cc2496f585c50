"""What can go wrong, as functions from a good answer to a bad one. Each is switched on with `DashboardServer.fail`."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from email.utils import format_datetime
from http import HTTPStatus
from threading import Event
from typing import Self

from attrs import evolve, field, frozen

from backfill.errors import InvalidRequest
from backfill.testing.dashboard.answer import HTML, Answer, make_answer, make_error_page, make_page, make_redirect
from backfill.testing.dashboard.exchange import Exchange

_BODILESS = {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}
_MOST_DECODED = 256 * 1024 * 1024
"""Bytes that a bomb of ours may unpack to, so that it stays a test."""


@frozen
class Fault:
    """One way to misbehave. Made by the functions below; a value, so it may be used again and from any thread.

    Attributes:
        name: What it is, as the log of requests shows it.
        change: Makes the answer that is sent, from the one that would have been.
    """

    name: str
    change: Callable[[Exchange], Answer] = field(repr=False)

    # Instead of an answer

    @classmethod
    def status(cls, code: int, *, retry_after: float | datetime | str | None = None) -> Self:
        """Answer with another status and a short page.

        Args:
            code: The status.
            retry_after: *Retry-After*: seconds, or a moment (aware), or text that is sent as it stands; ``None`` = no such header.
        """
        answer = make_page(str(code), status=code)
        if code in _BODILESS:
            answer = evolve(answer, body=b"").with_header("Content-Length", None)
        answer = answer.with_header("Retry-After", _retry_after(retry_after))
        return cls(f"status {code}", lambda _: answer)

    @classmethod
    def reset(cls, *, after: int | None = None) -> Self:
        """Break the connection off: before any byte, or *after* so many bytes of the body."""

        def change(exchange: Exchange) -> Answer:
            answer = evolve(exchange.answer, body=exchange.answer.body[: after or 0], reset=True, close=True)
            return evolve(answer, status=None) if after is None else answer

        return cls("reset", change)

    @classmethod
    def error_page(cls, *, redirect: bool = False) -> Self:
        """Answer with the page that says that something went wrong: with status 200, or by way of a redirect to it."""
        return cls("error page", lambda exchange: make_redirect(exchange.asked.path) if redirect else make_error_page())

    @classmethod
    def json_body(cls) -> Self:
        """Answer with a few bytes of JSON, status 200."""
        body = json.dumps({"error": "not a report"}).encode()
        return cls("json body", lambda _: make_answer(body, "application/json"))

    @classmethod
    def body(cls, content: bytes, *, content_type: str = HTML) -> Self:
        """Answer with *content*, status 200."""
        return cls("body", lambda _: make_answer(content, content_type))

    # The right answer, badly sent

    @classmethod
    def slow(cls, seconds: float) -> Self:
        """Wait before the first byte; stopping the server ends the wait."""
        return cls("slow", lambda exchange: evolve(exchange.answer, delay=seconds))

    @classmethod
    def hold(cls, gate: Event) -> Self:
        """Wait before the first byte until *gate* is set; stopping the server ends the wait."""
        return cls("hold", lambda exchange: evolve(exchange.answer, gate=gate))

    @classmethod
    def drip(cls, *, piece: int = 64, pause: float = 0.01) -> Self:
        """Send *piece* bytes at a time, with a *pause* in seconds between them."""
        return cls("drip", lambda exchange: evolve(exchange.answer, piece=piece, pause=pause))

    @classmethod
    def cut(cls, *, keep: int | None = None, at_row_end: bool = False, announced: bool = True) -> Self:
        """Send the beginning of the body and end the connection.

        Args:
            keep: Bytes of the body to send; ``None`` = half of them.
            at_row_end: Go back to the end of a row, so that only the missing footer gives it away.
            announced: Whether *Content-Length* says how long the whole would have been; without it the body ends, for HTTP, where
                the connection does.
        """

        def change(exchange: Exchange) -> Answer:
            answer = exchange.answer
            body = answer.body[: len(answer.body) // 2 if keep is None else keep]
            if at_row_end:
                body = body[: body.rfind(b"\n") + 1]
            answer = evolve(answer, body=body, close=True)
            return answer if announced else answer.with_header("Content-Length", None)

        return cls("cut", change)

    @classmethod
    def wrong_length(cls, by: int) -> Self:
        """Announce *by* bytes more, or fewer where it is negative, than are sent; then end the connection."""

        def change(exchange: Exchange) -> Answer:
            length = max(0, len(exchange.answer.body) + by)
            return evolve(exchange.answer, close=True).with_header("Content-Length", str(length))

        return cls("wrong length", change)

    @classmethod
    def gzip(cls, *, keep: int | None = None) -> Self:
        """Compress the body; *keep* only so many compressed bytes, with a length that agrees with them."""

        def change(exchange: Exchange) -> Answer:
            return _compressed(exchange.answer, gzip.compress(exchange.answer.body, mtime=0)[:keep])

        return cls("gzip" if keep is None else "gzip, cut", change)

    @classmethod
    def gzip_bomb(cls, size: int = 100 * 1024 * 1024) -> Self:
        """Answer with a small body that unpacks to *size* bytes, at most 256 MiB.

        Raises:
            InvalidRequest: It would unpack to more.
        """
        if size > _MOST_DECODED:
            raise InvalidRequest("size", size, f"a bomb unpacks to at most {_MOST_DECODED} bytes", "choose a smaller one")
        packed = gzip.compress(bytes(size), compresslevel=9, mtime=0)
        return cls("gzip bomb", lambda exchange: _compressed(exchange.answer, packed))

    # The wrong content, well sent

    @classmethod
    def empty_body(cls) -> Self:
        """Send no body, and say so."""
        return cls("empty body", lambda exchange: exchange.answer.with_body(b""))

    @classmethod
    def header_only(cls) -> Self:
        """Send the headings, without rows and without footer."""
        return cls("header only", lambda exchange: exchange.answer.with_body(exchange.report().heading))

    @classmethod
    def zero_rows(cls) -> Self:
        """Send headings and footer, without rows: what the dashboard says where it has no data."""

        def change(exchange: Exchange) -> Answer:
            return exchange.answer.with_body(exchange.report().heading + exchange.report().footer)

        return cls("zero rows", change)

    @classmethod
    def stale_month(cls, month: date | None = None) -> Self:
        """Send the same report of another month, with that month's footer.

        Args:
            month: Any day of the month to send; ``None`` = the newest one before, else the first one after.
        """
        return cls("stale month", lambda exchange: exchange.show(exchange.other_month(month)))

    @classmethod
    def other_as_of(cls, as_of: date | None = None) -> Self:
        """Send another state of the same month, with its footer.

        Args:
            as_of: The state's day, which need not be in the archive; ``None`` = another one in the archive, else the day before,
                with the same rows.
        """

        def change(exchange: Exchange) -> Answer:
            key = exchange.other_state(as_of)
            if key in exchange.archive:
                return exchange.show(key)
            return evolve(exchange.answer.with_body(exchange.report().with_footer(key.month, key.as_of)), shows=key)

        return cls("other as-of", change)

    @classmethod
    def other_district(cls, district: str | None = None) -> Self:
        """Send the rows of another district, with the right footer.

        Args:
            district: Whose; ``None`` = the first other one that has this report.
        """
        return cls("other district", lambda exchange: exchange.show(exchange.neighbour(district)))


def _compressed(answer: Answer, packed: bytes) -> Answer:
    return answer.with_body(packed).with_header("Content-Encoding", "gzip")


def _retry_after(value: float | datetime | str | None) -> str | None:
    if isinstance(value, datetime):
        if value.utcoffset() is None:
            raise InvalidRequest("retry_after", value, "a moment is aware", "give it a time zone")
        return format_datetime(value.astimezone(UTC), usegmt=True)
    return value if value is None or isinstance(value, str) else f"{value:g}"
