"""A day in the making, in a bucket: its files are uploaded as they come, into a generation that no pointer names."""

from __future__ import annotations

import threading
from contextlib import suppress
from datetime import date
from types import TracebackType
from typing import Self
from uuid import uuid4

from backfill.errors import StoreError, StoreUnavailable
from backfill.model import Contribution, DistrictRecord, EncodedRecord, SnapshotInfo
from backfill.objectstores._bucket import Bucket
from backfill.objectstores._pointer import generation_key
from backfill.objectstores._publishing import Publisher, Staged
from backfill.stores._layout import district_file, summary_file
from backfill.stores._staged import refuse_other_day, refuse_twins, stage_record, stage_summary


class ObjectDraft:
    """What `ObjectSnapshotStore.begin` returns. Puts may come from several threads at once.

    Args:
        bucket: Where it is staged.
        publisher: Publishes it.
        day: Its day.
        job_id: The job that makes it.
    """

    def __init__(self, bucket: Bucket, publisher: Publisher, day: date, job_id: str) -> None:
        self._bucket = bucket
        self._publisher = publisher
        self._job_id = job_id
        self._staged = Staged(day, uuid4().hex)
        self._spelled: dict[str, str] = {}
        self._uploading: dict[str, threading.Lock] = {}
        self._is_open = True
        self._changing = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /) -> None:
        with self._changing:
            if self._is_open:
                self._is_open = False
                with suppress(StoreUnavailable):  # nobody reads what is left there, and `sweep` removes it
                    self._publisher.discard(self._staged)

    def put(self, record: DistrictRecord | EncodedRecord, /) -> None:
        """Upload one district's record; kept by the bucket when this returns. The last one put of a district counts.

        Raises:
            InvalidRequest: It is of another day, or its identifier cannot be a file name.
            StoreUnavailable: Nothing can be written at all.
        """
        encoded = stage_record(record, self._staged.day, self._job_id)
        district = encoded.district_id
        with self._changing:
            self._check_open()
            refuse_twins((self._spelled.setdefault(district.casefold(), district), district), ())
        name = district_file(district)
        with self._alone(name):
            self._upload(name, encoded.content)
            self._staged.records[district] = encoded.header

    def put_summary(self, name: str, payload: object, /, *, as_of: date) -> None:
        """Upload a summary of the day as a whole: the payload is the file's content, *as_of* stands in the manifest.

        Raises:
            InvalidRequest: *name* cannot be a file name, or *as_of* is no date.
            PermanentSourceError: Kind ``invalid_payload``: the payload is not what JSON can hold.
            StoreUnavailable: Nothing can be written at all.
        """
        header, content = stage_summary(name, payload, as_of, self._job_id)
        with self._changing:
            self._check_open()
            refuse_twins((), {*self._staged.summaries, name})
        with self._alone(summary_file(name)):
            self._upload(summary_file(name), content)
            self._staged.summaries[name] = header

    def commit(self, contribution: Contribution, /) -> SnapshotInfo | None:
        """Merge with what is live now, and publish as a whole. ``None``: the day would hold nothing.

        After an error the draft is as it was, and may be committed again; if the error hid that it had been published, that is
        found, and nothing is published twice.

        Raises:
            DayLocked: Others published the day again and again for too long.
            DamagedFile: What is live cannot be read, and so cannot be merged with.
            InvalidRequest: A district differs from a stored one in case only.
            StoreUnavailable: Nothing can be written at all.
        """
        refuse_other_day(contribution, self._staged.day)
        with self._changing:
            self._check_open()
            info = self._publisher.publish(self._staged, contribution)
            self._is_open = False
        return info

    def _upload(self, name: str, content: bytes) -> None:
        self._bucket.write(generation_key(self._staged.day, self._staged.token, name), content)

    def _alone(self, name: str) -> threading.Lock:
        """Return the lock of one file, so that what is noted of it is what was uploaded last."""
        return self._uploading.setdefault(name, threading.Lock())

    def _check_open(self) -> None:
        if not self._is_open:
            day = self._staged.day
            raise StoreError(f"this draft of {day} was committed or left already; begin({day}, …) makes another")
