"""What tests need: doubles of everything that `backfill.protocols` names. Shipped; imported by nobody else in the package but `backfill demo`.

`VirtualClock` is here; the rest has modules by what it stands in for, so that a test loads what it uses: ``source`` (a scripted
source), ``fetch`` (dictionary doors, `replay` of an archive), ``doubles`` and ``files`` (snapshot stores and files that fail or crash),
``jobs`` (job stores that do), ``server`` and ``dashboard`` (real servers on this machine), ``contracts`` and ``stateful`` (suites that an
adapter is held to), ``samples``.
"""

from backfill.testing.clock import VirtualClock

__all__ = ["VirtualClock"]
