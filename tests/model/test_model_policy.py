"""Retry policies as values."""

from __future__ import annotations

import pytest
from attrs import evolve

from backfill.errors import InvalidRequest
from backfill.model import RetryPolicy


def test_the_default_policy_is_polite() -> None:
    """Without a word four attempts are made, with pauses that grow. [R6.5, B6]"""
    policy = RetryPolicy()
    assert (policy.max_attempts, policy.base, policy.factor) == (4, 1.0, 2.0)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("max_attempts", 0),
        ("max_attempts", 101),
        ("base", -1),
        ("factor", 0.5),
        ("max_wait", float("nan")),
        ("max_retry_after", "1"),
    ],
)
def test_a_policy_checks_its_values(field: str, value: object) -> None:
    """Every value of a policy is checked, also when it evolves. [R6.5]"""
    with pytest.raises(InvalidRequest) as caught:
        evolve(RetryPolicy(), **{field: value})  # type: ignore[arg-type] # that is what is tested
    assert caught.value.field == field
