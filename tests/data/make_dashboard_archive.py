"""Make the archive that `backfill.testing.dashboard` ships, and the page beside it that says where each figure is from.

    python tests/data/make_dashboard_archive.py COLLECTION

COLLECTION is a folder of dashboard reports with an ``INDEX.md`` that says of every file what it is, and a ``calendar.csv``. Only
files that it calls reconstructed, extracted or SYNTHETIC come in: figures put back into the form of an export. Exports as others
published them, byte for byte, stay out. The same collection gives the same bytes.
"""

from __future__ import annotations

import csv
import io
import re
import sys
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

TARGET = Path(__file__).parents[2] / "src" / "backfill" / "testing" / "data"
ARCHIVE, PROVENANCE, CALENDAR = "dashboard.zip", "PROVENANCE.md", "calendar.csv"
KINDS = ("reconstructed", "extracted from saved page", "SYNTHETIC")
NEVER = "~82."
"""District 82 is there only as exports of a repository that states no licence."""

_ROW = re.compile(r"^\| `([^`]+\.csv)` \| (.+?) \| \d+ \|$", re.MULTILINE)
_EPOCH = (1980, 1, 1, 0, 0, 0)


class Group(NamedTuple):
    """Files of one origin."""

    title: str
    files: str  # a pattern of their paths
    kind: str
    source: str
    caveats: str


TM_DATA = "rorygraves/tm_data (MIT)"
TOAST_STATS = "rorygraves/toast-stats (MIT), commit bbe5f9d67d"
SAVED_PAGES = "espurlock/Scrape-Toastmasters-club-perf-data (MIT), commit e271d43399"

GROUPS = (
    Group(
        "Summaries of all districts, program years 2020-21, 2021-22 and 2022-23, at the close of each month",
        r"202[0-3]-.*/districtsummary\.csv",
        "reconstructed",
        f"{TM_DATA}, commit df84b5fea9: `district_overview.csv`",
        "Percentages are computed anew, with two decimals, halves away from zero. Unknown: how the dashboard writes a zero percentage "
        'and "not Y" (here `0.00%` and `N`), the order of rows (here region, district), and the columns\' exact headings. June 2022 is '
        "filed under 28 July 2022, the last day with data; pages named the 29th.",
    ),
    Group(
        "Summaries of all districts, May 2026, in three states while the month was being closed",
        r"2025-2026/2026-05-31/.*/districtsummary\.csv",
        "reconstructed",
        f"{TOAST_STATS}: rankings of 31 May, 2 June and 3 June 2026",
        "`Distinguished Clubs` is the total less Select, President's and Smedley.",
    ),
    Group(
        "Club reports of District 91, program year 2022-23, at the close of each month",
        r".*/clubperformance~91\.csv",
        "reconstructed",
        f"{TM_DATA}, commit 75bbd6c56d: `club_data_91.csv`",
        "`Off. List On Time` is 0 or 1 where the true value can be 2.",
    ),
    Group(
        "District reports of District 91, program year 2022-23, at the close of each month",
        r".*/districtperformance~91\.csv",
        "reconstructed",
        f"{TM_DATA}, commit 75bbd6c56d: `club_data_91.csv`",
        "`Total Ren.` and `Total Chart` are computed from the other columns.",
    ),
    Group(
        "Division reports of District 91, program year 2022-23, at the close of each month",
        r".*/divisionperformance~91\.csv",
        "reconstructed",
        f"{TM_DATA}, commit 75bbd6c56d: `club_data_91.csv`",
        "PARTIAL: the twelve columns on clubs and the charter date are real, visit awards only 0 or 1; the twenty columns on areas and "
        "divisions are blank, which means unknown. The headings are known from code, never from a file.",
    ),
    Group(
        "Club reports of other districts, single months of program year 2022-23",
        r".*/clubperformance~(?!91\.).*\.csv",
        "extracted from saved page",
        f"{SAVED_PAGES}: `TEST/2022-2023/MONTH/DISTRICT.html`",
        "`Club Status` is blank unless the page shows a suspension. A page shows dues on time as one number: its split into October "
        "and April is inferred. How an export encodes names beyond ASCII is unknown (here UTF-8).",
    ),
    Group(
        "Division reports of Districts 01, 55 and U, January to March 2023",
        r".*/divisionperformance~(01|55|U)\.csv",
        "SYNTHETIC",
        f"club lists, memberships and goals of the pages above ({SAVED_PAGES}); everything else made up by rule",
        "Consistent in themselves, and no more than that.",
    ),
)


