"""Targets against the scope, before anything else happens."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfill.engine.scoping import naming_of, resolve_scope
from backfill.errors import InvalidRequest
from backfill.model import BackfillScope, Doubt, ScopeKind
from backfill.scopes import DistrictConfigurationService, OpenScope
from backfill.stores import MemorySnapshotStore
from engine_doubles import DAY, FixedScope, One, bounded, day, record, store_records


class Named(One):
    """A source with a normal form of its own: a number without leading zeros."""

    def normalize_district(self, text: str, /) -> str:
        """Return it; raises what ``int`` raises."""
        return str(int(text))


class Doubtful:
    """A scope that keeps everything, and doubts it."""

    def resolve(self, requested: Sequence[str] | None, /) -> BackfillScope:
        """Return it."""
        return BackfillScope(ScopeKind.TARGETED, tuple(requested or ()), doubtful=(Doubt("x", "who knows"),))


def resolve(*targets: str, source: One | None = None, store: MemorySnapshotStore | None = None) -> BackfillScope:
    """Return the scope of these targets where nothing is configured."""
    return resolve_scope(targets or None, source or One(), OpenScope(), store or MemorySnapshotStore())


def configured(tmp_path: Path, *districts: str) -> DistrictConfigurationService:
    """Return a configuration of these districts."""
    service = DistrictConfigurationService(tmp_path / "districts.json")
    service.set_districts(districts)
    return service


def test_without_targets_everything_is_in_scope() -> None:
    """No targets and nothing configured: every district that existed on each day. [R2.2, R7.2]"""
    assert resolve() == BackfillScope(ScopeKind.SYSTEM_WIDE, None)


def test_named_districts_are_kept_in_their_normal_form_once() -> None:
    """Blanks around a name and repetitions do not matter; the order is the caller's. [R2.1, R2.4, R2.5]"""
    assert resolve(" F ", "61", "F").districts == ("F", "61")
    assert resolve("61").kind is ScopeKind.SINGLE_DISTRICT
    assert resolve("061", "61", "7", source=Named()).districts == ("61", "7")


@pytest.mark.parametrize("bad", ["../61", "", "  ", "a/b", "a\\b", "a\x00b", "a\nb", ".hidden", "x" * 65, "ü", "CON 1"])
def test_what_cannot_be_a_file_name_is_left_out_and_said(bad: str, caplog: pytest.LogCaptureFixture) -> None:
    """Paths, control characters, blanks and the like never become part of a name; the rest of the request goes on. [R7.5, P2]"""
    with caplog.at_level(logging.WARNING, "backfill"):
        scope = resolve(bad, "61")
    assert scope.districts == ("61",)
    (doubt,) = scope.excluded
    assert doubt.text == bad
    assert "a district is 1 to 64" in doubt.why
    assert "is left out" in caplog.text


def test_a_request_with_no_target_left_is_rejected() -> None:
    """If not one target can be a district, the request is refused with the rule. [R7.5]"""
    with pytest.raises(InvalidRequest, match="a district is 1 to 64"):
        resolve("../61", "a/b")


def test_targets_that_differ_only_in_case_are_refused() -> None:
    """Two targets that would be one file on some file systems are refused before anything is done. [P2, R7.4]"""
    with pytest.raises(InvalidRequest, match="differ only in upper and lower case"):
        resolve("a1", "A1")


