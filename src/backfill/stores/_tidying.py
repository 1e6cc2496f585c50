"""What writers that ended have left: an interrupted change is finished or undone, the rest is cleared away.

All of it under the locks, so that nothing of a writer that lives is touched.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from attrs import define, field

from backfill.errors import DayLocked
from backfill.stores._atomic import FileSystem
from backfill.stores._generations import Generations
from backfill.stores._layout import Layout, parse_day
from backfill.stores._locks import Locks
from backfill.stores._set_aside import Fate
from backfill.stores._staging import Staging, Swept


@define
class Tidied:
    """What was done.

    Attributes:
        rolled_back: Days whose former state was put back.
        rolled_forward: Days whose former state was retired.
        damaged: Days of which a state stays set aside, since neither it nor what is in its place is whole.
        removed: What was left over and is gone, below the root.
        kept: Why the rest of it could not be removed, by path below the root; that of the staging area stands for all that is in it.
    """

    rolled_back: list[date] = field(factory=list)
    rolled_forward: list[date] = field(factory=list)
    damaged: list[date] = field(factory=list)
    removed: list[str] = field(factory=list)
    kept: dict[str, OSError] = field(factory=dict)


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
        self._sweep(self._layout.staging.name, self._staging.sweep, done)
        self._sweep(self._layout.retired.name, self._generations.sweep, done)
        return done

    def sweep_retired(self) -> None:
        """Remove the former states of days that no reader holds any more."""
        self._sweep(self._layout.retired.name, self._generations.sweep, Tidied())

    def remove_empty_days(self, done: Tidied) -> None:
        """Remove the directories of days that hold nothing; a writer of such a day needs no such thing, so writers do not look."""
        for name in self._files.names(self._layout.root):
            day = parse_day(name)
            if day is None:
                continue
            live = self._layout.live(day)
            try:
                if not live.is_dir() or self._files.names(live):
                    continue
                with self._locks.day(day, "a repair", timeout=0):
                    self._files.remove_directory(live)
                    done.removed.append(name)
            except (DayLocked, FileNotFoundError):  # somebody is just storing or deleting it
                continue
            except OSError as error:
                if live.is_dir() and not self._files.names(live):  # else it was stored meanwhile
                    done.kept[name] = error

    def _sweep(self, area: str, sweep: Callable[[], Swept], done: Tidied) -> None:
        try:
            swept = sweep()
        except OSError as error:  # see `tidy`: perhaps another user's
            done.kept[area] = error
            return
        done.removed += [f"{area}/{name}" for name in swept.gone]
        done.kept.update({f"{area}/{name}": why for name, why in swept.kept.items()})

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
                lists = {Fate.BACK: done.rolled_back, Fate.FORWARD: done.rolled_forward, Fate.STAYS: done.damaged}
                lists[outcome].append(day)
