"""Calls of the source for several districts, for lists and for summaries: each district has one outcome, whatever the answer is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfill.engine.collect import Batch
from backfill.errors import (
    Cancelled,
    DataUnavailable,
    PermanentSourceError,
    SourceError,
    TransientSourceError,
)
from backfill.model import (
    Collected,
    DistrictRecord,
    Finding,
    Method,
    RetryPolicy,
)
from backfill.protocols import BatchSource, DataSource, Fetch, SystemWideSource
from collect_doubles import (
    RAISED,
    URL,
    Lazy,
    LazyNames,
    Mute,
    collector,
    giving,
    in_worker,
    raising,
)
from engine_doubles import DAY, All, Catalog, Door, Many, One, bounded, planned


def test_a_batch_is_taken_apart() -> None:
    """Values, errors in the place of values, missing and unasked districts of one call are told apart. [R3.2, R6.1, P5]"""
    found = Finding("odd", "odd figures")
    answer = {
        "2": TransientSourceError("later", kind="slow"), " 1 ": Collected({"n": 1}, findings=(found,)), "3": None, "9": {"n": 9},
        "../x": 1, 7: 2, "4": DataUnavailable("none"), "8": 8,
    }  # fmt: skip
    source = Many(giving(answer))
    batch = collector(source).collect_many(planned(*"12345"), tuple("12345"), source)
    kinds = {
        name: value.data if isinstance(value, DistrictRecord) else getattr(value, "kind", None)
        for name, value in batch.values.items()
    }
    assert kinds == {"1": {"n": 1}, "2": "slow", "3": "invalid_payload", "4": "unavailable", "5": "returned_nothing"}
    assert isinstance(batch.values["2"], TransientSourceError)
    assert [(finding.kind, finding.district, finding.day) for finding in batch.findings] == [
        ("odd", "1", DAY), ("invalid_district", None, DAY), ("invalid_district", None, DAY), ("unasked_district", "8", DAY),
        ("unasked_district", "9", DAY),
    ]  # fmt: skip
    assert "'../x'" in batch.findings[1].message
    assert batch.listed is None


def both(source: DataSource, districts: tuple[str, ...] | None = ("1", "2")) -> list[Batch | SourceError]:
    """Return what collect_many and collect_all make of a source, as far as it has them."""
    collects = collector(source, policy=RetryPolicy(max_attempts=1))
    made: list[Batch | SourceError] = []
    if isinstance(source, BatchSource) and districts is not None:
        made.append(collects.collect_many(planned(*districts), districts, source))
    if isinstance(source, SystemWideSource):
        try:
            made.append(collects.collect_all(planned(*(districts or ()), strategy=Method.SYSTEM_WIDE), districts, source))
        except SourceError as error:
            made.append(error)
    return made


def errors_of(made: Batch | SourceError) -> list[SourceError]:
    """Return the errors of every district of a batch, or the one of the day."""
    if isinstance(made, SourceError):
        return [made]
    return [value for value in made.values.values() if isinstance(value, SourceError)]


@pytest.mark.parametrize(
    "answer", [None, [("1", 1)], "1", b"1", 7, {"1"}, object(), iter({"1": 1})], ids=lambda answer: type(answer).__name__
)
@pytest.mark.parametrize("kind", [Many, All])
def test_an_answer_that_is_no_mapping_fails_the_call(kind: type[Many | All], answer: object) -> None:
    """Nothing, or the wrong type, in the place of a mapping fails every district of the call, saying what it was. [R6.1, R6.2]"""
    (made,) = both(kind(giving(answer)))
    errors = errors_of(made)
    assert len(errors) == (2 if kind is Many else 1)
    assert {(error.kind, error.stage) for error in errors} == {("invalid_payload", "validate")}
    assert all(f"returned {type(answer).__name__}, not a mapping" in str(error) for error in errors)


@pytest.mark.parametrize("answer", [{"a1": 1, "A1": 2}, {"1": 1, " 1": 2}])
@pytest.mark.parametrize("kind", [Many, All])
def test_keys_that_collide_fail_the_call(kind: type[Many | All], answer: Mapping[str, object]) -> None:
    """Two values for one district, or two keys that differ only in case, are refused: neither may hide the other. [R6.2, P5]"""
    (made,) = both(kind(giving(answer)), ("a1", "1"))
    errors = errors_of(made)
    assert {error.kind for error in errors} == {"invalid_payload"}
    assert len(errors) == (2 if kind is Many else 1)


@pytest.mark.parametrize(
    "raised", [ValueError(), DataUnavailable("none"), SystemExit(1), Mute()], ids=lambda error: type(error).__name__
)
@pytest.mark.parametrize("kind", [Many, All])
def test_a_call_that_raises_fails_as_a_whole(kind: type[Many | All], raised: BaseException) -> None:
    """What one call raises is what becomes of each district that it was to serve. [R6.1, P6]"""
    (made,) = both(kind(raising(raised)))
    expected = DataUnavailable if isinstance(raised, DataUnavailable) else PermanentSourceError
    assert [type(error) for error in errors_of(made)] == [expected] * (2 if kind is Many else 1)


@pytest.mark.parametrize("kind", [Many, All])
def test_a_mapping_that_fetches_as_it_is_read(kind: type[Many | All]) -> None:
    """A lazy answer is read while its door is open: its documents are provenance, its failures are retried. [B3, R6.5]"""
    tries: list[str] = []

    def answer(*args: object) -> Lazy:
        fetch = args[-1]
        assert callable(fetch)

        def value(name: str) -> object:
            tries.append(name)
            if len(tries) == 1:
                raise TransientSourceError("later")
            return fetch(f"{URL}/{name}", name=name).text

        return Lazy(value, "1", "2")

    source = kind(answer)
    collects = collector(source, Door(), policy=RetryPolicy(base=0))
    if isinstance(source, Many):
        batch = collects.collect_many(planned("1", "2"), ("1", "2"), source)
    else:
        assert isinstance(source, All)
        batch = collects.collect_all(planned(), None, source)
    assert tries == ["1", "1", "2"]
    for name in ("1", "2"):
        record = batch.values[name]
        assert isinstance(record, DistrictRecord)
        assert (record.data, [document.name for document in record.provenance]) == (name, ["1", "2"])


@pytest.mark.parametrize("raised", [KeyError("1"), Mute(), SystemExit(2)], ids=lambda error: type(error).__name__)
def test_a_mapping_that_raises_as_it_is_read(raised: BaseException) -> None:
    """An answer of the source's own class may raise when it is read: the districts of the call fail, and nothing else. [R6.1]"""
    (made,) = both(Many(giving(Lazy(raising(raised), "1"))))
    assert {error.kind for error in errors_of(made)} == {"source_bug"}


