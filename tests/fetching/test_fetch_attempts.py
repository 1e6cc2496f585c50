"""Attempts, checks, and the wrappers of one host: each alone, on a virtual clock."""

from __future__ import annotations

import gc
import logging
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfill.errors import Cancelled, HostDown, PermanentSourceError, TransientSourceError
from backfill.fetching.headers import LONGEST_RETRY_AFTER, parse_retry_after
from backfill.fetching.hosts import Hosts, limited
from backfill.fetching.trying import checked, retrying
from backfill.model import Document, RetryPolicy
from backfill.testing import VirtualClock
from fetching_doubles import NOW, Running, Scripted, call, document, failure, job, source_error, unit, until

BUSY = TransientSourceError("busy", kind="http_429", retry_after=30.0)


def hosts(clock: VirtualClock, rate: float | None = None, concurrency: int = 4) -> Hosts:
    """Return the limits of all hosts."""
    return Hosts(rate=rate, concurrency=concurrency, shared_state=None, clock=clock)


# --- attempts


def test_a_transient_failure_is_tried_again_with_its_number(caplog: pytest.LogCaptureFixture) -> None:
    """Each attempt knows its number; each pause is logged with the unit it belongs to. [R6.5]"""
    caplog.set_level(logging.INFO, "backfill.fetching")
    clock = VirtualClock()
    inner = Scripted(TransientSourceError("once", kind="timeout"), document())
    assert retrying(inner, policy=RetryPolicy(), clock=clock)(call()).content == b"figures"
    assert [asked.attempt for asked in inner.calls] == [1, 2]
    (record,) = caplog.records
    assert (record.job_id, str(record.day), record.district) == ("job-1", "2026-01-14", "61")  # type: ignore[attr-defined] # extras
    assert (record.levelno, "timeout" in record.getMessage()) == (logging.INFO, True)


def test_a_job_without_retries_makes_one_attempt() -> None:
    """retry_failures=False means one attempt a document."""
    inner = Scripted(TransientSourceError("always"))
    door = retrying(inner, policy=RetryPolicy(), clock=VirtualClock())
    assert source_error(lambda: door(call(of=unit(job(retry=False))))).attempts == 1
    assert len(inner.calls) == 1


def test_an_error_may_ask_for_fewer_attempts() -> None:
    """A check that says max_attempts=2 is obeyed."""
    inner = Scripted()

    def check(_document: Document) -> object:
        raise TransientSourceError("zero rows", max_attempts=2)

    door = retrying(checked(inner), policy=RetryPolicy(), clock=VirtualClock())
    assert source_error(lambda: door(call(check=check))).attempts == 2
    assert len(inner.calls) == 2


def test_a_pause_longer_than_the_policy_allows_is_not_waited_for() -> None:
    """The attempt fails at once when the server asks for more than max_retry_after. [R6.5]"""
    clock = VirtualClock()
    door = retrying(Scripted(BUSY), policy=RetryPolicy(max_retry_after=29), clock=clock)
    assert source_error(lambda: door(call())).attempts == 1
    assert clock.monotonic() == 0


# --- checks


def test_what_the_check_returns_is_parsed() -> None:
    """The check's result is document.parsed; without a check nothing that somebody else parsed is handed on."""
    assert checked(Scripted())(call(check=lambda got: got.text.upper())).parsed == "FIGURES"
    assert checked(Scripted(document(parsed="somebody's")))(call()).parsed is None


@pytest.mark.parametrize(
    ("raised", "stage"),
    [
        (TransientSourceError("cut"), "validate"),
        (PermanentSourceError("wrong", stage="transform"), "transform"),
    ],
)
def test_a_refusal_has_the_stage_of_the_check(raised: Exception, stage: str) -> None:
    """What a check raises happened while validating, unless it says otherwise; the refused document is reported. [R6.2]"""
    refused: list[Document] = []

    def check(_document: Document) -> object:
        raise raised

    error = source_error(lambda: checked(Scripted(), on_refused=refused.append)(call(check=check)))
    assert (error, error.stage, len(refused)) == (raised, stage, 1)


@pytest.mark.parametrize("raised", [ValueError("not csv"), Cancelled("gone")])
def test_other_exceptions_of_a_check_pass_as_they_are(raised: Exception) -> None:
    """A bug in a check, and a cancelled job, are what they are."""

    def check(_document: Document) -> object:
        raise raised

    assert failure(lambda: checked(Scripted())(call(check=check)), type(raised)) is raised


# --- Retry-After


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("", None),
        ("120", 120),
        (" 0 ", 0),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("9" * 5000, LONGEST_RETRY_AFTER),
        ("999999", LONGEST_RETRY_AFTER),
        ("\u0663", None),
        ("Thu, 15 Jan 2026 12:00:30 GMT", 30),
        ("Thu, 15 Jan 2026 12:00:30 -0000", 30),
        ("Thu, 15 Jan 2026 14:00:30 +0200", 30),
        ("Thu, 15 Jan 2026 11:00:00 GMT", 0),
        ("Fri, 15 Jan 2027 12:00:00 GMT", LONGEST_RETRY_AFTER),
        ("Thu, 99 Jan 2026 12:00:30 GMT", None),
    ],
)
def test_retry_after_in_all_its_forms(text: str | None, seconds: float | None) -> None:
    """Whole seconds and HTTP dates are understood, the past is now, a week is the most, rubbish is nothing. [R6.5]"""
    assert parse_retry_after(text, NOW) == seconds


