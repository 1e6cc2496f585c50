"""What tests need: doubles of everything that `backfill.protocols` names. Shipped; imported by nobody else in the package."""

from backfill.testing.clock import VirtualClock

__all__ = ["VirtualClock"]
