"""The dashboard server counts what it is asked, serves many at once, and leaves nothing behind."""

from __future__ import annotations

import http.client
import os
import re
import runpy
import signal
import socket
import struct
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

import backfill
from backfill.errors import ServiceUnusable
from backfill.testing.dashboard import DashboardServer, Fault, ReportArchive
from backfill.testing.dashboard.command import main
from backfill.testing.dashboard.log import most_within
from backfill.testing.dashboard.wire import Listener
from dashboard_client import ask, connect, export, open_socket

YEAR = "2022-2023"
CLUBS = export(f"clubperformance~91~1/31/2023~2/8/2023~{YEAR}", YEAR)


# The log and the counts


def test_requests_are_counted_by_what_they_ask_for(dashboard: DashboardServer) -> None:
    """Counts by report, district, as-of and status, and a log with time, headers and address, tell what was asked. [P12, R9.5]"""
    dashboard.fail(Fault.status(503), district="F")
    ask(dashboard, CLUBS, headers={"User-Agent": "tides/1.0"})
    ask(dashboard, CLUBS.replace("~91~", "~F~"))
    ask(dashboard, export(f"districtsummary~1/31/2023~~{YEAR}", YEAR))
    ask(dashboard, "/2022-2023/Club.aspx?id=91")
    counts = dashboard.counts
    assert counts.total == 4
    assert counts.by_report == {"clubperformance": 2, "districtsummary": 1}
    assert counts.by_district == {"91": 1, "F": 1}
    assert counts.by_as_of == {"2023-02-08": 2}
    assert counts.by_status == {200: 3, 503: 1}
    first = dashboard.requests[0]
    assert (first.method, first.target, first.path) == ("GET", CLUBS, "/2022-2023/export.aspx")
    assert (first.report, first.district, first.month, first.as_of) == ("clubperformance", "91", "2023-01-31", "2023-02-08")
    assert (first.status, first.fault, first.headers["user-agent"]) == (200, "", "tides/1.0")
    assert dashboard.requests[1].fault == "status 503"
    dashboard.reset()
    assert (dashboard.counts.total, dashboard.counts.most_in_flight, dashboard.requests) == (0, 0, ())
    assert ask(dashboard, CLUBS.replace("~91~", "~F~")).status == 503  # faults stay on


def test_times_are_those_of_the_given_clock() -> None:
    """Times of requests are read from the clock that the test gives, so that a rate can be checked on a virtual one. [P10, R9.1]"""
    times = iter([1.0, 1.4, 1.9, 2.0, 5.0])
    with DashboardServer(monotonic=lambda: next(times)) as server:
        for _ in range(5):
            ask(server, CLUBS)
        assert [record.at for record in server.requests] == [1.0, 1.4, 1.9, 2.0, 5.0]
        assert server.most_within(1) == 3
        assert server.most_within(1.001) == 4


def test_a_window_does_not_hold_its_own_end() -> None:
    """Two requests exactly one second apart are not in one second. [P10]"""
    assert most_within(1, [3.0, 2.0, 1.0]) == 1
    assert most_within(1, [1.0, 1.5, 2.0, 2.5]) == 2
    assert most_within(1, []) == 0


def test_p9_requests_in_flight_are_counted_exactly(dashboard: DashboardServer) -> None:
    """Eight clients at once are eight in flight; clients one after another are never two. [P9, R9.2]"""
    for _ in range(50):
        ask(dashboard, CLUBS)
    assert dashboard.counts.most_in_flight == 1
    gate = threading.Event()
    dashboard.fail(Fault.hold(gate))
    with ThreadPoolExecutor(8) as clients:
        answers = [clients.submit(ask, dashboard, CLUBS) for _ in range(8)]
        assert dashboard.wait_for_requests(58)
        gate.set()
        assert {len(answer.result().body) for answer in answers} == {23822}
    assert (dashboard.counts.most_in_flight, dashboard.in_flight) == (8, 0)


def test_waiting_for_requests_ends(dashboard: DashboardServer) -> None:
    """Waiting for more requests than come ends with the time that was given for it. [R9.5]"""
    assert not dashboard.wait_for_requests(1, timeout=0.001)


