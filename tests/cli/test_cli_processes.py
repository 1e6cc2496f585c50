"""The program as a user starts it: its two outputs, terminals, pipes that are closed."""

from __future__ import annotations

import json
import os
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from backfill.testing.dashboard import DashboardServer, Fault
from cli_running import PROGRAM, at, environment, plain, start

unix = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are Unix's")


class Typescript(NamedTuple):
    """What a program wrote to a terminal, and how it ended."""

    written: str
    code: int

    @property
    def lines(self) -> list[str]:
        """Every line that was ever drawn, without what steers the terminal."""
        return [line.rstrip() for line in plain(self.written).replace("\r", "\n").splitlines()]


class Terminal:
    """A program on a pseudo-terminal of 80 columns."""

    def __init__(
        self, arguments: Sequence[object], folder: Path, *, output: int | None = None, columns: int = 80, **extra: str
    ) -> None:
        import fcntl  # noqa: PLC0415 - Unix's
        import pty  # noqa: PLC0415 - Unix's
        import termios  # noqa: PLC0415 - Unix's

        self._outer, inner = pty.openpty()
        fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.process = subprocess.Popen(
            [PROGRAM, *map(str, arguments)],
            cwd=folder,
            env=environment(TERM="xterm-256color", **extra),
            stdin=inner,
            stdout=inner if output is None else output,
            stderr=inner,
        )
        os.close(inner)
        self._written = b""

    def read_until(self, words: str) -> None:
        """Read until the program has written *words*."""
        while words not in self._written.decode(errors="replace"):
            if not self._read():
                pytest.fail(f"the program ended without {words!r}: {self._written!r}")

    def finish(self) -> Typescript:
        """Read to the end; return everything."""
        while self._read():
            pass
        os.close(self._outer)
        return Typescript(self._written.decode(errors="replace"), self.process.wait(timeout=60))

    def _read(self) -> bool:
        try:
            piece = os.read(self._outer, 65536)
        except OSError:  # how Linux says that the other end is closed
            piece = b""
        self._written += piece
        return bool(piece)


@unix
def test_a_terminal_sees_the_bar_and_then_the_result(dashboard: DashboardServer, tmp_path: Path) -> None:
    """On a terminal progress is drawn within its 80 columns, in colour, and the cursor comes back. [B9, R9.5]"""
    held = threading.Event()
    dashboard.fail(Fault.hold(held), month="2023-05-31")
    terminal = Terminal(
        ("run", tmp_path / "root", "2023-05-31", "2023-06-30", "--frequency", "month-end", *at(dashboard)), tmp_path
    )
    terminal.read_until("128 of 129+")  # June is there, and May is not answered yet
    held.set()
    seen = terminal.finish()
    assert seen.code == 0
    assert "━" in seen.written
    assert "\x1b[1m" in seen.written
    assert seen.written.rindex("\x1b[?25h") > seen.written.rindex("\x1b[?25l")
    assert all(len(line) <= 80 for line in seen.lines if not line.startswith("$"))
    assert "status    complete" in seen.lines


@unix
def test_no_color_and_narrow_terminals_are_respected(dashboard: DashboardServer, tmp_path: Path) -> None:
    """With NO_COLOR nothing is coloured, and 40 columns are enough. [B9]"""
    terminal = Terminal(("run", tmp_path / "root", "2023-06-30", *at(dashboard)), tmp_path, columns=40, NO_COLOR="1")
    seen = terminal.finish()
    assert seen.code == 0
    assert "\x1b[3" not in seen.written.replace("\x1b[3m", "")
    assert all(len(line) <= 40 for line in seen.lines)


@unix
def test_progress_is_drawn_while_the_result_goes_elsewhere(dashboard: DashboardServer, tmp_path: Path) -> None:
    """With standard output in a file, the file holds the document alone, and the terminal the progress (pitfall 41). [B9]"""
    result = tmp_path / "report.json"
    with result.open("wb") as file:
        terminal = Terminal(("run", tmp_path / "root", "2023-06-30", *at(dashboard), "--json"), tmp_path, output=file.fileno())
        seen = terminal.finish()
    assert json.loads(result.read_bytes())["status"] == "complete"
    assert "complete: 128 stored" in plain(seen.written)
    assert "backfillId" not in seen.written


