"""A host that shows strain is asked less often, at once, and as often as before only after it has answered well for a while."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backfill.errors import TransientSourceError
from backfill.fetching.call import Call
from backfill.fetching.hosts import Hosts, limited
from backfill.fetching.pace import HostPace, kept_in_memory
from backfill.fetching.strain import MOST, Strain
from backfill.model import Document
from backfill.testing import VirtualClock
from fetching_doubles import Scripted, call, document, sent

RATE = 5.0


def moments_of(pace: HostPace, clock: VirtualClock, number: int) -> list[float]:
    """Return when so many requests could be sent, one after the other."""
    found = []
    for _ in range(number):
        while (wait := sent(pace)) > 0:
            clock.advance(wait)
        found.append(clock.monotonic())
    return found


def busy(kind: str = "http_503", retry_after: float | None = None) -> TransientSourceError:
    """Return what a host says that has too much to do."""
    return TransientSourceError("too much to do", kind=kind, stage="fetch", retry_after=retry_after)


@pytest.mark.parametrize("kind", ["http_429", "http_503"])
@pytest.mark.parametrize("pause", [None, 1.0])
def test_a_refusal_slows_down_at_once_and_good_answers_speed_up_slowly(kind: str, pause: float | None) -> None:
    """After one refusal, and the pause that it asks for, requests are twice as far apart; good answers bring them closer until they are as before. [R9.1, R9.5]"""
    clock = VirtualClock()
    hosts = Hosts(rate=RATE, concurrency=4, shared_state=None, clock=clock)
    door = limited(Scripted(busy(kind, pause), document()), hosts)
    with pytest.raises(TransientSourceError):
        door(call())
    assert hosts.status()[0].slowdown == 2.0
    sent_at = []
    for _ in range(40):
        door(call())
        sent_at.append(clock.monotonic())
    distances = [after - before for before, after in pairwise(sent_at)]
    assert 1.9 / RATE < distances[0] < 2.0 / RATE
    assert all(later <= earlier + 1e-9 for earlier, later in pairwise(distances[:20]))
    assert hosts.status()[0].slowdown == 1.0
    assert math.isclose(distances[-1], 1 / RATE, rel_tol=0.2)


def test_refusals_in_one_round_count_once_and_there_is_an_end() -> None:
    """Eight that were under way together are one sign; a host that goes on refusing is asked at a sixteenth of the rate. [R9.1]"""
    strain = Strain(0.2)
    for _ in range(8):
        strain.refused(10.0)
    assert strain.factor == 2.0
    for number in range(50):
        strain.refused(100.0 * (number + 1))
    assert strain.factor == MOST
    strain.granted(1.0)
    assert math.isclose(strain.ready_at, 1.0 + 0.2 * MOST)


def test_rising_latency_is_strain() -> None:
    """Answers that take several times as long as usual slow down; one slow answer, and small differences, do not. [R9.1]"""
    strain, now = Strain(0.2), 0.0
    for number in range(100):
        now += 1
        strain.answered(5.0 if number == 50 else 0.9, now)
        if number != 50:
            continue
        assert strain.factor == 1.0
    for _ in range(10):
        now += 1
        strain.answered(6.0, now)
    assert strain.factor > 2
    quick = Strain(0.2)
    for number in range(100):
        quick.answered(0.001 if number < 50 else 0.1, float(number))
    assert quick.factor == 1.0


def test_other_failures_are_no_strain() -> None:
    """An error of the server slows nothing down, a pause that it asks for does not, and nothing does a host without a limit. [R9.1]"""
    for rate, error in ((RATE, busy("http_500")), (RATE, busy("http_500", 1.0)), (None, busy())):
        hosts = Hosts(rate=rate, concurrency=4, shared_state=None, clock=VirtualClock())
        with pytest.raises(TransientSourceError):
            limited(Scripted(error), hosts)(call())
        assert hosts.status()[0].slowdown == 1.0


@settings(deadline=None)
@given(
    rate=st.floats(0.5, 40),
    answers=st.lists(st.one_of(st.just("refused"), st.floats(0, 10)), min_size=1, max_size=80),
)
def test_p10_strain_never_raises_the_rate(rate: float, answers: list[str | float]) -> None:
    """Whatever a host shows, no window of the limit's length holds more than it allows, and no wait is for ever. [P10, R9.1]"""
    clock = VirtualClock()
    pace = HostPace(kept_in_memory(rate), clock)
    moments: list[float] = []
    for answer in answers:
        before = clock.monotonic()
        moments += moments_of(pace, clock, 1)
        assert moments[-1] - before <= (MOST + 1) / rate + math.ceil(rate) / rate + 1
        if isinstance(answer, str):
            pace.strained()
        else:
            pace.answered(answer)
        assert 1.0 <= pace.slowdown <= MOST
    count = math.ceil(rate)
    window = count / rate - 1e-9
    assert max(sum(begin <= moment < begin + window for moment in moments) for begin in moments) <= count


def test_what_was_not_taken_is_not_noted() -> None:
    """Before the first turn there is nothing to slow down. [R9.1]"""
    pace = HostPace(kept_in_memory(RATE), VirtualClock())
    pace.answered(1.0)
    pace.strained()
    assert pace.slowdown == 1.0


def test_the_time_that_counts_is_that_of_the_answer() -> None:
    """How long an answer took is measured without the wait for its turn. [R9.1]"""
    clock = VirtualClock()
    hosts = Hosts(rate=0.5, concurrency=4, shared_state=None, clock=clock)

    def slow(_asked: Call) -> Document:
        clock.advance(0.1)
        return document()

    door = limited(slow, hosts)
    for _ in range(60):
        door(call())
    assert hosts.status()[0].slowdown == 1.0