def allowed(index: str) -> dict[str, str]:
    """Return the files that may come in, with what *index* says of them."""
    listed: dict[str, str] = dict(_ROW.findall(index))
    return {path: said for path, said in sorted(listed.items()) if said.startswith(KINDS) and NEVER not in path}


def group_of(path: str, said: str) -> Group:
    """Return the one group that a file belongs to, which must be of the kind that the index says."""
    (group,) = (each for each in GROUPS if re.fullmatch(each.files, path))
    assert said.startswith(group.kind), (path, said)
    return group


def calendar(rows: Iterable[Mapping[str, str]]) -> bytes:
    """Return the calendar of the archive: what is needed of it, and on what each line rests."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["data_month", "first_as_of", "last_as_of", "page_label", "missing_as_of", "basis"])
    for row in rows:
        said = row["source"]
        basis = "assumed" if "ASSUMED" in said else "derived" if "derived" in said else "observed"
        names = ("data_month", "first_as_of", "last_as_of", "page_label", "missing_as_of")
        writer.writerow([*(row[name] for name in names), basis])
    return text.getvalue().encode()


def pack(files: Mapping[str, bytes]) -> bytes:
    """Return a zip of *files*, the same bytes whenever and wherever it is made with the same zlib."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, files[name])
    return packed.getvalue()


def provenance(said: Mapping[str, str]) -> str:
    """Return the page that says of every file what it is."""
    lines = [
        "# Where the figures in dashboard.zip are from",
        "",
        "`dashboard.zip` holds reports of the public dashboard of Toastmasters districts, as `backfill.testing.dashboard` serves them.",
        "None is a copy of a file: each is figures that others collected and published, put back into the form of an export, as",
        "`PROGRAM YEAR/MONTH END/AS-OF/REPORT.csv`. The sources are named with each group; the code that made the archive is",
        "`tests/data/make_dashboard_archive.py`.",
        "",
        "| kind | what it means |",
        "|---|---|",
        "| reconstructed | real figures out of tables that others made from exports, put back into the columns of an export |",
        "| extracted from saved page | real figures read from saved HTML pages, put into the columns of an export |",
        "| SYNTHETIC | made up by rule on real club lists; good for tests of form, for nothing else |",
    ]
    for group in GROUPS:
        members = [path for path, text in said.items() if group_of(path, text) is group]
        lines += [
            "",
            f"## {group.title}",
            "",
            f"- Kind: **{group.kind}**",
            f"- Source: {group.source}",
            f"- Caveats: {group.caveats}",
        ]
        lines += [f"- Files ({len(members)}):", "", *(f"  - `{path}`" for path in members)]
    lines += [
        "",
        "## calendar.csv",
        "",
        "- Which month the dashboard shows on which as-of date, July 2012 to September 2026.",
        f"- Source: {TM_DATA}, commit df84b5fea9 (closes to 2024-11); {TOAST_STATS} (closes to 2026-07, and the last day with data of June",
        f"  2022); as-of lists of pages saved by {SAVED_PAGES}.",
        "- `basis`: observed = both ends stood on a page; derived = the first day follows from the month before; assumed = a guess, as",
        "  for the first day of most Julys and for everything after July 2026. `page_label` is the newest as-of that a page listed,",
        "  `missing_as_of` a day that it left out. July 2016 does not exist.",
        "",
    ]
    return "\n".join(lines)


def make(collection: Path) -> dict[str, bytes]:
    """Return the files to ship, by name."""
    said = allowed((collection / "INDEX.md").read_text(encoding="utf-8"))
    with (collection / CALENDAR).open(encoding="utf-8", newline="") as stream:
        files = {CALENDAR: calendar(csv.DictReader(stream))}
    files |= {path: (collection / path).read_bytes() for path in said}
    return {ARCHIVE: pack(files), PROVENANCE: provenance(said).encode()}


if __name__ == "__main__":
    TARGET.mkdir(exist_ok=True)
    for made, content in make(Path(sys.argv[1])).items():
        (TARGET / made).write_bytes(content)
        sys.stdout.write(f"{TARGET / made}: {len(content)} bytes\n")
