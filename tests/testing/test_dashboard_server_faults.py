"""Each fault of the dashboard server does on the wire what its name says, for the requests that it was switched on for."""

from __future__ import annotations

import gzip
import http.client
import json
import threading
import zlib
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from backfill.errors import InvalidRequest
from backfill.testing.dashboard import DashboardServer, Fault, ReportArchive, ReportKey
from dashboard_client import ask, connect, export, open_socket

YEAR = "2022-2023"
CLUBS = export(f"clubperformance~91~1/31/2023~2/8/2023~{YEAR}", YEAR)
CLUBS_F = export(f"clubperformance~F~1/31/2023~2/8/2023~{YEAR}", YEAR)
DISTRICT = export(f"districtperformance~91~1/31/2023~2/8/2023~{YEAR}", YEAR)
SUMMARY = export(f"districtsummary~1/31/2023~2/8/2023~{YEAR}", YEAR)
FEBRUARY = export(f"clubperformance~91~2/28/2023~3/9/2023~{YEAR}", YEAR)
JAN, CLOSE = date(2023, 1, 31), date(2023, 2, 8)
WHOLE = ReportArchive.shipped()[ReportKey(JAN, CLOSE, "clubperformance", "91")].content


def whole(dashboard: DashboardServer) -> bool:
    """Return whether the club report of District 91 is answered as it should be."""
    return ask(dashboard, CLUBS).body == WHOLE


# Instead of an answer


def test_status_happens_so_many_times_and_then_all_is_well(dashboard: DashboardServer) -> None:
    """A fault with a count happens that often, then answers are right again; without one it lasts until it is healed. [R6.5]"""
    rule = dashboard.fail(Fault.status(503), times=2)
    assert [ask(dashboard, CLUBS).status for _ in range(3)] == [503, 503, 200]
    assert rule.hits == 2
    dashboard.fail(Fault.status(500))
    assert [ask(dashboard, CLUBS).status for _ in range(3)] == [500, 500, 500]
    dashboard.heal()
    assert whole(dashboard)


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (2, "2"),
        (0.5, "0.5"),
        ("soon", "soon"),
        (datetime(2026, 6, 4, 14, 0, tzinfo=timezone(timedelta(hours=2))), "Thu, 04 Jun 2026 12:00:00 GMT"),
        (None, None),
    ],
)
def test_retry_after_has_both_forms(dashboard: DashboardServer, given: float | str | datetime | None, sent: str | None) -> None:
    """*Retry-After* is sent as seconds, as a date, as whatever text, or not at all. [R6.5]"""
    dashboard.fail(Fault.status(429, retry_after=given))
    reply = ask(dashboard, CLUBS)
    assert (reply.status, reply.headers.get("Retry-After")) == (429, sent)


def test_a_moment_without_a_zone_is_refused() -> None:
    """*Retry-After* as a date needs to know which hour it is. [R6.5]"""
    with pytest.raises(InvalidRequest, match="a moment is aware; give it a time zone"):
        Fault.status(503, retry_after=datetime(2026, 6, 4, tzinfo=UTC).replace(tzinfo=None))


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_that_has_no_body_has_none(dashboard: DashboardServer, status: int) -> None:
    """204 and 304 end with their headers. [R6.5]"""
    dashboard.fail(Fault.status(status))
    reply = ask(dashboard, CLUBS)
    assert (reply.status, reply.body, reply.headers.get("Content-Length")) == (status, b"", None)


def test_a_status_without_a_name_is_sent_as_it_is(dashboard: DashboardServer) -> None:
    """A number that HTTP has no words for is sent without. [R6.5]"""
    dashboard.fail(Fault.status(599))
    reply = ask(dashboard, CLUBS)
    assert (reply.status, reply.reason) == (599, "")


