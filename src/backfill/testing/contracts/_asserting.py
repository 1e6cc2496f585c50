"""Assertions that say what was found and what should be, whoever runs them: no test framework rewrites them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from attrs import define

T = TypeVar("T")


@define
class Refusal:
    """What `refused` caught.

    Attributes:
        error: The exception; set when the body has ended.
    """

    error: BaseException | None = None


def equal(found: object, expected: object, what: str) -> None:
    """Assert that *found*, which is *what*, equals *expected*."""
    if found != expected:
        message = f"{what}: found {found!r}, and should be {expected!r}"
        raise AssertionError(message)


def holds(condition: object, what: str) -> None:
    """Assert that *what* is so."""
    if not condition:
        raise AssertionError(what)


def present(found: T | None, what: str) -> T:
    """Assert that *what* is there, and return it."""
    if found is None:
        message = f"{what}: is None, and should be there"
        raise AssertionError(message)
    return found


@contextmanager
def refused(kind: type[BaseException], what: str, *, naming: str = "") -> Iterator[Refusal]:
    """Assert that the body, which is *what*, raises a *kind*, whose text holds *naming*."""
    refusal = Refusal()
    try:
        yield refusal
    except kind as error:
        refusal.error = error
        holds(naming in str(error), f"{what}: the {type(error).__name__} should name {naming!r}, and says {str(error)!r}")
        return
    except Exception as error:
        message = f"{what}: should raise {kind.__name__}, and raised {type(error).__name__}: {error}"
        raise AssertionError(message) from error
    message = f"{what}: should raise {kind.__name__}, and was accepted"
    raise AssertionError(message)