def test_many_clients_each_get_their_own(dashboard: DashboardServer) -> None:
    """Forty-eight requests over eight threads are answered each with its own file. [R9.2]"""
    keys = [key for key in ReportArchive.shipped() if key.report == "clubperformance" and key.month.year == 2022][:24]

    def fetch(number: int) -> bool:
        key = keys[number % len(keys)]
        slots = f"{key.month:%m/%d/%Y}~{key.as_of:%m/%d/%Y}"
        body = ask(dashboard, export(f"clubperformance~{key.district}~{slots}~{YEAR}", YEAR)).body
        return body == ReportArchive.shipped()[key].content

    with ThreadPoolExecutor(8) as clients:
        assert all(clients.map(fetch, range(48)))
    assert dashboard.counts.total == 48


def test_connections_are_kept(dashboard: DashboardServer) -> None:
    """Requests follow each other on one connection; one that asks to be closed is. [R10.3]"""
    connection = connect(dashboard)
    for _ in range(3):
        connection.request("GET", CLUBS)
        assert len(connection.getresponse().read()) == 23822
        assert connection.sock is not None
    connection.request("GET", CLUBS, headers={"Connection": "close"})
    last = connection.getresponse()
    assert (last.getheader("Connection"), len(last.read())) == ("close", 23822)
    connection.close()


def test_head_has_no_body_and_other_methods_are_refused(dashboard: DashboardServer) -> None:
    """HEAD says what GET would send; POST is not served. [R10.3]"""
    reply = ask(dashboard, CLUBS, method="HEAD")
    assert (reply.status, reply.body, reply.headers["Content-Length"]) == (200, b"", "23822")
    assert ask(dashboard, CLUBS, method="POST").status == 501


# Starting and stopping


def idle(server: DashboardServer) -> socket.socket:
    """Return a connection that has not asked anything."""
    return open_socket(server)


def kept(server: DashboardServer) -> socket.socket:
    """Return a connection that had an answer and is kept open."""
    connection = connect(server)
    connection.request("GET", CLUBS)
    connection.getresponse().read()
    return connection.sock


def held(server: DashboardServer) -> socket.socket:
    """Return a connection whose request waits at a gate that is never opened."""
    server.fail(Fault.hold(threading.Event()), times=1)
    return waiting(server)


def dripping(server: DashboardServer) -> socket.socket:
    """Return a connection whose answer would take hours."""
    server.fail(Fault.drip(piece=1, pause=60), times=1)
    return waiting(server)


def slow(server: DashboardServer) -> socket.socket:
    """Return a connection whose answer begins in an hour."""
    server.fail(Fault.slow(3600), times=1)
    return waiting(server)


