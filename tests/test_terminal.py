"""How far a job is, as it is shown on a terminal and in a log."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from datetime import date

import pytest
from rich.console import Console

from backfill import BackfillRequest, BackfillService, DataUnavailable, function_source
from backfill.model import BackfillReport, BackfillStatus, Progress
from backfill.stores import MemorySnapshotStore
from backfill.terminal import counts_of, of_all, printable, progress_display, share
from cli_running import plain
from report_samples import failure, report


class Screen:
    """A console on a made-up terminal, or on a file, with a clock that the test moves."""

    def __init__(self, *, terminal: bool = True, width: int = 80) -> None:
        self.file = io.StringIO()
        self.now = 0.0
        self.console = Console(
            file=self.file,
            width=width,
            height=25,
            force_terminal=terminal,
            color_system=None,
            legacy_windows=False,
            _environ={"TERM": "xterm"},
        )

    @property
    def text(self) -> str:
        """Everything written, without what steers a terminal."""
        return plain(self.file.getvalue())

    @property
    def lines(self) -> list[str]:
        """The lines written, without trailing blanks."""
        return [line.rstrip() for line in self.text.replace("\r", "\n").splitlines() if line.strip()]

    def monotonic(self) -> float:
        """Return the seconds."""
        return self.now


def test_a_terminal_shows_bar_counts_pace_and_time_left() -> None:
    """On a terminal the state is drawn over and over, and only the final line stays. [R9.5, B9]"""
    screen = Screen()
    with progress_display(screen.console, monotonic=screen.monotonic) as show:
        show(report(0))
        screen.now = 2.0
        days = (date(2023, 1, 31), date(2023, 1, 30), date(2023, 1, 29))
        show(report(50, eta=2.0, estimate=True, current=days))
        drawn = screen.text
        screen.now = 4.0
        show(report(100, status=BackfillStatus.COMPLETE))
    assert "━" in drawn
    assert "50%  50 of 100+" in drawn
    assert "50 stored, 25 a second, about 2 s left" in drawn
    assert "now at 2023-01-31, 2023-01-30 and 1 more" in drawn
    assert screen.lines[-1] == "complete: 100 stored, 25 a second, in 4.0 s"
    written = screen.file.getvalue()
    assert written.count("\x1b[?25l") == written.count("\x1b[?25h") == 1


@pytest.mark.parametrize("width", [20, 40, 59, 60, 200])
def test_a_narrow_terminal_keeps_each_line_whole(width: int) -> None:
    """No line of the display is wider than the terminal, and the share is told on the narrowest. [B9]"""
    screen = Screen(width=width)
    with progress_display(screen.console, monotonic=screen.monotonic) as show:
        screen.now = 2.0
        show(report(50, eta=2000.0, current=(date(2023, 1, 31), date(2023, 1, 30))))
        assert all(len(line) <= width for line in screen.lines)
        assert "50%" in screen.text
        assert ("of 100" in screen.text) == (width >= 60)


def test_failures_are_shown_as_they_come_and_few_of_each_kind() -> None:
    """Each new failure is a line, until there are many of a kind; none is shown twice. [R6.4, R12.5]"""
    screen = Screen(terminal=False)
    with progress_display(screen.console, monotonic=screen.monotonic) as show:
        show(report(1, errors=(failure(),)))
        show(report(1, errors=(failure(),)))
        show(report(2, errors=(failure(), failure("http_500", None, 1))))
        show(report(8, errors=(failure(), failure("http_500", None, 1), *[failure()] * 6)))
    assert screen.lines == [
        "failed   2023-01-31 91: timeout (2 attempts)",
        "failed   2023-01-31: http_500 (1 attempt)",
        "failed   2023-01-31 91: timeout (2 attempts)",
        "failed   2023-01-31 91: timeout (2 attempts)",
        "failed   more of timeout, which are counted and shown at the end",
    ]


def test_more_failures_than_a_report_keeps_are_no_obstacle() -> None:
    """Where thousands failed between two looks, those that the report still has are shown. [R9.5]"""
    screen = Screen(terminal=False)
    with progress_display(screen.console, monotonic=screen.monotonic) as show:
        show(report(2, errors=(failure(), failure()), errors_total=5000))
    assert screen.lines == ["failed   2023-01-31 91: timeout (2 attempts)"] * 2


def test_what_a_source_calls_things_cannot_steer_the_terminal() -> None:
    """Kinds and districts come from sources: what is not printable becomes a question mark."""
    screen = Screen(terminal=False)
    with progress_display(screen.console, monotonic=screen.monotonic) as show:
        show(report(1, errors=(failure("\x1b[2J", "a\nb"),)))
    assert screen.file.getvalue() == "failed   2023-01-31 a?b: ?[2J (2 attempts)\n"
    assert printable("a\tb\x9b c") == "a?b? c"


def test_elsewhere_lines_are_written_from_time_to_time() -> None:
    """In a log: a line after ten seconds, or a twentieth of the work, but not two within a second; and the end. [R9.5, B9]"""
    screen = Screen(terminal=False)
    with progress_display(screen.console, monotonic=screen.monotonic) as show:
        for now, done in ((0.0, 0), (0.5, 20), (1.0, 30), (1.5, 60), (2.0, 61), (11.0, 61), (12.0, 62), (13.0, 100)):
            screen.now = now
            show(report(done, status=BackfillStatus.COMPLETE if done == 100 else BackfillStatus.PROCESSING))
    assert screen.lines == [
        "30 of 100: 30 stored, 30 a second",
        "61 of 100: 61 stored, 30 a second",
        "62 of 100: 62 stored, 5.2 a second",
        "complete: 100 stored, 7.7 a second, in 13.0 s",
    ]
    assert "\x1b" not in screen.file.getvalue()


def test_a_terminal_that_cannot_draw_gets_lines() -> None:
    """A dumb terminal is written to as a log is. [B9]"""
    console = Console(file=io.StringIO(), force_terminal=True, _environ={"TERM": "dumb"})
    assert type(progress_display(console)) is type(progress_display(Console(file=io.StringIO())))


def test_quiet_shows_nothing() -> None:
    """A display that is to be quiet writes nothing, whatever happens."""
    screen = Screen()
    with progress_display(screen.console, quiet=True) as show:
        show(report(1, errors=(failure(),)))
        show.note("something")
    assert screen.file.getvalue() == ""


def test_a_note_stands_above_the_bar() -> None:
    """What is said meanwhile is kept, and the bar goes on below it. [B9]"""
    screen = Screen()
    with progress_display(screen.console, monotonic=screen.monotonic) as show:
        show(report(50))
        show.note("Stopping")
        show(report(60))
    assert "Stopping" in screen.lines
    assert screen.lines.index("Stopping") < max(at for at, line in enumerate(screen.lines) if "60%" in line)


def test_a_note_may_come_before_the_first_report() -> None:
    """Before there is anything to draw, what is said is written all the same. [B9]"""
    screen = Screen()
    with progress_display(screen.console, monotonic=screen.monotonic) as show:
        show.note("Looking")
    assert screen.lines == ["Looking"]


def test_a_job_left_to_itself_has_no_final_line() -> None:
    """Without a report, or before the end, nothing is said of an end."""
    for shown in ([], [report(50)]):
        screen = Screen(terminal=False)
        with progress_display(screen.console, monotonic=screen.monotonic) as show:
            for one in shown:
                show(one)
        assert screen.lines == []


@pytest.mark.parametrize(
    ("progress", "seconds", "said"),
    [
        (Progress(10, 0, 0, 0, 0, 10), 0.0, "0 stored"),
        (Progress(10, 4, 3, 2, 1, 0), 0.5, "4 stored, 3 there already, 2 unavailable, 1 failed"),
        (Progress(10, 5, 0, 0, 0, 5, eta_seconds=0.4), 2.0, "5 stored, 2.5 a second"),
        (Progress(9000, 4000, 0, 0, 0, 5000, eta_seconds=5400.0), 2.0, "4,000 stored, 2,000 a second, about 5,400 s left"),
    ],
)
def test_counts_are_told_in_one_line(progress: Progress, seconds: float, said: str) -> None:
    """Every state that has units is told, with the pace and the time left where they are known. [R4.3]"""
    assert counts_of(progress, seconds) == said


def test_an_empty_job_is_done() -> None:
    """A job without units is at its end. [R4.3]"""
    assert share(Progress(0, 0, 0, 0, 0, 0)) == 1.0
    assert of_all(Progress(0, 0, 0, 0, 0, 0)) == "0 of 0"


@pytest.fixture
def service() -> Iterator[BackfillService]:
    """A service over a source that needs no network."""

    @function_source("example")
    def example(day: date, district: str, fetch: object) -> dict[str, int]:
        if day.day == 2:
            raise DataUnavailable("nothing")
        return {"day": day.day}

    with BackfillService(example, MemorySnapshotStore()) as made:
        yield made


def test_a_service_shows_its_progress_through_a_display(service: BackfillService) -> None:
    """A display is what `run_backfill` takes as ``progress``. [R9.5, B9]"""
    screen = Screen(terminal=False)
    with progress_display(screen.console, monotonic=screen.monotonic) as show:
        progress: Callable[[BackfillReport], None] = show
        service.run_backfill(BackfillRequest("2024-01-01", "2024-01-03", ["x"]), progress=progress)
    assert screen.lines[-1] == "complete: 2 stored, 1 unavailable, in 0.0 s"


def test_without_a_console_it_is_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    """Progress is no result: it goes to standard error unless it is told otherwise. [B9]"""
    with progress_display() as show:
        show.note("here")
    assert capsys.readouterr() == ("", "here\n")
