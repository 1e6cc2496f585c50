"""Which districts may be collected, where the service's scope is a configuration."""

from __future__ import annotations

from typing import cast

from backfill.scopes import DistrictConfigurationService
from backfill.service import BackfillService
from backfill.web.bodies import Configuration, Configuring
from backfill.web.conditions import etag_of, matches
from backfill.web.operations import Answer, Call, Stream
from backfill.web.render import encode_as
from backfill.web.trouble import Trouble
from backfill.web.wire import object_of

SHOWN = 100
"""So many changes of the history are shown."""


def get_configuration(call: Call) -> Answer | Stream:
    """Return the districts that may be collected, with the newest changes."""
    return Answer(_view(_service(call)))


def put_configuration(call: Call) -> Answer | Stream:
    """Configure exactly these districts, or none to have every district in scope.

    With `If-Match` it is done only if nobody has changed the configuration since the client saw it.
    """
    asked, service, expected = call.given(Configuring), _service(call), call.headers.get("If-Match")
    before = _view(service)
    if expected is not None and not matches(expected, etag_of(encode_as(object_of(Configuration), before)), weakly=False):
        raise Trouble("configuration-changed", "it is not the one that If-Match names", "GET /configuration again, then repeat")
    unless = ... if expected is None else before.districts
    if asked.districts is None:
        service.clear(by=asked.by, note=asked.note, expected=unless)
    else:
        service.set_districts(asked.districts, by=asked.by, note=asked.note, expected=unless)
    return Answer(_view(service))


def is_configurable(service: BackfillService) -> bool:
    """Whether the service's scope is a configuration."""
    return isinstance(service.scope, DistrictConfigurationService)


def _service(call: Call) -> DistrictConfigurationService:
    return cast("DistrictConfigurationService", call.service.scope)


def _view(service: DistrictConfigurationService) -> Configuration:
    history = service.history(SHOWN)
    return Configuration(service.districts if not history else history[0].after, history)
