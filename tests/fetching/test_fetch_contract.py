"""Every door that is built in keeps the contract that is shipped for all of them."""

from __future__ import annotations

from collections.abc import Mapping

from backfill.fetching import ArchiveFetch, BareFetcher, PoliteFetcher, RawArchive
from backfill.fetching.memory import MemoryArchive
from backfill.model import Document
from backfill.protocols import Fetch, Fetcher
from backfill.testing.contracts import FetchContract, HttpFetchContract
from backfill.testing.fetch import DictFetch


class TestPoliteFetcher(HttpFetchContract):
    """The door to the network."""

    def make_fetcher(self) -> Fetcher:
        """Return the door."""
        return PoliteFetcher(rate=None, clock=self.clock)


class TestPoliteFetcherWithAnArchive(HttpFetchContract):
    """The door to the network, with an archive on disk."""

    def make_fetcher(self) -> Fetcher:
        """Return the door."""
        return PoliteFetcher(rate=None, clock=self.clock, archive=RawArchive(self.place))


class TestBareFetcher(FetchContract):
    """A door made of a function."""

    def make_door(self, documents: Mapping[str, bytes], /) -> Fetcher:
        """Return the door."""
        return BareFetcher(DictFetch(documents), clock=self.clock)


class TestArchiveFetch(FetchContract):
    """A door that opens to an archive only."""

    def make_door(self, documents: Mapping[str, bytes], /) -> Fetcher:
        """Return the door."""
        archive = MemoryArchive()
        for url, content in documents.items():
            archive.put(Document.of(url, content))
        return ArchiveFetch(archive)


class TestDictFetch(FetchContract):
    """A door that answers from a dictionary: a bare function."""

    def make_door(self, documents: Mapping[str, bytes], /) -> Fetch:
        """Return the door."""
        return DictFetch(documents)
