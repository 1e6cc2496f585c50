"""Every scope that is built in keeps the contract that is shipped for all of them."""

from __future__ import annotations

from pathlib import Path

from backfill.protocols import ScopeResolver
from backfill.scopes import DistrictConfigurationService, OpenScope
from backfill.testing.contracts import ScopeContract


class TestOpenScope(ScopeContract):
    """The scope in which everything is."""

    def make_scope(self, place: Path, /) -> ScopeResolver:
        """Return the scope."""
        return OpenScope()


class TestConfiguredDistricts(ScopeContract):
    """A configuration of three districts."""

    inside, outside = ("61", "F"), ("42", "U", "6")

    def make_scope(self, place: Path, /) -> ScopeResolver:
        """Return the scope."""
        service = DistrictConfigurationService(place / "districts.json", clock=self.clock)
        service.set_districts(["61", "F", "117"])
        return service


class TestNothingConfigured(ScopeContract):
    """A configuration in which nothing is configured yet."""

    def make_scope(self, place: Path, /) -> ScopeResolver:
        """Return the scope."""
        return DistrictConfigurationService(place / "districts.json")
