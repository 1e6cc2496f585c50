"""What is where in the bucket, and the one object of a day that is ever changed: it names the generation that is live.

.. code-block:: text

    days/2024-01-31.json                                 the pointer: which generation is live, and which were
    generations/2024-01-31/<token>/manifest.json         a whole state of the day, in the files of the published format
    generations/2024-01-31/<token>/metadata.json
    generations/2024-01-31/<token>/district_61.json
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from attrs import frozen

from backfill.errors import DamagedFile
from backfill.jsonvalues import dumps
from backfill.serialization import SCHEMA_VERSION
from backfill.stores._fields import Fields
from backfill.stores._generations import KEPT_SECONDS
from backfill.stores._layout import parse_day
from backfill.stores._manifest import REMEDY, FileFacts, refuse_newer

POINTERS = "days/"
GENERATIONS = "generations/"


@frozen
class Retired:
    """A generation that was live until *since*; kept a while for readers that still hold it."""

    generation: str
    since: datetime

    def is_over(self, now: datetime) -> bool:
        """Whether no reader can count on it any more."""
        return now - self.since > timedelta(seconds=KEPT_SECONDS)


@frozen
class Pointer:
    """What a day's pointer says.

    Attributes:
        day: The day.
        generation: The token of the live generation.
        manifest: What proves that its manifest is the one that was written.
        retired: Those that were live before it, newest first, as far as they are kept.
    """

    day: date
    generation: str
    manifest: FileFacts
    retired: tuple[Retired, ...] = ()

    @property
    def tokens(self) -> tuple[str, ...]:
        """The tokens of all generations that it names."""
        return (self.generation, *(former.generation for former in self.retired))

    def encode(self) -> bytes:
        """Return the content of its object."""
        return dumps(
            {
                "schemaVersion": SCHEMA_VERSION,
                "day": self.day.isoformat(),
                "generation": self.generation,
                "manifest": {"size": self.manifest.size, "sha256": self.manifest.sha256},
                "retired": [{"generation": former.generation, "since": former.since.isoformat()} for former in self.retired],
            }
        )

    @classmethod
    def decode(cls, content: bytes, day: date) -> Pointer:
        """Return what the pointer of *day* says.

        Raises:
            DamagedFile: It is no pointer of this day, or was written by a newer version of this library.
        """
        key = pointer_key(day)
        try:
            fields = Fields.of(content)
            refuse_newer(fields, key)
            manifest = fields.object("manifest")
            found = cls(
                day=fields.day("day"),
                generation=fields.text("generation"),
                manifest=FileFacts(manifest.count("size"), manifest.sha256("sha256")),
                retired=tuple(Retired(former.text("generation"), former.moment("since")) for former in fields.objects("retired")),
            )
        except ValueError as error:
            raise DamagedFile(key, f"is not the pointer of {day} ({error})", REMEDY) from error
        if found.day != day:
            raise DamagedFile(key, f"is the pointer of {found.day} instead of {day}", REMEDY)
        return found


def pointer_key(day: date) -> str:
    """Return where the pointer of *day* is."""
    return f"{POINTERS}{day.isoformat()}.json"


def day_of(key: str) -> date | None:
    """Return the day whose pointer *key* is; ``None`` = it is something else."""
    return parse_day(key.removeprefix(POINTERS).removesuffix(".json"))


def generation_key(day: date, token: str, name: str = "") -> str:
    """Return where the file *name* of a generation is; without a name, the folder."""
    return f"{GENERATIONS}{day.isoformat()}/{token}/{name}"
