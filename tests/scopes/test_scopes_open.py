"""The open scope."""

from __future__ import annotations

import pytest

from backfill.errors import InvalidRequest
from backfill.model import BackfillScope, ScopeKind
from backfill.protocols import ScopeResolver
from backfill.scopes import OpenScope


def test_the_open_scope_is_a_scope() -> None:
    """The open scope fits the protocol. [R10.5]"""
    assert isinstance(OpenScope(), ScopeResolver)


def test_without_targets_everything_is_in_scope() -> None:
    """A request without targets touches every district that the source lists. [R2.2, R7.2]"""
    assert OpenScope().resolve(None) == BackfillScope(ScopeKind.SYSTEM_WIDE, None)


@pytest.mark.parametrize(
    ("requested", "kind", "districts"),
    [
        (["61"], ScopeKind.SINGLE_DISTRICT, ("61",)),
        (["61", "61"], ScopeKind.SINGLE_DISTRICT, ("61",)),
        (["F", "61"], ScopeKind.TARGETED, ("F", "61")),
    ],
)
def test_named_districts_are_taken_as_they_come(requested: list[str], kind: ScopeKind, districts: tuple[str, ...]) -> None:
    """One district or several, each once and in their order, and none is left out. [R2.1, R2.4, R2.5, R7.2]"""
    assert OpenScope().resolve(requested) == BackfillScope(kind, districts)


@pytest.mark.parametrize("requested", [[], "61", ["61", 5]])
def test_what_names_no_district_is_refused(requested: object) -> None:
    """An empty list, one string and other things than strings are refused. [R7.4]"""
    with pytest.raises(InvalidRequest):
        OpenScope().resolve(requested)  # type: ignore[arg-type] # that is what is tested
