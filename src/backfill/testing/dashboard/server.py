"""The server: a site behind a socket, with faults to switch on, a calendar day to set, and a log to look at."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import date
from http import HTTPStatus
from typing import Self

from backfill.errors import ServiceUnusable
from backfill.testing.dashboard.answer import Answer, make_answer
from backfill.testing.dashboard.archive import ReportArchive
from backfill.testing.dashboard.asked import Asked
from backfill.testing.dashboard.dates import ONE_DAY, month_end
from backfill.testing.dashboard.exchange import Exchange
from backfill.testing.dashboard.faults import Fault
from backfill.testing.dashboard.log import Counts, RequestLog, RequestRecord, most_within
from backfill.testing.dashboard.rules import FaultRule, Matching, RuleBook, written
from backfill.testing.dashboard.site import Site
from backfill.testing.dashboard.wire import Connection, Listener


class DashboardServer:
    """The public dashboard on a socket of this machine, over an archive of report files.

    Enter it, or `start` and `stop` it. It may be started again, and is then found at the same address. Any thread.

    Args:
        archive: The reports, or the path of an archive; ``None`` = the one that comes with the package.
        today: The day on which the dashboard stands, or a function that tells it; ``None`` = the day after the newest as-of of the
            archive. It decides which program year is open, and hides what was not published yet.
        host: Where to listen.
        port: The port; 0 = any free one.
        monotonic: The clock of the log, in seconds.

    Attributes:
        archive: The reports.
        problems: What went wrong in the server itself, a fault that could not be applied included; leaving the ``with`` block
            raises the first of them.
    """

    def __init__(
        self,
        archive: ReportArchive | str | os.PathLike[str] | None = None,
        *,
        today: date | Callable[[], date] | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        if archive is None:
            archive = ReportArchive.shipped()
        self.archive = archive if isinstance(archive, ReportArchive) else ReportArchive.open(archive)
        self.problems: list[BaseException] = []
        self._today = today or _day_after(self.archive.newest)
        self._host, self._port = host, port
        self._monotonic = monotonic
        self._site = Site(self.archive)
        self._rules = RuleBook()
        self._log = RequestLog()
        self._listener: Listener | None = None

    def __repr__(self) -> str:
        where = self.url if self._listener is not None else "not running"
        return f"<DashboardServer: {where}, {self.archive!r}>"

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.stop()
        if kind is None and self.problems:
            raise self.problems[0]

    def start(self) -> Self:
        """Listen, and answer in threads of its own; return the server itself.

        Raises:
            ServiceUnusable: It does so already.
            OSError: The port is taken.
        """
        if self._listener is not None:
            raise ServiceUnusable("the server runs already; stop() it first")
        self._listener = Listener((self._host, self._port), self._respond, self.problems.append)
        self._port = self._listener.server_address[1]
        return self

    def stop(self) -> None:
        """Close every connection and end every thread; nothing happens if it does not run."""
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.stop()

    @property
    def url(self) -> str:
        """The address, without a slash at its end.

        Raises:
            ServiceUnusable: It has not been started yet, so that it has no port.
        """
        if not self._port:
            raise ServiceUnusable("the server has no address before it is started; enter it, or call start()")
        return f"http://{self._host}:{self._port}"

    @property
    def today(self) -> date:
        """The day on which the dashboard stands. Set it to a date, or to a function that tells it."""
        return self._today() if callable(self._today) else self._today

    @today.setter
    def today(self, value: date | Callable[[], date]) -> None:
        """Set the day, for all requests from now on."""
        self._today = value

    def fail(
        self,
        fault: Fault,
        *,
        path: str | None = None,
        report: str | None = None,
        district: str | None = None,
        month: str | date | None = None,
        as_of: str | date | None = None,
        times: int | None = None,
    ) -> FaultRule:
        """Switch a fault on, for the requests that fit everything given. Patterns as those of `fnmatch`: ``"2023-0[1-3]-*"``.

        Of several faults that fit, the one switched on first happens, until it is used up.

        Args:
            fault: What goes wrong.
            path: The path of the address, ``"/2022-2023/*"``.
            report: The dashboard's name of the report, ``"clubperformance"``.
            district: The district as it is asked for, ``"91"``.
            month: Any day of the month asked for, or a pattern for its last day, ``"2023-01-31"``.
            as_of: The as-of asked for, or a pattern for it.
            times: How often; after that the answers are right again. ``None`` = until it is switched off.

        Returns:
            The rule, which counts its hits and can be cancelled.

        Raises:
            InvalidRequest: *times* is less than one.
        """
        ending = month_end(month).isoformat() if isinstance(month, date) else month
        day = as_of.isoformat() if isinstance(as_of, date) else as_of
        return self._rules.add(fault, Matching(path, report, district, ending, day), times)

    def heal(self) -> None:
        """Switch all faults off."""
        self._rules.clear()

    @property
    def requests(self) -> tuple[RequestRecord, ...]:
        """The log of all requests."""
        return self._log.records

    @property
    def counts(self) -> Counts:
        """How many requests there were, by what they asked for and how they were answered, and the most in flight at once."""
        return self._log.counts

    @property
    def in_flight(self) -> int:
        """How many requests are being answered now."""
        return self._log.in_flight

    def most_within(self, seconds: float) -> int:
        """Return the most requests that came within any window of this length: what a rate limit is held against."""
        return most_within(seconds, (record.at for record in self._log.records))

    def wait_for_requests(self, count: int, timeout: float = 10.0) -> bool:
        """Wait until *count* requests have come, for at most *timeout* seconds; return whether they have."""
        return self._log.wait_for(count, timeout)

    def reset(self) -> None:
        """Forget the log and the counts. Faults stay on, and the day stays."""
        self._log.reset()

    def _respond(self, connection: Connection) -> None:
        at = self._monotonic()
        with self._log.flight() as land:
            asked = Asked.of(connection.path)
            fault = self._rules.take(asked)
            answer = self._answer(asked, fault)
            self._log.add(_record(at, connection, asked, answer, fault))
            connection.send(answer, land)

    def _answer(self, asked: Asked, fault: Fault | None) -> Answer:
        try:
            answer = self._site.answer(asked, self.today)
            return fault.change(Exchange(asked, answer, self.archive)) if fault else answer
        except Exception as error:  # noqa: BLE001 - the client is told, and so is whoever leaves the block
            self.problems.append(error)
            return make_answer(str(error).encode(), "text/plain; charset=utf-8", status=HTTPStatus.INTERNAL_SERVER_ERROR)


def _record(at: float, connection: Connection, asked: Asked, answer: Answer, fault: Fault | None) -> RequestRecord:
    return RequestRecord(
        at=at,
        method=connection.command,
        target=connection.path,
        headers={name.lower(): value for name, value in connection.headers.items()},
        path=asked.path,
        report=asked.report,
        district=asked.district,
        month=written(asked.month, asked.month_slot),
        as_of=written(asked.as_of, asked.as_of_slot),
        status=answer.status,
        fault=fault.name if fault else "",
    )


def _day_after(newest: date | None) -> date:
    return newest + ONE_DAY if newest else date(2026, 6, 4)
