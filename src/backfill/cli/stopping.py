"""What Ctrl-C does: the first ends the job cleanly, the second ends the process at once."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Self

from backfill.cli.exits import ExitCode, Failure

_CODES = {signal.SIGINT: ExitCode.INTERRUPTED, signal.SIGTERM: ExitCode.TERMINATED}

_SHOW_CURSOR = b"\x1b[?25h"
_STDERR = 2


class Stopping:
    """Notes that the user wants to stop, while it is entered. Signals reach the main thread only; elsewhere it notes nothing.

    A day is published as a whole or not at all, whenever the process ends: so the second signal may end it without ceremony.

    Args:
        raising: Raise `KeyboardInterrupt` at the first signal, for a call that knows what to do then.
        leave: Ends the process at once with an exit code.

    Attributes:
        code: The exit code that is due; ``None`` = nobody wants to stop.

    Raises:
        Failure: When it is left because it raised: with the exit code that is due.
    """

    def __init__(self, *, raising: bool = False, leave: Callable[[int], object] = os._exit) -> None:
        self.code: ExitCode | None = None
        self._raising = raising
        self._leave = leave
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._asked) for number in _CODES}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type] # what signal() returned it takes back
        if kind is KeyboardInterrupt and self.code is not None:
            raise Failure("Interrupted.", self.code) from error

    def _asked(self, number: int, _frame: FrameType | None) -> None:
        code = _CODES[signal.Signals(number)]
        if self.code is None:
            self.code = code
            if self._raising:
                raise KeyboardInterrupt
            return
        say_goodbye(_STDERR)
        self._leave(code)


def say_goodbye(descriptor: int) -> None:
    """Write that the process ends to a file descriptor: by the system's own call, since Python's files must not be entered twice."""
    cursor = _SHOW_CURSOR if os.isatty(descriptor) else b""
    with suppress(OSError):  # nobody reads it any more, and the process ends all the same
        os.write(descriptor, cursor + b"\nStopped at once; what was stored stays stored.\n")
