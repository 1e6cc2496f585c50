"""Archives of report files: what they may look like, what is refused, and what comes with the package."""

from __future__ import annotations

import re
import shutil
import zipfile
from datetime import date
from pathlib import Path

import pytest

from backfill.errors import DamagedFile
from backfill.testing.dashboard import DashboardServer, Report, ReportArchive, ReportKey
from backfill.testing.dashboard.report import read_footer, read_report
from backfill.testing.dashboard.windows import Window, Windows, read_windows, windows_of_files
from dashboard_client import ask, export
from data.make_dashboard_archive import ARCHIVE, PROVENANCE, allowed, make

SHIPPED = Path(__file__).parents[2] / "src" / "backfill" / "testing" / "data"
COLLECTION = Path(__file__).parents[3] / "shared" / "data" / "dashboard"
PLACE = "2022-2023/2023-01-31/2023-02-08"
GOOD = b'"Club Number"\r\n"1"\r\nMonth of Jan, As of 02/08/2023\r\n'


def write(root: Path, name: str, content: bytes = GOOD) -> Path:
    """Put a file into an archive that is a folder."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def packed(folder: Path) -> Path:
    """Return a zip with the files of *folder*, folders among them."""
    return Path(shutil.make_archive(str(folder.with_name("packed")), "zip", folder))


# Reading


def test_a_folder_and_a_zip_are_the_same_archive(tmp_path: Path) -> None:
    """An archive is a folder or a zip; what lies beside the program years is left alone. [R10.5]"""
    root = tmp_path / "archive"
    write(root, f"{PLACE}/clubperformance~91.csv")
    write(root, f"{PLACE}/districtsummary.csv")
    write(root, "quirks/empty.csv", b"")
    write(root, "INDEX.md", b"# Notes")
    write(root, "calendar.csv", b"data_month,first_as_of,last_as_of\n2023-01,2023-01-11,2023-02-08\n2016-07,,\n")
    for archive in (ReportArchive.open(root), ReportArchive.open(packed(root))):
        assert [key.path for key in archive] == [f"{PLACE}/clubperformance~91.csv", f"{PLACE}/districtsummary.csv"]
        assert len(archive) == 2
        key = ReportKey(date(2023, 1, 31), date(2023, 2, 8), "clubperformance", "91")
        assert (key in archive, archive[key].content, archive.newest) == (True, GOOD, date(2023, 2, 8))
        assert archive.windows.of(date(2023, 1, 31)) == Window(date(2023, 1, 11), date(2023, 2, 8), date(2023, 2, 8))
        assert archive.windows.of(date(2016, 7, 31)) is None


def test_a_server_takes_an_archive_by_its_path(tmp_path: Path) -> None:
    """The path of an archive does for a server, whose day is then the one after the newest as-of. [R10.5]"""
    write(tmp_path, f"{PLACE}/clubperformance~91.csv")
    with DashboardServer(str(tmp_path)) as server:
        assert server.today == date(2023, 2, 9)
        assert ask(server, export("clubperformance~91")).body == GOOD


@pytest.mark.parametrize(
    ("name", "content", "rule"),
    [
        (f"{PLACE}/clubperformance~91.csv", b"", "a report begins with its headings"),
        (f"{PLACE}/clubperformance~91.csv", b"Month of Jan, As of 02/08/2023\r\n", "a report begins with its headings"),
        (f"{PLACE}/clubperformance~91.csv", GOOD[:30], "a report ends with a line such as"),
        (
            f"{PLACE}/clubperformance~91.csv",
            GOOD.replace(b"02/08", b"02/09"),
            "the footer says what the folders say, Jan as of 2023-02-08",
        ),
        (f"{PLACE}/clubperformance~91.csv", GOOD.replace(b"Jan", b"Feb"), "the footer says what the folders say"),
        (f"{PLACE}/clubperformance~91.csv", GOOD.replace(b"Jan", b"Foo"), "a report ends with a line such as"),
        (f"{PLACE}/clubperformance~91.csv", GOOD.replace(b"02/08", b"02/30"), "a report ends with a line such as"),
        (f"{PLACE}/clubperformance.csv", GOOD, "a report is called districtsummary.csv"),
        (f"{PLACE}/districtsummary~91.csv", GOOD, "a report is called districtsummary.csv"),
        (f"{PLACE}/clubperformance-91.csv", GOOD, "a report is called districtsummary.csv"),
        (f"{PLACE}/notes.txt", b"", "a report is called districtsummary.csv"),
        ("2022-2023/2023-01-31/clubperformance~91.csv", GOOD, "a report lies in YEAR/MONTH END/AS-OF/"),
        ("2022-2023/2023-01-31/8 Feb/clubperformance~91.csv", GOOD, "a report lies in YEAR/MONTH END/AS-OF/"),
        ("2022-2023/2023-01-30/2023-02-08/clubperformance~91.csv", GOOD, "the last day of a month of the program year"),
        ("2021-2022/2023-01-31/2023-02-08/clubperformance~91.csv", GOOD, "the last day of a month of the program year"),
        ("calendar.csv", b"month,first\n", "a calendar has the columns data_month, first_as_of, last_as_of"),
        ("calendar.csv", b"data_month,first_as_of,last_as_of\n2023-01,soon,2023-02-08\n", "line 2 holds dates"),
        ("calendar.csv", b"data_month,first_as_of,last_as_of\n2023-01,2023-01-11\n", "line 2 holds dates"),
        ("calendar.csv", b"", "a calendar has the columns"),
    ],
)
def test_a_damaged_file_is_refused_by_name(tmp_path: Path, name: str, content: bytes, rule: str) -> None:
    """A file that is not what its place says is refused, in a folder as in a zip, with its name, the rule and a remedy. [R6.2]"""
    root = tmp_path / "archive"
    path = write(root, name, content)
    for archive, where in ((root, str(path)), (packed(root), f"{tmp_path / 'packed.zip'}/{name}")):
        with pytest.raises(DamagedFile) as caught:
            ReportArchive.open(archive)
        assert (caught.value.path, rule in caught.value.rule, bool(caught.value.remedy)) == (where, True, True)


def test_a_damaged_zip_is_refused_by_name(tmp_path: Path) -> None:
    """A zip that is cut, none at all, or damaged inside is refused; damage inside names the packed file. [R6.2]"""
    content = (SHIPPED / ARCHIVE).read_bytes()
    missing = tmp_path / "missing.zip"
    with pytest.raises(DamagedFile, match=r"missing\.zip: an archive is a folder or a zip file"):
        ReportArchive.open(missing)
    cut = tmp_path / "cut.zip"
    cut.write_bytes(content[:-1000])
    with pytest.raises(DamagedFile, match=r"cut\.zip: an archive is a folder or a zip file"):
        ReportArchive.open(cut)
    flipped = tmp_path / "flipped.zip"
    with zipfile.ZipFile(SHIPPED / ARCHIVE) as archive:
        entry = archive.infolist()[40]
    middle = entry.header_offset + 30 + len(entry.filename) + entry.compress_size // 2
    flipped.write_bytes(content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :])
    with pytest.raises(DamagedFile) as caught:
        ReportArchive.open(flipped)
    assert caught.value.path == f"{flipped}/{entry.filename}"
    assert caught.value.rule.startswith("a packed file can be read (")


def test_a_file_that_cannot_be_read_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of a folder that the system does not give out is named. [R6.2]"""
    path = write(tmp_path, f"{PLACE}/clubperformance~91.csv")

    def refuse(_path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(DamagedFile, match=re.escape(f"{path}: a report can be read (Permission denied)")):
        ReportArchive.open(tmp_path)


def test_a_report_is_taken_apart_without_losing_a_byte() -> None:
    """Blank lines at both ends, quoted footers and padding commas belong to the parts, which together are the file. [R10.3]"""
    content = b'\r\n"A","B"\r\n"1","x\ny"\r\n"Month of January, As of 2/8/2023",,\r\n\r\n'
    report = read_report(content)
    assert report == Report(b'\r\n"A","B"\r\n', b'"1","x\ny"\r\n', b'"Month of January, As of 2/8/2023",,\r\n\r\n')
    assert report.content == content
    assert read_footer(report.footer) == (1, date(2023, 2, 8))
    assert report.without_rows(date(2024, 2, 29), date(2024, 3, 8)) == b'\r\n"A","B"\r\nMonth of Feb, As of 03/08/2024\r\n'


# Which month is open


def test_months_without_a_window_are_closed_on_their_last_day() -> None:
    """A month about which nothing is known runs from the day after the one before to its own last day. [B10]"""
    jan, feb = date(2023, 1, 31), date(2023, 2, 28)
    windows = Windows({jan: Window(date(2023, 1, 11), date(2023, 2, 8), date(2023, 2, 8))})
    assert windows.of(feb) == Window(date(2023, 2, 9), feb, feb)
    assert windows.open_on(date(2023, 2, 8)) == jan
    assert windows.open_on(date(2023, 2, 9)) == feb
    assert windows.open_on(date(2023, 1, 5)) is None  # December is over, and January begins on the 11th
    assert windows.newest_on(date(2023, 1, 5)) == date(2022, 12, 31)
    assert windows.open_on(date(2031, 7, 1)) == date(2031, 7, 31)


def test_a_month_that_never_existed_is_never_open() -> None:
    """July 2016 has no window; its days show June, and from August on August. [B10]"""
    windows = ReportArchive.shipped().windows
    assert windows.of(date(2016, 7, 31)) is None
    assert windows.open_on(date(2016, 7, 25)) is None
    assert windows.newest_on(date(2016, 7, 25)) == date(2016, 6, 30)
    assert windows.open_on(date(2016, 8, 1)) == date(2016, 8, 31)


def test_the_window_of_a_month_is_read_off_its_files() -> None:
    """Without a calendar a month lasts until its newest as-of; the day of a much later download says nothing. [B10]"""
    jan, feb, jun = date(2023, 1, 31), date(2023, 2, 28), date(2023, 6, 30)
    windows = windows_of_files(
        [(jan, date(2023, 2, 8)), (jan, date(2023, 1, 20)), (feb, date(2023, 3, 9)), (jun, date(2025, 9, 13))]
    )
    assert windows.of(jan) == Window(date(2023, 1, 1), date(2023, 2, 8), date(2023, 2, 8))
    assert windows.of(feb) == Window(date(2023, 2, 9), date(2023, 3, 9), date(2023, 3, 9))
    assert windows.of(jun) == Window(date(2023, 6, 1), jun, jun)


def test_a_calendar_may_say_what_pages_list() -> None:
    """A page's newest label and the days that it leaves out are part of a calendar. [B10]"""
    lines = "data_month,first_as_of,last_as_of,page_label,missing_as_of\n2022-07,2022-08-01,2022-08-09,2022-08-10,2022-08-03 2022-08-04\n"
    window = read_windows(lines, "calendar.csv").of(date(2022, 7, 31))
    assert window is not None
    assert [day.day for day in window.as_ofs(date(2023, 1, 1))] == [10, 9, 8, 7, 6, 5, 2, 1]
    assert [day.day for day in window.as_ofs(date(2022, 8, 5))] == [5, 2, 1]


# What comes with the package


def test_the_shipped_archive_is_small_and_holds_what_its_page_says() -> None:
    """Every file of the shipped archive stands on the page of provenance with its kind, and the whole is under 600 kB. [B3]"""
    page = (SHIPPED / PROVENANCE).read_text(encoding="utf-8")
    listed = re.findall(r"^  - `(.+)`$", page, re.MULTILINE)
    assert sorted(listed) == sorted(key.path for key in ReportArchive.shipped())
    assert (SHIPPED / ARCHIVE).stat().st_size < 600_000
    assert page.count("- Kind: **") == page.count("- Source: ") - 1 == 7
    with zipfile.ZipFile(SHIPPED / ARCHIVE) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_nothing_verbatim_and_nothing_of_district_82_is_shipped() -> None:
    """Exports as others published them stay out, and District 82, whose source states no licence, altogether. [B3]"""
    index = "\n".join(
        [
            f"| `{PLACE}/clubperformance~91.csv` | reconstructed: a | 1 |",
            f"| `{PLACE}/clubperformance~01.csv` | extracted from saved page: b | 22 |",
            f"| `{PLACE}/divisionperformance~U.csv` | SYNTHETIC: c | 3 |",
            f"| `{PLACE}/districtperformance~91.csv` | verbatim: d | 4 |",
            f"| `{PLACE}/clubperformance~82.csv` | reconstructed: e | 5 |",
            "| `empty.csv` | zero bytes |",
        ]
    )
    assert [path.rpartition("~")[2] for path in allowed(index)] == ["01.csv", "91.csv", "U.csv"]
    shipped = ReportArchive.shipped()
    assert not [key.path for key in shipped if key.district == "82" or key.as_of > date(2026, 6, 3)]
    assert not [key.path for key in shipped if key.month == date(2023, 6, 30) and key.as_of != date(2023, 7, 20)]


def test_the_shipped_archive_is_what_its_maker_makes() -> None:
    """Made again from the collection it is the same, file by file, and so is the page of provenance. [B3]"""
    if not COLLECTION.is_dir():
        pytest.skip("the collection that the archive is made from does not lie beside the checkout")
    made = make(COLLECTION)
    assert made == make(COLLECTION)
    assert made[PROVENANCE] == (SHIPPED / PROVENANCE).read_bytes()
    again = ReportArchive._of_zip(made[ARCHIVE], ARCHIVE)
    shipped = ReportArchive.shipped()
    assert {key: again[key] for key in again} == {key: shipped[key] for key in shipped}


def test_the_collection_itself_can_be_served() -> None:
    """The collection that the archive is made from is an archive too, with its exports of District 82. [R10.5]"""
    if not COLLECTION.is_dir():
        pytest.skip("the collection that the archive is made from does not lie beside the checkout")
    with DashboardServer(COLLECTION, today=date(2026, 6, 6)) as server:
        reply = ask(server, export("clubperformance~82~5/31/2026~5/24/2026~2025-2026"))
        assert reply.footer == "Month of May, As of 05/24/2026"
        assert ask(server, export("clubperformance~82")).footer == "Month of May, As of 06/05/2026"
