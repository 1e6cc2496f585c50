"""A source over a SQL database: what a table holds today becomes history that stays.

One query serves all shops of a day (`collect_many`). It passes through `fetch` like any document, so its answer is archived and named in what is
stored: when the table is changed later, it can still be shown what it said.

    python examples/source_sql.py

It prints:

    complete: 6 stored, targeted
    2024-06-02 lima: {'orders': 2, 'turnover': 30.0}
    queries: 3
    the table now says 1 order; the history still says 2
"""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from backfill import BackfillRequest, BackfillService, DocumentRequest, Fetch
from backfill.fetching import PoliteFetcher
from backfill.stores import MemorySnapshotStore

QUERY = "SELECT shop, count(*), sum(amount) FROM orders WHERE day = ? GROUP BY shop"


class Orders:
    """Orders by shop."""

    name = "orders"

    def collect_many(self, day: date, districts: Sequence[str], fetch: Fetch, /) -> dict[str, object]:
        """Return the figures of several shops from one query."""
        found: dict[str, object] = json.loads(fetch(f"table:orders?day={day}").text)
        nothing = {"orders": 0, "turnover": 0.0}
        return {shop: found.get(shop, nothing) for shop in districts}

    def collect_district(self, day: date, district: str, fetch: Fetch, /) -> object:
        """Return the figures of one shop."""
        return self.collect_many(day, [district], fetch)[district]


class Database:
    """Answers queries: a connection for each, since they are asked from several threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.queries = 0

    def __call__(self, request: DocumentRequest) -> bytes:
        """Return the answer as JSON."""
        self.queries += 1
        (day,) = parse_qs(urlsplit(request.url).query)["day"]
        with self.connected() as connection:
            rows = connection.execute(QUERY, (day,)).fetchall()
        return json.dumps({shop: {"orders": number, "turnover": total} for shop, number, total in rows}).encode()

    @contextmanager
    def connected(self) -> Iterator[sqlite3.Connection]:
        """Provide a connection; what is done with it is kept."""
        with closing(sqlite3.connect(self._path)) as connection, connection:
            yield connection


def main() -> None:
    """Fill a table, collect its days, and change it afterwards."""
    store = MemorySnapshotStore()
    with tempfile.TemporaryDirectory() as place:
        database = Database(Path(place, "shop.sqlite3"))
        with database.connected() as connection:
            connection.execute("CREATE TABLE orders (day TEXT, shop TEXT, amount REAL)")
            rows = [(f"2024-06-0{day}", shop, 15.0) for day in (1, 2, 3) for shop in ("lima", "oslo") for _ in range(day)]
            connection.executemany("INSERT INTO orders VALUES (?, ?, ?)", rows)
        fetch = PoliteFetcher(transports={"table:": database})
        with closing(fetch), BackfillService(Orders(), store, fetch=fetch) as service:
            report = service.run_backfill(BackfillRequest("2024-06-01", "2024-06-03", ["lima", "oslo"]), progress=False)
            print(f"{report.status}: {report.progress.completed} stored, {report.collection_strategy.method}")
            print(f"2024-06-02 lima: {store.read(date(2024, 6, 2)).district('lima').data}")
            print(f"queries: {database.queries}")
        with database.connected() as connection:
            connection.execute("DELETE FROM orders WHERE rowid = (SELECT min(rowid) FROM orders WHERE day = '2024-06-02')")
            (left,) = connection.execute("SELECT count(*) FROM orders WHERE day = '2024-06-02' AND shop = 'lima'").fetchone()
        kept = store.read(date(2024, 6, 2)).district("lima").data
        assert isinstance(kept, dict)  # noqa: S101 - what the source returns
        print(f"the table now says {left} order; the history still says {kept['orders']}")


if __name__ == "__main__":
    main()
