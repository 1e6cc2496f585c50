"""The contract of data sources."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from backfill.protocols import DataSource, Fetch
from backfill.testing.contracts._given import refuse_no_factory
from backfill.testing.contracts._source_abilities import AbilitiesContract
from backfill.testing.contracts._source_collecting import CollectingContract
from backfill.testing.contracts._source_hooks import Unit
from backfill.testing.contracts._suite import ContractReport, prove


class DataSourceContract(CollectingContract, AbilitiesContract):
    """Everything that a source must do, and what it says that it can do besides, from recorded documents.

    .. code-block:: python

        class TestTides(DataSourceContract):
            units = ((date(2024, 1, 1), "dover"), (date(2024, 1, 1), "brest"))

            def make_source(self):
                return Tides()

            def make_fetch(self):
                return DictFetch({"https://tides.example/dover/2024-01-01.csv": "03:10,6.1"})  # and so on
    """


def check_source(
    make_source: Callable[[], DataSource], make_fetch: Callable[[], Fetch], /, *, units: Sequence[Unit]
) -> ContractReport:
    """Run the contract of sources, without any test framework.

    Args:
        make_source: Returns the source, a new one each time.
        make_fetch: Returns what answers its questions.
        units: At least one (day, district) for which there is an answer to each question.

    Raises:
        InvalidRequest: *make_source* or *make_fetch* is no factory, but for instance the source itself.
        ExceptionGroup: Tests failed: what each of them raised, with a note that names it.
    """
    refuse_no_factory(
        "make_source",
        make_source,
        write="check_source(lambda: MySource(), …), or check_source(lambda: my_source, …) for a function",
    )
    refuse_no_factory("make_fetch", make_fetch, write="check_source(…, lambda: DictFetch(documents), …)")
    given = {"make_source": staticmethod(make_source), "make_fetch": staticmethod(make_fetch), "units": units}
    return prove(type("Checked", (DataSourceContract,), given))