def waiting(server: DashboardServer) -> socket.socket:
    """Return a connection whose request has come."""
    raw = open_socket(server)
    raw.sendall(f"GET {CLUBS} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert server.wait_for_requests(1)
    return raw


def test_a_server_that_nobody_stops_does_not_hold_up_the_interpreter() -> None:
    """A program or a notebook that forgets to stop it ends all the same, with a connection open. [R10.2]"""
    program = """
import socket
from backfill.testing.dashboard import DashboardServer
server = DashboardServer()
server.start()
connection = socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])))
connection.sendall(b"GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n")
print(connection.recv(12))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("b'HTTP/1.1 ")


@pytest.mark.parametrize("connection", [idle, kept, held, dripping, slow])
def test_stopping_ends_open_connections_and_leaves_no_thread(connection: Callable[[DashboardServer], socket.socket]) -> None:
    """Whatever a connection waits for, stopping ends it: the client sees the end, and no thread is left. [R10.2]"""
    before = set(threading.enumerate())
    server = DashboardServer()
    server.start()
    raw = connection(server)
    server.stop()
    assert set(threading.enumerate()) == before
    received = b""
    with raw, suppress(ConnectionResetError):  # which is what an idle one sees that was not even accepted yet
        while piece := raw.recv(65536):
            received += piece
    assert not received.endswith(b"As of 02/08/2023\r\n")
    assert server.in_flight == 0


def test_a_client_that_has_left_is_not_a_problem(dashboard: DashboardServer) -> None:
    """A client that closes before its answer, or resets, disturbs nothing. [R6.1]"""
    gate = threading.Event()
    dashboard.fail(Fault.hold(gate), times=2)
    for number in (1, 2):
        raw = waiting(dashboard)
        assert dashboard.wait_for_requests(number)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raw.close()
    gate.set()
    assert ask(dashboard, CLUBS).status == 200
    assert dashboard.problems == []


def test_it_comes_back_at_the_same_address() -> None:
    """Stopped, it refuses connections; started again, it is where it was, with its log. [R9.4]"""
    server = DashboardServer()
    with pytest.raises(ServiceUnusable, match="no address before it is started"):
        _ = server.url
    server.stop()  # nothing to stop
    server.start()
    with pytest.raises(ServiceUnusable, match="runs already"):
        server.start()
    ask(server, CLUBS)
    address = server.url
    server.stop()
    with pytest.raises(ConnectionRefusedError):
        ask(server, CLUBS)
    with server:
        assert server.url == address
        assert ask(server, CLUBS).status == 200
    assert server.counts.total == 2


def test_a_port_that_is_taken_leaves_nothing_behind(dashboard: DashboardServer) -> None:
    """A second server on the same port is refused, without a thread or a socket left over. [R10.2]"""
    before = set(threading.enumerate())
    port = int(dashboard.url.rpartition(":")[2])
    with pytest.raises(OSError, match="in use"):
        DashboardServer(port=port).start()
    assert set(threading.enumerate()) == before


def test_what_goes_wrong_in_a_connection_is_kept() -> None:
    """An error in a connection's thread is kept for whoever runs the server, and the connection ends. [R6.2]"""
    errors: list[BaseException] = []

    def respond(_connection: object) -> None:
        raise ValueError("a mistake of ours")

    listener = Listener(("127.0.0.1", 0), respond, errors.append)
    host, port = listener.server_address[:2]
    connection = http.client.HTTPConnection(str(host), port)
    connection.request("GET", "/")
    with pytest.raises(http.client.RemoteDisconnected):
        connection.getresponse()
    connection.close()
    listener.stop()
    assert [str(error) for error in errors] == ["a mistake of ours"]


# The command


def test_the_command_serves_until_it_is_interrupted(tmp_path: Path) -> None:
    """``python -m backfill.testing.dashboard`` prints its address, answers, and ends well on Ctrl-C. [R10.4]"""
    command = [sys.executable, "-m", "backfill.testing.dashboard", "--port", "0", "--today", "2023-02-09"]
    source = str(Path(backfill.__file__).parents[1])
    with subprocess.Popen(
        command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": source}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        found = re.fullmatch(r"The dashboard of 2023-02-09 is at (http://127\.0\.0\.1:\d+)\n", said)
        assert found, said
        with urllib.request.urlopen(f"{found[1]}{export('clubperformance~91')}") as answer:
            assert answer.read().endswith(b"Month of Jan, As of 02/08/2023\r\n")
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=60)
    assert (process.returncode, rest, errors) == (0, "", "")


def test_the_command_ends_when_it_is_told_to(capsys: pytest.CaptureFixture[str]) -> None:
    """The command can be run within a program, and be told to end. [R10.4]"""
    stop = threading.Event()
    stop.set()
    before = set(threading.enumerate())
    main(["--port", "0"], stop)
    assert capsys.readouterr().out.startswith("The dashboard of 2026-06-04 is at http://127.0.0.1:")
    assert set(threading.enumerate()) == before


def test_the_command_is_ended_by_an_interrupt(capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C ends the command without a traceback, and with its socket closed. [R10.4]"""

    class Interrupted(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            raise KeyboardInterrupt

    main(["--port", "0"], Interrupted())
    address = capsys.readouterr().out.split()[-1]
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(address)


def test_the_package_can_be_run_as_a_module(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The package runs the command, which explains its options. [R10.4]"""
    monkeypatch.setattr(sys, "argv", ["dashboard", "--help"])
    with pytest.raises(SystemExit):
        runpy.run_module("backfill.testing.dashboard", run_name="__main__")
    said = capsys.readouterr().out
    assert all(option in said for option in ("--archive", "--today", "--host", "--port"))


def test_the_command_says_what_is_wrong(dashboard: DashboardServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A port that is taken and an archive that is none end the command with what to do about it. [R6.2]"""
    for arguments, message in (
        (["--port", dashboard.url.rpartition(":")[2]], "choose another --port"),
        (["--archive", str(tmp_path / "none.zip")], "an archive is a folder or a zip file"),
    ):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 2
        assert message in capsys.readouterr().err
