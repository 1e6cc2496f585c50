"""A small REST server over the shipped weather, with the faults that servers have. Serves the loopback address only.

    GET /airports                      ["EWR", "JFK", "LGA"]
    GET /weather/JFK/2013-02-09        {"airport": …, "day": …, "observations": [{…}, …]}, or 404 when there are none

By hand: `python examples/flights/server.py`; in a program: `with WeatherServer() as server: …`.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import threading
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self

DATA = Path(__file__).parent / "data" / "weather-2013.csv.gz"
TEXTS = {"airport", "day", "observed_at"}

Faults = Mapping[str, Sequence[int]]
"""For a path the statuses of its first answers; the last one stays until the server is mended. 200 = the proper answer."""


def load(path: Path = DATA) -> dict[str, bytes]:
    """Return the proper answer, as JSON, for each path that there is something to say about."""
    days: dict[tuple[str, str], list[dict[str, object]]] = defaultdict(list)
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            figures = {name: float(value) if value else None for name, value in row.items() if name not in TEXTS}
            days[row["airport"], row["day"]].append({"observed_at": row["observed_at"], **figures})
    answers: dict[str, object] = {"/airports": sorted({airport for airport, _ in days})}
    for (airport, day), observations in days.items():
        answers[f"/weather/{airport}/{day}"] = {"airport": airport, "day": day, "observations": observations}
    return {path: json.dumps(answer).encode() for path, answer in answers.items()}


class WeatherServer:
    """Serves the weather in threads of its own, from `start` to `stop`, or for the time of a ``with``.

    Args:
        faults: What goes wrong, until `mend`.
        port: 0 = any that is free.
    """

    def __init__(self, faults: Faults | None = None, port: int = 0) -> None:
        self.answers = load()
        self.served: Counter[int] = Counter()
        self._faults = {path: list(statuses) for path, statuses in (faults or {}).items()}
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"weather": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", port), handler)
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self._http.server_port}"

    @property
    def requests(self) -> int:
        """How many requests it has answered."""
        return sum(self.served.values())

    def mend(self) -> None:
        """Put everything right."""
        with self._lock:
            self._faults.clear()

    def answer(self, path: str) -> tuple[int, bytes]:
        """Return the status and the body for one request, faults included."""
        with self._lock:
            faults = self._faults.get(path, [200])
            status = faults.pop(0) if len(faults) > 1 else faults[0]
        if status == HTTPStatus.OK and path not in self.answers:
            status = HTTPStatus.NOT_FOUND
        return status, self.answers[path] if status == HTTPStatus.OK else json.dumps({"status": status, "path": path}).encode()

    def count(self, status: int) -> None:
        """Note that an answer was given."""
        with self._lock:
            self.served[int(status)] += 1

    def start(self) -> Self:
        """Begin to serve; return the server itself."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Serve no more."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.stop()


class _Handler(BaseHTTPRequestHandler):
    weather: WeatherServer
    protocol_version = "HTTP/1.1"  # connections stay open, as with any real server
    wbufsize = -1  # header and body leave in one piece
    timeout = 30

    def do_GET(self) -> None:
        """Answer one request; an unchanged document is not sent again to who has it."""
        status, body = self.weather.answer(self.path)
        etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        if status == HTTPStatus.OK and self.headers.get("If-None-Match") == etag:
            status, body = HTTPStatus.NOT_MODIFIED, b""
        self.send_response(status)
        if status in {HTTPStatus.OK, HTTPStatus.NOT_MODIFIED}:
            self.send_header("ETag", etag)
        if status == HTTPStatus.SERVICE_UNAVAILABLE:
            self.send_header("Retry-After", "0")
        if status != HTTPStatus.NOT_MODIFIED:
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.weather.count(status)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing: the counts say it all."""


def main() -> None:
    """Serve until interrupted."""
    with WeatherServer(port=8013) as server:
        print(f"{server.url}/airports, {server.url}/weather/JFK/2013-02-09; stop with Ctrl-C")
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print(f"{server.requests} requests answered")


if __name__ == "__main__":
    main()
