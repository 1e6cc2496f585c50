"""Processes that are killed between any two requests to a real server: the day is the old one or the new one, whole."""

from __future__ import annotations

import os
import signal
import sys
from multiprocessing import get_context
from typing import Any

import pytest
from obstore.store import S3Store

from backfill.objectstores import ObjectSnapshotStore
from backfill.testing.samples import DAY, record, store_records
from objectstores.bucket_workers import DISTRICTS, replace_the_day
from service_doubles import PATIENCE

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="kills processes by signal")]


def killed_at(at: int, options: dict[str, Any], number: int) -> str:
    """Have a process replace the day, and kill it before it sends its request of that number; return which it would have been."""
    context = get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=replace_the_day, args=(options, number, there))
    process.start()
    for _request in range(at):
        assert here.poll(PATIENCE)
        here.recv()
        here.send(None)
    assert here.poll(PATIENCE)
    what: str = here.recv()
    if what != "done":
        os.kill(process.pid or 0, signal.SIGKILL)  # the one that was started here
    process.join(PATIENCE)
    return what


def test_a_process_killed_between_any_two_requests_leaves_one_state(bucket_options: dict[str, Any]) -> None:
    """Before each request of a replacement the process is killed: the old day is there whole, until the one that exchanges it was sent. [B2]"""
    store = ObjectSnapshotStore(S3Store(**bucket_options))
    store_records(store, *(record(name, -1) for name in DISTRICTS))
    before, points = -1, list[str]()
    for at in range(30):
        points.append(killed_at(at, bucket_options, at))
        snapshot = store.read(DAY)
        found = {snapshot.district(name).data for name in snapshot.districts}
        assert snapshot.districts == DISTRICTS
        assert len(found) == 1, (points[-1], found)
        exchanged = f"put days/{DAY}.json" in points[:-1] or points[-1] == "done"
        assert found == ({at} if exchanged else {before}), points
        if points[-1] == "done":
            break
    assert points[-1] == "done"
    assert len(points) >= 10
