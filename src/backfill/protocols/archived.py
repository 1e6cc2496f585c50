"""What a history needs that is to be made anew from raw documents, and proved, without the publisher."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Protocol, runtime_checkable

from backfill.model import DatedDocument, Edition, SummaryHeader


@runtime_checkable
class DocumentDating(Protocol):
    """A source whose documents tell by their names what they are about, so that an archive alone says which days it can give."""

    def date_document(self, name: str, /) -> DatedDocument | None:
        """Return what the document of this identity is about; ``None`` = it is none of this source. Pure."""
        ...


@runtime_checkable
class Replaying(Protocol):
    """A source that has learnt things since, and can forget them: what was published of a day it takes as it is told."""

    def replaying(self, edition: Edition, /) -> object:
        """Return a copy of the source for which *edition* is what was published of its day. Cheap; changes nothing here."""
        ...


@runtime_checkable
class Cumulative(Protocol):
    """A source some of whose figures only grow for a while: where they do not, a reader should know."""

    def cumulative_fields(self) -> Sequence[str]:
        """Return the paths of these figures. Pure."""
        ...

    def period_of(self, day: date, /) -> str:
        """Return the period in which *day* lies; with each period they begin anew. Pure."""
        ...


@runtime_checkable
class Summarized(Protocol):
    """A stored day that can tell which summaries it has."""

    @property
    def summaries(self) -> Mapping[str, SummaryHeader]:
        """What is said of each summary of the day, by name, in text order."""
        ...

    def summary(self, name: str, /) -> object:
        """Return a summary; see `Snapshot.summary`."""
        ...
