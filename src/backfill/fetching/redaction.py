"""Secrets: which parameters and headers are, and what may be shown of a request that carries them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from functools import lru_cache
from urllib.parse import unquote_plus, urlsplit, urlunsplit

from attrs import field, frozen

from backfill.model import DocumentRequest
from backfill.model.document import document_name
from backfill.model.redaction import REDACTED, SENSITIVE_NAMES

_FOREIGN_LOGGERS = ("urllib3.connectionpool", "urllib3.connection")


def _with_the_usual(names: Iterable[str]) -> frozenset[str]:
    return SENSITIVE_NAMES | {name.lower() for name in names}


@frozen
class Secrets:
    """Knows the names of what is secret, and shows everything else. Any thread.

    Attributes:
        names: Names of parameters and headers, in lower case; the usual ones are always among them.
    """

    names: frozenset[str] = field(default=frozenset(), converter=_with_the_usual)

    def address(self, url: str) -> str:
        """Return *url* as it may be shown: no user information, no secret's value, no fragment. Never raises."""
        return _shown_address(self, url)

    def headers(self, headers: Iterable[tuple[str, str]]) -> dict[str, str]:
        """Return *headers* with names in lower case and without the values of secrets; the last of a name counts."""
        return {key.lower(): REDACTED if key.lower() in self.names else value for key, value in headers}

    def identity(self, request: DocumentRequest) -> str:
        """Return the identity of *request*, without secrets.

        Raises:
            ValueError: Its address cannot be taken apart.
        """
        if request.name:
            return request.name
        parts = urlsplit(request.url)
        query = "&".join(item for item in parts.query.split("&") if not self._is_secret(item))
        params = {key: value for key, value in request.params.items() if key.lower() not in self.names}
        return document_name(urlunsplit(parts._replace(query=query)), method=request.method, params=params, body=request.body)

    def without(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Return *headers* without those that are secret."""
        return {name: value for name, value in headers.items() if name.lower() not in self.names}

    def _is_secret(self, item: str) -> bool:
        return unquote_plus(item.partition("=")[0]).lower() in self.names

    def shown(self, item: str) -> str:
        """Return one parameter of an address, without its value if that is a secret."""
        return f"{item.partition('=')[0]}={REDACTED}" if self._is_secret(item) else item


@lru_cache(maxsize=64)  # each door on a call's way asks
def _shown_address(secrets: Secrets, url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "<an address that cannot be read>"
    query = "&".join(secrets.shown(item) for item in parts.query.split("&"))
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, query, ""))


class ForeignLogs(logging.Filter):
    """Hides secrets in the records of the HTTP library, which writes whole addresses when its loggers are turned on."""

    def __init__(self, secrets: Secrets) -> None:
        super().__init__()
        self._secrets = secrets

    def filter(self, record: logging.LogRecord) -> bool:
        """Replace what is secret in the record; every record passes."""
        if isinstance(record.args, tuple):
            record.args = tuple(
                self._secrets.address(item) if isinstance(item, str) and "?" in item else item for item in record.args
            )
        return True

    def install(self) -> None:
        """Listen to the library's loggers; their levels and handlers stay as they are."""
        for name in _FOREIGN_LOGGERS:
            logging.getLogger(name).addFilter(self)

    def remove(self) -> None:
        """Listen no more."""
        for name in _FOREIGN_LOGGERS:
            logging.getLogger(name).removeFilter(self)
