"""Looks over one day: does the directory hold what its manifest says, and nothing else?"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import date
from pathlib import Path

from attrs import define, field

from backfill.errors import DamagedFile
from backfill.jsonvalues import loads
from backfill.model import RecordHeader, SummaryHeader
from backfill.serialization import decode_record
from backfill.stores._atomic import FileSystem
from backfill.stores._layout import MANIFEST, METADATA, Layout, district_file, summary_file
from backfill.stores._manifest import REMEDY, FileFacts, Manifest, decode_manifest
from backfill.stores._metadata import decode_metadata
from backfill.stores._reports import Problem, ProblemKind

_TRIES = 5
"""A day that is stored anew while it is looked at is looked at again, so often at most."""

_NO_MANIFEST = "move it away, or delete the day, then collect it again"
_NOT_OURS = "move it away, if nobody needs it here"


@define
class Looked:
    """What was looked at, and what was found; nothing large, since there is one for each day.

    Attributes:
        directory: Where.
        is_day: Whether there is a manifest that can be read.
        files: Files that the manifest lists.
        hashed: Of them, those whose content was read and compared.
        problems: What is not as it should be.
    """

    directory: Path
    is_day: bool = False
    files: int = 0
    hashed: int = 0
    problems: list[Problem] = field(factory=list)

    @property
    def damage(self) -> tuple[Problem, ...]:
        """What is damaged."""
        return tuple(problem for problem in self.problems if problem.kind is ProblemKind.DAMAGED)


class DayCheck:
    """Looks over the days of one store. Reads only.

    Args:
        layout: Where they are.
        files: The file system.
        share: The share of the files whose content is read and compared, from 0 to 1; the same files every time.
    """

    def __init__(self, layout: Layout, files: FileSystem, share: float) -> None:
        self._layout = layout
        self._files = files
        self._share = share

    def look(self, day: date) -> Looked | None:
        """Return what was found; ``None`` = the day is gone by now."""
        return self.look_at(self._layout.live(day), day)

    def look_at(self, directory: Path, day: date) -> Looked | None:
        """Return what was found in a directory that holds, or held, the day; ``None`` = it is gone by now."""
        for _ in range(_TRIES):
            before = self._manifest_content(directory)
            looked = self._look_once(directory, day, before)
            if looked is None or not looked.problems or self._manifest_content(directory) == before:
                break
        return looked

    def _look_once(self, live: Path, day: date, manifest: bytes | None) -> Looked | None:
        looked = Looked(live)
        try:
            sizes = _sizes(live)
        except FileNotFoundError:  # not stored: nothing to look over
            return None
        except NotADirectoryError:
            self._unknown(looked, live, "stands where a day's directory would", day)
            return looked
        if manifest is None:
            if sizes:
                self._damaged(looked, live, f"holds files, but no {MANIFEST} that would say what they are", _NO_MANIFEST, day)
            else:
                looked.problems.append(
                    self._problem(ProblemKind.LEFT_OVER, live, "is an empty day", "run repair(), or remove the directory", day)
                )
            return looked
        try:
            said = decode_manifest(manifest, day, str(live / MANIFEST))
        except DamagedFile as error:
            self._damaged(looked, live / MANIFEST, error.rule, error.remedy, day)
            return looked
        looked.is_day = True
        expected = self._look_at_files(looked, said, sizes)
        for name in sorted(sizes.keys() - expected):
            self._unknown(looked, live / name, f"stands in a day, and the day's {MANIFEST} does not list it", day)
        return looked

    def _look_at_files(self, looked: Looked, manifest: Manifest, sizes: Mapping[str, int | None]) -> set[str]:
        self._look_at_metadata(looked, manifest)
        files = {METADATA, MANIFEST}
        for district, header in manifest.entries.items():
            name = district_file(district)
            files.add(name)
            self._look_at_file(looked, manifest.day, name, sizes, header, _record_check(manifest, district, header))
        for summary, told in manifest.summaries.items():
            name = summary_file(summary)
            files.add(name)
            self._look_at_file(looked, manifest.day, name, sizes, told, _summary_misfit)
        looked.files += len(files)
        return files

    def _look_at_metadata(self, looked: Looked, manifest: Manifest) -> None:
        path = looked.directory / METADATA
        content = self._content(path)
        if content is None or not manifest.metadata.fit(content):
            what = "is missing" if content is None else "does not have the size and SHA-256 that the manifest says"
            self._damaged(looked, path, what, REMEDY, manifest.day)
            return
        try:
            said = decode_metadata(content, manifest.day, str(path))
        except DamagedFile as error:
            self._damaged(looked, path, error.rule, error.remedy, manifest.day)
            return
        if (said.day, said.districts) != (manifest.day, tuple(manifest.entries)):
            what = f"speaks of {said.day} with districts {list(said.districts)}, the manifest of {manifest.day} with {list(manifest.entries)}"
            self._damaged(looked, path, what, REMEDY, manifest.day)

    def _look_at_file(
        self,
        looked: Looked,
        day: date,
        name: str,
        sizes: Mapping[str, int | None],
        header: RecordHeader | SummaryHeader,
        misfit_of: Callable[[bytes], str | None],
    ) -> None:
        size = sizes.get(name)
        misfit: str | None = None
        if size is None:
            misfit = "is missing, though the manifest lists it"
        elif size != header.size:
            misfit = f"has {size} bytes, the manifest says {header.size}"
        elif self._is_chosen(day, name):
            looked.hashed += 1
            content = self._content(looked.directory / name) or b""
            if FileFacts(header.size, header.sha256).fit(content):
                misfit = misfit_of(content)
            else:
                misfit = "has another content than was written: its SHA-256 is not the manifest's"
        if misfit:
            self._damaged(looked, looked.directory / name, misfit, REMEDY, day)

    def _is_chosen(self, day: date, name: str) -> bool:
        if self._share in {0, 1}:
            return self._share == 1
        return int(hashlib.sha256(f"{day}/{name}".encode()).hexdigest()[:8], 16) < self._share * 2**32

    def _manifest_content(self, directory: Path) -> bytes | None:
        return self._content(directory / MANIFEST)

    def _content(self, path: Path) -> bytes | None:
        with suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):  # what is missing is told by who asks for it
            return self._files.read(path)
        return None

    def _damaged(self, looked: Looked, path: Path, rule: str, remedy: str, day: date) -> None:
        looked.problems.append(self._problem(ProblemKind.DAMAGED, path, rule, remedy, day))

    def _unknown(self, looked: Looked, path: Path, rule: str, day: date) -> None:
        looked.problems.append(self._problem(ProblemKind.UNKNOWN, path, rule, _NOT_OURS, day))

    def _problem(self, kind: ProblemKind, path: Path, rule: str, remedy: str, day: date) -> Problem:
        return Problem(kind, path.relative_to(self._layout.root).as_posix(), rule, remedy, day)


def _sizes(directory: Path) -> dict[str, int | None]:
    """Return the size of each file in a directory; ``None`` for what is no file."""
    with os.scandir(directory) as entries:  # in one go: a look at each file by its path would take most of the time
        return {entry.name: entry.stat().st_size if entry.is_file() else None for entry in entries}


def _record_check(manifest: Manifest, district: str, header: RecordHeader) -> Callable[[bytes], str | None]:
    def misfit(content: bytes) -> str | None:
        try:
            record = decode_record(content, settled=header.settled)
        except DamagedFile as error:
            return error.rule
        found = (record.day, record.district_id, record.as_of, record.detail)
        expected = (manifest.day, district, header.as_of, header.detail)
        return None if found == expected else f"holds {_said(*found)}, the manifest says {_said(*expected)}"

    return misfit


def _said(day: date, district: str, as_of: date, detail: str) -> str:
    return f"district {district} of {day} as of {as_of} in {detail} detail"


def _summary_misfit(content: bytes) -> str | None:
    try:
        loads(content)
    except ValueError as error:
        return f"is not JSON ({error})"
    return None
