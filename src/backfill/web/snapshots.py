"""What is stored: days, one day, one district of a day."""

from __future__ import annotations

from datetime import date, timedelta
from difflib import get_close_matches
from itertools import islice

from backfill.errors import SnapshotNotFound, StoreError
from backfill.protocols import Snapshot, SnapshotStore
from backfill.serialization import encode_record
from backfill.web.bodies import SnapshotItem, SnapshotPage, SnapshotView
from backfill.web.operations import Answer, Call, Stream
from backfill.web.queries import SnapshotQuery
from backfill.web.trouble import Trouble


def list_snapshots(call: Call) -> Answer | Stream:
    """List the stored days, ascending."""
    query, store = call.asked(SnapshotQuery), call.service.store
    days = list(islice(store.days(query.start, query.end), query.limit + 1))
    items = tuple(SnapshotItem(day, _count(store, day)) for day in days[: query.limit])
    more = len(days) > query.limit
    return Answer(SnapshotPage(items, call.next_page(start=(items[-1].day + timedelta(days=1)).isoformat()) if more else None))


def _count(store: SnapshotStore, day: date) -> int | None:
    try:
        return len(store.entries(day))
    except StoreError:  # one damaged day must not hide the others
        return None


def get_snapshot(call: Call) -> Answer | Stream:
    """Return what is said of a stored day: its metadata, and its districts."""
    day = call.part("day", date)
    return Answer(SnapshotView(_stored(call, day).metadata, call.service.store.entries(day)))


def get_district(call: Call) -> Answer | Stream:
    """Return one district's record of a day, byte for byte as the file store keeps it."""
    day, district = call.part("day", date), call.part("districtId", str)
    snapshot = _stored(call, day)
    try:
        record = snapshot.district(district)
    except SnapshotNotFound:
        close = get_close_matches(district, snapshot.districts, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(close)}? " if close else ""
        remedy = f"{hint}GET /snapshots/{day} lists the districts there are"
        raise Trouble("snapshot-not-found", f"the snapshot of {day} has no district {district}", remedy) from None
    return Answer(content=encode_record(record, job_id="").content)


def _stored(call: Call, day: date) -> Snapshot:
    try:
        return call.service.store.read(day)
    except SnapshotNotFound:
        remedy = "GET /snapshots lists the days there are; POST /backfills collects others"
        raise Trouble("snapshot-not-found", f"there is no snapshot of {day}", remedy) from None
