"""An archive of report files, from a folder or a zip: ``<program year>/<month end>/<as-of>/<report>.csv``."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Self

from backfill.errors import DamagedFile
from backfill.testing.dashboard.dates import MONTHS, read_year, year_of
from backfill.testing.dashboard.report import Report, ReportKey, read_footer, read_report
from backfill.testing.dashboard.windows import Windows, read_windows, windows_of_files

CALENDAR = "calendar.csv"
_SHIPPED = "dashboard.zip"
_REPLACE = "restore it, or take it out of the archive"


class ReportArchive:
    """Report files in memory, found by what they show. It never changes; any thread.

    Args:
        reports: The files, taken apart.
        windows: Which month is open on which day; ``None`` = as the files suggest: each month until its newest as-of, and
            months without a file until their last day.
    """

    def __init__(self, reports: Mapping[ReportKey, Report], windows: Windows | None = None) -> None:
        self._reports = {key: reports[key] for key in sorted(reports)}
        self._states: dict[tuple[str, str], list[ReportKey]] = {}
        for key in self._reports:
            self._states.setdefault((key.report, key.district), []).append(key)
        self.windows = windows or windows_of_files((key.month, key.as_of) for key in self._reports)

    def __repr__(self) -> str:
        return f"<ReportArchive: {len(self._reports)} reports>"

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Self:
        """Read an archive: a folder, or a zip file. A ``calendar.csv`` at its top says which month is open on which day.

        What does not lie in the folder of a program year is left alone, so that notes may lie beside the reports.

        Raises:
            DamagedFile: There is no archive, or a file in it is not what its place says; names the file.
        """
        where = Path(path)
        if where.is_dir():
            return cls._of((str(where / name), name, content) for name, content in _read_folder(where))
        try:
            data = where.read_bytes()
        except OSError as error:
            raise DamagedFile(str(where), f"an archive is a folder or a zip file ({error.strerror})", "name one") from error
        return cls._of_zip(data, str(where))

    @classmethod
    def shipped(cls) -> ReportArchive:
        """Return the archive that comes with the package: summaries of 2020-23 and of May 2026, and districts of 2022-23."""
        return _shipped()

    @classmethod
    def _of_zip(cls, data: bytes, where: str) -> Self:
        try:
            with zipfile.ZipFile(BytesIO(data)) as packed:
                return cls._of((f"{where}/{name}", name, content) for name, content in _read_zip(packed, where))
        except zipfile.BadZipFile as error:
            raise DamagedFile(where, f"an archive is a folder or a zip file ({error})", "restore the file") from error

    @classmethod
    def _of(cls, found: Iterator[tuple[str, str, bytes]]) -> Self:
        reports: dict[ReportKey, Report] = {}
        windows = None
        for path, name, content in found:
            if name == CALENDAR:
                windows = read_windows(content.decode(errors="replace"), path)
            elif read_year(name.partition("/")[0]) is not None:
                key, report = _check(path, name, content)
                reports[key] = report
        return cls(reports, windows)

    def __len__(self) -> int:
        return len(self._reports)

    def __iter__(self) -> Iterator[ReportKey]:
        """Iterate over what the archive holds, the oldest month first."""
        return iter(self._reports)

    def __getitem__(self, key: ReportKey) -> Report:
        return self._reports[key]

    def __contains__(self, key: object) -> bool:
        return key in self._reports

    def find(
        self,
        report: str,
        district: str,
        *,
        year: int | None = None,
        month: date | None = None,
        until: date = date.max,
    ) -> list[ReportKey]:
        """Return the states of one report, oldest first.

        Args:
            report: The report.
            district: The district; empty for the summary.
            year: Of this program year only.
            month: Of this month only.
            until: As they stood on this day or earlier.
        """
        return [
            key
            for key in self._states.get((report, district), ())
            if (year is None or year_of(key.month) == year) and (month is None or key.month == month) and key.as_of <= until
        ]

    def districts(self, month: date, as_of: date, report: str) -> list[str]:
        """Return the districts that have this report of this state."""
        return [key.district for key in self._reports if (key.month, key.as_of, key.report) == (month, as_of, report)]

    def headings(self, report: str, month: date) -> Report:
        """Return a file with the headings that *report* had in *month*: the nearest there is, of the same program year if possible.

        An archive without any file of this report has the headings of the shipped one.
        """
        keys = [key for key in self._reports if key.report == report]
        if not keys:
            return _shipped().headings(report, month)
        return self._reports[min(keys, key=lambda key: (year_of(key.month) != year_of(month), abs(key.month - month), key))]

    @property
    def newest(self) -> date | None:
        """The latest as-of of all files, or ``None``."""
        return max((key.as_of for key in self._reports), default=None)


@cache
def _shipped() -> ReportArchive:
    data = files("backfill.testing").joinpath("data", _SHIPPED).read_bytes()
    return ReportArchive._of_zip(data, _SHIPPED)  # noqa: SLF001 - its own module


def _read_folder(root: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_file() and (name == CALENDAR or read_year(name.partition("/")[0]) is not None):
            try:
                yield name, path.read_bytes()
            except OSError as error:
                raise DamagedFile(str(path), f"a report can be read ({error.strerror})", _REPLACE) from error


def _read_zip(packed: zipfile.ZipFile, where: str) -> Iterator[tuple[str, bytes]]:
    for entry in packed.infolist():
        if not entry.is_dir():
            try:
                yield entry.filename, packed.read(entry)
            except Exception as error:  # whatever the decompressors raise about damaged bytes
                rule = f"a packed file can be read ({str(error) or type(error).__name__})"
                raise DamagedFile(f"{where}/{entry.filename}", rule, "restore the archive") from error


def _check(path: str, name: str, content: bytes) -> tuple[ReportKey, Report]:
    try:
        key = ReportKey.of_path(name)
        report = read_report(content)
    except ValueError as error:
        raise DamagedFile(path, str(error), _REPLACE) from error
    if read_footer(report.footer) != (key.month.month, key.as_of):
        rule = f"the footer says what the folders say, {MONTHS[key.month.month - 1]} as of {key.as_of}"
        raise DamagedFile(path, f"{rule} (it is {report.footer.decode(errors='replace').strip()!r})", _REPLACE)
    return key, report
