"""A root that is collected once a session."""

from __future__ import annotations

from trust_roots import pristine, root

__all__ = ["pristine", "root"]
