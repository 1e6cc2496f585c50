"""What writers that ended have left: an interrupted change is finished or undone, the rest is cleared away.

All of it under the locks, so that nothing of a writer that lives is touched.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import date

from attrs import define, field

from backfill.errors import DayLocked
from backfill.stores._atomic import FileSystem
from backfill.stores._generations import Generations
from backfill.stores._layout import Layout
from backfill.stores._locks import Locks
from backfill.stores._staging import Staging


@define
class Tidied:
    """What was done."""

    rolled_back: list[date] = field(factory=list)
    rolled_forward: list[date] = field(factory=list)
    removed: list[str] = field(factory=list)


class Housekeeping:
    """Keeps one store tidy. Any thread, any number of processes beside it.

    Args:
        layout: Where everything is.
        files: The file system.
        locks: Of its days.
        generations: Of its days.
        staging: Its staging area.
    """

    def __init__(self, layout: Layout, files: FileSystem, locks: Locks, generations: Generations, staging: Staging) -> None:
        self._layout = layout
        self._files = files
        self._locks = locks
        self._generations = generations
        self._staging = staging

    def tidy(self) -> Tidied:
        """Put right, and clear away, what nobody uses any more.

        Raises:
            OSError: A day cannot be put right. What cannot be removed, perhaps another user's, keeps nobody from storing days.
        """
        done = Tidied()
        self._recover_all(done)
        with suppress(OSError):  # see above: perhaps another user's
            done.removed += [f"{self._layout.staging.name}/{name}" for name in self._staging.sweep()]
        done.removed += self.sweep_retired()
        return done

    def sweep_retired(self) -> list[str]:
        """Remove the former states of days that no reader holds any more; return what is gone, below the root."""
        with suppress(OSError):  # as above
            return [f"{self._layout.retired.name}/{name}" for name in self._generations.sweep()]
        return []

    def _recover_all(self, done: Tidied) -> None:
        self._files.make_directory(self._layout.root)
        for name in self._files.names(self._layout.root):
            day = self._layout.day_set_aside(name)
            if day is None:
                continue
            try:
                with self._locks.day(day, "a recovery", timeout=0):
                    outcome = self._generations.recover(day)
            except DayLocked:  # by a process that is alive, and recovers it itself
                continue
            if outcome is not None:
                (done.rolled_back if outcome == "back" else done.rolled_forward).append(day)
