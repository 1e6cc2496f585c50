"""Hides secrets in texts that quote addresses: what a source raises may hold a whole one, with its password."""

from __future__ import annotations

import re

from backfill.fetching.redaction import Secrets
from backfill.model.document import REDACTED, SENSITIVE_NAMES

_ADDRESS = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]{1,15}://[^\s\"'<>()]+")
_PAIR = re.compile(
    rf"\b({'|'.join(sorted(map(re.escape, SENSITIVE_NAMES), key=len, reverse=True))})([\"']?\s*[=:]\s*[\"']?)((?:(?:bearer|basic)\s+)?[^\s&\"',;]+)",
    re.IGNORECASE,
)
_SECRETS = Secrets()


def scrub(text: str) -> str:
    """Return *text* without user information in addresses, and without the values of parameters and headers that are secret.

    Meant for texts only: whether something is secret is told by its name, so that a stray word is hidden rather than a password
    shown. Pure; never raises.
    """
    shown = _ADDRESS.sub(lambda found: _SECRETS.address(found[0]), text)
    return _PAIR.sub(lambda found: f"{found[1]}{found[2]}{REDACTED}", shown)
