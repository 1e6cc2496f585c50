"""One limit for several processes: kept, used, and robust against what lies in the file."""

from __future__ import annotations

import heapq
import logging
import math
import os
import threading
from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from backfill.errors import StoreUnavailable, TransientSourceError
from backfill.fetching import PoliteFetcher
from backfill.fetching.headers import LONGEST_RETRY_AFTER
from backfill.fetching.pace import HostPace
from backfill.fetching.schedule import LONGEST_UNDER_WAY, MARGIN
from backfill.fetching.shared import kept_in_file
from backfill.filelocks import locked
from backfill.testing import VirtualClock
from backfill.testing.server import FaultServer, reply
from fetching_doubles import NOW, Running, failure, job, sent, unit
from limiter_load import busy, from_fetchers, from_processes, from_threads, use_of, worst_second

HOST = "https://example.org:443"


def pace(folder: Path, clock: VirtualClock, rate: float | None = 5.0) -> HostPace:
    """Return the pace that all in a folder share."""
    return HostPace(kept_in_file(folder, HOST, rate, clock), clock)


def drawn(source: HostPace, clock: VirtualClock, number: int) -> list[float]:
    """Take so many turns, and return their moments."""
    moments = []
    for _request in range(number):
        while (wait := sent(source)) > 0:
            clock.advance(wait + 1e-9)
        moments.append(clock.monotonic())
    return moments


def test_eight_threads_keep_and_use_the_limit_in_real_time() -> None:
    """Fifty a second by eight threads for two seconds: no second holds more, and hardly a slot is lost. [R9.1, P10]"""
    senders = from_threads(50.0, 8, 2.0)
    moments = [moment for each in senders for moment in each]
    assert worst_second(moments) <= 50
    assert use_of(moments, 50.0) > 0.9
    assert max(map(len, senders)) - min(map(len, senders)) <= 8


def test_three_processes_keep_and_use_the_limit_in_real_time(tmp_path: Path) -> None:
    """Fifty a second by three processes that share a folder: no second holds more, and hardly a slot is lost. [R9.1, B6]"""
    moments = [moment for each in from_processes(50.0, 3, 2, 2.0, tmp_path) for moment in each]
    assert worst_second(moments) <= 50
    assert use_of(moments, 50.0) > 0.9


def test_a_busy_machine_does_not_break_the_limit(tmp_path: Path) -> None:
    """Beside processes that take all the processor time they get, no second holds more either, as the senders see it. [R9.1, P10, B6]"""
    with busy(4):
        moments = [moment for each in from_processes(50.0, 3, 4, 2.0, tmp_path) for moment in each]
    assert worst_second(moments) <= 50


def test_fetchers_of_three_processes_keep_the_limit_on_the_wire(tmp_path: Path, server: FaultServer) -> None:
    """Counted where the bytes of real requests are handed to the system, no second holds more than the limit. [R9.1, P10, B6]"""
    url = server.on("/doc", reply(b"figures", Connection="keep-alive"))
    with busy(2):
        moments = [moment for each in from_fetchers(url, 20.0, 3, 15, tmp_path) for moment in each]
    assert len(moments) == len(server.requests) == 45
    assert worst_second(moments) <= 20


def test_a_process_that_died_before_its_request_left_is_reckoned_with(tmp_path: Path) -> None:
    """A turn that nobody will end counts in the other processes, and not for ever. [P10, B6, B2]"""
    clock = VirtualClock()
    assert pace(tmp_path, clock, 1.0).take("died") == 0
    clock.advance(10)
    other = pace(tmp_path, clock, 1.0)
    assert sent(other) > 0
    clock.advance(LONGEST_UNDER_WAY)
    while (wait := sent(other)) > 0:
        clock.advance(wait)
    assert clock.monotonic() == pytest.approx(10 + LONGEST_UNDER_WAY + 1 + MARGIN)


def test_an_answer_is_not_lost_when_its_departure_cannot_be_noted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """When the folder is lost while a request is on its way, its turn counts as not ended, and the next is stopped. [P10, B6]"""
    clock = VirtualClock()
    shared = pace(tmp_path / "limits", clock)
    assert shared.take("one") == 0
    (tmp_path / "limits").rename(tmp_path / "lost")
    (tmp_path / "limits").write_text("in the way")
    shared.left("one")
    (record,) = caplog.records
    assert (record.levelno, "shared_state=" in record.getMessage()) == (logging.WARNING, True)
    failure(lambda: shared.take("two"), StoreUnavailable)


