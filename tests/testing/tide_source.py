"""A small source with every ability, and documents for it: what broken sources are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta

from backfill.errors import InvalidRequest, SourceError
from backfill.model import Collected, DocumentRequest, Edition, Frequency, Gap, select_days
from backfill.protocols import Fetch
from backfill.testing.contracts import DataSourceContract
from backfill.testing.fetch import DictFetch

DAY = date(2024, 1, 31)
HARBOURS = ("brest", "dover", "oslo")


def address(name: str, day: date) -> str:
    """Return where a document is."""
    return f"https://tides.example/{name}/{day}.csv"


DOCUMENTS = {
    **{address(name, DAY): f"03:10,{number}.5\n09:40,1.2\n" for number, name in enumerate(HARBOURS, 3)},
    address("harbours", DAY): "\n".join(HARBOURS),
    address("all", DAY): "\n".join(f"{name},{number}.5" for number, name in enumerate(HARBOURS, 3)),
}


class TideSource:
    """Reads the tides of harbours; can do all that a source can."""

    name = "tides"
    max_concurrency = 3
    calculation_version = "1.0.0"

    def collect_district(self, day: date, district: str, fetch: Fetch, /) -> object:
        """Return the highest and lowest tide."""
        rows = fetch(address(district, day)).text.splitlines()
        heights = [float(row.partition(",")[2]) for row in rows]
        return Collected({"highest": max(heights), "lowest": min(heights)}, as_of=day)

    def collect_many(self, day: date, districts: Sequence[str], fetch: Fetch, /) -> Mapping[str, object]:
        """Return the same of several."""
        values: dict[str, object] = {}
        for district in districts:
            try:
                values[district] = self.collect_district(day, district, fetch)
            except SourceError as error:
                values[district] = error
        return values

    def collect_all(self, day: date, fetch: Fetch, /) -> Mapping[str, object]:
        """Return the highest tide of all."""
        rows = fetch(address("all", day)).text.splitlines()
        return {row.partition(",")[0]: Collected({"highest": float(row.partition(",")[2])}, detail="summary") for row in rows}

    def list_districts(self, day: date, fetch: Fetch, /) -> Sequence[str]:
        """Return the harbours."""
        return fetch(address("harbours", day)).text.splitlines()

    def normalize_district(self, text: str, /) -> str:
        """Return the name in lower case."""
        name = text.strip().lower()
        if not name.isalpha():
            raise InvalidRequest("district", text, "a harbour is one word of letters", "write one like 'dover'")
        return name

    def editions(self, start: date, end: date, frequency: Frequency, /) -> Iterable[Edition]:
        """Return the days; on the first of January nobody reads the gauges."""
        return [
            Edition(day, None if is_holiday else day, Gap.NEVER_EXISTED if is_holiday else None, day + timedelta(days=2))
            for day in select_days(start, end, frequency)
            for is_holiday in [(day.month, day.day) == (1, 1)]
        ]

    def latest_day(self, today: date, /) -> date:
        """Return the day before yesterday."""
        return today - timedelta(days=2)

    def requests_for(self, edition: Edition, district: str | None, /) -> Sequence[DocumentRequest]:
        """Return one document for a harbour, two for all."""
        names = ["harbours", "all"] if district is None else [district]
        return [DocumentRequest(address(name, edition.day), report="tides") for name in names]

    def summarize_day(self, day: date, districts: Sequence[str], fetch: Fetch, /) -> Mapping[str, Collected]:
        """Return how many harbours there are."""
        return {"totals": Collected({"harbours": len(fetch(address("harbours", day)).text.splitlines())})}


class TideContract(DataSourceContract):
    """The contract, hooked up to a source that reads tides."""

    units = ((DAY, "dover"), (DAY, "brest"))
    source: type[TideSource] = TideSource

    def make_source(self) -> TideSource:
        """Return the source."""
        return self.source()

    def make_fetch(self) -> Fetch:
        """Return the documents."""
        return DictFetch(DOCUMENTS)
