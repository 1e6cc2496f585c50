"""What the processes of the tests of buckets run."""

from __future__ import annotations

from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from backfill.objectstores import ObjectSnapshotStore
from backfill.testing.samples import DAY, contribution, record
from object_doubles import FailingRequests, FailingS3

DISTRICTS = ("61", "F", "U")


class Telling(FailingRequests):
    """Tells of each request before it is sent, and goes on when it may."""

    def __init__(self, told: Connection) -> None:
        super().__init__()
        self.told = told

    def send(self, what: str, request: Callable[[], Any]) -> Any:
        """Tell, wait, send."""
        self.told.send(what)
        self.told.recv()
        return super().send(what, request)


def replace_the_day(options: dict[str, Any], number: int, told: Connection) -> None:
    """Store the day anew, with another number in each record."""
    objects = FailingS3(**options)
    objects.requests = Telling(told)
    with ObjectSnapshotStore(objects).begin(DAY, job_id=f"job-{number}") as draft:
        for name in DISTRICTS:
            draft.put(record(name, number))
        draft.commit(contribution(DISTRICTS, job_id=f"job-{number}"))
    told.send("done")
