"""Resolves the districts of a request against the scope before anything else happens (P2, R7.4, R7.5)."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from difflib import get_close_matches

from attrs import evolve

from backfill.errors import DamagedFile, InvalidRequest
from backfill.model import BackfillScope, Doubt, ScopeKind, normalize_district, refuse_collisions
from backfill.protocols import DataSource, DistrictNaming, ScopeResolver, SnapshotStore

logger = logging.getLogger("backfill.engine")


def naming_of(source: DataSource) -> Callable[[object], str]:
    """Return the function that gives a district's normal form: the source's own, then the rule that every name obeys.

    It raises `InvalidRequest` and nothing else, whatever it is given and whatever the source's own rule raises.
    """
    if not isinstance(source, DistrictNaming):
        return normalize_district
    own = source.normalize_district

    def normalize(text: object) -> str:
        if not isinstance(text, str):
            return normalize_district(text)  # which says that it is no string
        try:
            return normalize_district(own(text))
        except InvalidRequest:
            raise
        except Exception as error:
            rule = f"source {source.name!r} has no normal form of it ({type(error).__name__})"
            raise InvalidRequest("district", text, rule, "write the publisher's short identifier") from error

    return normalize


def resolve_scope(targets: Sequence[str] | None, source: DataSource, scope: ScopeResolver, store: SnapshotStore) -> BackfillScope:
    """Return the districts that a request for *targets* may touch, those left out with the reason.

    Raises:
        InvalidRequest: None is left; with what is wrong with each.
    """
    normalize = naming_of(source)
    normal, refused = _normalize(targets, normalize)
    excluded = tuple(Doubt(text, error.rule) for text, error in refused)
    try:
        resolved = _checked(scope.resolve(normal), normalize, targets)
    except InvalidRequest as error:
        raise error.with_others(other for _text, other in refused) from None
    resolved = evolve(
        resolved, excluded=(*excluded, *resolved.excluded), doubtful=(*resolved.doubtful, *_doubts(resolved, store))
    )
    for doubt in resolved.excluded:
        logger.warning("district %r is left out: %s", doubt.text, doubt.why)
    for doubt in resolved.doubtful:
        logger.warning("district %r: %s (did you mean %s?)", doubt.text, doubt.why, ", ".join(doubt.suggestions))
    return resolved


def _normalize(
    targets: Sequence[str] | None, normalize: Callable[[object], str]
) -> tuple[tuple[str, ...] | None, tuple[tuple[str, InvalidRequest], ...]]:
    """Return the normal forms of *targets*, and those that have none, each with the reason."""
    if targets is None:
        return None, ()
    kept: dict[str, None] = {}
    refused: list[tuple[str, InvalidRequest]] = []
    for text in targets:
        try:
            kept[normalize(text)] = None
        except InvalidRequest as error:
            refused.append((text, error))
    if not kept and refused:
        first, *others = (error for _text, error in refused)
        raise first.with_others(others)
    return tuple(kept), tuple(refused)


def _checked(resolved: object, normalize: Callable[[object], str], targets: Sequence[str] | None) -> BackfillScope:
    """Return what a resolver answered, unless it is no scope: a resolver may be anybody's, and all else relies on it."""
    remedy = "mend resolve() of the scope"
    if not isinstance(resolved, BackfillScope):
        raise InvalidRequest("scope", resolved, "resolve() returned something else than a BackfillScope", remedy)
    districts: object = resolved.districts
    if districts is not None:
        if not isinstance(districts, tuple):
            raise InvalidRequest("scope", districts, "its districts are no tuple", remedy)
        if not districts:  # a resolver of ours says so itself
            raise InvalidRequest("target_districts", targets, "no district is left in scope", "name or configure one that is")
        for district in districts:
            if (normal := normalize(district)) != district:
                raise InvalidRequest(
                    "scope", district, "a district that is not in its normal form", f"configure it as {normal!r}"
                )
        if len(set(districts)) != len(districts):
            raise InvalidRequest("scope", districts, "a district is in it twice", remedy)
        refuse_collisions(districts)
    return resolved


def _doubts(scope: BackfillScope, store: SnapshotStore) -> tuple[Doubt, ...]:
    """Return the named districts of an open scope that the newest stored day lacks although it has one spelt much like them."""
    if scope.kind is ScopeKind.SYSTEM_WIDE or scope.districts is None:
        return ()
    newest = deque(store.days(), maxlen=1)
    if not newest:
        return ()
    try:
        known = list(store.entries(newest[0]))
    except DamagedFile as error:  # this day need not be one of those that are asked for
        logger.warning("targets are not compared with those of the newest stored day: %s", error)
        return ()
    return tuple(
        Doubt(district, f"the newest stored day, {newest[0].isoformat()}, does not have it", suggestions)
        for district in scope.districts
        if district not in known and (suggestions := tuple(get_close_matches(district, known, n=3, cutoff=0.6)))
    )
