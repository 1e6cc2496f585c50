"""What a suite is hooked up with, checked before its tests run: a slip there is told as one, and not as a failure of the adapter."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

from backfill.errors import InvalidRequest


def refuse_no_factory(field: str, given: object, *arguments: object, write: str) -> None:
    """Refuse what cannot be called to make an adapter, such as the adapter itself.

    Args:
        field: The parameter.
        given: Its value.
        arguments: Some like those that it will be called with.
        write: How it is written.

    Raises:
        InvalidRequest: It cannot.
    """
    if not _takes(given, arguments):
        number = {0: "no argument", 1: "one argument"}[len(arguments)]
        rule = f"a factory is meant, which is called with {number} and returns a new one each time, not the thing itself"
        raise InvalidRequest(field, given, rule, f"write {write}")


def refuse_too_few(inside: object) -> None:
    """Refuse what does not name two districts in scope: a request for several is to be told from one for a single district.

    Raises:
        InvalidRequest: It does not.
    """
    if isinstance(inside, Sequence) and not isinstance(inside, str) and len(set(inside)) == len(inside) >= 2:
        return
    rule = "at least two different districts that are in scope are needed, to ask for one of them and for several"
    remedy = "name two, as in inside=('61', 'F'), of a scope that is made for the test and has two or more"
    raise InvalidRequest("inside", inside, rule, remedy)


def _takes(given: object, arguments: tuple[object, ...]) -> bool:
    if not callable(given):
        return False
    try:
        inspect.signature(given).bind(*arguments)
    except TypeError:
        return False
    except ValueError:  # it does not say what it takes: calling it will tell
        return True
    return True
