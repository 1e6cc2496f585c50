"""A scope that a program sets for itself, without a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from backfill.model import BackfillScope, normalize_district, refuse_collisions
from backfill.model.checks import as_texts
from backfill.scopes.configuration import resolve_within


class FixedScope:
    """Exactly these districts, for as long as it lives; a `ScopeResolver`. Immutable; any thread.

    Args:
        districts: The districts that may be collected.
        normalize: Gives the normal form of an identifier, for instance a source's own.

    Raises:
        InvalidRequest: None is given, one cannot name a district, or two differ only in case.
    """

    def __init__(self, districts: Iterable[str], *, normalize: Callable[[str], str] = normalize_district) -> None:
        self._normalize = normalize
        self.districts = tuple(dict.fromkeys(map(self._identifier, as_texts("districts", districts))))
        refuse_collisions(self.districts)

    def __repr__(self) -> str:
        return f"FixedScope({self.districts!r})"

    def resolve(self, requested: Sequence[str] | None, /) -> BackfillScope:
        """Return the scope of a request for *requested* (``None`` = all); what is out of scope is left out, with the reason.

        Raises:
            InvalidRequest: None of them is in scope.
        """
        return resolve_within(self.districts, requested, self._identifier)

    def _identifier(self, text: str) -> str:
        return normalize_district(self._normalize(text))