def test_reset_breaks_the_connection_off(dashboard: DashboardServer) -> None:
    """A reset is a reset, and not merely an early end. [R6.5]"""
    dashboard.fail(Fault.reset(), times=1)
    with pytest.raises(ConnectionResetError) as caught:
        ask(dashboard, CLUBS)
    assert not isinstance(caught.value, http.client.RemoteDisconnected)
    assert [record.status for record in dashboard.requests] == [None]
    assert whole(dashboard)


def test_reset_after_part_of_the_body(dashboard: DashboardServer) -> None:
    """A reset in the middle of a body comes after its beginning. [R6.5]"""
    dashboard.fail(Fault.reset(after=100))
    connection = connect(dashboard)
    connection.request("GET", CLUBS)
    received: list[bytes] = []

    def read() -> None:
        answer = connection.getresponse()
        assert answer.getheader("Content-Length") == str(len(WHOLE))
        while piece := answer.read1():
            received.append(piece)

    with pytest.raises(ConnectionResetError):
        read()
    connection.close()
    assert b"".join(received) in {WHOLE[:100], b""}  # the system may drop what was not read before the reset came


def test_error_page_with_status_200(dashboard: DashboardServer) -> None:
    """The error page in place of a report says 200 and is HTML, at once or by way of a redirect. [R6.5]"""
    dashboard.fail(Fault.error_page(), report="clubperformance", district="U")
    reply = ask(dashboard, CLUBS.replace("~91~", "~U~"))
    assert (reply.status, reply.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert b"<html>" in reply.body
    assert whole(dashboard)
    dashboard.fail(Fault.error_page(redirect=True))
    reply = ask(dashboard, CLUBS)
    assert (reply.status, reply.headers["Location"]) == (302, f"/error.aspx?aspxerrorpath=/{YEAR}/export.aspx")


def test_json_and_any_other_body(dashboard: DashboardServer) -> None:
    """JSON, or whatever bytes a test wants, come with status 200. [R6.5]"""
    dashboard.fail(Fault.json_body(), times=1)
    reply = ask(dashboard, CLUBS)
    assert (reply.status, reply.headers["Content-Type"]) == (200, "application/json")
    assert isinstance(json.loads(reply.body), dict)
    dashboard.fail(Fault.body(b"\xff\xfe", content_type="text/csv"))
    reply = ask(dashboard, CLUBS)
    assert (reply.body, reply.headers["Content-Type"]) == (b"\xff\xfe", "text/csv")


# The right answer, badly sent


def test_slow_lets_a_client_give_up_and_the_server_stop() -> None:
    """A slow answer outlasts the client's patience; stopping the server does not wait for it. [R6.5]"""
    with DashboardServer() as server:
        server.fail(Fault.slow(3600), times=1)
        with pytest.raises(TimeoutError):
            ask(server, CLUBS, timeout=0.05)
        server.fail(Fault.slow(0.001))
        assert whole(server)


def test_hold_waits_for_the_gate(dashboard: DashboardServer) -> None:
    """A held request is in flight until its gate is opened, and is then answered as it should be. [R6.5]"""
    gate = threading.Event()
    dashboard.fail(Fault.hold(gate))
    bodies: list[bytes] = []
    client = threading.Thread(target=lambda: bodies.append(ask(dashboard, CLUBS).body))
    client.start()
    assert dashboard.wait_for_requests(1)
    assert (dashboard.in_flight, bodies) == (1, [])
    gate.set()
    client.join()
    assert bodies == [WHOLE]


def test_a_gate_is_looked_at_again_and_again(dashboard: DashboardServer) -> None:
    """A gate that is opened late is waited for. [R6.5]"""

    class Late(threading.Event):
        looks = 0

        def wait(self, timeout: float | None = None) -> bool:
            self.looks += 1
            return self.looks > 3

    gate = Late()
    dashboard.fail(Fault.hold(gate))
    assert whole(dashboard)
    assert gate.looks == 4


def test_drip_sends_piece_by_piece(dashboard: DashboardServer) -> None:
    """A dripped body comes in pieces: the first is there long before the next, and all of them make the whole. [R6.5]"""
    dashboard.fail(Fault.drip(piece=10, pause=3600), times=1)
    with open_socket(dashboard) as raw:
        raw.sendall(f"GET {CLUBS} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        received = raw.recv(65536)  # the pause begins after the headers
        assert received.endswith(b"\r\n\r\n")
        dashboard.stop()
        assert raw.recv(65536) == b""
    dashboard.start()
    dashboard.fail(Fault.drip(piece=5000, pause=0.0001))
    assert whole(dashboard)


def test_cut_body_with_a_length(dashboard: DashboardServer) -> None:
    """A body that ends before its announced length is noticed by HTTP. [R6.5]"""
    dashboard.fail(Fault.cut(keep=1000), times=1)
    with pytest.raises(http.client.IncompleteRead) as caught:
        ask(dashboard, CLUBS)
    assert (caught.value.partial, caught.value.expected) == (WHOLE[:1000], len(WHOLE) - 1000)
    assert whole(dashboard)


def test_cut_body_without_a_length(dashboard: DashboardServer) -> None:
    """Without a length a cut body looks whole to HTTP. [R6.5]"""
    dashboard.fail(Fault.cut(announced=False))
    reply = ask(dashboard, CLUBS)
    assert reply.body == WHOLE[: len(WHOLE) // 2]
    assert (reply.headers.get("Content-Length"), reply.headers["Connection"]) == (None, "close")


def test_cut_at_the_end_of_a_row(dashboard: DashboardServer) -> None:
    """Cut between two rows, only the missing footer gives it away. [R6.5]"""
    dashboard.fail(Fault.cut(keep=5000, at_row_end=True, announced=False))
    body = ask(dashboard, CLUBS).body
    assert body.endswith(b'"\r\n')
    assert 4000 < len(body) <= 5000
    assert WHOLE.startswith(body)


def test_wrong_length(dashboard: DashboardServer) -> None:
    """A length that is too long is missed, one that is too short cuts, and neither outlasts its connection. [R6.5]"""
    dashboard.fail(Fault.wrong_length(50), times=1)
    with pytest.raises(http.client.IncompleteRead) as caught:
        ask(dashboard, CLUBS)
    assert (caught.value.partial, caught.value.expected) == (WHOLE, 50)
    dashboard.fail(Fault.wrong_length(-50), times=1)
    assert ask(dashboard, CLUBS).body == WHOLE[:-50]
    dashboard.fail(Fault.wrong_length(-1_000_000), times=1)
    assert ask(dashboard, CLUBS).body == b""
    assert whole(dashboard)


def test_gzip_correct_and_cut(dashboard: DashboardServer) -> None:
    """A compressed body unpacks to the report; a cut one has a length that agrees, and unpacks to its beginning only. [R6.5]"""
    dashboard.fail(Fault.gzip(), times=1)
    reply = ask(dashboard, CLUBS)
    assert (reply.headers["Content-Encoding"], gzip.decompress(reply.body)) == ("gzip", WHOLE)
    dashboard.fail(Fault.gzip(keep=2000), times=1)
    reply = ask(dashboard, CLUBS)
    assert reply.headers["Content-Length"] == str(len(reply.body)) == "2000"
    unpacker = zlib.decompressobj(wbits=31)
    assert WHOLE.startswith(unpacker.decompress(reply.body))
    assert not unpacker.eof


def test_gzip_bomb_is_small_and_bounded(dashboard: DashboardServer) -> None:
    """A bomb is small on the wire and unpacks to what was asked for, which is refused beyond 256 MiB. [R6.5]"""
    dashboard.fail(Fault.gzip_bomb(3_000_000))
    reply = ask(dashboard, CLUBS)
    assert len(reply.body) < 10_000
    assert gzip.decompress(reply.body) == bytes(3_000_000)
    with pytest.raises(InvalidRequest, match="at most 268435456 bytes"):
        Fault.gzip_bomb(2**40)


# The wrong content, well sent


def test_empty_body_and_headings_only_and_zero_rows(dashboard: DashboardServer) -> None:
    """No bytes at all, headings without a footer, and headings with the footer are three different answers. [R6.5]"""
    lines = WHOLE.splitlines(keepends=True)
    for fault, body in (
        (Fault.empty_body(), b""),
        (Fault.header_only(), lines[0]),
        (Fault.zero_rows(), lines[0] + lines[-1]),
    ):
        dashboard.fail(fault, times=1)
        reply = ask(dashboard, CLUBS)
        assert (reply.status, reply.body, reply.headers["Content-Length"]) == (200, body, str(len(body)))


def test_stale_month(dashboard: DashboardServer) -> None:
    """Another month's file: the one before, the one that is named, or the next where there is none before. [B10]"""
    dashboard.fail(Fault.stale_month(), times=1)
    assert ask(dashboard, CLUBS).footer == "Month of Dec, As of 01/10/2023"
    dashboard.fail(Fault.stale_month(date(2022, 9, 1)), times=1)
    assert ask(dashboard, CLUBS).footer == "Month of Sep, As of 10/17/2022"
    dashboard.fail(Fault.stale_month(), times=1)
    july = ask(dashboard, export(f"clubperformance~91~7/31/2022~8/9/2022~{YEAR}", YEAR))
    assert july.footer == "Month of Aug, As of 09/08/2022"


def test_other_as_of(dashboard: DashboardServer) -> None:
    """Another state of the month: one of the archive if it has one, else the same rows under another date. [B10]"""
    dashboard.fail(Fault.other_as_of(), report="districtsummary")
    reply = ask(dashboard, export("districtsummary~5/31/2026~6/3/2026~2025-2026"))
    archive = ReportArchive.shipped()
    assert reply.body == archive[ReportKey(date(2026, 5, 31), date(2026, 5, 31), "districtsummary")].content
    dashboard.fail(Fault.other_as_of(), report="clubperformance", times=1)
    reply = ask(dashboard, CLUBS)
    assert (reply.rows, reply.footer) == (WHOLE.splitlines()[1:-1], "Month of Jan, As of 02/07/2023")
    dashboard.fail(Fault.other_as_of(date(2023, 1, 15)), report="clubperformance")
    assert ask(dashboard, CLUBS).footer == "Month of Jan, As of 01/15/2023"


def test_other_district(dashboard: DashboardServer) -> None:
    """Another district's rows come under the right footer. [R6.5]"""
    dashboard.fail(Fault.other_district(), times=1)
    reply = ask(dashboard, CLUBS)
    assert reply.rows[0].startswith(b'"01",')
    assert reply.footer == "Month of Jan, As of 02/08/2023"
    dashboard.fail(Fault.other_district("F"))
    assert ask(dashboard, CLUBS).body == ReportArchive.shipped()[ReportKey(JAN, CLOSE, "clubperformance", "F")].content


@pytest.mark.parametrize("fault", [Fault.stale_month(date(2020, 1, 1)), Fault.other_district("231")])
def test_a_fault_that_has_nothing_to_send_says_so(fault: Fault) -> None:
    """A fault for which the archive has no file is told to the client, and raised where the server is left. [R6.2]"""

    def use() -> None:
        with DashboardServer() as server:
            server.fail(fault)
            reply = ask(server, CLUBS)
            assert (reply.status, b"the archive holds no other" in reply.body) == (500, True)

    with pytest.raises(
        InvalidRequest, match=r"no other (month|district) beside 2022-2023/2023-01-31/2023-02-08/clubperformance~91"
    ):
        use()


def test_a_fault_of_reports_cannot_be_applied_to_a_page() -> None:
    """What changes a report says so where there is none; an error of the test's own is not hidden by it. [R6.2]"""
    with DashboardServer() as server:
        server.fail(Fault.zero_rows())
        assert ask(server, "/2022-2023/Club.aspx?id=91").status == 500
        (problem,) = server.problems
        assert isinstance(problem, InvalidRequest)
        server.problems.clear()

    def fail_otherwise() -> None:
        with DashboardServer() as server:
            server.fail(Fault.zero_rows())
            ask(server, "/2022-2023/Club.aspx?id=91")
            raise KeyError("the test's own")

    with pytest.raises(KeyError, match="the test's own"):
        fail_otherwise()


# For which requests


def test_faults_fit_path_report_district_month_and_day(dashboard: DashboardServer) -> None:
    """Each pattern alone chooses its requests, by text, by pattern or by date; the others are answered as ever. [R6.1]"""
    addresses = {"91": CLUBS, "F": CLUBS_F, "district": DISTRICT, "summary": SUMMARY, "february": FEBRUARY}

    def hit() -> set[str]:
        failed = {name for name, address in addresses.items() if ask(dashboard, address).status == 503}
        dashboard.heal()
        return failed

    sick = Fault.status(503)
    dashboard.fail(sick, report="clubperformance")
    assert hit() == {"91", "F", "february"}
    dashboard.fail(sick, report="*performance", district="F")
    assert hit() == {"F"}
    dashboard.fail(sick, district="")
    assert hit() == {"summary"}
    dashboard.fail(sick, month=date(2023, 2, 1))
    assert hit() == {"february"}
    dashboard.fail(sick, month="2023-0[12]-*", report="district*")
    assert hit() == {"district", "summary"}
    dashboard.fail(sick, as_of=date(2023, 3, 9))
    assert hit() == {"february"}
    dashboard.fail(sick, as_of="2023-02-*", district="9?")
    assert hit() == {"91", "district"}
    dashboard.fail(sick, path="/2021-2022/*")
    assert hit() == set()


def test_a_slot_that_is_no_date_fits_as_it_was_written(dashboard: DashboardServer) -> None:
    """Malformed slots can be chosen too. [R6.1]"""
    dashboard.fail(Fault.status(503), month="30/09/*")
    assert ask(dashboard, export(f"clubperformance~91~30/09/30/2022~~{YEAR}", YEAR)).status == 503
    assert whole(dashboard)


def test_faults_happen_in_the_order_in_which_they_were_switched_on(dashboard: DashboardServer) -> None:
    """The first fault that fits happens until it is used up or cancelled, then the next. [R6.5]"""
    dashboard.fail(Fault.status(503), times=1)
    lasting = dashboard.fail(Fault.status(500))
    dashboard.fail(Fault.status(404))
    assert [ask(dashboard, CLUBS).status for _ in range(3)] == [503, 500, 500]
    lasting.cancel()
    assert ask(dashboard, CLUBS).status == 404
    assert [record.fault for record in dashboard.requests] == ["status 503", "status 500", "status 500", "status 404"]


def test_a_fault_happens_at_least_once(dashboard: DashboardServer) -> None:
    """A count below one is refused. [R6.5]"""
    with pytest.raises(InvalidRequest, match="times=0: a fault happens at least once"):
        dashboard.fail(Fault.reset(), times=0)


def test_a_connection_goes_on_after_a_fault_that_leaves_it_whole(dashboard: DashboardServer) -> None:
    """A status, a wrong body or a drip leave a kept connection usable. [R6.5]"""
    connection = connect(dashboard)
    for fault in (Fault.status(503), Fault.header_only(), Fault.drip(piece=9000, pause=0.0001)):
        dashboard.fail(fault, times=1)
        connection.request("GET", CLUBS)
        connection.getresponse().read()
        sock = connection.sock
        connection.request("GET", CLUBS)
        assert connection.getresponse().read() == WHOLE
        assert connection.sock is sock
    connection.close()
