"""Vectors of what is fetched and kept raw: errors, retries, the breaker, hostile text, folders of CSV files and the archive; see `tm_vectors`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from backfill import BackfillRequest, InvalidRequest, PermanentSourceError, TransientSourceError
from backfill.engine.failures import as_source_error
from backfill.errors import DamagedFile, SourceError
from backfill.fetching import PoliteFetcher, RawArchive
from backfill.fetching.breaker import THRESHOLD, Breaker
from backfill.fetching.transports import Transport
from backfill.model import Document, RetryPolicy
from backfill.retrying import pauses
from backfill.stores import MemorySnapshotStore, PerDistrictFileSnapshotStore
from backfill.testing import VirtualClock
from backfill.testing.samples import DAY, record, store_records
from backfill.testing.source import ScriptedSource
from backfill.toastmasters.answers import check_report
from backfill.toastmasters.csvfile import read_table
from backfill.toastmasters.dashboard import DashboardDocument, date_document
from backfill.toastmasters.footer import parse_footer
from backfill.toastmasters.identifiers import normalize_district
from backfill.toastmasters.importing import ImportReport, import_reports
from backfill.toastmasters.kinds import ReportKind
from backfill.toastmasters.reports import as_report, read_report
from backfill.toastmasters.rows import ClubRow
from backfill.toastmasters.years import month_of, program_year
from fetching_doubles import NOW, document, unit
from service_doubles import ask, collect, day
from tm_files import answer, export, footer_of
from tm_serving import club_cells, summary_row
from tm_vectors import PARTLY, Section, SetAside, Vector, account_for

PERMANENT = "a file that is missing or may not be read stays so: not tried again, as the file's own note says"
BY_TYPE = "decided by the exception's type and the answer's status, never by words (R6.5; domain.md 3.6)"
NO_FILE_RETRIES = (
    "what fails on this machine's disk pauses the job and is not tried again (contract.md, The service: a full disk)"
)
JITTER = "a pause is drawn from 0 to the one given (R6.5)"
TEN = "the breaker counts ten failures in a row (contract.md, Breaker), and no successes: the first steps stand for as many as are missing"
WAITS = "a call that is kept out waits, and fails only in the end: parked is a state, not an error (contract.md, Breaker)"
NO_RESET = "no reset by hand: after the cool-down one probe finds out whether the host is back (R9.4)"
HYPHEN = "a hyphen may come first: the rule for a district's name forbids a leading dot only (contract.md, DistrictNaming)"
NO_PATHS = "no path comes from outside: each is built from a checked day and a checked district (domain.md 4, rule 38)"
NO_REPORT = (
    "a table with other headings is no report of the dashboard, however harmless (contract.md, What the server's answers mean)"
)
AS_IT_IS = (
    "in a cell of a whole report it is a name like any other and kept as it is: such patterns reject real names (domain.md 2.1)"
)
FOOTER_WINS = (
    "a note beside a file dates nothing, and this one contradicts its file: the footer decides (domain.md 4, rules 3 and 6)"
)
MONTH_KNOWN = "every answer that is believed names its month, closing or not (contract.md, What the server's answers mean)"
NO_FOOTER = "a file without a footer is cut, not merely of no closing (contract.md, What the server's answers mean: truncated)"
ALL_KEPT = "the archive keeps every answer and serves the newest (B4): a second content is a second file"
DAMAGED = "a damaged content is refused by name and stays to be looked at, where theirs vanishes as if never fetched; the door asks anew (B2, B4)"
NO_BREAKER = "an archive on a disk has no breaker: what it cannot do pauses the job (contract.md, The service)"


@contextmanager
def asking(transport: Transport, *, retry: RetryPolicy | None = None, archive: RawArchive | None = None) -> Iterator[Asking]:
    """Provide a door that *transport* answers, on a virtual clock."""
    clock = VirtualClock(NOW)
    policy = RetryPolicy(max_attempts=1) if retry is None else retry
    with closing(PoliteFetcher(rate=None, retry=policy, transports={"memory:": transport}, archive=archive, clock=clock)) as door:
        yield Asking(door, clock)


class Asking:
    """A door, and its clock."""

    def __init__(self, door: PoliteFetcher, clock: VirtualClock) -> None:
        self.door, self.clock = door, clock

    def __call__(self) -> Document:
        """Ask for the one document that there is."""
        return self.door.bind(unit(reuse_since=NOW))("memory:a", name="a")

    def failure(self) -> SourceError:
        """Return how asking fails."""
        with pytest.raises(SourceError) as failed:
            self()
        return failed.value


ANSWERS: dict[str, Callable[[], Document]] = {
    "400 Bad Request": lambda: document(status=400),
    "500 Internal Server Error": lambda: document(status=500),
}
RAISED: dict[str, Exception] = {
    "network timeout": TimeoutError("network timeout"),
    "ECONNRESET": ConnectionResetError("ECONNRESET"),
    "ENOENT": FileNotFoundError("ENOENT"),
    "EACCES": PermissionError("EACCES"),
}


def told(message: str) -> Document:
    """Answer, or fail, as a vector's words say."""
    if message in RAISED:
        raise RAISED[message]
    return ANSWERS[message]()


