"""Looking over a file store without touching it, and putting right what an interrupted writer has left."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path

from backfill.clock import SystemClock
from backfill.errors import DamagedFile, DayLocked, InvalidRequest, StoreUnavailable
from backfill.protocols import Clock
from backfill.stores._atomic import FileSystem, remove_tree
from backfill.stores._check_day import DayCheck, Looked
from backfill.stores._generations import Generations
from backfill.stores._index import EntryIndex
from backfill.stores._layout import Layout, parse_day
from backfill.stores._locks import Locks
from backfill.stores._outlines import OutlineIndex
from backfill.stores._probing import is_held
from backfill.stores._problems import translated
from backfill.stores._reports import CheckReport, Problem, ProblemKind, RepairReport
from backfill.stores._set_aside import aside_problem, judge
from backfill.stores._staging import Staging, ended_drafts
from backfill.stores._tidying import Housekeeping, Tidied

_REPAIR = "run repair(), or let the next writer do it"
_NOT_OURS = "move it away, if nobody needs it here"
_CANNOT_REMOVE = "let this user write there, or mount the disk writable, and run repair() again"
_CACHE = "run repair(), or remove it: it is only a cache, and is written anew"


def check(
    root: str | os.PathLike[str], *, data: bool = False, sample: float | None = None, clock: Clock | None = None
) -> CheckReport:
    """Look over a store, and return what is not as it should be. Writes nothing, not even a time of a file.

    The structure is always looked at: manifest and metadata of each day, whether every file is there in its size, and what lies
    about. A store may be in use meanwhile; what its writers are doing at the moment is no problem.

    Args:
        root: The root of a `PerDistrictFileSnapshotStore`.
        data: Whether every file is read as well, and compared with its hash.
        sample: Read that share of the files, from 0 to 1, and leave the others; the same files every time.
        clock: Waits for writers; ``None`` = the system's.

    Raises:
        InvalidRequest: *sample* is no share.
        StoreUnavailable: *root* is no directory.
        StoreError: It cannot be read.
    """
    share = float(data) if sample is None else _as_share(sample)
    layout, files = Layout(_existing(root)), FileSystem()
    with translated(layout.root, "looking over the store"):
        return _Check(layout, files, DayCheck(layout, files, share), clock or SystemClock()).run()


def repair(root: str | os.PathLike[str], *, clock: Clock | None = None) -> RepairReport:
    """Finish or undo what an interrupted writer has left of publishing a day, and remove what nobody uses any more.

    Holds the locks, so that it may run beside writers and readers, and leaves alone what they are using. It touches no stored
    day and nothing that is not the store's; what is damaged stays damaged, so only a whole state of a day is ever put back. What
    could not be removed is told, in `RepairReport.left`.

    Args:
        root: The root of a `PerDistrictFileSnapshotStore`.
        clock: Tells how long former states are kept, and waits; ``None`` = the system's.

    Raises:
        StoreUnavailable: *root* is no directory, or a day is to be put right and nothing can be written.
        StoreError: A day cannot be put right.
    """
    layout, files, its_clock = Layout(_existing(root)), FileSystem(), clock or SystemClock()
    generations = Generations(layout, files, its_clock)
    locks = Locks(layout, files, its_clock, timeout=1.0)
    house = Housekeeping(layout, files, locks, generations, Staging(layout, files, locks))
    with translated(layout.root, "repairing the store"):
        done = house.tidy()
        house.remove_empty_days(done)
        index = EntryIndex(layout, files)
        for name, _rule in _useless_index_files(layout, files, generations, index):
            path = f"{layout.index.name}/{name}"
            try:
                remove_tree(files, layout.index / name)
                done.removed.append(path)
            except OSError as error:  # it must not keep the others
                done.kept[path] = error
        left = tuple(_left(layout, files, done, its_clock))
    return RepairReport(str(layout.root), tuple(done.rolled_back), tuple(done.rolled_forward), tuple(done.removed), left)


def _left(layout: Layout, files: FileSystem, done: Tidied, clock: Clock) -> Iterator[Problem]:
    for day in done.damaged:
        verdict = judge(layout, files, day)
        if verdict is not None:
            yield aside_problem(layout.aside(day).name, day, verdict)
    kept = dict(done.kept)
    area = layout.staging.name
    unswept = kept.pop(area, None)
    if isinstance(unswept, DayLocked):
        rule = f"could not be looked over, so what is left over there stays ({unswept})"
        yield Problem(ProblemKind.LEFT_OVER, area, rule, "run repair() again")
    elif unswept is not None:  # as on a disk that is mounted read-only: nothing could be locked, but perhaps nothing is there
        kept |= {f"{area}/{name}": unswept for name in ended_drafts(layout, files, clock) if (layout.staging / name).is_dir()}
    for path, why in sorted(kept.items()):
        rule = f"is left over, and could not be removed ({why.strerror or why})"
        yield Problem(ProblemKind.LEFT_OVER, path, rule, _CANNOT_REMOVE, parse_day(path))


def _as_share(sample: object) -> float:
    if not isinstance(sample, int | float) or isinstance(sample, bool) or not 0 <= sample <= 1:
        raise InvalidRequest("sample", sample, "a share is a number from 0 to 1", "write 0.1 for every tenth file")
    return sample


def _existing(root: str | os.PathLike[str]) -> Path:
    path = Path(root).absolute()
    if not path.is_dir():
        message = f"{path}: is no directory; name the root of a store, the directory that holds one directory for each day"
        raise StoreUnavailable(message)
    return path


class _Check:
    """One look over a store."""

    def __init__(self, layout: Layout, files: FileSystem, days: DayCheck, clock: Clock) -> None:
        self._layout = layout
        self._files = files
        self._days = days
        self._clock = clock
        self._problems: list[Problem] = []

    def run(self) -> CheckReport:
        """Return what was found."""
        looks: list[Looked] = []
        own = {self._layout.staging.name, self._layout.retired.name, self._layout.locks.name, self._layout.index.name}
        for name in self._files.names(self._layout.root):
            day, aside = parse_day(name), self._layout.day_set_aside(name)
            if day is not None:
                looks += filter(None, [self._days.look(day)])
            elif aside is not None:
                self._look_aside(aside)
            elif name not in own:
                self._found(ProblemKind.UNKNOWN, name, "is neither a day nor one of the store's own folders", self._advice(name))
        self._look_at_staging()
        self._look_at_retired()
        self._look_at_index()
        for looked in looks:
            self._problems += looked.problems
        return CheckReport(
            root=str(self._layout.root),
            days=sum(looked.is_day for looked in looks),
            files=sum(looked.files for looked in looks),
            hashed=sum(looked.hashed for looked in looks),
            problems=tuple(sorted(self._problems, key=lambda problem: (problem.path, problem.rule))),
        )

    def _look_aside(self, day: date) -> None:
        name = self._layout.aside(day).name
        if is_held(self._layout.lock(day)):
            return
        verdict = judge(self._layout, self._files, day)  # now, not before: a writer that lives may just have finished
        if verdict is not None:
            self._problems.append(aside_problem(name, day, verdict))

    def _look_at_staging(self) -> None:
        area = self._layout.staging
        for name in ended_drafts(self._layout, self._files, self._clock):
            if (area / name).is_dir():
                rule = "is a draft, or a deleted day, whose writer has ended"
                self._found(ProblemKind.LEFT_OVER, f"{area.name}/{name}", rule, _REPAIR)
            else:
                self._found(ProblemKind.UNKNOWN, f"{area.name}/{name}", "is no draft of the store's", _NOT_OURS)

    def _look_at_retired(self) -> None:
        area = self._layout.retired
        for name in self._names(area):
            if parse_day(name.partition("~")[0]) is None:
                self._found(ProblemKind.LEFT_OVER, f"{area.name}/{name}", "is no former state of a day", _REPAIR)

    def _look_at_index(self) -> None:
        generations = Generations(self._layout, self._files, self._clock)
        index = EntryIndex(self._layout, self._files)
        for name, rule in _useless_index_files(self._layout, self._files, generations, index):
            self._found(
                ProblemKind.LEFT_OVER, f"{self._layout.index.name}/{name}", rule, _CACHE, parse_day(name.removesuffix(".json"))
            )

    def _names(self, area: Path) -> list[str]:
        with suppress(FileNotFoundError):  # no such area: nothing in it
            return self._files.names(area)
        return []

    def _advice(self, name: str) -> str:
        """Return what to do about *name*, which stands in the root: somebody may have named the folder above that of the days."""
        with suppress(OSError):  # a file, for instance
            if any(parse_day(inner) for inner in self._files.names(self._layout.root / name)):
                return f"it holds days, so it may be the root of a store: check {self._layout.root / name}"
        return _NOT_OURS

    def _found(self, kind: ProblemKind, path: str, rule: str, remedy: str, day: date | None = None) -> None:
        self._problems.append(Problem(kind, path, rule, remedy, day))


def _useless_index_files(
    layout: Layout, files: FileSystem, generations: Generations, index: EntryIndex
) -> Iterator[tuple[str, str]]:
    """Iterate over the index files that nobody would believe, or should not, with the reason."""
    with suppress(FileNotFoundError):  # no index yet: nothing in it
        for name in files.names(layout.index):
            rule = _index_misfit(name, layout, files, generations, index)
            if rule is not None:
                yield name, rule


def _index_misfit(name: str, layout: Layout, files: FileSystem, generations: Generations, index: EntryIndex) -> str | None:
    if name == layout.outlines.name:
        outlines = OutlineIndex(layout, files)
        return None if outlines.is_whole() or outlines.is_whole() else "is damaged"  # a second look, as below
    day = parse_day(name.removesuffix(".json"))
    if day is None or not name.endswith(".json"):
        return "is no index file of a day"
    stamp = generations.stamp(day)
    if stamp is None:
        is_there = (
            generations.is_stored(day) or layout.live(day).exists()
        )  # of a day without a manifest it may be all that is known
        return None if is_there else f"is the index of {day}, which is not stored"
    known = index.load(day, stamp)
    if known is None:
        whole = index.is_whole(day) or index.is_whole(day)  # a second look, since a writer may just be at it
        return None if whole else "is damaged"
    with suppress(DamagedFile):  # which is told of the day itself
        manifest = generations.manifest(day)
        if manifest is not None and generations.stamp(day) == stamp and dict(known) != dict(manifest.entries):
            return f"says of {day} what its manifest does not"
    return None
