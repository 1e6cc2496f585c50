"""A scope of your own: who may collect what, by names of groups, decided before anything is asked for.

    python examples/custom_scope.py

It prints:

    coasts: dover, brest
    everything: dover, brest, wien
    left out: inlands (no group of this name; did you mean inland?)
    complete: 2 stored
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from difflib import get_close_matches

from backfill import BackfillRequest, BackfillScope, BackfillService, Fetch, InvalidRequest, function_source
from backfill.model import Doubt, ScopeKind
from backfill.stores import MemorySnapshotStore

GROUPS = {"coasts": ("dover", "brest"), "inland": ("wien",)}


class Groups:
    """Resolves the names of groups, and of their members; a `ScopeResolver`."""

    def __init__(self, groups: dict[str, tuple[str, ...]]) -> None:
        self._groups = groups
        self._all = tuple(dict.fromkeys(name for members in groups.values() for name in members))

    def resolve(self, requested: Sequence[str] | None, /) -> BackfillScope:
        """Return the districts that a request may touch; what is unknown is left out, with the reason."""
        if requested is None:
            return BackfillScope(ScopeKind.SYSTEM_WIDE, self._all)
        found: list[str] = []
        excluded: list[Doubt] = []
        for text in requested:
            if text in self._groups:
                found += self._groups[text]
            elif text in self._all:
                found.append(text)
            else:
                excluded.append(Doubt(text, "no group of this name", tuple(get_close_matches(text, self._groups, 1, 0.4))))
        if not found:
            raise InvalidRequest(
                "target_districts", requested, "none of them is known", f"name some of {', '.join(self._groups)}"
            )
        names = tuple(dict.fromkeys(found))
        kind = ScopeKind.SINGLE_DISTRICT if len(names) == 1 else ScopeKind.TARGETED
        return BackfillScope(kind, names, tuple(excluded))


@function_source("tides")
def tides(day: date, _district: str, _fetch: Fetch) -> dict[str, int]:
    """Return a figure."""
    return {"day": day.day}


def main() -> None:
    """Ask for groups."""
    with BackfillService(tides, MemorySnapshotStore(), Groups(GROUPS)) as service:
        for targets in (["coasts"], None):
            scope = service.plan(BackfillRequest("2024-01-01", None, targets)).scope
            print(f"{'everything' if targets is None else targets[0]}: {', '.join(scope.districts or ())}")
        report = service.run_backfill(BackfillRequest("2024-01-01", None, ["coasts", "inlands"]), progress=False)
        for doubt in report.scope.excluded:
            print(f"left out: {doubt.text} ({doubt.why}; did you mean {', '.join(doubt.suggestions)}?)")
        print(f"{report.status}: {report.progress.completed} stored")


if __name__ == "__main__":
    main()
