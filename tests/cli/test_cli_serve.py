"""`backfill serve`: the folder over HTTP, on this machine only, and how it ends."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from backfill.cli.serve import load_function
from backfill.errors import InvalidRequest
from backfill.testing.dashboard import DashboardServer
from cli_running import call
from serve_running import launched
from service_doubles import PATIENCE, until


@pytest.fixture
def dashboard() -> Iterator[DashboardServer]:
    """Serve the archive of the public dashboard."""
    with DashboardServer() as server:
        yield server


def get(url: str, **headers: str) -> httpx.Response:
    """Ask with GET."""
    return httpx.get(url, headers=headers, trust_env=False, timeout=PATIENCE)


BODY = {"startDate": "2022-07-31", "endDate": "2023-06-30", "frequency": "month-end"}


def test_the_folder_is_served_with_its_panel(tmp_path: Path, dashboard: DashboardServer) -> None:
    """It prints where the panel is, serves it, and a job that is started there stores into the folder. [R8.1, R12.1]"""
    with launched(tmp_path / "root", dashboard) as (_, url):
        assert url.startswith("http://127.0.0.1:")
        assert "<backfill-panel>" in get(f"{url}/panel").text
        started = httpx.post(f"{url}/backfills", json=BODY, trust_env=False)
        assert started.status_code == 202
        until(lambda: get(url + started.headers["location"]).json()["status"] == "complete")
        assert (tmp_path / "root" / "snapshots" / "2023-06-30" / "manifest.json").is_file()
        assert "/pause" in str(get(f"{url}/openapi.json").json()["paths"])
        assert get(f"{url}/health", Host="evil.example.org").status_code == 421


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_it_stops_at_once_while_somebody_listens(
    tmp_path: Path, dashboard: DashboardServer, number: signal.Signals, code: int
) -> None:
    """A signal ends it cleanly, with streams open and a job at work: streams end, nothing is printed but words, the job can go on. [B2, R8.5]"""
    with launched(tmp_path / "root", dashboard, rate=2) as (process, url):
        started = httpx.post(f"{url}/backfills", json=BODY, trust_env=False).json()["backfillId"]
        with httpx.stream("GET", f"{url}/events?after=0", trust_env=False, timeout=PATIENCE) as stream:
            received = stream.iter_text()
            while '"day-published"' not in next(received):
                pass
            process.send_signal(number)
            assert '"cancelled"' not in "".join(received)
        _, errors = process.communicate(timeout=PATIENCE)
        assert process.returncode == code
        assert errors.splitlines()[0] == "Stop with Ctrl-C."
        assert "Traceback" not in errors
    with launched(tmp_path / "root", dashboard) as (_, url):
        until(lambda: get(f"{url}/backfills/{started}").json()["status"] == "complete")


def test_others_are_let_in_only_with_somebody_who_decides(tmp_path: Path, dashboard: DashboardServer) -> None:
    """Another address than this machine's is refused without a function that decides; with one, that one decides. [R8.4, R8.5]"""
    refused = call("serve", tmp_path / "root", "--host", "0.0.0.0", "--port", 0)
    assert refused.exit_code == 2
    assert "nobody decides who may ask" in refused.output
    (tmp_path / "access.py").write_text("def allowed(request):\n    return request.headers.get('x-user') == 'ada'\n")
    with launched(
        tmp_path / "root", dashboard, "--host", "0.0.0.0", "--authorize", "access:allowed", "--name", "jobs.example.org"
    ) as (_, url):
        health = url.replace("0.0.0.0", "127.0.0.1") + "/health"
        assert get(health).status_code == 403
        assert get(health, Host="jobs.example.org", **{"X-User": "ada"}).status_code == 200


def test_a_server_that_ends_by_itself_ends_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the server has ended the command does too, with 0. [R8.1]"""
    serves = iter([True, False])
    monkeypatch.setattr("backfill.web.serving.Server.wait", lambda _self, _seconds: next(serves))
    result = call("serve", tmp_path / "root", "--port", 0)
    assert result.exit_code == 0
    assert "/panel" in result.output


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("nothing", "not of the form MODULE:FUNCTION"),
        (".access:allowed", "not of the form MODULE:FUNCTION"),
        ("a..b:allowed", "not of the form MODULE:FUNCTION"),
        ("json:dumps:loads", "not of the form MODULE:FUNCTION"),
        ("no_such_module:allowed", "there is no module no_such_module"),
        ("json:allowed", "json has no allowed"),
        ("json:__name__", "not a function"),
    ],
)
def test_a_function_that_cannot_be_had_is_told(text: str, why: str) -> None:
    """What --authorize names is looked for before anything is opened; the error says what is wrong with it, and what to write. [R8.4]"""
    with pytest.raises(InvalidRequest, match=why):
        load_function(text)


def test_a_function_is_found_where_the_command_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module in the working directory is found, also the second time. [R8.5]"""
    (tmp_path / "decides_here.py").write_text("def allowed(request):\n    return True\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    assert load_function("decides_here:allowed") is load_function("decides_here:allowed")


@pytest.mark.skipif(sys.platform == "win32", reason="kills a process by signal")
def test_a_server_goes_on_with_the_jobs_of_one_that_was_killed(tmp_path: Path, dashboard: DashboardServer) -> None:
    """Of two servers on one folder one is killed in the midst of a job: the other finishes it, and nobody has to ask. [B2, R8.5]"""
    root = tmp_path / "root"
    with launched(root, dashboard, rate=3) as (first, url), launched(root, dashboard, rate=3) as (_second, other):
        started = httpx.post(f"{url}/backfills", json=BODY, trust_env=False)
        where = other + started.headers["location"]
        until(lambda: get(where).json()["progress"]["completed"] > 0)
        first.kill()
        until(lambda: get(where).json()["status"] == "complete")
        assert get(where).json()["progress"]["failed"] == 0


@pytest.mark.parametrize(
    ("name", "code", "why"),
    [
        ("raises_here", "raise RuntimeError('no key')", "raises_here cannot be imported: RuntimeError: no key"),
        ("mistyped_here", "def allowed(:", "mistyped_here cannot be imported: SyntaxError: "),
        ("astray_here", "import json\njson.no_such_thing", "astray_here cannot be imported: AttributeError: "),
    ],
)
def test_a_module_that_cannot_be_imported_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, code: str, why: str
) -> None:
    """A module that fails while it is imported is an error with the value, what happened, and what to do; not a traceback. [R8.4]"""
    (tmp_path / f"{name}.py").write_text(code + "\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    with pytest.raises(InvalidRequest, match=why) as caught:
        load_function(f"{name}:allowed")
    assert (caught.value.field, caught.value.value) == ("authorize", f"{name}:allowed")
    assert name in caught.value.remedy
