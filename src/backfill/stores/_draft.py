"""A day in the making, in files."""

from __future__ import annotations

import threading
import weakref
from datetime import date
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self

from backfill.errors import StoreError
from backfill.model import Contribution, DistrictRecord, EncodedRecord, RecordHeader, SnapshotInfo, SummaryHeader
from backfill.stores._atomic import FileSystem
from backfill.stores._problems import translated
from backfill.stores._staged import refuse_other_day, refuse_twins, stage_record, stage_summary
from backfill.stores._staging import Workspace
from backfill.stores._writing import Staged, Writer


class FileDraft:
    """What `PerDistrictFileSnapshotStore.begin` returns. Puts may come from several threads at once.

    Args:
        writer: Publishes it.
        files: The file system.
        root: The store's root, for errors.
        day: Its day.
        job_id: The job that makes it.
    """

    def __init__(self, writer: Writer, files: FileSystem, root: Path, day: date, job_id: str) -> None:
        self._writer = writer
        self._files = files
        self._root = root
        self._day = day
        self._job_id = job_id
        self._records: dict[str, tuple[RecordHeader, Path]] = {}
        self._summaries: dict[str, tuple[SummaryHeader, Path]] = {}
        self._spelled: dict[str, str] = {}
        self._numbers = count()
        self._workspace: Workspace | None = None
        self._dropped: weakref.finalize[[], FileDraft] | None = None
        self._is_open = True
        self._changing = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /) -> None:
        with self._changing:
            self._leave()

    def put(self, record: DistrictRecord | EncodedRecord, /) -> None:
        """Stage one district's record; on the disk when this returns. The last one put of a district counts.

        Raises:
            InvalidRequest: It is of another day, or its identifier cannot be a file name.
            StoreUnavailable: Nothing can be written at all.
        """
        encoded = stage_record(record, self._day, self._job_id)
        district = encoded.district_id
        with self._changing:
            refuse_twins((self._spelled.setdefault(district.casefold(), district), district), ())
        with translated(self._root, f"staging district {district} of {self._day}"):
            path = self._new_path()
            self._files.create(path, encoded.content)
            with self._changing:
                replaced = self._records.get(district)
                self._records[district] = (encoded.header, path)
            if replaced is not None:
                self._files.unlink(replaced[1])

    def put_summary(self, name: str, payload: object, /, *, as_of: date) -> None:
        """Stage a summary of the day as a whole: the payload is the file's content, *as_of* stands in the manifest.

        Raises:
            InvalidRequest: *name* cannot be a file name, or *as_of* is no date.
            PermanentSourceError: Kind ``invalid_payload``: the payload is not what JSON can hold.
            StoreUnavailable: Nothing can be written at all.
        """
        header, content = stage_summary(name, payload, as_of, self._job_id)
        with self._changing:
            refuse_twins((), {*self._summaries, name})
        with translated(self._root, f"staging the summary {name} of {self._day}"):
            path = self._new_path()
            self._files.create(path, content)
            with self._changing:
                self._summaries[name] = (header, path)

    def commit(self, contribution: Contribution, /) -> SnapshotInfo | None:
        """Lock the day, merge with what is live now, publish as a whole, unlock. ``None``: the day would hold nothing.

        After an error the draft is as it was, and may be committed again.

        Raises:
            DayLocked: Another writer held the day for too long.
            DamagedFile: What is live cannot be read, and so cannot be merged with.
            InvalidRequest: A district differs from a stored one in case only.
            StoreUnavailable: Nothing can be written at all.
        """
        refuse_other_day(contribution, self._day)
        with self._changing, translated(self._root, f"publishing {self._day}"):
            build = self._space().path / f"{next(self._numbers)}.day"
            info = self._writer.commit(Staged(self._records, self._summaries), contribution, build)
            self._leave()
        return info

    def _new_path(self) -> Path:
        with self._changing:
            return self._space().path / f"{next(self._numbers)}.json"

    def _space(self) -> Workspace:
        if not self._is_open:
            raise StoreError(f"this draft of {self._day} was committed or left already; begin({self._day}, …) makes another")
        if self._workspace is None:
            self._workspace = self._writer.claim()
            self._dropped = weakref.finalize(self, self._workspace.discard)  # for a draft that nobody leaves
            self._dropped.atexit = False  # others may still be committed while the interpreter ends; the next writer sweeps
        return self._workspace

    def _leave(self) -> None:
        self._is_open = False
        if self._workspace is not None and self._dropped is not None:
            self._dropped.detach()  # rather than called, since it does nothing any more while the interpreter ends
            self._workspace.discard()
