"""Which districts a request may touch: everything that the source lists, or what a configuration file says (R7)."""

from backfill.scopes.configuration import DistrictConfigurationService
from backfill.scopes.fixed import FixedScope
from backfill.scopes.open_scope import OpenScope
from backfill.scopes.stored import ChangeAction, ConfigurationChange

__all__ = ["ChangeAction", "ConfigurationChange", "DistrictConfigurationService", "FixedScope", "OpenScope"]
