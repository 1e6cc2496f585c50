"""``backfill show``: what is stored of a day, or of a district on a day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import date
from pathlib import Path

import click
from attrs import frozen

from backfill.cli.console import results
from backfill.cli.exits import ExitCode, Failure
from backfill.cli.options import as_day, as_json, existing, opened, root_argument, several, talk, talking
from backfill.cli.printing import print_facts, print_json, print_table, print_text, print_title
from backfill.cli.reported import print_findings
from backfill.errors import InvalidRequest
from backfill.jsonvalues import JsonValue, loads
from backfill.model import DistrictRecord, Evidence, Explanation, RecordHeader, SnapshotMetadata
from backfill.protocols import Snapshot
from backfill.serialization import encode_record
from backfill.toastmasters import DashboardService
from backfill.wording import listing, size

_OPERATIONS_SHOWN = 5
_SHA_SHOWN = 12
_NEAR = 3


@frozen
class SnapshotView:
    """One stored day.

    Attributes:
        metadata: What is said of the day as a whole.
        entries: What its manifest says of each district.
    """

    metadata: SnapshotMetadata
    entries: Mapping[str, RecordHeader]


@click.command(short_help="Show what is stored of a day, or of a district.")
@several(root_argument, click.argument("day", type=as_day), click.argument("district", required=False), as_json, talking)
def command(root: Path, day: date, district: str | None, *, json_: bool, verbose: int, quiet: bool) -> None:
    """Show what is stored of DAY: of all of it, or of one DISTRICT, with the documents that its figures were made from."""
    with talk(verbose=verbose, quiet=quiet), opened(existing(root)) as service:
        snapshot = _stored(service, day, district)
        if district is None:
            view = SnapshotView(snapshot.metadata, service.store.entries(day))
            print_json(view) if json_ else _print_day(view)
        else:
            record = snapshot.district(_named(service, snapshot, district))
            if json_:
                print_json(loads(encode_record(record, job_id="").content))
            else:
                _print_district(record, service.explain(day, record.district_id))


def _stored(service: DashboardService, day: date, district: str | None) -> Snapshot:
    days = tuple(service.store.days())
    if day not in days:
        near = sorted(sorted(days, key=lambda found: abs(found - day))[:_NEAR])
        hint = f"near it: {', '.join(map(date.isoformat, near))}" if near else "no day is"
        why = f"\n{_why_not(service, day, district)}"
        raise Failure(f"Error: {day} is not stored; {hint}.{why}", ExitCode.FAILED)
    return service.store.read(day)


def _why_not(service: DashboardService, day: date, district: str | None) -> str:
    told = service.explain(day, district)
    return f"Why: {told.standing.replace('-', ' ')}: {told.why}."


def _named(service: DashboardService, snapshot: Snapshot, text: str) -> str:
    """Return the stored district that *text* means, whichever way it is written."""
    spelt = {name.casefold().lstrip("0"): name for name in snapshot.districts}
    found = spelt.get(text.casefold().lstrip("0"))
    if found is None:
        message = f"Error: the snapshot of {snapshot.day} has no district {text!r}; it has {listing(snapshot.districts)}."
        with suppress(InvalidRequest):  # what can name no district needs no explanation
            message += f"\n{_why_not(service, snapshot.day, text)}"
        raise Failure(message, ExitCode.FAILED)
    return found


def _print_day(view: SnapshotView) -> None:
    console = results()
    print_facts(console, _day_facts(view))
    print_findings(console, view.metadata.findings)
    print_title(console, "Collected by")
    rows = ((one.get("at", "")[:19], _operation(one)) for one in view.metadata.operations[-_OPERATIONS_SHOWN:])
    print_facts(console, rows, indent="  ")


def _day_facts(view: SnapshotView) -> Iterator[tuple[str, str]]:
    metadata, entries = view.metadata, view.entries
    yield "day", f"{metadata.day} ({metadata.status}), as of {metadata.as_of}"
    details = Counter(header.detail for header in entries.values())
    yield "districts", f"{len(entries):,}: " + ", ".join(f"{number:,} {detail}" for detail, number in details.most_common())
    open_ones = tuple(name for name, header in entries.items() if not header.settled)
    if open_ones:
        yield "incomplete", f"{len(open_ones):,}: {listing(open_ones)}; a later run completes them"
    if metadata.failed:
        yield "failed", listing(metadata.failed)
    if metadata.unavailable:
        yield "unavailable", listing(metadata.unavailable)
    yield "size", size(sum(header.size for header in entries.values()))
    yield "source", metadata.source
    yield "changed", f"{metadata.updated_at:%Y-%m-%d %H:%M:%S} UTC"


def _operation(one: Mapping[str, str]) -> str:
    return f"{one.get('operation', '')} {one.get('job', '')} ({one.get('method', '')}, {one.get('scope', '')})"


def _print_district(record: DistrictRecord, told: Explanation) -> None:
    console = results()
    data = record.data if isinstance(record.data, dict) else {}
    print_facts(console, _record_facts(record, data))
    for part in ("totals", "summary"):
        figures = data.get(part)
        if isinstance(figures, dict):
            print_title(console, part.capitalize())
            plain = ((name, _figure(value)) for name, value in figures.items() if not isinstance(value, dict | list))
            print_facts(console, plain, indent="  ")
    print_title(console, "Made from")
    rows = (_document(one) for one in told.documents)
    print_table(console, ("document", "fetched (UTC)", "sha256", "bytes", "archived"), rows, right=frozenset({3}))
    first = record.provenance[0].url or "a file that was imported" if record.provenance else "unknown"
    print_text(console, f"first from {first}", indent="  ", style="dim")


def _document(one: Evidence) -> tuple[str, ...]:
    ref = one.ref
    size_ = "" if one.size is None else f"{one.size:,}"
    return ref.name, f"{ref.fetched_at:%Y-%m-%d %H:%M:%S}", ref.sha256[:_SHA_SHOWN], size_, str(one.kept)


def _record_facts(record: DistrictRecord, data: Mapping[str, JsonValue]) -> Iterator[tuple[str, str]]:
    yield "district", record.district_id
    yield "day", f"{record.day}, as of {record.as_of}"
    yield "detail", f"{record.detail}{'' if record.settled else ', incomplete: a later run completes it'}"
    for part in ("clubs", "divisions", "areas"):
        rows = data.get(part)
        if isinstance(rows, list):
            yield part, f"{len(rows):,}"
    yield "rules", f"version {record.calculation_version}"


def _figure(value: JsonValue) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int | float) else str(value)
