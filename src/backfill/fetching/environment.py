"""Proxies and certificates, as the environment names them, read once: reading them for each request costs a quarter of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from ipaddress import ip_address, ip_network
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies

from attrs import field, frozen

from backfill.errors import InvalidRequest

_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


@frozen
class Surroundings:
    """How the outside is reached from here.

    Attributes:
        proxies: Their addresses by scheme; may hold passwords.
        direct: Hosts that are asked without a proxy, as ``NO_PROXY`` lists them: names with all below them, ``name:port``,
            addresses and networks, ``*`` for all.
        verify: ``True`` = by the certificates that the HTTP library brings; or the path of a bundle.
    """

    proxies: Mapping[str, str] = field(factory=dict, repr=False)
    direct: tuple[str, ...] = ()
    verify: bool | str = True

    @classmethod
    def read(cls) -> Surroundings:
        """Return what the environment says now.

        Raises:
            InvalidRequest: It names a bundle of certificates that is not there.
        """
        proxies = getproxies()
        direct = (item.strip().lower().lstrip(".") for item in proxies.pop("no", "").split(","))
        return cls(proxies, tuple(item for item in direct if item), _bundle())

    def proxies_for(self, url: str) -> dict[str, str]:
        """Return the proxies to use for *url*; empty = ask its host directly."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        return {} if any(_names(item, host, parts.port) for item in self.direct) else dict(self.proxies)


def _names(item: str, host: str, port: int | None) -> bool:
    if item in {"*", host, f"{host}:{port}"} or host.endswith(f".{item}"):
        return True
    with suppress(ValueError):  # one of the two is a name
        return ip_address(host) in ip_network(item, strict=False)
    return False


def _bundle() -> bool | str:
    for name in _BUNDLES:
        path = os.environ.get(name)
        if path:
            if not Path(path).exists():
                raise InvalidRequest(name, path, "no such file", "let the variable name a bundle of certificates, or unset it")
            return path
    return True
