"""A scope without a file."""

from __future__ import annotations

import pytest

from backfill.errors import InvalidRequest
from backfill.model import ScopeKind
from backfill.protocols import ScopeResolver
from backfill.scopes import FixedScope


def test_a_fixed_scope_is_its_districts() -> None:
    """Without targets all of it is in scope, in its order and each once; it is a resolver like the configured one. [R7.1, R2.2]"""
    scope = FixedScope(["61", " F ", "61"])
    assert isinstance(scope, ScopeResolver)
    assert scope.resolve(None).districts == ("61", "F")
    assert scope.resolve(None).kind is ScopeKind.SYSTEM_WIDE
    assert repr(scope) == "FixedScope(('61', 'F'))"


def test_what_is_not_in_it_is_left_out_with_suggestions() -> None:
    """Targets out of scope are reported, and a request with none left is refused. [R7.3, R7.4, R7.5, P7]"""
    scope = FixedScope(["61", "F"], normalize=str.upper)
    found = scope.resolve(["f", "62", "../x"])
    assert found.districts == ("F",)
    assert [(doubt.text, doubt.suggestions) for doubt in found.excluded] == [("62", ("61",)), ("../x", ())]
    with pytest.raises(InvalidRequest, match="none of them is in scope"):
        scope.resolve(["99"])


@pytest.mark.parametrize("districts", [[], ["../x"], ["a", "A"], "61"])
def test_districts_that_cannot_be_are_refused_when_it_is_made(districts: list[str]) -> None:
    """No district, an impossible one, two that differ in case, and a text in place of a list are refused. [R7.4]"""
    with pytest.raises(InvalidRequest):
        FixedScope(districts)