def test_one_answer_for_known_districts() -> None:
    """Of an answer for all, exactly the districts of the plan are taken; one that it lacks is unavailable. [R5.3, R7.3, P5, P7]"""
    source = All(giving({"3": 3, "1": 1, "9": 9}))
    batch = collector(source).collect_all(planned("1", "2", "3"), ("1", "2", "3"), source)
    assert list(batch.values) == ["1", "2", "3"]
    assert isinstance(batch.values["2"], DataUnavailable)
    assert (batch.listed, batch.findings) == (None, ())


def test_one_answer_for_an_open_day_says_which_districts_there_are() -> None:
    """The districts of an open day are the valid keys of its answer, in its order; what can be none is a finding. [R7.2]"""
    source = All(giving({"3": 3, "../x": 0, "1": PermanentSourceError("bad"), None: 1}))
    batch = collector(source).collect_all(planned(), None, source)
    assert batch.listed == ("3", "1")
    assert isinstance(batch.values["1"], PermanentSourceError)
    assert [finding.kind for finding in batch.findings] == ["invalid_district", "invalid_district"]
    empty = All(giving({}))
    assert collector(empty).collect_all(planned(), None, empty) == Batch({}, (), ())


def test_a_list_is_normalized_in_its_own_order() -> None:
    """Blanks and repetitions do not matter. [R7.2]"""
    source = Catalog(giving([" F", "61", "F ", "117"]))
    assert collector(source).list_day(planned(), source) == ("F", "61", "117")


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (None, "NoneType, not a sequence"), ("61", "str, not a sequence"), (b"61", "bytes, not a sequence"),
        ({"61"}, "set, not a sequence"), ({"61": 1}, "dict, not a sequence"), (7, "int, not a sequence"),
        (iter(["61"]), "list_iterator, not a sequence"), ([61], "a district is a string"), (["61", None], "a district is a string"),
        (["../61"], "a district is 1 to 64"), (["a1", "A1"], "differ only in upper and lower case"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)  # fmt: skip
def test_a_list_that_is_none_fails_the_day(answer: object, what: str) -> None:
    """A wrong type, or a name that can be none, fails the listing as invalid_list at stage list, with the reason. [R6.2, R7.4]"""
    source = Catalog(giving(answer))
    with pytest.raises(PermanentSourceError, match=what) as caught:
        collector(source).list_day(planned(), source)
    assert (caught.value.kind, caught.value.stage) == ("invalid_list", "list")


