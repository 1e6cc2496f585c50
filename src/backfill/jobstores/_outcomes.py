"""The ledger of outcomes in tables."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from datetime import date

from backfill.jobstores._codec import decode_name, encode_name
from backfill.jobstores.ledger import OutcomeLedger
from backfill.model import Change
from backfill.model.units import OutcomeRow


class Outcomes:
    """The last outcome of each unit. Remembers the names, which are only ever added to."""

    def __init__(self) -> None:
        self._names: tuple[str | None, ...] = ()

    def note(self, connection: sqlite3.Connection, changes: Sequence[Change], days: Iterable[date]) -> None:
        """Keep the outcomes that *changes* to *days* bring, if they bring any."""
        names = self._read_names(connection)
        rows: dict[date, bytes] = {}
        for day in days:
            found = connection.execute("SELECT states FROM outcomes WHERE day = ?", (day.isoformat(),)).fetchone()
            if found is not None:
                rows[day] = found[0]
        ledger = OutcomeLedger(names, rows)
        for change in changes:
            ledger.note(change)
        for place in range(len(names), len(ledger.names)):
            connection.execute("INSERT INTO outcome_names VALUES (?, ?)", (place, encode_name(ledger.names[place])))
        for day, row in ledger.days.items():
            if row != rows.get(day):
                connection.execute("REPLACE INTO outcomes VALUES (?, ?)", (day.isoformat(), row))

    def between(self, connection: sqlite3.Connection, start: date, end: date) -> dict[date, OutcomeRow]:
        """Return what is known of the days from *start* to *end*, ascending."""
        query = "SELECT day, states FROM outcomes WHERE day BETWEEN ? AND ?"
        found = connection.execute(query, (start.isoformat(), end.isoformat()))
        rows = {date.fromisoformat(day): states for day, states in found}
        return OutcomeLedger(self._read_names(connection), rows).between(start, end)

    def _read_names(self, connection: sqlite3.Connection) -> tuple[str | None, ...]:
        names = self._names
        (count,) = connection.execute("SELECT max(place) + 1 FROM outcome_names").fetchone()
        if count != len(names):
            found = connection.execute("SELECT name FROM outcome_names ORDER BY place")
            names = self._names = tuple(decode_name(name) for (name,) in found)
        return names
