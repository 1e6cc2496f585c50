"""What differs between two JSON values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfill.comparing import Divergence, differing
from backfill.jsonvalues import JsonValue

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["a", "b"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["x", "y", "clubId"]), inner, max_size=3),
    max_leaves=8,
)


@given(value=JSON, other=JSON)
def test_nothing_differs_exactly_where_all_is_the_same(value: JsonValue, other: JsonValue) -> None:
    """A value differs from itself nowhere, and from another in at least one place; the other way round in as many. [B4]"""
    assert list(differing(value, value)) == []
    there, back = list(differing(value, other)), list(differing(other, value))
    assert len(there) == len(back)
    assert {one.path for one in there} == {one.path for one in back}


def test_rows_are_found_again_by_their_identifier() -> None:
    """A club that moved within its list has not changed; one that is new or gone is named. [B4]"""
    before: JsonValue = {"clubs": [{"clubId": "1", "members": 20}, {"clubId": "2", "members": 30}], "n": True}
    after: JsonValue = {"clubs": [{"clubId": "3", "members": 1}, {"clubId": "1", "members": 25}], "n": 1}
    found = list(differing(before, after))
    assert [str(one) for one in found[:1]] == ["clubs[1].members: 20 -> 25"]
    assert [one.path for one in found] == ["clubs[1].members", "clubs[2]", "clubs[3]", "n"]
    assert found[0].change == 5
    assert found[1].is_gone
    assert found[2].is_new
    assert str(found[2]).startswith("clubs[3]: '(not there)' -> {'clubId'")
    assert str(found[1]).endswith("-> '(not there)'")
    assert found[3].change is None


def test_rows_without_an_identifier_are_compared_by_place() -> None:
    """Lists of plain values, and rows that share an identifier, are compared place by place. [B4]"""
    assert [one.path for one in differing([1, 2, 3], [1, 4])] == ["[1]", "[2]"]
    twins: JsonValue = [{"id": "1", "a": 1}, {"id": "1", "a": 2}]
    assert [one.path for one in differing(twins, [{"id": "1", "a": 1}, {"id": "1", "a": 3}])] == ["[1].a"]


@pytest.mark.parametrize(
    ("before", "after", "text"), [(1, 2, "all of it: 1 -> 2"), ("x" * 60, None, f"all of it: '{'x' * 39}… -> None")]
)
def test_a_divergence_is_told_in_a_line(before: JsonValue, after: JsonValue, text: str) -> None:
    """Long values are cut, and the value as a whole has a name."""
    assert str(Divergence("", before, after)) == text
