"""The line of progress that who waits for a job sees, where there is a terminal to show it on."""

from __future__ import annotations

import io
import sys
import threading
from concurrent.futures import Future
from typing import TextIO

import pytest
from attrs import evolve

from backfill import BackfillReport, BackfillStatus, InvalidRequest, TransientSourceError
from backfill.model import ErrorGroup, Progress, Stage
from backfill.progressline import Line, display, watch
from backfill.testing.source import ScriptedCatalog, ScriptedSource
from service_doubles import PATIENCE, GatedSource, ask, serving, until


class Terminal(io.StringIO):
    """A terminal that keeps what was written on it."""

    def isatty(self) -> bool:
        """Say that it is one."""
        return True


class Gone(Terminal):
    """A terminal that cannot be written any more after so many writes."""

    def __init__(self, writes: int, error: Exception) -> None:
        super().__init__()
        self._left = writes
        self._error = error

    def write(self, text: str, /) -> int:
        """Write, or fail."""
        self._left -= 1
        if self._left < 0:
            raise self._error
        return super().write(text)


class Mute:
    """What a host may have put in the place of standard error: it can be written, and no more."""

    def __init__(self) -> None:
        self.written = ""

    def write(self, text: str) -> int:
        """Keep the text."""
        self.written += text
        return len(text)

    def flush(self) -> None:
        """Do nothing."""


@pytest.fixture(scope="module")
def report() -> BackfillReport:
    """Return the final report of a small job."""
    with serving(ScriptedSource()) as service:
        return service.initiate_backfill(ask(2, "A", "B")).wait(PATIENCE)


def lines(stream: io.StringIO) -> list[str]:
    """Return what stood on the line, one after the other, without the blanks that cover what stood there before."""
    return [text.rstrip() for text in stream.getvalue().split("\r")[1:]]


# --- where it is shown ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("progress", "stream", "shown"),
    [
        (None, Terminal, True),
        (None, io.StringIO, False),
        (True, Terminal, True),
        (True, io.StringIO, True),
        (False, Terminal, False),
        (None, Mute, False),
        (True, Mute, True),
        (None, lambda: None, False),
        (True, lambda: None, False),
    ],
)
def test_a_line_is_shown_on_a_terminal_or_on_request(
    progress: bool | None, stream: type[TextIO], shown: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Left to itself the line appears on a terminal only; True has it anywhere but where there is no standard error, False nowhere. [R9.5, R10.2]"""
    monkeypatch.setattr(sys, "stderr", stream())
    assert isinstance(display(progress), Line) is shown


def test_a_closed_standard_error_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that has closed its standard error has its job done all the same. [R9.5, R10.2]"""
    closed = Terminal()
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)
    with serving(ScriptedSource()) as service:
        assert service.run_backfill(ask(1, "A")).status == "complete"
        assert service.run_backfill(ask(1, "B"), progress=True).status == "complete"


@pytest.mark.parametrize("progress", ["yes", 1, 0, [], object()])
def test_what_can_show_nothing_is_refused_before_the_job_begins(progress: object) -> None:
    """Neither a function nor a bool is refused by its name, and there is no job. [R1.3]"""
    with serving(ScriptedSource()) as service:
        with pytest.raises(InvalidRequest, match="neither a function nor a bool; pass a function that takes a report"):
            service.run_backfill(ask(1, "A"), progress=progress)  # type: ignore[arg-type] # a wrong type on purpose
        assert service.list_backfills() == []


# --- what it says -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("progress", "said"),
    [
        (Progress(4, 1, 0, 0, 0, 3), "processing: 1 of 4"),
        (Progress(4000, 1000, 100, 10, 0, 2890, is_estimate=True), "processing: 1,110 of 4,000+"),
        (Progress(4, 1, 0, 0, 2, 1), "processing: 3 of 4, 2 failed"),
        (Progress(4, 1, 0, 0, 0, 3, eta_seconds=4321.4), "processing: 1 of 4, about 4,321 s left"),
        (Progress(4, 1, 0, 0, 1234, 3, eta_seconds=0.0), "processing: 1 of 4, 1,234 failed"),
        (Progress(0, 0, 0, 0, 0, 0), "processing: 0 of 0"),
    ],
)
def test_the_line_says_how_far_a_job_is(report: BackfillReport, progress: Progress, said: str) -> None:
    """State, units done of all, whether more may come, failures and the time that is left. [R9.5]"""
    stream = Terminal()
    Line(stream)(evolve(report, status=BackfillStatus.PROCESSING, progress=progress))
    assert stream.getvalue() == "\r" + said


def test_the_line_says_what_most_failures_are_and_why_a_job_rests(report: BackfillReport) -> None:
    """Who waits for a wrong address learns why before the end: the most frequent kind of failure, and the reason of a pause. [R9.5, R6.4]"""
    stream = Terminal()
    groups = (ErrorGroup(Stage.FETCH, "no_answer", 2, True, "GET x"), ErrorGroup(Stage.STORE, "other", 1, True, "y"))
    working = evolve(report, status=BackfillStatus.PROCESSING, progress=Progress(4, 0, 0, 0, 3, 1), error_summary=groups)
    Line(stream)(working)
    assert stream.getvalue() == "\rprocessing: 3 of 4, 3 failed (no_answer)"
    stream.truncate(0)
    stream.seek(0)
    Line(stream)(evolve(working, status=BackfillStatus.PAUSED, status_reason="the disk is full"))
    assert stream.getvalue() == "\rpaused: 3 of 4, 3 failed (no_answer): the disk is full"


