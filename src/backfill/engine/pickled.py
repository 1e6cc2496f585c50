"""What goes to an executor, once for all calls: as it is to threads, in bytes to other processes, and there as it was on arrival."""

from __future__ import annotations

import pickle
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import lru_cache
from typing import Generic, TypeVar, cast

from backfill.errors import InvalidRequest

T = TypeVar("T")


class Carried(Generic[T]):
    """A value that an executor's calls use. Any thread; goes to other processes.

    Args:
        value: What goes.
        executor: Where it goes.
        named: What of it an error names.
        what: The same in words.
        remedy: What to do where it cannot.

    Raises:
        InvalidRequest: The executor may be one of other processes, and the value cannot be pickled.
    """

    def __init__(self, value: T, executor: Executor, named: object, *, what: str, remedy: str) -> None:
        self._value: T | None = value
        self._packed = b""
        if isinstance(executor, ThreadPoolExecutor):
            return
        try:
            self._packed = pickle.dumps(value)
        except Exception as error:
            rule = f"{what} must be such as pickle can carry to another process ({error})"
            raise InvalidRequest("executor", named, rule, remedy) from error
        self._value = None

    @property
    def value(self) -> T:
        """The value, in whichever process this is."""
        return cast("T", _unpacked(self._packed)) if self._packed else cast("T", self._value)


@lru_cache(2)  # one at a time, and the next: a worker serves one job after the other
def _unpacked(load: bytes) -> object:
    return pickle.loads(load)  # noqa: S301 - made by `Carried`, in the process that started this one
