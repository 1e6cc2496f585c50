"""What a source may be able to do besides: each ability is tested where it is there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import cast

from backfill.errors import InvalidRequest
from backfill.model import Edition, Frequency, normalize_district, refuse_collisions, select_days
from backfill.protocols import (
    BatchSource,
    DataSource,
    DaySummarizer,
    DistrictCatalog,
    DistrictNaming,
    EditionCatalog,
    LatestDay,
    RequestPlanner,
    SupportsMaxConcurrency,
    SystemWideSource,
    Versioned,
)
from backfill.testing.contracts._asserting import equal, holds, refused
from backfill.testing.contracts._source_hooks import Answer, SourceHooks, answer_of, answers_of, same, skip_ability
from backfill.testing.contracts._suite import skip

_HOSTILE = ("", ".", "..", "../61", "a/b", "x" * 65, "6\x001")


class AbilitiesContract(SourceHooks):
    """Listing, answering for several, naming, planning, summarizing."""

    def test_it_lists_the_districts_of_a_day(self) -> None:
        """The list of a day names districts, none twice, and is the same when asked again. [R2.2, R7.2]"""
        source = self.new_source()
        if not isinstance(source, DistrictCatalog):
            skip_ability("list_districts", "DistrictCatalog")
        day, _ = self.unit
        lists: list[Sequence[str]] = []
        for _look in range(2):
            with self.call() as fetch:
                listed: object = source.list_districts(day, fetch)
            holds(isinstance(listed, Sequence) and not isinstance(listed, str | bytes), f"list_districts returned {listed!r}")
            lists.append(cast("Sequence[str]", listed))
        names = [self._normal(source, name) for name in lists[0]]
        equal(len(set(names)), len(names), "number of different districts in the list")
        refuse_collisions(names)
        equal(list(lists[1]), list(lists[0]), "the list, asked again")

    def test_one_call_serves_every_district(self) -> None:
        """`collect_all` has for each district a value that can be stored, the same when asked again. [R3.2, P3]"""
        source = self.new_source()
        if not isinstance(source, SystemWideSource):
            skip_ability("collect_all", "SystemWideSource")
        day, _ = self.unit
        answers = []
        for _look in range(2):
            with self.call() as fetch:
                values = source.collect_all(day, fetch)
                answers.append(answers_of(values, fetch, f"collect_all({day})"))
        refuse_collisions([self._normal(source, name) for name in answers[0]])
        equal(list(answers[1]), list(answers[0]), "districts of collect_all, asked again")
        for name, value in answers[0].items():
            other = answers[1][name]
            if isinstance(value, Answer) and isinstance(other, Answer):
                same(other, value, f"collect_all({day})[{name!r}], asked again")

    def test_one_call_serves_several_districts(self) -> None:
        """`collect_many` answers for the districts asked for and no others, for each as if it had been asked alone. [R2.5, P5]"""
        batch = self.new_source()
        if not isinstance(batch, BatchSource):
            skip_ability("collect_many", "BatchSource")
        day, _ = self.unit
        districts = tuple(dict.fromkeys(district for its_day, district in self.units if its_day == day))
        with self.call() as fetch:
            together = answers_of(batch.collect_many(day, districts, fetch), fetch, f"collect_many({day})")
        equal(sorted(together), sorted(districts), f"districts of collect_many, asked for {districts}")
        for district in districts:
            with self.call() as fetch:
                alone = answers_of(batch.collect_many(day, (district,), fetch), fetch, f"collect_many({day})")
            equal(list(alone), [district], f"districts of collect_many, asked for {district} alone")
            one, other = alone[district], together[district]
            if isinstance(one, Answer) and isinstance(other, Answer):
                equal(other.content, one.content, f"{district} of {day}, collected beside others and alone")

    def test_a_district_has_one_normal_form(self) -> None:
        """The normal form of a normal form is itself, may be a file name, and what cannot name a district is refused. [R2.3, R7.4]"""
        naming = self.new_source()
        if not isinstance(naming, DistrictNaming):
            skip_ability("normalize_district", "DistrictNaming")
        for _, district in self.units:
            normal = naming.normalize_district(district)
            equal(naming.normalize_district(normal), normal, f"normal form of {normal!r}, which is one")
            equal(normalize_district(normal), normal, f"{normal!r} as a name of files")
        for text in _HOSTILE:
            with refused(InvalidRequest, f"normalize_district({text!r})"):
                normalize_district(naming.normalize_district(text))

    def test_its_editions_are_a_calendar(self) -> None:
        """Editions come for the days that the frequency selects, each once, the same for a part of the range as for all of it. [B1, B10]"""
        catalog = self.new_source()
        if not isinstance(catalog, EditionCatalog):
            skip_ability("editions", "EditionCatalog")
        day, _ = self.unit
        first, last = day - timedelta(days=40), day + timedelta(days=40)
        for frequency in Frequency:
            whole = tuple(catalog.editions(first, last, frequency))
            days = [edition.day for edition in whole]
            holds(
                all(isinstance(edition, Edition) for edition in whole), "editions() returned something else than Edition values"
            )
            equal(sorted(set(days)), sorted(days), f"days of the {frequency} editions, each once")
            strange = set(days) - set(select_days(first, last, frequency))
            equal(sorted(strange), [], f"days of {frequency} editions that the frequency does not select from {first} to {last}")
            equal(tuple(catalog.editions(first, last, frequency)), whole, f"{frequency} editions, asked again")
        daily = {edition.day: edition for edition in catalog.editions(first, last, Frequency.DAILY)}
        part = {edition.day: edition for edition in catalog.editions(day, day, Frequency.DAILY)}
        equal(part, {day: daily[day]} if day in daily else {}, f"edition of {day} alone, and in a longer range")
        for frequency in Frequency:
            for edition in catalog.editions(first, last, frequency):
                equal(daily.get(edition.day), edition, f"edition of {edition.day}, asked for as {frequency} and as daily")

    def test_its_newest_day_is_not_in_the_future(self) -> None:
        """The newest day that can have been published is not after today, and never goes back. [B1]"""
        latest = self.new_source()
        if not isinstance(latest, LatestDay):
            skip_ability("latest_day", "LatestDay")
        day, _ = self.unit
        found = [latest.latest_day(day + timedelta(days=number)) for number in range(60)]
        holds(all(type(each) is date for each in found), f"latest_day returned {found[0]!r}, and no date")
        equal(sorted(found), found, "the newest days of sixty days in a row")
        ahead = [each for number, each in enumerate(found) if each > day + timedelta(days=number)]
        equal(ahead, [], "newest days that are after their today")

    def test_p12_it_asks_only_for_what_it_planned(self) -> None:
        """Every document that it asks for is among those that it named beforehand, under the same identity. [P12, B1]"""
        source = self.new_source()
        if not isinstance(source, RequestPlanner):
            skip_ability("requests_for", "RequestPlanner")
        for day, district in self.units or (self.unit,):
            edition = self.edition(source, day)
            planned = [request.identity for request in source.requests_for(edition, district)]
            equal(len(set(planned)), len(planned), f"number of different documents that are planned for {district} of {day}")
            again = [request.identity for request in source.requests_for(edition, district)]
            equal(again, planned, f"documents that are planned for {district} of {day}, asked again")
            unplanned = set(self.collect(source, (day, district)).asked) - set(planned)
            equal(sorted(unplanned), [], f"documents asked for, and not planned, for {district} of {day}")

    def test_p12_it_lists_only_from_what_it_planned(self) -> None:
        """Listing a day, and collecting it by one call, ask only for documents that the day as a whole needs. [P12, B1]"""
        source = self.new_source()
        if not isinstance(source, RequestPlanner):
            skip_ability("requests_for", "RequestPlanner")
        day, _ = self.unit
        planned = {request.identity for request in source.requests_for(self.edition(source, day), None)}
        with self.call() as fetch:
            if isinstance(source, DistrictCatalog):
                list(source.list_districts(day, fetch))
            if isinstance(source, SystemWideSource):
                dict(source.collect_all(day, fetch))
        if not fetch.asked:
            skip("the source fetches nothing for a day as a whole", "there is nothing to test here")
        equal(sorted(set(fetch.asked) - planned), [], f"documents asked for, and not planned, for {day} as a whole")

    def test_its_summaries_can_be_stored(self) -> None:
        """A summary of the day is named like a file, and can be stored. [R5.2]"""
        source = self.new_source()
        if not isinstance(source, DaySummarizer):
            skip_ability("summarize_day", "DaySummarizer")
        day, _ = self.unit
        districts = tuple(district for its_day, district in self.units if its_day == day)
        with self.call() as fetch:
            summaries = dict(source.summarize_day(day, districts, fetch))
            for name, value in summaries.items():
                equal(normalize_district(name), name, f"{name!r} as a name of files")
                answer_of(value, fetch, f"summarize_day({day})[{name!r}]")

    def test_it_says_how_many_calls_it_stands(self) -> None:
        """The most calls at once is a number from 1. [R9.2]"""
        source = self.new_source()
        if not isinstance(source, SupportsMaxConcurrency):
            skip_ability("max_concurrency", "SupportsMaxConcurrency")
        limit: object = source.max_concurrency
        is_number = isinstance(limit, int) and not isinstance(limit, bool) and limit >= 1
        holds(is_number, f"max_concurrency is {limit!r}, and must be a whole number from 1")

    def test_its_rules_have_one_version(self) -> None:
        """The version of its rules is a text that stays. [B3, B4]"""
        versioned = self.new_source()
        if not isinstance(versioned, Versioned):
            skip_ability("calculation_version", "Versioned")
        version: object = versioned.calculation_version
        holds(isinstance(version, str) and version, f"calculation_version is {version!r}, and must be a text")
        equal(getattr(self.new_source(), "calculation_version", None), version, "version of another instance")

    def _normal(self, source: DataSource, name: str) -> str:
        own = source.normalize_district(name) if isinstance(source, DistrictNaming) else name
        return normalize_district(own)