def error_classification(vector: Vector) -> None:
    """What is worth another attempt; and a day of which a part failed."""
    expected = vector["expected"]
    if "failedDistricts" in vector:
        good, bad = vector["successfulDistricts"], vector["failedDistricts"]
        source = ScriptedSource(lambda _day, name: PermanentSourceError("broken") if name in bad else "figures")
        report = collect(source, MemorySnapshotStore(), ask(1, *good, *bad))
        assert (report.status, report.partial_snapshots) == ("partial_success", (day(0),))
        assert len(report.partial_snapshots) == expected["partialSnapshots"]
        assert report.progress.completed / report.progress.total == expected["successRate"]
        return
    if vector["fn"].startswith("cache"):
        found = as_source_error(RAISED[vector["message"]], extra={})
        assert isinstance(found, PermanentSourceError)
        raise SetAside(PERMANENT)
    with asking(lambda _request: told(vector["message"])) as ask_for:
        assert isinstance(ask_for.failure(), TransientSourceError) is expected["retryable"]
    PARTLY[BY_TYPE] += 1


def retry(vector: Vector) -> None:
    """How often, and with which pauses."""
    if "outcomes" not in vector:
        raise SetAside(NO_FILE_RETRIES)
    options, expected = vector["options"], vector["expected"]
    outcomes = list(vector["outcomes"])
    asked: list[str] = []

    def transport(_request: object) -> Document:
        asked.append(outcomes.pop(0))
        return document() if asked[-1] == "ok" else told(asked[-1])

    policy = RetryPolicy(
        max_attempts=options["maxAttempts"], base=options["baseDelayMs"] / 1000, factor=options.get("backoffMultiplier", 2)
    )
    longest = [delay / 1000 for delay in expected["delays_ms"]]
    assert list(islice(pauses(policy, jitter=float), len(longest))) == longest
    with asking(transport, retry=policy) as ask_for:
        if expected["success"]:
            ask_for()
        else:
            failed = ask_for.failure()
            assert (failed.attempts, failed.kind) == (expected["attempts"], "timeout")
        waits = ask_for.clock.waits
    assert len(asked) == expected["attempts"]
    assert all(0 <= wait <= most for wait, most in zip(waits, longest, strict=True))
    PARTLY[JITTER] += 1
    PARTLY[BY_TYPE] += "error" in expected


def circuit_breaker(vector: Vector) -> None:
    """When a host is left alone."""
    breaker = Breaker(VirtualClock())
    for _missing in range(THRESHOLD - vector["options"]["failureThreshold"]):
        breaker.leave(0, answered=False)
    for step in vector["steps"]:
        if "reset" in step:
            assert breaker.enter() is None
            raise SetAside(NO_RESET)
        if step.get("rejected"):
            assert (breaker.enter() is not None) is step["called"]
            assert breaker.wait_seconds() > 0
            PARTLY[WAITS] += 1
        elif "call" in step:
            passage = breaker.enter()
            assert passage is not None
            breaker.leave(passage, answered=step["call"] == "ok")
        assert breaker.status()[0].upper() == step.get("state", "OPEN")
    PARTLY[TEN] += 1


def security(vector: Vector) -> None:
    """Text that wants to be a path, a date or a figure."""
    name, is_accepted = vector["fn"], vector["expected"] == "accept"
    text = vector.get("input_prefix", "") + (
        vector["input"] if "input" in vector else vector["input_repeat"][0] * vector["input_repeat"][1]
    )
    if name in {"validateDateString", "cache date"}:
        assert can(lambda: BackfillRequest(text)) is is_accepted
    elif name == "validatePathSafety":
        if text.startswith("-"):
            assert is_stored(text)
            raise SetAside(HYPHEN)
        assert is_stored(text) is is_accepted
    elif name == "validateCacheDirectoryBounds":
        assert not is_stored(text)
        raise SetAside(NO_PATHS)
    elif name == "cache district id":
        assert not is_accepted
        assert not is_stored(text)
        assert not can(lambda: normalize_district(text))
    else:
        of_content(text, is_accepted=is_accepted)


