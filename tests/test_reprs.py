"""How the objects that a host holds show themselves, in a notebook or a debugger."""

from __future__ import annotations

from pathlib import Path

from backfill.clock import SystemClock
from backfill.fetching import BareFetcher
from backfill.scopes import DistrictConfigurationService, OpenScope
from backfill.stores import MemorySnapshotStore
from backfill.testing import VirtualClock
from backfill.testing.dashboard import DashboardServer
from backfill.testing.doubles import FlakyStore
from backfill.testing.fetch import DictFetch
from backfill.testing.source import ScriptedSource


def test_what_a_host_holds_says_what_it_is(tmp_path: Path) -> None:
    """No object that a user makes shows itself as an address in memory, and none opens a file for it. [R10.2]"""
    door = DictFetch({"https://a.org/": "figures"})
    path = tmp_path / "config" / "districts.json"
    assert repr(SystemClock()) == "SystemClock()"
    assert repr(OpenScope()) == "OpenScope()"
    assert repr(DistrictConfigurationService(path)) == f"DistrictConfigurationService({str(path)!r})"
    assert repr(door) == "<DictFetch: 1 documents, 0 calls>"
    assert repr(BareFetcher(door)) == "BareFetcher(<DictFetch: 1 documents, 0 calls>)"
    assert repr(ScriptedSource(name="rain")) == "<ScriptedSource 'rain': 0 calls>"
    assert repr(VirtualClock()) == "<VirtualClock: 2026-01-15T12:00:00+00:00>"
    assert repr(FlakyStore(MemorySnapshotStore())) == "FlakyStore(<MemorySnapshotStore: 0 days>)"
    server = DashboardServer()
    assert repr(server) == f"<DashboardServer: not running, {server.archive!r}>"
    assert " at 0x" not in repr(server)
    with server:
        assert server.url in repr(server)
    assert not path.parent.exists()
