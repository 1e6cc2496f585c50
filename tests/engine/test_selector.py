"""The choice of a strategy: the cheapest that satisfies scope and detail, said in a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfill.engine.selector import DataSourceSelector
from backfill.errors import InvalidRequest
from backfill.model import BackfillRequest, BackfillScope, CollectionStrategy, Method, ScopeKind
from backfill.protocols import BatchSource, DataSource, SystemWideSource
from backfill.testing.source import ScriptedBatch, ScriptedCatalog, ScriptedDashboard, ScriptedSource, ScriptedSystemWide
from engine_doubles import DAY, bounded

SOURCES = (ScriptedSource(), ScriptedCatalog(), ScriptedBatch(), ScriptedSystemWide(), ScriptedDashboard())
WIDE, BATCH, PLAIN, ALL = SOURCES[3], SOURCES[2], SOURCES[0], SOURCES[4]


def choose(
    source: DataSource,
    targets: Sequence[str] = (),
    options: Mapping[str, object] | None = None,
    scope: Sequence[str] | None = None,
) -> CollectionStrategy:
    """Return the strategy for *targets*, none meaning all of *scope*; options are those of a request."""
    request = BackfillRequest(DAY, target_districts=targets or None, **(options or {}))  # type: ignore[arg-type] # options of any kind
    kind = {0: ScopeKind.SYSTEM_WIDE, 1: ScopeKind.SINGLE_DISTRICT}.get(len(targets), ScopeKind.TARGETED)
    return DataSourceSelector(source).select(
        request, BackfillScope(kind, tuple(targets) or (None if scope is None else tuple(scope)))
    )


@pytest.mark.parametrize(
    ("source", "targets", "options", "method", "detail"),
    [
        (ALL, (), {}, Method.SYSTEM_WIDE, "summary"),
        (ALL, (), {"detail": "summary"}, Method.SYSTEM_WIDE, "summary"),
        (ALL, (), {"detail": "full"}, Method.PER_DISTRICT, "full"),
        (ALL, ("A",), {}, Method.PER_DISTRICT, "full"),
        (ALL, ("A",), {"detail": "summary"}, Method.SYSTEM_WIDE, "summary"),
        (ALL, ("A", "B"), {}, Method.TARGETED, "full"),
        (ALL, ("A", "B"), {"detail": "summary"}, Method.SYSTEM_WIDE, "summary"),
        (PLAIN, ("A",), {"detail": "summary"}, Method.PER_DISTRICT, "summary"),
        (PLAIN, ("A", "B"), {}, Method.TARGETED, "full"),
        (BATCH, ("A", "B"), {}, Method.TARGETED, "full"),
        (SOURCES[1], (), {}, Method.PER_DISTRICT, "summary"),
        (SOURCES[1], (), {"detail": "full"}, Method.PER_DISTRICT, "full"),
        (ALL, (), {"collection_type": "per-district"}, Method.PER_DISTRICT, "summary"),
        (ALL, ("A", "B"), {"collection_type": "per-district"}, Method.PER_DISTRICT, "full"),
        (WIDE, (), {"collection_type": "system-wide"}, Method.SYSTEM_WIDE, "summary"),
        (WIDE, ("A",), {"collection_type": "system-wide"}, Method.SYSTEM_WIDE, "summary"),
    ],
)
def test_the_cheapest_method_is_chosen(
    source: DataSource, targets: tuple[str, ...], options: dict[str, object], method: Method, detail: str
) -> None:
    """No targets and a summary: one call a day; one district: one call; several: targeted; a caller may force it. [R3.2, R3.3]"""
    strategy = choose(source, targets, options)
    assert (strategy.method, strategy.detail) == (method, detail)


@pytest.mark.parametrize(
    ("source", "targets", "options", "words"),
    [
        (ALL, (), {}, "one call a day serves every district"),
        (ALL, (), {"detail": "full"}, "full detail, which only a call for each gives"),
        (SOURCES[1], (), {}, "source 'scripted' has no call that serves them all"),
        (ALL, ("A",), {}, "one district, one call a day"),
        (ALL, ("A", "B"), {}, "2 districts, which one call a day serves"),
        (PLAIN, ("A", "B", "C"), {}, "3 districts, one call for each and day"),
        (ALL, (), {"collection_type": "per-district"}, "asked for: per-district"),
        (ALL, (), {"collection_type": "system-wide"}, "asked for: system-wide"),
    ],
)
def test_the_rationale_says_why(source: DataSource, targets: tuple[str, ...], options: dict[str, object], words: str) -> None:
    """Each choice comes with a sentence that gives its own reason. [R3.3]"""
    assert words in choose(source, targets, options).rationale


def test_a_source_without_the_call_cannot_be_forced_to_it() -> None:
    """System-wide from a source that has no such call is refused, naming the source and what to ask for instead. [R3.3]"""
    with pytest.raises(InvalidRequest, match=r"'scripted' has no call that serves every district.*'per-district'"):
        choose(BATCH, options={"collection_type": "system-wide"})


@pytest.mark.parametrize("source", [PLAIN, BATCH])
def test_somebody_must_know_the_districts(source: DataSource) -> None:
    """All districts of a source that cannot list them, with no scope configured, is refused with three ways out. [R2.2, R7.2]"""
    with pytest.raises(InvalidRequest, match="name target_districts, configure a scope, or give the source list_districts"):
        choose(source)
    assert choose(source, scope=("A", "B")).method is Method.PER_DISTRICT


@bounded
@given(
    source=st.sampled_from(SOURCES),
    targets=st.lists(st.sampled_from("ABC"), unique=True),
    scope=st.none() | st.just(("A", "B", "C")),
    collection_type=st.sampled_from(("auto", "system-wide", "per-district")),
    detail=st.sampled_from(("auto", "summary")),
)
def test_whatever_is_chosen_can_be_done(
    source: DataSource, targets: list[str], scope: tuple[str, ...] | None, collection_type: str, detail: str
) -> None:
    """No choice needs an ability that the source lacks, and none goes against what the caller forced. [R3.3, R3.4]"""
    try:
        strategy = choose(source, targets, {"collection_type": collection_type, "detail": detail}, scope)
    except InvalidRequest:
        assert source is not ALL
        return
    assert strategy.method is not Method.SYSTEM_WIDE or isinstance(source, SystemWideSource)
    assert collection_type in {"auto", strategy.method}
    assert strategy.method is not Method.TARGETED or len(targets) > 1
    assert strategy.detail == ("full" if detail == "auto" and targets and collection_type != "system-wide" else "summary")
    assert ("which one call a day serves" in strategy.rationale) <= isinstance(source, BatchSource)