def test_two_who_share_a_folder_share_the_rate(tmp_path: Path) -> None:
    """What one sends the other counts. [B6]"""
    clock = VirtualClock()
    one, two = pace(tmp_path / "limits", clock), pace(tmp_path / "limits", clock)
    moments = [drawn(source, clock, 1)[0] for _round in range(20) for source in (one, two)]
    assert moments[-1] == pytest.approx(39 / 5, abs=0.6)
    assert all(moments[index + 5] - moments[index] >= 1 for index in range(35))


def dealt(sources: Sequence[HostPace], clock: VirtualClock, seconds: float, late: Sequence[float]) -> list[int]:
    """Return how many turns each took that always wants another one, and comes back so much later than it was told to."""
    counts = [0] * len(sources)
    end = clock.monotonic() + seconds
    coming = [(clock.monotonic(), number) for number in range(len(sources))]
    while coming[0][0] < end:
        moment, number = heapq.heappop(coming)
        clock.advance(max(0.0, moment - clock.monotonic()))
        turn = f"{number}-{counts[number]}"
        wait = sources[number].take(turn)
        if wait <= 0:
            sources[number].left(turn)
            counts[number] += 1
        heapq.heappush(coming, (clock.monotonic() + (wait + late[number] if wait > 0 else 0.0), number))
    return counts


@pytest.mark.parametrize("rate", [2.0, 5.0, 10.0, 50.0])
@pytest.mark.parametrize("late", [(0.0, 0.0, 0.0), (0.0, 0.001, 0.004), (0.004, 0.0, 0.0)])
def test_those_who_share_a_folder_share_it_evenly(tmp_path: Path, rate: float, late: tuple[float, ...]) -> None:
    """Three that always want another turn get as many each, also those that always wake a little later; and no slot is lost. [B6, R9.1]"""
    clock = VirtualClock()
    counts = dealt([pace(tmp_path, clock, rate) for _process in range(3)], clock, 300 / rate, late)
    assert max(counts) - min(counts) <= 3
    assert sum(counts) >= 0.97 * 300


def test_who_does_not_come_for_its_turn_is_passed_over(tmp_path: Path) -> None:
    """One that was told to come back and does not costs the others half a slot, once; coming soon after it is first again. [B6, B2]"""
    clock = VirtualClock()
    one, gone, other = (pace(tmp_path, clock, 5.0) for _process in range(3))
    drawn(one, clock, 5)  # a second holds no more
    assert gone.take("gone") > 0
    waited = other.take("other")
    assert waited > 0
    clock.advance(waited)
    assert other.take("other") == 0
    other.left("other")
    clock.advance(1.0)
    assert gone.take("gone") == 0


def test_a_pause_is_shared(tmp_path: Path) -> None:
    """A host that asked one process to be left alone is left alone by all, for as long as it asked. [R6.5, B6]"""
    clock = VirtualClock()
    pace(tmp_path, clock).penalise(30)
    other = pace(tmp_path, clock)
    assert sent(other) == other.parked_seconds == 30
    clock.advance(30)
    assert sent(other) == 0


def test_hosts_have_files_of_their_own(tmp_path: Path) -> None:
    """Names that differ only in what a file name cannot hold stay apart."""
    clock = VirtualClock()
    for host in ("http://a.org:1", "http://a.org_1"):
        sent(HostPace(kept_in_file(tmp_path, host, 5.0, clock), clock))
    assert len(list(tmp_path.iterdir())) == 2


def test_a_slower_sharer_keeps_the_log_of_a_faster_one(tmp_path: Path) -> None:
    """Who shares at a lower rate does not cut the log that the other needs."""
    clock = VirtualClock()
    fast, slow = pace(tmp_path, clock, 10.0), pace(tmp_path, clock, 0.5)
    moments = drawn(fast, clock, 5) + drawn(slow, clock, 1) + drawn(fast, clock, 4)
    assert sent(slow) > 0
    moments += drawn(fast, clock, 10)
    assert all(later - earlier >= 1 for earlier, later in zip(moments, moments[10:], strict=False))


