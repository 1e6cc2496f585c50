"""The scope of a service that was given none."""

from __future__ import annotations

from collections.abc import Sequence

from backfill.model import BackfillScope, Doubt, ScopeKind
from backfill.model.checks import as_texts


class OpenScope:
    """Everything that the source lists for a day; named districts are taken as they come. Leaves nothing out; any thread."""

    def __repr__(self) -> str:
        return "OpenScope()"

    def resolve(self, requested: Sequence[str] | None, /) -> BackfillScope:
        """Return the scope of a request for *requested*; ``None`` = all.

        Raises:
            InvalidRequest: They are no list of strings, or an empty one.
        """
        if requested is None:
            return BackfillScope(ScopeKind.SYSTEM_WIDE, None)
        return named_scope(as_texts("target_districts", requested))


def named_scope(districts: tuple[str, ...], excluded: tuple[Doubt, ...] = ()) -> BackfillScope:
    """Return the scope of exactly *districts*, at least one."""
    kind = ScopeKind.SINGLE_DISTRICT if len(districts) == 1 else ScopeKind.TARGETED
    return BackfillScope(kind, districts, excluded)
