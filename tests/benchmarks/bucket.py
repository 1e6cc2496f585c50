"""What a history in a bucket asks of it: requests by kind, and seconds, against a SeaweedFS server that this starts on loopback.

Run it as ``python tests/benchmarks/bucket.py [--short] [--days N] [--districts N]``. Requests are what a bucket is paid for and what a bucket
far away is waited for; seconds are those of a server on this machine. Needs the extra ``test-s3``.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import cast

if __package__ in {None, ""}:  # run as a script: its neighbours are in the folder above
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from backfill import BackfillRequest, BackfillService, Document, Job
from backfill.fetching import PoliteFetcher
from backfill.jsonvalues import JsonValue
from backfill.model import Verification
from backfill.objectstores import ObjectRawArchive, ObjectSnapshotStore
from backfill.testing.samples import DAY, contribution, record
from limiter_jobs import OneTable
from object_doubles import FailingRequests, FailingS3
from s3_serving import find_server, serving_s3
from workload.origin import serving, table
from workload.unit import DISTRICTS, FIRST, SLOTS, parse

AT_ONCE = 16


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="three days of two districts")
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--districts", type=int, default=130, help="of the one day that is stored, replaced and read")
    options = parser.parse_args()
    days, districts = (3, 2) if options.short else (options.days, options.districts)
    program = find_server()
    if program is None:
        sys.stdout.write("no S3 server is installed; the extra 'test-s3' has one\n")
        return
    with tempfile.TemporaryDirectory() as folder, serving_s3(program, Path(folder)) as server:
        bucket = FailingS3(**server)
        sys.stdout.write("what                                        puts    gets  copies   lists deletes   seconds\n")
        measure_day(bucket, districts)
        measure_archive(bucket)
        measure_coverage(bucket, days)
        measure_job(bucket, 1 if options.short else 5)


def measure_day(bucket: FailingS3, districts: int) -> None:
    """Measure one day of records as large as a district's."""
    store, names = ObjectSnapshotStore(bucket, "day"), [f"{number:03}" for number in range(districts)]
    data = cast("dict[str, JsonValue]", parse(table().decode()))

    def put(*chosen: str) -> None:
        with store.begin(DAY, job_id="job-1") as draft:
            with ThreadPoolExecutor(AT_ONCE) as pool:
                list(pool.map(lambda name: draft.put(record(name, data)), chosen))
            draft.commit(contribution(chosen))

    def read() -> None:
        snapshot = store.read(DAY)
        for name in snapshot.districts:
            snapshot.district(name)

    tell(bucket, f"a day of {districts} records is stored", lambda: put(*names))
    data["count"] = -1
    tell(bucket, "one of them is replaced", lambda: put(names[0]))
    tell(bucket, "its entries are read", lambda: store.entries(DAY))
    tell(bucket, "all its records are read", read)


def measure_archive(bucket: FailingS3) -> None:
    """Measure one document."""
    archive, document = ObjectRawArchive(bucket, "raw"), Document.of("https://example.org/table.csv", table())
    tell(bucket, "a document is archived", lambda: archive.put(document))
    tell(bucket, "it is had from the archive", lambda: archive.get(document.name))


def measure_coverage(bucket: FailingS3, count: int) -> None:
    """Measure a look over many small days: as every store can be looked at, and from the one object."""
    store, days = ObjectSnapshotStore(bucket, "years"), [DAY + timedelta(days=number) for number in range(count)]

    def put(number: int) -> None:
        with store.begin(days[number], job_id="job-1") as draft:
            draft.put(record("61", number, day=days[number]))
            draft.commit(contribution(["61"], day=days[number]))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(put, range(count)))
    tell(bucket, f"{count} days, manifest by manifest", lambda: [store.entries(day) for day in store.days()])
    tell(bucket, f"coverage of {count} days, the first time", store.outlines)
    tell(bucket, "coverage again", store.outlines)
    put(0)
    tell(bucket, "coverage after one day has changed", store.outlines)


def measure_job(bucket: FailingS3, days: int) -> None:
    """Measure a job of a hundred units a day, whose days and documents are in the bucket; then the same made anew, and proved."""
    last, units = FIRST + timedelta(days=days - 1), days * len(DISTRICTS)
    archive, store = ObjectRawArchive(bucket, "job-raw"), ObjectSnapshotStore(bucket, "job")
    request = BackfillRequest(FIRST, last, DISTRICTS, concurrency=SLOTS)
    with (
        serving(0.0) as url,
        closing(PoliteFetcher(rate=None, concurrency=SLOTS, archive=archive)) as fetch,
        BackfillService(OneTable(url, {FIRST: "job"}), store, fetch=fetch) as service,
    ):
        tell(bucket, f"{units} units on {days} days are collected", lambda: ended(service.initiate_backfill(request)))
        tell(bucket, "they are made anew", lambda: ended(service.rebuild(FIRST, last)))
        tell(bucket, "they are proved", lambda: proved(service.verify(FIRST, last)))


def ended(job: Job) -> None:
    """Wait for a job that does all its units."""
    report = job.wait(600)
    if report.status != "complete":
        message = f"the job is {report.status}: {report.error_summary}"
        raise RuntimeError(message)


def proved(verification: Verification) -> None:
    """See that nothing differs."""
    if not verification.is_proved:
        message = f"not proved: {verification}"
        raise RuntimeError(message)


def tell(bucket: FailingS3, what: str, work: Callable[[], object]) -> None:
    """Print which requests *work* takes."""
    bucket.requests = FailingRequests()
    began = time.perf_counter()
    work()
    seconds = time.perf_counter() - began
    kinds = Counter(request.partition(" ")[0] for request in bucket.requests.log)
    lists = kinds["list"] + kinds["folders"]
    numbers = "".join(f"{number:8}" for number in (kinds["put"], kinds["get"], kinds["copy"], lists, kinds["delete"]))
    sys.stdout.write(f"{what:40}{numbers} {seconds:9.3f}\n")


if __name__ == "__main__":
    main()
