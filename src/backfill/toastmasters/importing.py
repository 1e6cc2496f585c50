"""Takes folders of raw CSV files into the archive: dated by their footers, never by the names of files or folders.

Any layout will do: every ``.csv`` below the folder is looked at, what it is of follows from its headings, its rows and its footer. The
caches of toast-stats (``raw-csv/<date>/district-61/club-performance.csv``) say in a ``metadata.json`` beside them when they were
fetched; elsewhere the file's own time has to do.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from attrs import field, frozen

from backfill.clock import SystemClock
from backfill.errors import InvalidRequest, SourceError
from backfill.fetching.archive import RawArchive
from backfill.model import Document
from backfill.model.checks import as_path, sized
from backfill.toastmasters.almanac import Almanac
from backfill.toastmasters.answers import NoRows, check_report
from backfill.toastmasters.calendar import day_of
from backfill.toastmasters.csvfile import read_table
from backfill.toastmasters.dashboard import DashboardDocument
from backfill.toastmasters.kinds import ReportKind
from backfill.toastmasters.layouts import identify
from backfill.toastmasters.reports import Report, read_report
from backfill.toastmasters.rows import Row
from backfill.toastmasters.sightings import LATEST_SIGHTING

METADATA = "metadata.json"
"""The file of a cache of toast-stats that says when its day was fetched."""

IMPORTED_FROM = "imported-from"
"""The header under which an imported document keeps where it lay, below the folder."""

_MOST_BYTES = 50 * 1024 * 1024
_EARLIEST_MS = 1_200_000_000_000  # 2008: a time in milliseconds that is earlier is none
_LATEST_MS = 253_402_300_800_000  # the year 10000, which no date reaches


@frozen
class RefusedFile:
    """A file that was not taken into the archive.

    Attributes:
        path: Where it lies, below the folder.
        kind: Why, in a word: ``undated``, ``no_rows``, ``implausible``, or what an answer of the dashboard is refused for.
        why: That in a sentence.
    """

    path: str
    kind: str
    why: str


@frozen
class Copy:
    """One of several contents of one document.

    Attributes:
        path: The file; ``None`` = it was in the archive before.
        sha256: Its content.
        fetched_at: When it was fetched, as far as is known (aware, UTC).
    """

    path: str | None
    sha256: str
    fetched_at: datetime


@frozen
class Conflict:
    """A document of which there are several contents. All are kept; the newest is used.

    Attributes:
        name: The document's identity.
        copies: Its contents, the oldest first.
    """

    name: str
    copies: tuple[Copy, ...]


@frozen
class ImportReport:
    """What became of a folder of files.

    Attributes:
        files: How many were looked at.
        imported: The documents that are in the archive now and were not before, by identity.
        known: How many files the archive had already.
        refused: The files that were not taken.
        conflicts: The documents of which there are several contents.
    """

    files: int
    imported: tuple[str, ...] = field(default=(), repr=sized("documents"))
    known: int = 0
    refused: tuple[RefusedFile, ...] = field(default=(), repr=sized("files"))
    conflicts: tuple[Conflict, ...] = field(default=(), repr=sized("documents"))

    @property
    def is_whole(self) -> bool:
        """Whether every file was taken, and none is in conflict with another."""
        return not self.refused and not self.conflicts


class _Refused(Exception):  # noqa: N818 - never leaves this module
    def __init__(self, kind: str, why: str) -> None:
        super().__init__(why)
        self.kind = kind


def import_reports(
    folder: str | os.PathLike[str], archive: RawArchive, almanac: Almanac | None = None, *, today: date | None = None
) -> ImportReport:
    """Take every report below *folder* into *archive*; return what became of each file. The folder stays as it is.

    May be repeated: what the archive has already is not taken again. What the files tell of closing months, *almanac* learns. A file whose
    footer the calendar does not allow (`ClosingCalendar.allows`), unless the dashboard itself has shown it, or that lies after *today* (in UTC;
    ``None`` = by the system's clock), is kept and told, and neither taught nor used: no rebuild makes figures of it.

    Raises:
        InvalidRequest: There is no such folder.
        StoreUnavailable: The archive cannot be written.
        DamagedFile: The archive does not hold what it must.
    """
    today = today or SystemClock().today()
    root = as_path("folder", folder)
    if not root.is_dir():
        raise InvalidRequest("folder", str(folder), "there is no such folder", "name one that has CSV files in it, or below it")
    imported: dict[str, None] = {}
    refused: list[RefusedFile] = []
    copies: dict[str, list[Copy]] = {}
    files = known = 0
    for path in _files(root):
        files += 1
        shown = path.relative_to(root).as_posix()
        try:
            document, dated, is_usable = _document(path, shown)
        except _Refused as error:
            refused.append(RefusedFile(shown, error.kind, str(error)))
            continue
        except (ValueError, OSError, OverflowError, RecursionError) as error:  # whatever is wrong with one file, the others go on
            refused.append(RefusedFile(shown, "unreadable", f"it cannot be taken in ({type(error).__name__}: {error})"))
            continue
        if is_usable and not _is_plausible(dated, almanac, today):
            why = f"the dashboard cannot have shown {dated.month:%B %Y} as of {dated.as_of}: kept, and never used"
            refused.append(RefusedFile(shown, "implausible", why))
            archive.put(document, usable=False)
            continue
        if not is_usable:
            refused.append(RefusedFile(shown, "no_rows", "it has the right footer, and no rows: kept, and never used"))
            archive.put(document, usable=False)
            continue
        of_name = copies.setdefault(document.name, _archived(archive, document.name))
        if any(copy.sha256 == document.sha256 for copy in of_name):
            known += 1
        else:
            of_name.append(Copy(shown, document.sha256, document.fetched_at))
            archive.put(document)
            imported[document.name] = None
        if almanac is not None:  # also of what is there already: whoever put it there may have been killed before it was learnt
            almanac.learn(dated.month, dated.as_of)
            almanac.seen_before(dated.kind, dated.district, day_of(dated.month, dated.as_of), document)
    conflicts = tuple(
        Conflict(name, tuple(sorted(of_name, key=lambda copy: copy.fetched_at)))
        for name, of_name in sorted(copies.items())
        if len(of_name) > 1
    )
    return ImportReport(files, tuple(sorted(imported)), known, tuple(refused), conflicts)


def _is_plausible(dated: DashboardDocument, almanac: Almanac | None, today: date) -> bool:
    """Return whether the dashboard can have shown the month then; without an almanac, only whether that is past."""
    if almanac is None:
        return dated.as_of <= today
    calendar = almanac.calendar
    if calendar.allows(dated.month, dated.as_of, today=today):
        return True
    return dated.as_of <= today and calendar.knows(dated.month, dated.as_of)


def _files(root: Path) -> Iterator[Path]:
    return (path for path in sorted(root.rglob("*")) if path.suffix.lower() == ".csv" and path.is_file())


def _archived(archive: RawArchive, name: str) -> list[Copy]:
    found: dict[str, Copy] = {}
    for document in archive.documents(name):
        found[document.sha256] = Copy(document.headers.get(IMPORTED_FROM), document.sha256, document.fetched_at)
    return list(found.values())


def _document(path: Path, shown: str) -> tuple[Document, DashboardDocument, bool]:
    """Return the file as a document under its identity, and whether it can be used.

    Raises:
        _Refused: It is no report, or says not of which day.
    """
    content = _content(path)
    kind = identify(read_table(content).header, ReportKind.SUMMARY)
    if kind is None:
        raise _Refused("not_csv", f"it is no report of the dashboard; it begins with {content[:40]!r}")
    report = read_report(content, kind)
    dated = _dated(report, kind)
    fetched = max(_fetched_at(path), datetime.combine(dated.as_of, time(), UTC))
    document = Document(url="", name=dated.name, content=content, fetched_at=fetched, headers={IMPORTED_FROM: shown})
    try:
        check_report(document, kind, month_end=dated.month, as_of=dated.as_of, district=dated.district)
    except NoRows:
        return document, dated, False
    except SourceError as error:
        raise _Refused(error.kind, str(error)) from error
    return document, dated, True


def _content(path: Path) -> bytes:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise _Refused("too_large", f"it has more than {_MOST_BYTES // 1024 // 1024} MiB, which no report has")
        return path.read_bytes()
    except OSError as error:
        raise _Refused("unreadable", f"it cannot be read ({error.strerror})") from error


def _dated(report: Report[Row], kind: ReportKind) -> DashboardDocument:
    footer = report.footer
    if footer is None:
        raise _Refused("undated", "it has no footer, so nothing says of which day it is, nor whether it is whole")
    if footer.as_of - footer.month_end > timedelta(days=LATEST_SIGHTING):
        why = f"it says {footer.month_end:%B} as of {footer.as_of}, which is the day of its download: the year cannot be told"
        raise _Refused("undated", why)
    district = None
    if kind is not ReportKind.SUMMARY:
        districts = {row.district for row in report.rows if row.district is not None}
        if len(districts) != 1:
            why = f"its rows are of {', '.join(sorted(districts)) or 'no district'}, where one is meant"
            raise _Refused("wrong_district", why)
        (district,) = districts
    try:
        return DashboardDocument(kind, district, footer.month_end, footer.as_of)
    except InvalidRequest as error:
        raise _Refused("undated", str(error)) from error


def _fetched_at(path: Path) -> datetime:
    """Return when a file was fetched: as the cache that it lies in says, else as its own time says."""
    for folder in (path.parent, path.parent.parent):
        try:
            said = json.loads((folder / METADATA).read_bytes())
            stamp = said["timestamp"]
        except (
            OSError,
            ValueError,
            RecursionError,
            KeyError,
            TypeError,
        ):  # no such file, or one of another program: footers alone date the report
            continue
        if isinstance(stamp, int) and _EARLIEST_MS < stamp < _LATEST_MS:
            return datetime.fromtimestamp(stamp / 1000, UTC)
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)
