"""What differs between two JSON values: each place by its path, rows of a list found again by their identifier. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from attrs import frozen

from backfill.jsonvalues import JsonValue

IDENTIFIERS = ("clubId", "districtId", "id", "name")
"""Keys by which a row of a list is found again in another list, the most telling one first."""

_GONE: JsonValue = "(not there)"
_SHOWN = 40


@frozen
class Divergence:
    """One place in which two values differ.

    Attributes:
        path: Where: ``clubs[00001234].membershipCount``.
        before: What the first value has there; ``None`` also where it has nothing.
        after: What the second has.
        is_new: Whether only the second has anything there.
        is_gone: Whether only the first has.
    """

    path: str
    before: JsonValue
    after: JsonValue
    is_new: bool = False
    is_gone: bool = False

    @property
    def change(self) -> float | None:
        """How much more the second is, where both are numbers."""
        both = (self.before, self.after)
        if any(isinstance(value, bool) or not isinstance(value, int | float) for value in both):
            return None
        return self.after - self.before  # type: ignore[operator] # both are numbers, as was just found

    def __str__(self) -> str:
        before = _GONE if self.is_new else self.before
        after = _GONE if self.is_gone else self.after
        return f"{self.path or 'all of it'}: {_shown(before)} -> {_shown(after)}"


def differing(before: JsonValue, after: JsonValue, path: str = "") -> Iterator[Divergence]:
    """Iterate over the places in which *after* differs from *before*, in the order of their keys."""
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _of_objects(before, after, path)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _of_lists(before, after, path)
    elif before != after or isinstance(before, bool) is not isinstance(after, bool):
        yield Divergence(path, before, after)


def _of_objects(before: Mapping[str, JsonValue], after: Mapping[str, JsonValue], path: str) -> Iterator[Divergence]:
    prefix = f"{path}." if path else ""
    for key in dict.fromkeys((*before, *after)):
        yield from _of_key(key, before, after, f"{prefix}{key}")


def _of_key(key: str, before: Mapping[str, JsonValue], after: Mapping[str, JsonValue], where: str) -> Iterator[Divergence]:
    if key not in before:
        yield Divergence(where, None, after[key], is_new=True)
    elif key not in after:
        yield Divergence(where, before[key], None, is_gone=True)
    else:
        yield from differing(before[key], after[key], where)


def _of_lists(before: Sequence[JsonValue], after: Sequence[JsonValue], path: str) -> Iterator[Divergence]:
    old, new = _keyed(before), _keyed(after)
    if old is None or new is None:
        old, new = ({str(number): value for number, value in enumerate(values)} for values in (before, after))
    for key in dict.fromkeys((*old, *new)):
        yield from _of_key(key, old, new, f"{path}[{key}]")


def _keyed(values: Sequence[JsonValue]) -> dict[str, JsonValue] | None:
    """Return *values* by what identifies them; ``None`` = nothing does."""
    for name in IDENTIFIERS:
        keys = [value.get(name) if isinstance(value, dict) else None for value in values]
        if None not in keys and len(set(map(str, keys))) == len(keys):
            return dict(zip(map(str, keys), values, strict=True))
    return None


def _shown(value: JsonValue) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
