"""The example that serves over HTTP does what it shows: run as a user runs it, asked as its docstring asks."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from service_doubles import PATIENCE, until

SCRIPT = Path(__file__).parents[2] / "examples" / "web" / "serve.py"


@contextmanager
def running(*options: str) -> Iterator[str]:
    """Run the example on a free port, and end it as an operating system does."""
    with subprocess.Popen(
        [sys.executable, str(SCRIPT), "--port", "0", *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            found = re.match(r"(http://127\.0\.0\.1:\d+)/ ", process.stdout.readline())
            assert found is not None
            yield found[1]
        finally:
            process.terminate()
            _, errors = process.communicate(timeout=PATIENCE)
    assert (process.returncode, errors) == (-signal.SIGTERM, "")


def test_the_example_collects_over_http() -> None:
    """A job started as the docstring says collects real observations, tells it live, and can be read; then all ends. [R8.1, R9.5, R10.4]"""
    with running() as url, httpx.Client(base_url=url, trust_env=False, follow_redirects=True) as client:
        assert "<backfill-panel>" in client.get("/").text
        assert "customElements.define" in client.get("/backfill/panel.js").text
        assert "POST</span> <code>/backfills</code>" in client.get("/backfill/docs").text
        body = re.search(r"-d '(\{.+?\})'", SCRIPT.read_text(encoding="utf-8"))
        assert body is not None
        started = client.post("/backfill/backfills", content=body[1], headers={"Content-Type": "application/json"})
        assert started.status_code == 202
        with client.stream("GET", f"{started.headers['location']}/events", timeout=PATIENCE) as stream:
            assert "event: end" in "".join(stream.iter_text())
        report = client.get(started.headers["location"]).json()
        assert (report["status"], report["progress"]["completed"]) == ("complete", 62)
        assert client.get("/backfill/snapshots/2013-01-31/districts/JFK").json()["data"]["hours"] > 0


def test_the_example_ends_while_somebody_listens() -> None:
    """A client that still listens does not keep the server from ending. [R9.5]"""
    with running() as url, httpx.stream("GET", f"{url}/backfill/events", timeout=PATIENCE, trust_env=False) as stream:
        assert next(stream.iter_text()).startswith("retry:")


def test_the_example_can_ask_for_a_token() -> None:
    """With a token only who sends it is let in. [R8.5]"""
    with running("--token", "hush") as url:
        health = f"{url}/backfill/health"
        assert httpx.get(health, trust_env=False).status_code == 403
        until(lambda: httpx.get(health, headers={"Authorization": "Bearer hush"}, trust_env=False).status_code == 200)
