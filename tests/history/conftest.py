"""A root that is collected once a session, and a service in memory."""

from __future__ import annotations

from raining import raining
from trust_roots import pristine, root

__all__ = ["pristine", "raining", "root"]
