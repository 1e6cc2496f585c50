"""Addresses: what is asked for in full, which host answers for it, and whether two belong together."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import SplitResult, urlencode, urlsplit, urlunsplit

from backfill.model import DocumentRequest

_PORTS = {"http": 80, "https": 443}


def full_address(request: DocumentRequest) -> str:
    """Return the address with its parameters, without a fragment; secrets included.

    Raises:
        ValueError: It cannot be taken apart.
    """
    return _full_address(request.url, tuple(request.params.items()))


@lru_cache(maxsize=64)  # each door on a call's way asks
def _full_address(url: str, params: tuple[tuple[str, str], ...]) -> str:
    parts = urlsplit(url)
    query = "&".join(part for part in (parts.query, urlencode(params)) if part)
    return urlunsplit(parts._replace(query=query, fragment=""))


@lru_cache(maxsize=64)  # as above
def host_of(url: str) -> str:
    """Return scheme, name and port of the host that *url* asks, or ``""`` if it asks none (as ``file:`` does).

    Raises:
        ValueError: It cannot be taken apart.
    """
    parts = urlsplit(url)
    if not parts.hostname:
        return ""
    port = _port(parts)
    name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{name}:{port}" if port is not None else f"{parts.scheme}://{name}"


def is_web_address(url: str) -> bool:
    """Whether *url* is absolute, by http or https, and names a host."""
    try:
        parts = urlsplit(url)
        name = parts.hostname or " "
        return parts.scheme in _PORTS and " " not in name and name.isprintable() and _port(parts) is not None
    except ValueError:
        return False


def may_carry_secrets(source: str, target: str) -> bool:
    """Whether what authenticates a request to *source* may be sent on to *target*: to the same host, or to its secure port."""
    if host_of(source) == host_of(target):
        return True
    old, new = urlsplit(source), urlsplit(target)
    return old.hostname == new.hostname and (old.scheme, _port(old), new.scheme, _port(new)) == ("http", 80, "https", 443)


def _port(parts: SplitResult) -> int | None:
    return parts.port if parts.port is not None else _PORTS.get(parts.scheme)
