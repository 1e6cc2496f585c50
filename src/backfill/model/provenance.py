"""Where stored figures came from, and whether they still follow from it (B3, B4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from enum import StrEnum
from types import MappingProxyType

from attrs import field, frozen

from backfill.model.checks import sized
from backfill.model.document import DocumentRef
from backfill.model.outcome import DistrictError
from backfill.model.record import RecordHeader


@frozen
class DatedDocument:
    """What a document is about, as its name alone tells.

    Attributes:
        day: The day that its figures describe.
        district: The one district that it is of; ``None`` = it is of the day as a whole.
        as_of: The day on which the publisher gave them out.
    """

    day: date
    district: str | None
    as_of: date


class Kept(StrEnum):
    """Whether the archive still has a document."""

    THERE = "there"
    MISSING = "missing"
    DAMAGED = "damaged"
    UNKNOWN = "unknown"


@frozen
class Evidence:
    """One raw document that a figure was made from, and what the archive has of it.

    Attributes:
        ref: Its identity, address, time and SHA-256.
        as_of: The day on which the publisher gave it out, where its name tells.
        kept: Whether the archive has exactly this content; ``unknown`` = there is no archive to look into.
        size: Bytes of its content, where it is there.
    """

    ref: DocumentRef
    as_of: date | None
    kept: Kept
    size: int | None = None


class Standing(StrEnum):
    """What is known of one (day, district); lost is what a job has stored, and what is not stored any more."""

    STORED = "stored"
    FAILED = "failed"
    UNAVAILABLE = "unavailable"
    NEVER_TRIED = "never-tried"
    DAMAGED = "damaged"
    LOST = "lost"


@frozen
class Explanation:
    """The chain from a stored figure to the bytes that it was made from; or why there is no figure.

    Attributes:
        day: The day.
        district: The district; ``None`` = the summaries of the day as a whole.
        standing: Whether it is stored, and if not, what became of it.
        why: That in a sentence.
        header: What the manifest says of the record, where it is stored.
        calculation_version: Version of the rules that made it.
        documents: What it was made from.
        operations: The operations that contributed to the day, newest last.
        error: Why it failed, where it did.
        kind: The kind of gap or failure, one word, where there is one.
    """

    day: date
    district: str | None
    standing: Standing
    why: str
    header: RecordHeader | None = None
    calculation_version: str | None = None
    documents: tuple[Evidence, ...] = ()
    operations: tuple[Mapping[str, str], ...] = ()
    error: DistrictError | None = None
    kind: str | None = None

    def __repr__(self) -> str:
        documents = (
            f"; {len(self.documents)} documents, {'all' if self.is_provable else 'not all'} archived" if self.documents else ""
        )
        return f"<Explanation {self.day} {self.district or 'as a whole'}: {self.why}{documents}>"

    @property
    def is_provable(self) -> bool:
        """Whether it is stored, and the archive has every document that it was made from."""
        return self.standing is Standing.STORED and bool(self.documents) and all(one.kept is Kept.THERE for one in self.documents)

    def _repr_html_(self) -> str:
        from backfill.display.stored import explanation_html  # noqa: PLC0415 - only a notebook pays for it

        return explanation_html(self)


class Cause(StrEnum):
    """Why something stored is not what its documents give."""

    DOCUMENT_MISSING = "document missing"
    DOCUMENT_DAMAGED = "document damaged"
    RULES_CHANGED = "rules changed"
    FILE_EDITED = "file edited"
    FILE_MISSING = "file missing"
    DAY_UNREADABLE = "day unreadable"
    CLOSE_LEARNT_LATER = "close learnt later"
    NO_PROVENANCE = "no provenance"
    CANNOT_BE_MADE = "cannot be made"


@frozen
class Difference:
    """One thing stored that is not, or cannot be shown to be, what its documents give.

    Attributes:
        day: The day.
        district: The district; ``None`` = the day as a whole.
        cause: Why.
        message: For people: what differs.
        name: The document, or the summary of the day, that it is about, where it is about one.
    """

    day: date
    district: str | None
    cause: Cause
    message: str
    name: str | None = None


def _differences(value: Iterable[Difference]) -> tuple[Difference, ...]:
    return tuple(value)


@frozen
class Verification:
    """What a comparison of stored days with the archive came to.

    Attributes:
        days: Days looked at.
        records: Records looked at.
        summaries: Summaries of days looked at.
        same: Of both, those that the archive gives again, byte for byte.
        differences: All that is not so.
        absent: Days of the range of which a job has stored something looked for here, and which are not stored any more: pruned, or lost.
            A rebuild brings them back.
    """

    days: int
    records: int
    summaries: int
    same: int
    differences: tuple[Difference, ...] = field(default=(), converter=_differences, repr=sized("differences"))
    absent: tuple[date, ...] = field(default=(), repr=False)  # the card of a notebook shows it

    @property
    def is_proved(self) -> bool:
        """Whether everything looked at is what its documents give, and none of it is known to be out of date."""
        return not self.differences

    @property
    def causes(self) -> Mapping[Cause, int]:
        """How many differences each cause has."""
        counted = Counter(difference.cause for difference in self.differences)
        return MappingProxyType({cause: counted[cause] for cause in Cause if counted[cause]})

    def _repr_html_(self) -> str:
        from backfill.display.stored import verification_html  # noqa: PLC0415 - only a notebook pays for it

        return verification_html(self)