@pytest.mark.parametrize("content", [b"rubbish\n", b"[]\n", b"{}\n", b'{"departures": 3}\n', b"\xff\xfe", b'{"written": NaN}\n'])
def test_a_damaged_file_counts_as_empty(tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes) -> None:
    """What cannot be read is dropped with a warning that names the file; the limit goes on from there."""
    clock = VirtualClock()
    sent(pace(tmp_path, clock))
    (path,) = tmp_path.iterdir()
    path.write_bytes(content)
    assert sent(pace(tmp_path, clock)) == 0
    (record,) = caplog.records
    assert (record.levelno, str(path) in record.getMessage()) == (logging.WARNING, True)


def test_a_shorter_state_over_a_longer_one_is_read_right(tmp_path: Path) -> None:
    """Readers stop at the end of the line: a process that died while writing left nothing that misleads."""
    clock = VirtualClock()
    drawn(pace(tmp_path, clock), clock, 5)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes() + b'"left over from a longer state"}')
    assert sent(pace(tmp_path, clock)) > 0


def test_another_boot_s_file_counts_as_empty(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """After a reboot monotonic time starts anew: old moments, old pauses and clocks that were set are dropped silently."""
    before = VirtualClock()
    before.advance(5000)
    old = pace(tmp_path, before)
    old.penalise(3000)
    rebooted = VirtualClock(start=NOW + timedelta(seconds=5100))
    assert sent(pace(tmp_path, rebooted)) == 0
    old.penalise(3000)
    later = VirtualClock(start=NOW + timedelta(days=3))
    later.advance(6000)
    assert sent(pace(tmp_path, later)) == 0
    old.penalise(2 * LONGEST_RETRY_AFTER)
    assert sent(pace(tmp_path, before)) == 0
    assert caplog.records == []


def test_looking_does_not_write(tmp_path: Path) -> None:
    """A further look of one that has its place in the queue, and gets nothing, leaves the file alone."""
    clock = VirtualClock()
    shared = pace(tmp_path, clock)
    drawn(shared, clock, 3)
    assert shared.take("waits") > 0
    (path,) = tmp_path.iterdir()
    before = path.read_bytes()
    clock.advance(1e-6)
    assert shared.take("waits") > 0
    assert path.read_bytes() == before


def test_a_folder_that_cannot_be_used_stops_the_job(tmp_path: Path) -> None:
    """Without the shared state nothing is sent: politeness comes first, and the error says what to do."""
    (tmp_path / "file").write_text("in the way")
    error = failure(lambda: sent(pace(tmp_path / "file" / "limits", VirtualClock())), StoreUnavailable)
    assert "shared_state=" in str(error)


def test_the_lock_excludes_threads_as_well(tmp_path: Path) -> None:
    """Two threads of one process are never in at once."""
    path = tmp_path / "deep" / "lock"
    order: list[str] = []
    entered, leave = threading.Event(), threading.Event()

    def first() -> None:
        with locked(path):
            entered.set()
            leave.wait()
            order.append("first")

    def second() -> None:
        with locked(path):
            order.append("second")

    one = Running(first)
    entered.wait()
    two = Running(second)
    leave.set()
    assert (one.wait().error, two.wait().error) == (None, None)
    assert order == ["first", "second"]


def test_fetchers_that_share_a_folder_share_pauses(tmp_path: Path, server: FaultServer) -> None:
    """A Retry-After that one fetcher was sent holds the requests of another, made with the same folder. [R6.5, B6]"""
    clock = VirtualClock()
    url = server.on("/doc", reply(status="503 Busy", Retry_After="40"), reply(b"figures"))
    folder = tmp_path / "limits"
    with (
        closing(PoliteFetcher(rate=None, shared_state=folder, clock=clock)) as one,
        closing(PoliteFetcher(rate=None, shared_state=os.fspath(folder), clock=clock)) as two,
    ):
        assert not folder.exists()
        failure(lambda: one.bind(unit(job(retry=False)))(url), TransientSourceError)
        assert two.bind(unit())(url).content == b"figures"
        assert clock.monotonic() == pytest.approx(40)
        assert math.isclose(one.status().hosts[0].parked_seconds, 0)
