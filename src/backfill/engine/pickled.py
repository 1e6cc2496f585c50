"""What goes to the processes of an executor, once for all calls: in bytes there, and as it was on arrival."""

from __future__ import annotations

import pickle
from functools import lru_cache

from backfill.errors import InvalidRequest


def packed(value: object, named: object, *, what: str, remedy: str) -> bytes:
    """Return *value* in a form that goes to other processes.

    Args:
        value: What goes.
        named: What of it an error names.
        what: The same in words.
        remedy: What to do where it cannot.

    Raises:
        InvalidRequest: It cannot be pickled.
    """
    try:
        return pickle.dumps(value)
    except Exception as error:
        rule = f"{what} must be such as pickle can carry to another process ({error})"
        raise InvalidRequest("executor", named, rule, remedy) from error


@lru_cache(2)  # one at a time, and the next: a worker serves one job after the other
def unpacked(load: bytes) -> object:
    """Return what `packed` was given, in whichever process this is called."""
    return pickle.loads(load)  # noqa: S301 - made by `packed`, in the process that started this one