def test_targets_out_of_scope_are_left_out_and_reported(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Of targets some of which are configured these alone are kept; the others are named with the reason, and logged. [R7.3, R7.5]"""
    scope_of = configured(tmp_path, "61", "F")
    with caplog.at_level(logging.WARNING, "backfill"):
        scope = resolve_scope(("61", "16", "../x"), One(), scope_of, MemorySnapshotStore())
    assert scope.districts == ("61",)
    assert [doubt.text for doubt in scope.excluded] == ["../x", "16"]
    assert scope.excluded[1].suggestions == ("61",)
    assert "'16' is left out" in caplog.text


def test_none_of_the_targets_in_scope_is_rejected(tmp_path: Path) -> None:
    """A request of which nothing is in scope is refused, naming what is. [R7.4, R7.5]"""
    with pytest.raises(InvalidRequest):
        resolve_scope(("16",), One(), configured(tmp_path, "61", "F"), MemorySnapshotStore())


@pytest.mark.parametrize("targets", [("16",), None])
def test_a_scope_of_the_callers_own_that_leaves_nothing_is_rejected(targets: tuple[str, ...] | None) -> None:
    """A resolver that answers with no district at all is a refusal too, and never a job that does nothing. [R7.5, R7.4]"""
    with pytest.raises(InvalidRequest, match="no district is left in scope") as caught:
        resolve_scope(targets, One(), FixedScope(*(("61",) if targets else ())), MemorySnapshotStore())
    assert (caught.value.field, caught.value.value) == ("target_districts", targets)


def test_a_misspelt_district_is_doubted_with_suggestions(caplog: pytest.LogCaptureFixture) -> None:
    """Where nothing is configured, a target that the newest stored day lacks but almost has is kept, doubted and logged. [R7.5]"""
    store = MemorySnapshotStore()
    store_records(store, DAY, record("1177"))
    store_records(store, day(1), record("117", day(1)), record("61", day(1)))
    with caplog.at_level(logging.WARNING, "backfill"):
        scope = resolve("1177", "61", "QQ", store=store)
    assert scope.districts == ("1177", "61", "QQ")
    (doubt,) = scope.doubtful
    assert (doubt.text, doubt.suggestions) == ("1177", ("117",))
    assert day(1).isoformat() in doubt.why
    assert "did you mean 117?" in caplog.text


def test_all_districts_are_never_doubted() -> None:
    """A request that names nothing has no doubtful targets, whatever is stored. [R2.2]"""
    store = MemorySnapshotStore()
    store_records(store, DAY, record("117"))
    assert resolve(store=store).doubtful == ()


def test_what_the_resolver_doubts_is_kept() -> None:
    """Doubts of a scope of the caller's own reach the plan. [R7.5]"""
    scope = resolve_scope(("x",), One(), Doubtful(), MemorySnapshotStore())
    assert scope.doubtful == (Doubt("x", "who knows"),)


@pytest.mark.parametrize("text", ["x", "", "1.5"])
def test_a_sources_own_rule_that_raises_is_a_refusal(text: str) -> None:
    """Whatever a source's normal form raises for a target is a refusal of that target, not an error of the service. [R7.4]"""
    with pytest.raises(InvalidRequest, match="source 'one' has no normal form of it"):
        naming_of(Named())(text)
    assert resolve(text, "07", source=Named()).districts == ("7",)


@pytest.mark.parametrize("value", [None, 61, b"61", ["61"], object()])
@pytest.mark.parametrize("source", [One(), Named()])
def test_a_district_is_text(source: One, value: object) -> None:
    """What is no text is refused as such, also where a source's own rule would have taken it. [R7.4]"""
    with pytest.raises(InvalidRequest, match="a district is a string"):
        naming_of(source)(value)


def test_a_sources_own_form_obeys_the_common_rule() -> None:
    """A source cannot bring a name into the store that could not be a file everywhere. [R7.4]"""

    class Wild(One):
        def normalize_district(self, text: str, /) -> str:
            return f"../{text}"

    class Wrong(One):
        def normalize_district(self, text: str, /) -> str:
            return None  # type: ignore[return-value] # the mistake under test

    with pytest.raises(InvalidRequest, match="a district is 1 to 64"):
        naming_of(Wild())("61")
    with pytest.raises(InvalidRequest, match="a district is a string"):
        naming_of(Wrong())("61")


@bounded
@given(
    districts=st.lists(st.sampled_from(("1", "2", "3", "F")), min_size=1, unique=True),
    targets=st.none() | st.lists(st.text(max_size=3) | st.sampled_from(("1", " 2", "F", "9", "../1")), min_size=1, unique=True),
)
def test_p7_no_scope_reaches_beyond_the_configuration(districts: list[str], targets: list[str] | None) -> None:
    """For any configuration and targets: what is resolved is configured, and every target is in it or named as left out. [P7, R7.3]"""

    class Configured:
        def resolve(self, requested: Sequence[str] | None, /) -> BackfillScope:
            if requested is None:
                return BackfillScope(ScopeKind.SYSTEM_WIDE, tuple(districts))
            excluded = tuple(Doubt(name, "is not configured") for name in requested if name not in districts)
            kept = tuple(name for name in requested if name in districts)
            if not kept:
                raise InvalidRequest("target_districts", requested, "none is configured", "name others")
            return BackfillScope(ScopeKind.TARGETED, kept, excluded)

    try:
        scope = resolve_scope(targets, One(), Configured(), MemorySnapshotStore())
    except InvalidRequest:
        assert targets is not None
        assert not {text.strip() for text in targets} & set(districts)
        return
    assert scope.districts is not None
    assert set(scope.districts) <= set(districts)
    for text in targets or ():
        left_out = text in {doubt.text for doubt in scope.excluded} or text.strip() in {doubt.text for doubt in scope.excluded}
        assert (text.strip() in scope.districts) != left_out
