"""Buckets that fail at a chosen request, or lose the answer to it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from obstore.exceptions import GenericError
from obstore.store import MemoryStore, S3Store


class Gone(BaseException):
    """The process has ended, as far as the code under test can tell: nothing catches it."""


def unreachable() -> BaseException:
    """Return what a network that is gone says."""
    return GenericError("Generic S3 error: error sending request")


class FailingRequests:
    """Counts the requests that are sent through it, and fails from the chosen one on.

    Args:
        at: The number of the request, from 0; ``None`` = none.
        error: Makes what is raised.
        answered: Whether the bucket still carries out the request that fails first: its answer alone is lost.
        once: Whether all later ones go well again.
    """

    def __init__(
        self,
        at: int | None = None,
        error: Callable[[], BaseException] = Gone,
        *,
        answered: bool = False,
        once: bool = False,
    ) -> None:
        self.at, self.error, self.answered, self.once = at, error, answered, once
        self.log: list[str] = []
        self._lock = threading.Lock()

    def send(self, what: str, request: Callable[[], Any]) -> Any:
        """Send a request, or fail."""
        with self._lock:
            number = len(self.log)
            self.log.append(what)
        if self.at is None or number < self.at or (self.once and number > self.at):
            return request()
        if self.answered and number == self.at:
            request()
        raise self.error()


class _Failing:
    """Sends every request through a `FailingRequests`; mixed into a store of obstore."""

    requests: FailingRequests

    def get(self, *args: Any, **options: Any) -> Any:
        """Read an object."""
        return self.requests.send(f"get {args[0]}", lambda: super(_Failing, self).get(*args, **options))  # type: ignore[misc] # of the store

    def put(self, *args: Any, **options: Any) -> Any:
        """Write an object."""
        return self.requests.send(f"put {args[0]}", lambda: super(_Failing, self).put(*args, **options))  # type: ignore[misc] # of the store

    def copy(self, *args: Any, **options: Any) -> Any:
        """Copy an object."""
        return self.requests.send(f"copy {args[0]}", lambda: super(_Failing, self).copy(*args, **options))  # type: ignore[misc] # of the store

    def delete(self, paths: Any) -> Any:
        """Remove objects, one request for each, as a bucket may do half of what it is asked."""
        for path in [paths] if isinstance(paths, str) else paths:
            self.requests.send(f"delete {path}", lambda path=path: super(_Failing, self).delete([path]))  # type: ignore[misc] # of the store

    def list(self, *args: Any, **options: Any) -> Any:
        """List objects."""
        return self.requests.send(f"list {args[:1]}", lambda: super(_Failing, self).list(*args, **options))  # type: ignore[misc] # of the store

    def list_with_delimiter(self, *args: Any, **options: Any) -> Any:
        """List folders."""
        return self.requests.send(f"folders {args[:1]}", lambda: super(_Failing, self).list_with_delimiter(*args, **options))  # type: ignore[misc] # of the store


class FailingS3(_Failing, S3Store):
    """A bucket of a real server, whose requests can fail."""


class FailingMemory(_Failing, MemoryStore):
    """A bucket in memory, whose requests can fail."""
