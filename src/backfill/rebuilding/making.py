"""Has parts made, here or by an executor, in their order, and not too many at once."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor

from attrs import evolve

from backfill.engine.errands import Errand
from backfill.fetching.reuse import Archive
from backfill.protocols import DataSource
from backfill.rebuilding.replay import Made, Part, carried, make, make_elsewhere

CHUNK = 8
"""So many districts at most are made together: few enough to keep several processes busy, and the garbage collector, which looks at all
figures alive again and again, idle; many enough to share what they have in common."""

AHEAD = 64
"""So many pieces at most are with an executor, or wait to be taken: memory does not grow with the range."""


class Maker:
    """Makes records from an archive. Any thread.

    Args:
        source: By whose rules.
        archive: From what.
        executor: Where; ``None`` = in the thread that asks.
        cancel: Set when what an executor has is not wanted any more; ``None`` = it always is.

    Raises:
        InvalidRequest: Source and archive cannot go to an executor.
    """

    def __init__(
        self, source: DataSource, archive: Archive, executor: Executor | None = None, cancel: threading.Event | None = None
    ) -> None:
        self._source = source
        self._archive = archive
        self._executor = executor
        self._cancel = cancel
        self._rules = None if executor is None else carried(source, archive, executor)

    def make(self, parts: Iterable[Part]) -> Iterator[Made]:
        """Iterate over what becomes of *parts*, which are read no faster than they are made.

        Raises:
            StoreUnavailable: The archive cannot be read.
            Cancelled: The job was stopped, and what the executor had was dropped.
            TransientSourceError: Kind ``worker_lost``: the workers that had a piece died again and again.
            ServiceUnusable: The executor runs nothing any more, or cannot run this.
        """
        if self._executor is None or self._rules is None:
            yield from (make(self._source, self._archive, piece) for part in parts for piece in _pieces(part))
            return
        waiting: deque[Errand[Made]] = deque()
        try:
            for part in parts:
                for piece in _pieces(part):
                    if len(waiting) == AHEAD:
                        yield waiting.popleft().result(self._cancel)
                    waiting.append(Errand(self._executor, make_elsewhere, self._rules, piece))
            while waiting:
                yield waiting.popleft().result(self._cancel)
        finally:  # whoever asked may have had enough
            for errand in waiting:
                errand.drop()


def _pieces(part: Part) -> Iterator[Part]:
    for start in range(0, len(part.districts), CHUNK):
        names = part.districts[start : start + CHUNK]
        yield evolve(part, districts=names, pins={name: part.pins[name] for name in names if name in part.pins})
