"""Plain words for what reports call by one word, and the form of numbers, sizes and durations."""

from __future__ import annotations

from collections.abc import Mapping

FAILURES: Mapping[str, str] = {
    "bad_encoding": "the answer was compressed in a way that cannot be undone",
    "bad_request": "the request could not be made",
    "bad_url": "the address is not one that may be asked",
    "cannot_be_made": "the documents are there, and give no record by the rules of today",
    "connection": "no connection could be made, or it broke",
    "document_damaged": "the archive has something else in the place of a document",
    "damaged_day": "the day is stored, and cannot be read",
    "document_missing": "the archive no longer has a document that the figures were made from",
    "host_down": "the server did not answer for so long that it was left alone",
    "invalid": "what came back broke a rule of this library",
    "invalid_list": "the list of the day's districts cannot be used",
    "invalid_payload": "the figures cannot be stored as JSON",
    "missing_rows": "the day's summary lists the district with clubs, but its club report has no rows",
    "no_provenance": "nothing says which documents the figures were made from",
    "not_archived": "the archive has no such document",
    "not_csv": "the answer was no report: an error page, or something else",
    "permanent": "it cannot be had, and asking again would not help",
    "returned_nothing": "the source returned nothing for the district",
    "source_bug": "the source's own code failed; see the log",
    "source_error": "the source could not say more",
    "timeout": "the answer took too long",
    "tls": "the server's certificate cannot be trusted",
    "too_large": "the answer is larger than any report",
    "too_many_redirects": "the server sent the request from address to address",
    "transient": "it failed this time; asking again may help",
    "truncated": "the answer was cut off before its end",
    "unframed": "it cannot be told whether the answer is whole",
    "unplanned_request": "the source asked for a document that the plan does not have",
    "wrong_district": "the answer was of another district than was asked for",
    "wrong_period": "the answer was of another month or day than was asked for",
    "wrong_report": "the answer was another report than was asked for",
}
"""Why units fail."""

CAUSES: Mapping[str, str] = {
    "document missing": "the archive no longer has a document; bring it back from a copy, or collect the day again with --no-skip",
    "document damaged": "the archive has something else in the place of a document; collect the day again with --no-skip --no-cache",
    "rules changed": "other rules made it; `backfill rebuild` makes it by those of today",
    "file edited": "a stored file is not what was written; `backfill rebuild` puts it right",
    "file missing": "a stored file is gone; `backfill rebuild` makes it anew",
    "day unreadable": "a day's manifest or metadata are gone, or are none; move its folder away, then `backfill rebuild` makes it anew",
    "close learnt later": "it was stored before the day's last state was known; collect it again with --no-skip",
    "no provenance": "nothing says which documents it was made from; collect it again with --no-skip",
    "cannot be made": "its documents are there, and give nothing by the rules of today",
}
"""Why something stored is not what its documents give, and what to do about it."""

GAPS: Mapping[str, str] = {
    "closing": "the dashboard was still closing the month before, and shows that month instead",
    "never-existed": "the dashboard never had this day",
    "not-published-yet": "the figures of this day are still to come",
    "no-such-as-of": "the dashboard has left this day out",
    "unknown": "nothing is known of this day",
}
"""Why a day has no figures of its own; it is never asked for."""

FINDINGS: Mapping[str, str] = {
    "clubs_differ": "two reports of a district do not list the same clubs",
    "conflicting_rows": "a row stands twice with different figures; the first counts",
    "damaged_day": "a stored day cannot be read",
    "decrease": "a figure that only grows within a program year is smaller than before",
    "dropped_row": "rows that name no club or district were left out",
    "duplicate_row": "a row stands twice with the same figures; it counts once",
    "encoding": "a report was not in UTF-8, and was read as cp1252",
    "fewer_clubs": "the club report has fewer clubs than the summary says",
    "goals_differ": "a club's goals do not add up to what is printed",
    "invalid_district": "an identifier that cannot name a district was dropped",
    "missing_column": "a report lacks a column that its program year should have",
    "missing_report": "a report of the district has no rows; what it alone says is stored as null",
    "ragged_row": "rows are shorter or longer than the headings",
    "same_rows": "two days have the very same rows",
    "snapshot_not_updated": "the snapshot could not be told what became of further districts",
    "summary_failed": "the ranking of the day could not be made",
    "sums_differ": "the clubs' figures do not add up to the district's",
    "unasked_district": "the source returned a district that was not asked for; it was dropped",
    "unknown_column": "a report has a column that is not known; it is kept as it stands",
    "unreadable_cell": "cells hold what cannot be read; they count as unknown",
}
"""What a reader of the figures should know."""


def meaning(words: Mapping[str, str], kind: str) -> str:
    """Return what *kind* means in plain words; itself where there are none."""
    if kind.startswith("http_"):
        return f"the server answered with status {kind.removeprefix('http_')}"
    return words.get(kind, kind.replace("_", " "))


def plural(number: int, noun: str, nouns: str | None = None) -> str:
    """Return the number with its noun: ``1 day``, ``1,536 days``; *nouns* where a letter more does not make the plural."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {nouns or f'{noun}s'}"


def listing(names: tuple[str, ...], most: int = 12) -> str:
    """Return the first *most* of *names*, and how many more there are."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most:,} more"


def size(number: int) -> str:
    """Return a number of bytes as people read it."""
    amount = float(number)
    for unit in ("bytes", "kB", "MB"):
        if amount < 1000:  # noqa: PLR2004 - the step of the units
            return f"{amount:,.0f} {unit}" if unit == "bytes" or amount >= 100 else f"{amount:,.1f} {unit}"  # noqa: PLR2004 - three digits are enough
        amount /= 1000
    return f"{amount:,.1f} GB"


def duration(seconds: float) -> str:
    """Return seconds as people read them."""
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"  # noqa: PLR2004 - two digits are enough
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"
