"""A source over a REST interface that wants a token, answers in pages, and is overloaded now and then.

A small server on this machine plays the publisher. Limits, pauses and repetitions are none of the source's business: they stand behind
`fetch`. The token is in the session that the door was given, so it reaches neither a log nor what is stored.

    python examples/source_rest.py

It prints:

    plan: 5 units
    complete: 5 stored, 0 failed
    2024-03-05: 7 readings, 21.0 in all, from 3 documents
    answers: {200: 15, 503: 1}
    with a wrong token: error, http_401
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests

from backfill import BackfillRequest, BackfillService, Document, Fetch, TransientSourceError
from backfill.fetching import PoliteFetcher
from backfill.model import RetryPolicy
from backfill.stores import MemorySnapshotStore

TOKEN = "open-sesame"  # noqa: S105 - of the server below
PAGE = 3
READINGS = 7


def page_of(document: Document) -> dict[str, Any]:
    """Return the answer as JSON; one that is none was cut, or is an error page, and is asked for again."""
    try:
        page: dict[str, Any] = json.loads(document.text)
    except ValueError as error:
        raise TransientSourceError("not JSON", kind="not_json") from error
    return page


class Readings:
    """Readings of a station, over all pages of its interface."""

    name = "readings"

    def __init__(self, url: str) -> None:
        self._url = url

    def collect_district(self, day: date, district: str, fetch: Fetch, /) -> dict[str, float]:
        """Return how many readings a station has of a day, and their sum."""
        values = list(self._values(day, district, fetch))
        return {"readings": len(values), "sum": sum(values)}

    def _values(self, day: date, station: str, fetch: Fetch) -> Iterator[float]:
        page: int | None = 1
        while page is not None:
            parameters = {"day": day.isoformat(), "page": str(page)}
            answer = fetch(f"{self._url}/stations/{station}/readings", params=parameters, check=page_of).parsed
            assert isinstance(answer, dict)  # noqa: S101 - what page_of returns
            yield from answer["values"]
            page = answer["next"]


def main() -> None:
    """Collect five days of a station; then try with a token that is wrong."""
    request = BackfillRequest("2024-03-01", "2024-03-05", ["harbour"])
    store = MemorySnapshotStore()
    with publisher() as (url, answers):
        with closing(door(TOKEN)) as fetch, BackfillService(Readings(url), store, fetch=fetch) as service:
            print(f"plan: {service.plan(request).total_units} units")
            report = service.run_backfill(request, progress=False)
            print(f"{report.status}: {report.progress.completed} stored, {report.progress.failed} failed")
            record = store.read(date(2024, 3, 5)).district("harbour")
            assert isinstance(record.data, dict)  # noqa: S101 - what the source returns
            made_from = f"{len(record.provenance)} documents"
            print(f"{record.day}: {record.data['readings']} readings, {record.data['sum']} in all, from {made_from}")
            print(f"answers: {dict(sorted(answers.items()))}")
        with closing(door("wrong")) as fetch, BackfillService(Readings(url), MemorySnapshotStore(), fetch=fetch) as service:
            report = service.run_backfill(request, progress=False)
            print(f"with a wrong token: {report.status}, {report.error_summary[0].kind}")


def door(token: str) -> PoliteFetcher:
    """Return the door, with a session that carries the token."""
    session = requests.Session()
    session.trust_env = False  # the server is on this machine: no proxy stands before it
    session.headers["Authorization"] = f"Bearer {token}"
    return PoliteFetcher(rate=200, session=session, retry=RetryPolicy(base=0.01))


@contextmanager
def publisher() -> Iterator[tuple[str, Counter[int]]]:
    """Run the publisher's server; hand out its address, and how often it gave each status."""
    answers: Counter[int] = Counter()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            page = int(parse_qs(asked.query)["page"][0])
            if self.headers["Authorization"] != f"Bearer {TOKEN}":
                self.answer(401, {"error": "who are you?"})
            elif page == 1 and not answers[503]:
                self.answer(503, {"error": "busy"})
            else:
                values = [float(number) for number in range(READINGS)][(page - 1) * PAGE : page * PAGE]
                self.answer(200, {"values": values, "next": page + 1 if page * PAGE < READINGS else None})

        def answer(self, status: int, body: object) -> None:
            answers[status] += 1
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", answers
        finally:
            server.shutdown()
            thread.join()


if __name__ == "__main__":
    main()
