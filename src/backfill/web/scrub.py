"""Hides secrets in texts that quote addresses: what a source raises may hold a whole one, with its password."""

from __future__ import annotations

import re

from backfill.fetching.redaction import Secrets
from backfill.model import redact_text

_ADDRESS = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]{1,15}://[^\s\"'<>()]+")
_SECRETS = Secrets()


def scrub(text: str) -> str:
    """Return *text* without user information in addresses, and without the values of parameters and headers that are secret.

    Meant for texts only: whether something is secret is told by its name, so that a stray word is hidden rather than a password
    shown. Pure; never raises.
    """
    return redact_text(_ADDRESS.sub(lambda found: _SECRETS.address(found[0]), text), wide=True)
