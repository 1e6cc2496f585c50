"""What looking over a store, and putting it right, has found and done."""

from __future__ import annotations

from collections import Counter
from datetime import date
from enum import StrEnum

from attrs import field, frozen


class ProblemKind(StrEnum):
    """What a problem means for whoever has it."""

    DAMAGED = "damaged"
    """Something stored is not what was written. Nothing here can bring it back."""

    INTERRUPTED = "interrupted"
    """A writer ended between two steps of publishing. Nothing is lost; `repair`, or the next writer, finishes or undoes it."""

    LEFT_OVER = "left-over"
    """Nobody uses it any more, and it takes space. `repair`, or the next writer, removes it."""

    UNKNOWN = "unknown"
    """It is not the store's. Nobody touches it."""


@frozen
class Problem:
    """One thing that is not as it should be.

    Attributes:
        kind: What it means.
        path: The file or directory, below the root.
        rule: What should be, and is not.
        remedy: What to do.
        day: The day that it concerns, where it concerns one.
    """

    kind: ProblemKind
    path: str
    rule: str
    remedy: str
    day: date | None = None

    def __str__(self) -> str:
        return f"{self.kind}: {self.path}: {self.rule}; {self.remedy}"


@frozen
class CheckReport:
    """What `check` has found.

    Attributes:
        root: The root of the store.
        days: Days that were looked at.
        files: Files of theirs that were looked at.
        hashed: Of them, those whose content was read and compared.
        problems: What is not as it should be, by path.
    """

    root: str
    days: int
    files: int
    hashed: int
    problems: tuple[Problem, ...] = field(repr=False)

    @property
    def ok(self) -> bool:
        """Whether nothing at all was found."""
        return not self.problems

    @property
    def damaged_days(self) -> tuple[date, ...]:
        """The days of which something is damaged, ascending: to be brought back from a copy, or collected again."""
        return tuple(sorted({problem.day for problem in self.of(ProblemKind.DAMAGED) if problem.day is not None}))

    def of(self, kind: ProblemKind | str) -> tuple[Problem, ...]:
        """Return the problems of one kind."""
        return tuple(problem for problem in self.problems if problem.kind == kind)

    def __str__(self) -> str:
        counts = Counter(problem.kind for problem in self.problems)
        found = ", ".join(f"{counts[kind]} {kind}" for kind in ProblemKind if counts[kind]) or "nothing wrong"
        looked = f"{self.root}: {self.days} days, {self.files} files, {self.hashed} of them read: {found}"
        return "\n".join([looked, *(f"  {problem}" for problem in self.problems)])


@frozen
class RepairReport:
    """What `repair` has done.

    Attributes:
        root: The root of the store.
        rolled_back: Days whose former state was put back, since the new one had not taken its place.
        rolled_forward: Days whose former state was retired, since the new one had.
        removed: What was left over and is gone, below the root.
        left: What is still as it should not be: left over and cannot be removed, or set aside and damaged.
    """

    root: str
    rolled_back: tuple[date, ...] = ()
    rolled_forward: tuple[date, ...] = ()
    removed: tuple[str, ...] = ()
    left: tuple[Problem, ...] = ()

    @property
    def changed_anything(self) -> bool:
        """Whether anything was done."""
        return bool(self.rolled_back or self.rolled_forward or self.removed)

    def __str__(self) -> str:
        done = f"{len(self.rolled_back)} days rolled back, {len(self.rolled_forward)} forward, {len(self.removed)} left-overs removed"
        if self.left:
            done = f"{done}, {len(self.left)} left as they are"
        said = done if self.changed_anything or self.left else "nothing to repair"
        return "\n".join([f"{self.root}: {said}", *(f"  {problem}" for problem in self.left)])
