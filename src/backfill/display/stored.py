"""What is stored, and what is said of it, as HTML."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING

from backfill.display import markup
from backfill.display.markup import Html
from backfill.display.noted import failures_html, notes_html
from backfill.wording import CAUSES, listing, meaning, plural

if TYPE_CHECKING:
    from backfill.history.days import DayDiff
    from backfill.model import DistrictRecord, DocumentRef, Explanation, SnapshotMetadata, Verification
    from backfill.tables import Table

ROWS = 10
"""So many rows of a table are shown at either end of it."""

SHOWN = 20
LETTERS = 4000
"""So many letters of a record's figures are shown."""


def snapshot_html(metadata: SnapshotMetadata, districts: Sequence[str], summaries: Iterable[str]) -> Html:
    """Return what is said of a stored day."""
    return markup.card(
        f"Snapshot of {metadata.day}",
        markup.facts(
            [
                ("as of", str(metadata.as_of)),
                ("source", metadata.source),
                ("districts", f"{len(districts):,}: {listing(tuple(districts))}"),
                ("failed", listing(metadata.failed)),
                ("unavailable", listing(metadata.unavailable)),
                ("summaries", listing(tuple(summaries))),
                ("changed", markup.moment(metadata.updated_at)),
            ]
        ),
        *failures_html(metadata.errors, len(metadata.errors)),
        *notes_html(metadata.findings),
        *_operations(metadata.operations),
        badge=markup.badge(str(metadata.status), markup.FAIR if metadata.failed else markup.GOOD),
    )


def record_html(record: DistrictRecord) -> Html:
    """Return a record: its figures, and what it was made from."""
    figures = json.dumps(record.data, ensure_ascii=False, indent=2)
    cut = figures if len(figures) <= LETTERS else f"{figures[:LETTERS]}\n… and {len(figures) - LETTERS:,} letters more"
    return markup.card(
        f"{record.district_id} on {record.day}",
        markup.facts(
            [
                ("as of", str(record.as_of)),
                ("detail", record.detail),
                ("collected", markup.moment(record.collected_at)),
                ("rules", record.calculation_version),
                *((name, value) for name, value in _plain(record.data)),
            ]
        ),
        markup.folded("all figures", markup.element("pre", cut, style="overflow-x:auto;color:inherit;background:none")),
        *(
            [markup.folded(plural(len(record.provenance), "document"), _documents(record.provenance))]
            if record.provenance
            else ()
        ),
        badge=markup.badge("settled", markup.GOOD) if record.settled else markup.badge("to be completed", markup.FAIR),
    )


def verification_html(found: Verification) -> Html:
    """Return what a comparison with the archive came to."""
    causes = [(number, str(cause), meaning(CAUSES, str(cause))) for cause, number in found.causes.items()]
    shown = found.differences[:SHOWN]
    rows = [(str(one.day), one.district or "", str(one.cause), one.name or "", one.message) for one in shown]
    title = plural(len(found.differences), "difference")
    if len(shown) < len(found.differences):
        title = f"the first {len(shown)} of {title}"
    return markup.card(
        "What is stored, and what its documents give",
        markup.facts(
            [
                ("looked at", f"{plural(found.days, 'day')}, {found.records:,} records, {found.summaries:,} summaries"),
                ("the same, byte for byte", f"{found.same:,}"),
                *([("not there any more", f"{plural(len(found.absent), 'day')}: pruned, or lost")] if found.absent else ()),
            ]
        ),
        *([markup.table(("", "cause", "what to do"), causes)] if causes else ()),
        *([markup.folded(title, markup.table(("day", "district", "cause", "document", "what differs"), rows))] if rows else ()),
        badge=markup.badge("proved", markup.GOOD) if found.is_proved else markup.badge("not proved", markup.BAD),
    )


def explanation_html(told: Explanation) -> Html:
    """Return the chain from a figure to its bytes."""
    rows = [(one.ref.name, str(one.kept), one.size, one.ref.url or "", one.ref.sha256) for one in told.documents]
    return markup.card(
        f"{told.district or 'Summaries'} on {told.day}",
        markup.line(told.why),
        *([markup.table(("document", "archived", "bytes", "address", "SHA-256"), rows)] if rows else ()),
        *_operations(told.operations),
        badge=markup.badge(str(told.standing), markup.GOOD if told.is_provable else markup.FAIR),
    )


def diff_html(diff: DayDiff) -> Html:
    """Return what differs between two days."""
    return markup.card(
        f"{diff.before} and {diff.after}",
        markup.facts(
            [
                ("came", listing(diff.added)),
                ("went", listing(diff.removed)),
                ("changed", listing(tuple(diff.changed))),
                ("the same", plural(len(diff.same), "district")),
            ]
        ),
        *([table_html(diff.table())] if diff.changed else ()),
    )


def table_html(table: Table) -> Html:
    """Return both ends of a table."""
    number = len(table)
    if number <= 2 * ROWS:
        rows: Iterable[Sequence[object]] = table.rows()
    else:
        gap = ("…",) * len(table.names)
        rows = chain(islice(table.rows(), ROWS), [gap], islice(table.rows(), number - ROWS, None))
    said = f"{plural(number, 'row')}, {plural(len(table.names), 'column')}"
    return markup.element(
        "div", markup.table(table.names, rows), markup.line(said), style="font:13px/1.5 system-ui,sans-serif;color:inherit"
    )


def _plain(data: object) -> list[tuple[str, object]]:
    """Return the figures that stand alone: at the top, or one level below."""
    if not isinstance(data, Mapping):
        return []
    found: list[tuple[str, object]] = []
    for name, value in data.items():
        if isinstance(value, Mapping):
            found += [(f"{name}.{inner}", figure) for inner, figure in value.items() if isinstance(figure, int | float | str)]
        elif isinstance(value, int | float | str):
            found.append((str(name), value))
    return found[:SHOWN]


def _documents(documents: Sequence[DocumentRef]) -> Html:
    rows = [(one.name, one.url or "", markup.moment(one.fetched_at), one.sha256) for one in documents]
    return markup.table(("document", "address", "fetched", "SHA-256"), rows)


def _operations(operations: Sequence[Mapping[str, str]]) -> list[Html]:
    if not operations:
        return []
    names = sorted({name for one in operations for name in one})
    rows = [[one.get(name, "") for name in names] for one in operations]
    return [markup.folded(plural(len(operations), "operation"), markup.table(names, rows))]