@unix
def test_a_process_that_is_ended_at_once_leaves_the_terminal_in_order(dashboard: DashboardServer, tmp_path: Path) -> None:
    """After a second Ctrl-C the cursor is shown again. [R4.4]"""
    held = threading.Event()
    dashboard.fail(Fault.hold(held))
    terminal = Terminal(("run", tmp_path / "root", "2023-06-30", *at(dashboard)), tmp_path)
    assert dashboard.wait_for_requests(1, timeout=60)
    terminal.read_until("\x1b[?25l")
    for words in ("Stopping: ", "Stopped at once"):
        terminal.process.send_signal(signal.SIGINT)
        terminal.read_until(words)
    seen = terminal.finish()
    held.set()
    assert seen.code == 130
    assert seen.written.rindex("\x1b[?25h") > seen.written.rindex("\x1b[?25l")


def test_a_pipe_that_is_closed_early_is_no_traceback(collected: Path, tmp_path: Path) -> None:
    """``backfill coverage … --csv | head`` ends quietly. [B9]"""
    process = start("coverage", collected, "2022-07-01", "2023-06-30", "--csv", folder=tmp_path)
    assert process.stdout is not None
    assert process.stdout.readline() == "day,district,state,kind,detail\n"
    process.stdout.close()
    assert process.stderr is not None
    errors = process.stderr.read()
    process.stderr.close()
    process.wait(timeout=60)
    assert "Traceback" not in errors


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_reader_who_has_left_is_no_partial_result(collected: Path, tmp_path: Path, form: tuple[str, ...]) -> None:
    """What nobody reads ends the command as it ends other tools: quietly, and not with the code of a partial result. [B9]"""
    for command in ("plan", "run"):
        process = start(command, collected, "2022-07-01", "2023-06-30", "--frequency", "month-end", "-q", *form, folder=tmp_path)
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        errors = process.stderr.read()
        process.stderr.close()
        assert (process.wait(timeout=60), errors) == (141, "")


def test_a_terminal_that_knows_no_unicode_is_no_obstacle(collected: Path, tmp_path: Path) -> None:
    """With an output in ASCII pictures are drawn with ASCII. [B5]"""
    process = start("coverage", collected, "2023-06-30", "2023-06-30", folder=tmp_path, PYTHONIOENCODING="ascii")
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    assert output.isascii()
    assert "###" in output


def test_shells_can_complete_commands_and_options(tmp_path: Path) -> None:
    """The completion that click makes for shells knows the commands and their options. [B9]"""
    for words, number, expected in (("backfill co", "1", "plain,coverage"), ("backfill run --freq", "2", "plain,--frequency")):
        process = start(folder=tmp_path, _BACKFILL_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=number)
        output, errors = process.communicate(timeout=60)
        assert errors == ""
        assert expected in output.splitlines()


def test_the_module_is_the_program(tmp_path: Path) -> None:
    """``python -m backfill`` says what ``backfill`` says. [R10.2]"""
    process = start("--help", folder=tmp_path)
    said, _ = process.communicate(timeout=60)
    module = subprocess.run(
        [sys.executable, "-m", "backfill", "--help"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert module.stdout == said


@pytest.mark.slow
def test_the_demo_runs_as_a_user_runs_it(tmp_path: Path) -> None:
    """The installed program rebuilds the year in an empty folder; again, it collects nothing and says so. [R10.4, B2]"""
    first = start("demo", folder=tmp_path)
    output, errors = first.communicate(timeout=100)
    assert first.returncode == 0, errors
    assert "1,536: 1,500 summaries, 36 in full" in output
    assert "partial success: 24 stored, 6 failed" in errors
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backfill-demo"]
    again = start("demo", folder=tmp_path)
    output, errors = again.communicate(timeout=100)
    assert again.returncode == 0, errors
    assert "Nothing was collected again" in " ".join(output.split())
    assert errors.count("Collected before") == 3
