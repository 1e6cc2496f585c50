"""A schedule that several processes share through a small file.

The file is read, changed and written under an exclusive lock of the operating system, for some ten microseconds; nobody waits while
holding it. Moments in it are those of the machine's monotonic clock, which its processes have in common. What another boot of the
machine left behind is recognised and dropped, and so is whatever cannot be read.
"""

from __future__ import annotations

import logging
import os
import re
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import TypeAlias, cast

from backfill.errors import StoreUnavailable
from backfill.fetching.headers import LONGEST_RETRY_AFTER
from backfill.fetching.pace import Keeper
from backfill.fetching.schedule import Schedule
from backfill.filelocks import locked
from backfill.jsonvalues import dumps, loads
from backfill.protocols import Clock

_log = logging.getLogger(__name__)

_DRIFT = 300.0
"""Seconds by which wall and monotonic clock may drift apart before the file counts as one of another boot."""

_MOST_BYTES = 1 << 20


def kept_in_file(directory: Path, host: str, rate: float | None, clock: Clock) -> Keeper:
    """Return a keeper for all processes that name the same *directory*. Nothing is created before its first use.

    Args:
        directory: Holds one file for each host.
        host: The host.
        rate: Requests a second. All who share should say the same; where they do not, each keeps to its own rate, counting what
            the others send.
        clock: Whose monotonic time the processes have in common.
    """
    readable = re.sub(r"[^A-Za-z0-9.-]+", "_", host)
    path = directory / f"{readable}-{sha256(host.encode()).hexdigest()[:8]}.json"

    @contextmanager
    def borrowed() -> Iterator[Schedule]:
        try:
            with locked(path) as file:
                schedule = Schedule(rate)
                _restore(schedule, os.read(file, _MOST_BYTES), clock, path)
                before = _state(schedule)
                yield schedule
                if _state(schedule) != before:
                    os.lseek(file, 0, os.SEEK_SET)
                    os.write(file, _encoded(schedule, clock))
        except OSError as error:
            message = (
                f"{path}: the limits shared between processes cannot be kept there ({error.strerror}); "
                "make the directory writable, or name another as shared_state="
            )
            raise StoreUnavailable(message) from error

    return borrowed


_Queue: TypeAlias = tuple[dict[str, tuple[int, float, float]], int, dict[str, int]]
_State: TypeAlias = tuple[float, float, int, tuple[float, ...], dict[str, float], _Queue]


def _state(schedule: Schedule) -> _State:
    departures, under_way = tuple(schedule.departures), dict(schedule.under_way)
    queue = dict(schedule.waiting), schedule.dealt, dict(schedule.places)
    return schedule.due, schedule.parked_until, schedule.most, departures, under_way, queue


def _encoded(schedule: Schedule, clock: Clock) -> bytes:
    due, parked_until, most, departures, under_way, (waiting, dealt, places) = _state(schedule)
    state = {
        "written": clock.monotonic(),
        "writtenAt": clock.now().timestamp(),
        "due": max(due, 0.0),  # JSON has no infinity; no monotonic clock is before 0
        "parkedUntil": max(parked_until, 0.0),
        "most": most,
        "departures": departures,
        "underWay": under_way,
        "waiting": waiting,
        "dealt": dealt,
        "places": places,
    }
    return dumps(state) + b"\n"  # readers stop at the end of the line, so what a longer state left behind it is harmless


def _restore(schedule: Schedule, content: bytes, clock: Clock, path: Path) -> None:
    if not content:
        return
    try:
        state = cast("dict[str, float]", loads(content.partition(b"\n")[0]))
        written, at, due, parked_until = (float(state[name]) for name in ("written", "writtenAt", "due", "parkedUntil"))
        most = int(state["most"])
        departures = [float(moment) for moment in cast("dict[str, list[float]]", state)["departures"]]
        under_way = {turn: float(moment) for turn, moment in cast("dict[str, dict[str, float]]", state)["underWay"].items()}
        waits = cast("dict[str, dict[str, tuple[int, float, float]]]", state)["waiting"]
        waiting = {name: (int(place), float(asked), float(back)) for name, (place, asked, back) in waits.items()}
        dealt = int(state["dealt"])
        places = {name: int(place) for name, place in cast("dict[str, dict[str, int]]", state)["places"].items()}
    except (ValueError, TypeError, KeyError, AttributeError):
        _log.warning("%s cannot be read, so the limits in it start afresh; remove it if this comes again", path)
        return
    now = clock.monotonic()
    drift = (now - written) - (clock.now().timestamp() - at)
    if max([written, *departures, *under_way.values()]) > now or abs(drift) > _DRIFT or parked_until > now + LONGEST_RETRY_AFTER:
        return  # another boot of the machine wrote it, or its clock was set
    schedule.due, schedule.parked_until, schedule.most = due, parked_until, max(schedule.most, most)
    schedule.departures, schedule.under_way = deque(departures), under_way
    schedule.waiting, schedule.dealt, schedule.places = waiting, dealt, places
