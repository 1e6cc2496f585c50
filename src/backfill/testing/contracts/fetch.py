"""The contract of doors to the outside: of any, and of those that speak HTTP."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from backfill.protocols import Fetch, Fetcher
from backfill.testing.contracts._fetch_documents import DocumentsContract
from backfill.testing.contracts._fetch_http import HttpContract
from backfill.testing.contracts._fetch_units import UnitsContract
from backfill.testing.contracts._given import refuse_no_factory
from backfill.testing.contracts._suite import ContractReport, prove


class FetchContract(DocumentsContract, UnitsContract):
    """Everything that a door must do, wherever its documents come from; a `Fetcher`, or a bare `Fetch`.

    .. code-block:: python

        class TestMyFetch(FetchContract):
            def make_door(self, documents):
                return MyFetch(documents)
    """


class HttpFetchContract(FetchContract, HttpContract):
    """What a door that speaks HTTP must do as well; documents, answers and faults come from a server on loopback.

    .. code-block:: python

        class TestMyFetcher(HttpFetchContract):
            def make_fetcher(self):
                return MyFetcher(clock=self.clock)
    """


def check_fetch(make_door: Callable[[Mapping[str, bytes]], Fetch | Fetcher], /) -> ContractReport:
    """Run the contract of doors, without any test framework.

    Args:
        make_door: Returns a door at which there are these documents, by address, and no others.

    Raises:
        InvalidRequest: *make_door* is no factory.
        ExceptionGroup: Tests failed: what each of them raised, with a note that names it.
    """
    refuse_no_factory("make_door", make_door, {}, write="check_fetch(lambda documents: MyDoor(documents))")
    return prove(type("Checked", (FetchContract,), {"make_door": staticmethod(make_door)}))


def check_http_fetch(make_fetcher: Callable[[], Fetch | Fetcher], /) -> ContractReport:
    """Run the contract of doors that speak HTTP, without any test framework.

    Args:
        make_fetcher: Returns the door.

    Raises:
        InvalidRequest: *make_fetcher* is no factory.
        ExceptionGroup: Tests failed: what each of them raised, with a note that names it.
    """
    refuse_no_factory("make_fetcher", make_fetcher, write="check_http_fetch(lambda: MyFetcher())")
    return prove(type("Checked", (HttpFetchContract,), {"make_fetcher": staticmethod(make_fetcher)}))