def test_a_shorter_line_covers_the_longer_one(report: BackfillReport) -> None:
    """What stood there before is written over to its end, and the line is left at the end. [R9.5]"""
    stream = Terminal()
    line = Line(stream)
    line(evolve(report, progress=Progress(4, 1, 0, 0, 2, 1, eta_seconds=100.0)))
    line(evolve(report, progress=Progress(4, 2, 0, 0, 2, 0)))
    line(evolve(report, progress=Progress(4, 2, 0, 0, 2, 0)))
    line.end()
    long, short, shorter = (text.removesuffix("\n") for text in stream.getvalue().split("\r")[1:])
    assert len(long) == len(short)
    assert short.rstrip() == shorter == "complete: 4 of 4, 2 failed"
    assert stream.getvalue().endswith("failed\n")


def test_a_whole_job_is_shown_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line of a job that runs changes with it, ends with the final state, and nothing else is written anywhere. [R9.5, R10.2]"""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr("backfill.progressline.INTERVAL", 0.001)
    source = GatedSource(lambda _on, name: name == "B")
    with serving(source) as service:
        waiting = threading.Thread(target=lambda: service.run_backfill(ask(1, "A", "B", concurrency=1)))
        waiting.start()
        until(lambda: "processing: 0 of 2" in terminal.getvalue())
        source.gate.set()
        waiting.join(PATIENCE)
    assert not waiting.is_alive()
    shown = lines(terminal)
    assert shown[-1] == "complete: 2 of 2"
    assert set(shown) <= {"queued: 0 of 2", "processing: 0 of 2", "processing: 2 of 2", "processing: 1 of 2", "complete: 2 of 2"}
    assert terminal.getvalue().endswith("\n")


def test_an_estimate_is_shown_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A total that may grow has a plus; once every day is listed it has none. [R9.5]"""
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    monkeypatch.setattr("backfill.progressline.INTERVAL", 0.001)
    gate = threading.Event()

    class Slow(ScriptedCatalog):
        def list_districts(self, on: object, _fetch: object, /) -> tuple[str, ...]:
            assert gate.wait(PATIENCE)
            return self.districts

    with serving(Slow({})) as service:
        waiting = threading.Thread(target=lambda: service.run_backfill(ask(2)))
        waiting.start()
        until(lambda: "processing: 0 of 2+" in terminal.getvalue())
        gate.set()
        waiting.join(PATIENCE)
    assert lines(terminal)[-1] == "complete: 6 of 6"


@pytest.mark.parametrize("writes", [0, 1, 2])
@pytest.mark.parametrize("error", [BrokenPipeError("gone"), ValueError("I/O operation on closed file")], ids=repr)
def test_a_terminal_that_goes_away_takes_no_job_with_it(writes: int, error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the line cannot be written any more the job goes on without it, to its end. [R9.5, R6.1]"""
    terminal = Gone(writes, error)
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr("backfill.progressline.INTERVAL", 0.001)
    source = ScriptedSource(lambda _on, name: 1 if name == "A" else TransientSourceError("busy"))
    with serving(source) as service:
        report = service.run_backfill(ask(3, "A", "B"))
    assert (report.status, report.progress.completed) == ("partial_success", 3)
    assert terminal.getvalue().count("\r") + terminal.getvalue().count("\n") == writes


def test_a_line_that_was_never_begun_has_no_end() -> None:
    """Where nothing was shown, nothing is left. [R9.5]"""
    terminal = Terminal()
    Line(terminal).end()
    assert terminal.getvalue() == ""


def test_a_terminal_that_has_gone_is_not_written_to_again(report: BackfillReport) -> None:
    """After the first write that failed nothing is tried any more, to the end of the line included. [R9.5]"""
    terminal = Gone(0, BrokenPipeError("gone"))
    line = Line(terminal)
    for _report in range(3):
        line(report)
    line.end()
    assert (terminal.getvalue(), terminal._left) == ("", -1)


# --- waiting ----------------------------------------------------------------------------------------------------------


def test_watching_asks_for_no_report_where_nothing_is_shown(report: BackfillReport, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a display the report is never asked for, however long the wait. [R9.5]"""
    monkeypatch.setattr("backfill.progressline.INTERVAL", 0.001)
    future: Future[BackfillReport] = Future()
    threading.Timer(0.01, lambda: future.set_result(report)).start()

    def never() -> BackfillReport:
        raise AssertionError("nobody looks")

    watch(future, never, None)
    assert future.done()


def test_watching_shows_the_job_until_it_ends(report: BackfillReport, monkeypatch: pytest.MonkeyPatch) -> None:
    """The display is called between two looks, and with the final report at last. [R9.5]"""
    monkeypatch.setattr("backfill.progressline.INTERVAL", 0.0)
    future: Future[BackfillReport] = Future()
    seen: list[BackfillReport] = []
    early = evolve(report, status=BackfillStatus.PROCESSING)

    def show(shown: BackfillReport) -> None:
        seen.append(shown)
        if len(seen) == 3:
            future.set_result(report)

    watch(future, lambda: early, show)
    assert seen == [early, early, early, report]
