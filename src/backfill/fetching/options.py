"""Checks of what a fetcher is made with; each error names the value, the rule and the remedy."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TypeVar

from backfill.errors import InvalidRequest
from backfill.fetching.transports import Transport
from backfill.model.checks import as_path, as_seconds

T = TypeVar("T")

_HOME = "https://backfill.readthedocs.io"
_SLOWEST = 1 / 86400
_FASTEST = 10_000


def as_kind(field: str, value: T, kinds: type | tuple[type, ...], remedy: str) -> T:
    """Return *value* if it is one of *kinds*.

    Raises:
        InvalidRequest: It is not.
    """
    if not isinstance(value, kinds):
        raise InvalidRequest(field, value, "not of the right type", remedy)
    return value


def as_rate(value: float | None) -> float | None:
    """Return requests a second, from one a day to ten thousand a second, or ``None`` for no limit.

    Raises:
        InvalidRequest: It is neither.
    """
    return None if value is None else as_seconds("rate", value, least=_SLOWEST, most=_FASTEST)


def as_user_agent(value: str | None) -> str:
    """Return the text that says who asks; this library and its home page for ``None``.

    Raises:
        InvalidRequest: It cannot stand in a header.
    """
    if value is None:
        try:
            return f"backfill/{version('backfill')} (+{_HOME})"
        except PackageNotFoundError:  # run from its sources
            return f"backfill (+{_HOME})"
    if not isinstance(value, str) or not value.strip() or not value.isascii() or not value.isprintable():
        rule = "not a line of printable ASCII text"
        raise InvalidRequest("user_agent", value, rule, "write who asks, like 'figures/1.0 (+https://example.org)'")
    return value


def as_names(field: str, value: Iterable[str]) -> tuple[str, ...]:
    """Return *value*, any number of names, as a tuple.

    Raises:
        InvalidRequest: It is one string, or holds something that is not a string.
    """
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise InvalidRequest(field, value, "not a list of names", "write a list, for instance ['license']")
    names = tuple(value)
    for name in names:
        as_kind(field, name, str, "write names of parameters and headers, for instance ['license']")
    return names


def as_transports(value: Mapping[str, Transport] | None) -> dict[str, Transport]:
    """Return *value*, functions by prefix of the addresses that they answer.

    Raises:
        InvalidRequest: It is something else.
    """
    remedy = "write a function for each prefix or scheme, for instance {'file:': read_file}"
    transports = dict(as_kind("transports", value or {}, Mapping, remedy))
    for prefix, transport in transports.items():
        if not isinstance(prefix, str) or ":" not in prefix or not callable(transport):
            raise InvalidRequest("transports", {prefix: transport}, "not a function for the prefix of an address", remedy)
    return transports


def as_folder(field: str, value: str | os.PathLike[str] | None) -> Path | None:
    """Return the path of a folder, which need not be there yet.

    Raises:
        InvalidRequest: It is no path, or something else is there.
    """
    if value is None:
        return None
    path = as_path(field, value)
    if path.exists() and not path.is_dir():
        raise InvalidRequest(field, str(path), "not a folder", "name a folder; it is made when it is first needed")
    return path