def of_content(text: str, *, is_accepted: bool) -> None:
    """Text as a whole answer is no report; within one it is a name."""
    with pytest.raises(TransientSourceError) as refused:
        check_report(answer(text.encode()), ReportKind.CLUBS, month_end=DAY, as_of=DAY)
    assert refused.value.kind in {"not_csv", "truncated"}
    if is_accepted:
        raise SetAside(NO_REPORT)
    cells = dict(club_cells("61", 1, "2024-01-31")[ReportKind.CLUBS]) | {"club_name": text}
    (row,) = as_report(read_report(export(ReportKind.CLUBS, [cells], year=2023), ReportKind.CLUBS), ClubRow).rows
    assert row.club_name == text
    PARTLY[AS_IT_IS] += 1


def can(attempt: Callable[[], object]) -> bool:
    """Return whether something is not refused."""
    try:
        attempt()
    except InvalidRequest:
        return False
    return True


def is_stored(district: str) -> bool:
    """Return whether a store takes a record of that district; where it does not, there is no file of it anywhere."""
    with TemporaryDirectory() as folder:
        root = Path(folder) / "within" / "snapshots"
        store = PerDistrictFileSnapshotStore(root)
        accepted = can(lambda: store_records(store, record(district)))
        files = [path.relative_to(folder) for path in Path(folder).rglob("*") if path.name.startswith("district_")]
        expected = Path("within", "snapshots", DAY.isoformat(), f"district_{district}.json")
        assert files == ([expected] if accepted else [])
    return accepted


def exported(kind: ReportKind, district: str, as_of: date) -> bytes:
    """Return a report with one row, as the dashboard gave it out in its own month."""
    row = summary_row(district, str(as_of)) if kind is ReportKind.SUMMARY else club_cells(district, 1, str(as_of))[kind]
    return export(kind, [row], year=program_year(as_of).start, footer=footer_of(f"{as_of:%b}", as_of))


