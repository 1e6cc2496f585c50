"""The checks and small tools that the values of the model share."""

from __future__ import annotations

import copy
import pickle
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfill.errors import InvalidRequest
from backfill.model.checks import as_count, as_date, as_seconds, as_texts, frozen_mapping, last_of_month, sized
from foundation_samples import bounded


@bounded
@given(st.dates())
def test_a_date_reads_back(day: date) -> None:
    """Every date is understood in its own ISO form, and as itself. [R10.2]"""
    assert as_date("day", day.isoformat()) == as_date("day", day) == day


def test_a_number_keeps_to_its_bounds() -> None:
    """Bounds are inclusive, and what is returned is of the promised type. [R10.2]"""
    assert as_count("n", 1, least=1, most=3) == 1
    assert as_count("n", 3, least=1, most=3) == 3
    seconds = as_seconds("s", 2, most=2)
    assert seconds == 2.0
    assert isinstance(seconds, float)


def test_texts_keep_their_order_without_repetitions() -> None:
    """Any iterable of strings does, each string once, and an empty one is refused with the caller's remedy. [R2.5]"""
    assert as_texts("x", iter(["b", "a", "b"])) == ("b", "a")
    with pytest.raises(InvalidRequest, match="do this"):
        as_texts("x", (), if_empty="do this")


@bounded
@given(st.dates())
def test_the_last_of_a_month_is_in_it_and_the_next_day_is_not(day: date) -> None:
    """The last day of a month is the one before the next month. [R10.2]"""
    last = last_of_month(day)
    assert (last.year, last.month) == (day.year, day.month)
    assert last >= day
    assert last == date.max or date.fromordinal(last.toordinal() + 1).day == 1


def test_a_frozen_mapping_is_a_copy_that_cannot_change() -> None:
    """A frozen mapping keeps what it was made from, and equals, prints, pickles and copies as a dictionary does. [R10.2]"""
    origin = {"a": 1}
    frozen = frozen_mapping(origin)
    origin["b"] = 2
    assert frozen == {"a": 1}
    assert frozen != origin
    assert dict(frozen) == {"a": 1}
    assert (len(frozen), frozen["a"], repr(frozen)) == (1, 1, "{'a': 1}")
    assert not hasattr(frozen, "__setitem__")
    assert pickle.loads(pickle.dumps(frozen)) == frozen
    assert copy.deepcopy(frozen) == frozen
    nothing: dict[str, int] | None = None
    assert frozen_mapping(nothing) == {}


def test_long_fields_show_their_size() -> None:
    """A field too long to show is shown by how much there is. [R10.2]"""
    assert sized("days")((1, 2)) == "<2 days>"