@given(st.text(max_size=40))
def test_retry_after_never_fails(text: str) -> None:
    """Whatever a server writes there, it is read as seconds in range or as nothing."""
    seconds = parse_retry_after(text, NOW)
    assert seconds is None or 0 <= seconds <= LONGEST_RETRY_AFTER


@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)))  # noqa: DTZ001 - the strategy takes naive bounds
def test_retry_after_dates_count_from_now(moment: datetime) -> None:
    """An HTTP date means the seconds from now to then."""
    moment = moment.replace(microsecond=0, tzinfo=UTC)
    seconds = parse_retry_after(moment.strftime("%a, %d %b %Y %H:%M:%S GMT"), NOW)
    assert seconds == min(max(0.0, (moment - NOW) / timedelta(seconds=1)), LONGEST_RETRY_AFTER)


# --- the limits of a host


def test_a_429_parks_the_host_for_every_unit(caplog: pytest.LogCaptureFixture) -> None:
    """After a Retry-After nobody asks the host before it is over, whichever unit; other hosts are not held. [R6.5, B6]"""
    caplog.set_level(logging.INFO)
    clock = VirtualClock()
    door = limited(Scripted(BUSY, document()), hosts(clock))
    source_error(lambda: door(call()))
    door(call("https://other.org/"))
    assert clock.monotonic() == 0
    door(call("https://example.org/b"))
    assert clock.monotonic() == 30
    assert "https://example.org:443" in caplog.text


def test_for_a_host_that_asks_for_too_long_nobody_waits() -> None:
    """A server that asks for a week is left alone for so long, whoever wants to ask it; each is told so at once, and nothing is sent. [R6.5, B6]"""
    clock = VirtualClock()
    inner = Scripted(TransientSourceError("", retry_after=604800.0), document())
    known = Hosts(rate=None, concurrency=1, shared_state=None, clock=clock, longest_park=60)
    door = retrying(limited(inner, known), policy=RetryPolicy(max_retry_after=60), clock=clock)
    for _turn in range(3):
        told = source_error(lambda: door(call()))
        assert isinstance(told, HostDown)
        assert "https://example.org:443 asks to be left alone for another 604800 s, and 60 s are waited for at most" in str(told)
        assert "resume the job when they are over" in str(told)
    assert (clock.monotonic(), len(inner.calls)) == (0, 1)
    clock.advance(604800 - 60)
    door(call())
    assert (clock.monotonic(), len(inner.calls)) == (604800, 2)


def test_a_retried_document_waits_for_the_end_of_the_pause() -> None:
    """Retry and limit together: the pause is waited for once, not twice. [R6.5]"""
    clock = VirtualClock()
    inner = Scripted(BUSY, document())
    retrying(limited(inner, hosts(clock)), policy=RetryPolicy(base=0), clock=clock)(call())
    assert clock.monotonic() == 30


def test_a_job_s_requests_are_spaced() -> None:
    """min_interval holds between the requests of one job, and no other job is held by it."""
    clock = VirtualClock()
    door = limited(Scripted(), hosts(clock, rate=100.0))
    slow, other = job(min_interval=10), job(min_interval=0)
    moments = []
    for context in (slow, other, slow, other, slow):
        door(call(of=unit(context)))
        moments.append(clock.monotonic())
    assert moments == pytest.approx([0, 0, 10, 10, 20], abs=0.1)


def test_spacing_forgets_jobs_that_are_over() -> None:
    """A job that nobody holds any more leaves nothing behind."""
    known = hosts(VirtualClock())
    limited(lambda _call: document(), known)(call(of=unit(job(min_interval=1))))
    gc.collect()
    assert len(known._spacings) == 0


def test_waiting_and_under_way_are_shown() -> None:
    """The status of a host counts the requests under way and those that wait. [R12.4]"""
    clock = VirtualClock()
    known = hosts(clock, rate=7.0, concurrency=1)
    context = job()
    asked = call(of=unit(context))
    host = known.of(asked)
    assert host is not None
    with known.turn(asked, host):
        waiting = Running(lambda: limited(Scripted(), known)(asked))
        until(lambda: known.status()[0].waiting)
        (status,) = known.status()
        assert (status.host, status.rate, status.concurrency) == ("https://example.org:443", 7.0, 1)
        assert (status.in_flight, status.waiting, status.breaker, status.parked_seconds) == (1, 1, "closed", 0.0)
        context.cancel.set()
        assert isinstance(waiting.wait().error, Cancelled)


def test_what_names_no_host_is_not_limited() -> None:
    """A file is read at once, as often as asked for."""
    clock = VirtualClock()
    known = hosts(clock, rate=0.01)
    for _read in range(3):
        limited(Scripted(), known)(call("file:/tmp/x"))
    assert (clock.monotonic(), known.status()) == (0, ())


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://EXAMPLE.org/a", "https://example.org:443"),
        ("http://example.org:8080/", "http://example.org:8080"),
        ("http://[::1]/", "http://[::1]:80"),
        ("memory://box/x", "memory://box"),
    ],
)
def test_a_host_is_scheme_name_and_port(url: str, host: str) -> None:
    """Limits belong to scheme, name and port, however they are written."""
    found = hosts(VirtualClock()).of(call(url))
    assert found is not None
    assert found.name == host