@pytest.mark.parametrize(
    "raised",
    [DataUnavailable("none"), TransientSourceError("later"), ValueError(), SystemExit(1)],
    ids=lambda error: type(error).__name__,
)
def test_a_list_that_raises(raised: BaseException) -> None:
    """What listing raises is told with stage list, whatever failed in it: without a list no district could be tried. [R6.2]"""
    source = Catalog(raising(raised))
    with pytest.raises(SourceError) as caught:
        collector(source, policy=RetryPolicy(max_attempts=1)).list_day(planned(), source)
    assert caught.value.stage == "list"


def test_a_list_that_fetches_as_it_is_read() -> None:
    """A lazy list is read inside the attempt: what it raises is retried as if the call had raised it. [R6.5]"""
    tries: list[int] = []

    def name() -> str:
        tries.append(1)
        if len(tries) == 1:
            raise TransientSourceError("later")
        return "61"

    source = Catalog(giving(LazyNames(name)))
    assert collector(source, policy=RetryPolicy(base=0)).list_day(planned(), source) == ("61",)


def test_a_sources_own_rule_that_raises_fails_the_list_alone() -> None:
    """A normal form that raises for what the source itself listed is a failure of the day, not of the job. [R6.1]"""

    class Numbers(Catalog):
        def normalize_district(self, text: str, /) -> str:
            return str(int(text))

    source = Numbers(giving(["1", "x"]))
    with pytest.raises(PermanentSourceError, match="no normal form") as caught:
        collector(source).list_day(planned(), source)
    assert caught.value.kind == "invalid_list"


class Summaries(One):
    """A source whose summaries of a day are a function."""

    def __init__(self, summarize: Callable[..., object]) -> None:
        super().__init__()
        self._summarize = summarize

    def summarize_day(self, day: date, districts: Sequence[str], fetch: Fetch, /) -> Mapping[str, Collected]:
        """Do what the function does."""
        return self._summarize(day, districts, fetch)  # type: ignore[return-value] # sources return the wrong type, too


def test_summaries_are_plain_values() -> None:
    """Summaries become JSON values as districts do, as of the day where nothing else is said. [R3.5]"""
    source = Summaries(lambda _day, districts, _fetch: {"all": Collected({"names": districts}, detail="summary"), "bare": [1]})
    made = collector(source).summarize(planned("1", "2"), ("1", "2"), source)
    assert made["all"] == Collected({"names": ["1", "2"]}, as_of=DAY, detail="summary")
    assert made["bare"] == Collected([1], as_of=DAY)


@pytest.mark.parametrize("answer", [None, [1], {"all": None}, {"all": Collected(1, detail="both")}])
def test_summaries_that_are_none_are_refused(answer: object) -> None:
    """A wrong type is refused as in the place of a district's figures. [R6.2]"""
    source = Summaries(giving(answer))
    with pytest.raises(PermanentSourceError) as caught:
        collector(source).summarize(planned("1"), ("1",), source)
    assert caught.value.kind == "invalid_payload"


anything = st.one_of(
    st.none(), st.booleans(), st.floats(), st.text(), st.binary(), st.just({}), st.sampled_from(RAISED),
    st.sampled_from([DataUnavailable("n"), TransientSourceError("t"), PermanentSourceError("p"), Cancelled("c")]),
    st.builds(Collected, st.integers() | st.none(), as_of=st.none() | st.integers(), detail=st.text() | st.just("full")),
    st.lists(st.integers()), st.dictionaries(st.integers() | st.text(), st.floats()),
)  # fmt: skip


@bounded
@given(
    answer=anything | st.dictionaries(st.sampled_from(["1", "2", " 2", "a", "A", "x/y", 3, None]), anything),
    raised=st.booleans(),
    call=st.sampled_from([One, Many, All]),
)
def test_p6_whatever_a_source_does_each_district_has_one_outcome(
    answer: object, raised: bool, call: type[One | Many | All]
) -> None:
    """For any answer or exception of any call: every district asked for has a record or an error, and no other has anything. [P6, P7]"""
    function = raising(answer) if raised and isinstance(answer, BaseException) else giving(answer)
    source = call(function)
    collects = collector(source, policy=RetryPolicy(max_attempts=1))

    def outcome() -> Batch:
        if isinstance(source, Many):
            return collects.collect_many(planned("1", "2"), ("1", "2"), source)
        if isinstance(source, All):
            try:
                return collects.collect_all(planned("1", "2"), ("1", "2"), source)
            except SourceError as error:
                return Batch(dict.fromkeys(("1", "2"), error))
        return Batch({name: collects.collect_district(planned("1", "2"), name).values[name] for name in ("1", "2")})

    batch = in_worker(outcome)
    assert set(batch.values) == {"1", "2"}
    for name, value in batch.values.items():
        assert isinstance(value, DistrictRecord | SourceError)
        assert not isinstance(value, Cancelled)
        if isinstance(value, DistrictRecord):
            assert (value.district_id, value.day) == (name, DAY)