@contextmanager
def imported(files: dict[str, bytes]) -> Iterator[tuple[ImportReport, RawArchive]]:
    """Write files below a folder, and provide what becomes of it when it is taken into an archive."""
    with TemporaryDirectory() as folder:
        for path, content in files.items():
            file = Path(folder) / "cache" / path.lstrip("/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        with closing(RawArchive(Path(folder) / "raw")) as archive:
            yield import_reports(Path(folder) / "cache", archive), archive


def paths(vector: Vector) -> None:
    """Where their caches have their files: a folder like that is taken in as it is."""
    as_of = date.fromisoformat(vector.get("date", "2025-07-01"))
    kind = ReportKind(vector.get("report", "districtsummary"))
    district = None if kind is ReportKind.SUMMARY else vector.get("districtId", "109")
    if "expected_error" in vector:
        with pytest.raises(InvalidRequest):
            DashboardDocument(kind, district, month_of(as_of), as_of)
        return
    path = vector["expected"]
    files = {path: exported(kind, district or "61", as_of)}
    fetched = datetime.combine(as_of + timedelta(days=1), time(10), UTC)
    if vector["fn"] == "buildMetadataPath":
        files = {path: json.dumps({"timestamp": int(fetched.timestamp() * 1000)}).encode()}
        files[str(Path(path).with_name("all-districts.csv"))] = exported(kind, "61", as_of)
    with imported(files) as (report, archive):
        (found,) = archive.documents(DashboardDocument(kind, district, month_of(as_of), as_of).name)
        assert (report.files, report.imported) == (1, (found.name,))
        if vector["fn"] == "buildMetadataPath":
            assert found.fetched_at == fetched
        else:
            assert found.headers["imported-from"] == path.lstrip("/")


def cache_metadata(vector: Vector) -> None:
    """Of which month a cached day is, and whether that was closing."""
    expected, text, note = vector["expected"], vector["all_districts_csv"], vector["metadata_file"]
    if text is not None:
        footers = read_table(text.encode()).footers
        if not footers:
            with pytest.raises(TransientSourceError):
                check_report(answer(text.encode()), ReportKind.SUMMARY, month_end=DAY, as_of=DAY)
            raise SetAside(NO_FOOTER)
        found = parse_footer(footers[-1])
        assert found is not None
        assert (found.is_closing, f"{found.month_end:%Y-%m}") == (expected["isClosingPeriod"], expected["dataMonth"])
        return
    as_of = date.fromisoformat(vector["date"])
    files = {f"raw-csv/{as_of}/all-districts.csv": exported(ReportKind.SUMMARY, "61", as_of)}
    if note is not None:
        files[f"raw-csv/{as_of}/metadata.json"] = json.dumps(note).encode()
    with imported(files) as (report, _archive):
        assert report.imported == (DashboardDocument(ReportKind.SUMMARY, None, month_of(as_of), as_of).name,)
    if expected["isClosingPeriod"]:
        raise SetAside(FOOTER_WINS)
    assert expected.get("date", str(as_of)) == str(as_of)
    PARTLY[MONTH_KNOWN] += "dataMonth" in expected


def raw_cache(vector: Vector) -> None:
    """The archive of raw answers."""
    if vector["name"] == "cache breaker opens":
        raise SetAside(NO_BREAKER)
    if "ops" in vector and vector["ops"][0] == ["set_district_report_without_id"]:
        with pytest.raises(InvalidRequest):
            DashboardDocument(ReportKind.CLUBS, None, DAY, DAY)
        return
    with TemporaryDirectory() as folder, closing(RawArchive(folder)) as archive:
        if "cacheHits" in vector["expected"]:
            counted(vector, archive)
        elif "dates" in vector:
            for one in map(date.fromisoformat, vector["dates"]):
                archive.put(document(vector["text"], name=of_day(one)))
            dates = [dated.as_of for name in archive.names() if (dated := date_document(name)) is not None]
            expected = vector["expected"]
            assert len(dates) == len(set(dates)) == expected["totalCachedDates"] == expected["totalCachedFiles"]
            assert (str(min(dates)), str(max(dates))) == (expected["oldestCacheDate"], expected["newestCacheDate"])
        else:
            operations(vector, archive, Path(folder))


def of_day(as_of: date) -> str:
    """Return the identity of a day's summary."""
    return DashboardDocument(ReportKind.SUMMARY, None, month_of(as_of), as_of).name


def operations(vector: Vector, archive: RawArchive, folder: Path) -> None:
    """One operation after the other."""
    name, expected = of_day(date.fromisoformat(vector["date"])), vector["expected"]
    got: list[str | None] = []
    has: list[bool] = []
    contents: list[str] = []
    for operation, *texts in vector["ops"]:
        if operation == "set":
            contents += texts
            archive.put(document(texts[0], name=name, fetched_at=NOW + timedelta(seconds=len(contents))))
        elif operation == "tamper":
            (blob,) = (folder / "contents").rglob("*.gz")
            blob.write_bytes(texts[0].encode())
            with pytest.raises(DamagedFile):
                archive.get(name)
            assert blob.exists()
            raise SetAside(DAMAGED)
        elif operation == "clear":
            archive.discard([name])
        else:
            found = archive.get(name)
            got.append(None if found is None else found.text)
            has.append(found is not None)
    kept = [one.text for one in archive.documents(name)]
    if "fileCount" in expected:
        newest = archive.get(name)
        assert newest is not None
        assert (kept, newest.text) == (contents, contents[-1])
        raise SetAside(ALL_KEPT)
    assert has == expected.get("has", has)
    assert got[-1:] == ([expected["result"]] if "result" in expected else got[-1:])
    assert len(kept) == expected.get("totalDownloads", len(kept))


def counted(vector: Vector, archive: RawArchive) -> None:
    """What is fetched once is served from the archive afterwards."""
    ((_set, text),) = (one for one in vector["ops"] if one[0] == "set")
    asks = [one for one in vector["ops"] if one == ["get"]]
    with asking(lambda _request: text.encode(), archive=archive) as ask_for:
        assert {ask_for().text for _get in asks} == {text}
        status = ask_for.door.status()
    expected = vector["expected"]
    assert status.requests == expected["cacheMisses"] == expected["totalDownloads"]
    assert status.reused == expected["cacheHits"]


RUN: dict[str, Section] = {
    "error_classification": (error_classification, 5, 2),
    "retry": (retry, 2, 1),
    "circuit_breaker": (circuit_breaker, 5, 1),
    "security": (security, 44, 8),
    "paths": (paths, 10, 0),
    "cache_metadata": (cache_metadata, 5, 3),
    "raw_cache": (raw_cache, 8, 3),
}


@pytest.mark.parametrize("section", RUN)
def test_vectors_of_what_is_fetched(section: str) -> None:
    """Every vector of the section comes out as expected, or is set aside for a reason that is printed; how many are which is fixed. [R6.5, R9.3, R9.4, B3, B4]"""
    account_for(section, RUN[section])
