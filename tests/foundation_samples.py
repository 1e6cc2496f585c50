"""Values that several tests of the foundation need, and the bounds of their property tests."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st

from plain_samples import DAY, NOW, days, make_error, make_plan, make_spec

__all__ = ["DAY", "NOW", "bounded", "days", "district_names", "json_values", "make_error", "make_plan", "make_spec"]

bounded = settings(deadline=None, max_examples=60, database=None)
"""Few examples and no deadline: the machines that run this are slow now and then."""

district_names = st.from_regex(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}", fullmatch=True)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
"""What `backfill.jsonvalues.JsonValue` describes; text without lone surrogates."""
