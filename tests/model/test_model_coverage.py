"""Coverage as a value."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from backfill.model import CellState, Coverage
from foundation_samples import bounded, days

THREE = days(3)
KNOWN = [state for state in CellState if state is not CellState.PARTIAL]
cells = st.dictionaries(st.sampled_from(THREE), st.dictionaries(st.sampled_from(["61", "F"]), st.sampled_from(KNOWN)))


@bounded
@given(cells, st.sets(st.sampled_from(THREE)))
def test_every_cell_has_one_state(known: dict[date, dict[str, CellState]], gaps: set[date]) -> None:
    """Each (day, district) has exactly one state: what is known, else its day's gap, else never tried. [B5]"""
    cover = Coverage(THREE[0], THREE[-1], "daily", THREE, ("61", "F"), known, dict.fromkeys(gaps, "closing"))
    seen = list(cover)
    assert [(day, district) for day, district, _state in seen] == [(day, district) for day in THREE for district in ("61", "F")]
    for day, district, state in seen:
        otherwise = CellState.UNAVAILABLE if day in gaps else CellState.NEVER_TRIED
        assert state is cover.state(day, district) is known.get(day, {}).get(district, otherwise)
    assert sum(cover.counts.values()) == 6
    assert set(cover.counts) == set(CellState)
    assert "<3 days>" in repr(cover)
