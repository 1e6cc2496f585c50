"""Conditional requests (RFC 9110, 13): whether what the client has, or has seen, is still so."""

from __future__ import annotations

import hashlib
import re

_TAGS = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')


def etag_of(content: bytes) -> str:
    """Return the strong ETag of a body: its SHA-256."""
    return f'"{hashlib.sha256(content).hexdigest()}"'


def matches(header: str, etag: str, *, weakly: bool) -> bool:
    """Return whether *header*, an If-None-Match (*weakly*) or If-Match, names *etag*. What cannot be read names nothing."""
    if header.strip() == "*":
        return True
    tags = _TAGS.findall(header)
    return etag in ([tag.removeprefix("W/") for tag in tags] if weakly else tags)
