"""The exception tree."""

from __future__ import annotations

import inspect
import pickle
import re

import pytest

from backfill import errors
from backfill.errors import BackfillError, InvalidRequest, MissingExtra, NotArchived, SourceError, TransientSourceError

SAMPLES: dict[str, BackfillError] = {
    "BackfillError": errors.BackfillError("anything"),
    "Cancelled": errors.Cancelled("the job was cancelled"),
    "DamagedFile": errors.DamagedFile("a.json", "holds no record", "collect it again"),
    "DataUnavailable": errors.DataUnavailable("nothing that day"),
    "DayLocked": errors.DayLocked("locked for 10 s"),
    "ConfigurationChanged": errors.ConfigurationChanged(None, ("61",)),
    "HostDown": errors.HostDown("nobody answers", attempts=1),
    "InvalidRequest": errors.InvalidRequest("end_date", "2026", "not a date", "write one"),
    "JobFailed": errors.JobFailed("j1", "it failed", failed=3),
    "JobNotFound": errors.JobNotFound("j1"),
    "LeaseLost": errors.LeaseLost("j1", 1, 2),
    "MissingExtra": errors.MissingExtra("the panel", "web"),
    "NotArchived": errors.NotArchived("no such document", attempts=1),
    "PermanentSourceError": errors.PermanentSourceError("gone", kind="http_403", stage="fetch", attempts=2),
    "PlanOutdated": errors.PlanOutdated(("a day more",)),
    "ServiceUnusable": errors.ServiceUnusable("closed"),
    "SnapshotNotFound": errors.SnapshotNotFound("no such day"),
    "SourceError": errors.SourceError("odd", kind="odd", stage="list", attempts=5),
    "StoreError": errors.StoreError("odd"),
    "StoreUnavailable": errors.StoreUnavailable("full"),
    "TransientSourceError": errors.TransientSourceError("busy", retry_after=2.5, max_attempts=2, attempts=1),
}


def classes() -> dict[str, type[BackfillError]]:
    """Return every exception class of the module, by name."""
    found = inspect.getmembers(errors, lambda item: inspect.isclass(item) and issubclass(item, BackfillError))
    return dict(found)


def test_every_exception_is_exported() -> None:
    """The module exports its exceptions, all of them, in order. [R10.2]"""
    assert errors.__all__ == sorted(classes())
    assert set(SAMPLES) == set(classes())


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_every_exception_survives_pickling(name: str) -> None:
    """Type, message, attributes, notes and built-in parents' facts are the same after a pickle. [R6.2, B8]"""
    error = SAMPLES[name]
    copied = pickle.loads(pickle.dumps(error))
    assert type(copied) is type(error)
    assert (str(copied), copied.args, vars(copied)) == (str(error), error.args, vars(error))
    noted = type(error).__new__(type(error), *error.args)
    noted.__dict__.update(vars(error))
    noted.add_note("on the way")
    kept = pickle.loads(pickle.dumps(noted)).__notes__
    assert kept == noted.__notes__
    assert kept[-1] == "on the way"


def test_an_import_error_keeps_its_message() -> None:
    """A missing extra says how to install it, before and after a pickle. [R10.5]"""
    error = pickle.loads(pickle.dumps(MissingExtra("the panel", "web")))
    assert error.msg == str(error)
    assert 'pip install "backfill[web]"' in error.msg


def test_the_drawn_tree_is_the_tree() -> None:
    """The tree in the module's docstring shows every exception under its parents, built-in ones included. [R10.4]"""
    lines = re.findall(r"^ {4}([│ ├└─]*)(\w+)(?: \((\w+)\))?", errors.__doc__ or "", re.MULTILINE)
    drawn: dict[str, tuple[str, ...]] = {}
    above: dict[int, str] = {}
    for indent, name, builtin in lines:
        depth = len(indent) // 4
        above[depth] = name
        if depth:
            drawn[name] = (above[depth - 1], *([builtin] if builtin else []))
    real = {name: tuple(base.__name__ for base in cls.__bases__) for name, cls in classes().items()}
    assert drawn == real


def test_a_source_error_has_a_kind_of_its_class() -> None:
    """Whoever raises a bare error still has it grouped, by the word of its class. [R6.2]"""
    kinds = {name: error.default_kind for name, error in SAMPLES.items() if isinstance(error, SourceError)}
    assert kinds == {
        "Cancelled": "cancelled",
        "DataUnavailable": "unavailable",
        "HostDown": "host_down",
        "NotArchived": "not_archived",
        "PermanentSourceError": "permanent",
        "SourceError": "source_error",
        "TransientSourceError": "transient",
    }
    assert NotArchived().kind == "not_archived"
    assert TransientSourceError(kind="http_503").kind == "http_503"


def test_a_refusal_shows_its_value_at_bearable_length() -> None:
    """A long value is cut, and one that cannot be shown is named by its type. [R7.5]"""

    class Shy:
        def __repr__(self) -> str:
            message = "not today"
            raise RuntimeError(message)

    assert str(InvalidRequest("x", "a" * 500, "too long", "shorten it")).startswith("x='" + "a" * 199 + "…: too long")
    assert str(InvalidRequest("x", Shy(), "odd", "y")) == "x=<Shy>: odd; y"
    assert str(InvalidRequest("x", 10**5000, "big", "y")) == "x=<int>: big; y"


def test_a_refusal_tells_the_others_of_its_call() -> None:
    """What else cannot be accepted is had from the first, shown with its traceback, and comes along when it is pickled. [R7.5]"""
    first, second, third = (InvalidRequest(name, 1, "odd", "y") for name in "abc")
    told = first.with_others([second.with_others([third])])
    assert told is first
    assert [other.field for other in told.others] == ["b", "c"]
    assert not second.others
    assert str(told) == "a=1: odd; y"
    assert [note for note in told.__notes__ if note.startswith("Nor can")] == ["Nor can b=1: odd; y", "Nor can c=1: odd; y"]
    again = pickle.loads(pickle.dumps(told))
    assert [other.field for other in again.others] == ["b", "c"]
