"""The two ways out: results on standard output, everything else on standard error."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.text import Text

from backfill.terminal import printable

_LEVELS = (logging.ERROR, logging.WARNING, logging.INFO, logging.DEBUG)


class _Told(Console):
    """A console that leaves it to the command what happens when nobody reads any more."""

    def on_broken_pipe(self) -> None:
        """Say so, where the console of the library ends the process."""
        raise BrokenPipeError


def results() -> Console:
    """Return a console on standard output, for what was asked for."""
    return _Told(file=sys.stdout, highlight=False, markup=False, emoji=False)


def remarks() -> Console:
    """Return a console on standard error, for progress, logs and remarks."""
    return _Told(file=sys.stderr, highlight=False, markup=False, emoji=False)


class ConsoleHandler(logging.Handler):
    """Writes the log through a console, so that lines stand above a progress display that is drawn there."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console
        self.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        try:
            lines = self.format(record).splitlines()
            self._console.print(Text("\n".join(map(printable, lines)), style="dim"), soft_wrap=True)
        except Exception:  # noqa: BLE001 - as every handler of logging does
            self.handleError(record)


@contextmanager
def logging_to(console: Console, verbosity: int) -> Iterator[None]:
    """Write the library's log to *console* while the block runs: errors at -1, warnings at 0, more at 1 and 2."""
    logger = logging.getLogger("backfill")
    handler, level, propagate = ConsoleHandler(console), logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(_LEVELS[max(-1, min(verbosity, 2)) + 1])
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagate
