"""Any order of calls: adapters against a dictionary that obeys the same rule, driven by hypothesis (the extra ``test``).

The contracts call these functions; call them yourself to look longer, or at other places:
``run_store_machine(lambda folder: MyStore(folder), examples=1000, shortest=True)``.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from backfill.errors import MissingExtra
from backfill.protocols import Clock, JobStore, SnapshotStore
from backfill.testing.clock import VirtualClock


def run_store_machine(
    make_store: Callable[[Path], SnapshotStore],
    /,
    *,
    durable: bool = False,
    clock: Clock | None = None,
    examples: int = 25,
    steps: int = 30,
    shortest: bool = False,
) -> None:
    """Compare a snapshot store with a dictionary, for *examples* different orders of up to *steps* calls.

    Args:
        make_store: Returns an empty store; it is given an empty folder, and called with the same again where the store is *durable*.
        durable: Whether a store over the same folder holds what a former one stored.
        clock: The clock that the store goes by; a `VirtualClock` is moved now and then.
        examples: How many orders are tried. The same every time.
        steps: How many calls an order has at most.
        shortest: Whether to look for the shortest order that fails, which may take minutes, once one does.

    Raises:
        MissingExtra: hypothesis is not installed.
        AssertionError: The two disagree; the notes hold the calls after which they do.
    """
    _need_hypothesis()
    from backfill.testing._store_machine import run  # noqa: PLC0415 - loads hypothesis

    run(make_store, durable=durable, clock=clock, examples=examples, steps=steps, shortest=shortest)


def run_job_machine(
    make_store: Callable[[Path], JobStore],
    /,
    *,
    durable: bool = False,
    examples: int = 25,
    steps: int = 30,
    shortest: bool = False,
) -> None:
    """Compare a job store with states, dictionaries and lists, for *examples* different orders of up to *steps* calls.

    Args:
        make_store: Returns an empty store; it is given an empty folder, and called with the same again where the store is *durable*.
        durable: Whether a store over the same folder has the jobs of a former one.
        examples: How many orders are tried. The same every time.
        steps: How many calls an order has at most.
        shortest: Whether to look for the shortest order that fails, which may take minutes, once one does.

    Raises:
        MissingExtra: hypothesis is not installed.
        AssertionError: The two disagree; the notes hold the calls after which they do.
    """
    _need_hypothesis()
    from backfill.testing._job_machine import run  # noqa: PLC0415 - loads hypothesis

    run(make_store, durable=durable, examples=examples, steps=steps, shortest=shortest)


def run_owner_machine(
    make_store: Callable[[Path], JobStore],
    elsewhere: Callable[[JobStore], JobStore],
    /,
    *,
    clock: VirtualClock,
    examples: int = 25,
    steps: int = 30,
    shortest: bool = False,
) -> None:
    """See that a job never has two owners, for *examples* different orders of up to *steps* acquisitions, renewals and releases.

    Args:
        make_store: Returns an empty store with leases; it is given an empty folder.
        elsewhere: Returns a store as somebody has it whose life it cannot see.
        clock: The clock that the store goes by; it is moved now and then.
        examples: How many orders are tried. The same every time.
        steps: How many calls an order has at most.
        shortest: Whether to look for the shortest order that fails, once one does.

    Raises:
        MissingExtra: hypothesis is not installed.
        AssertionError: Somebody has, or may change, what is not theirs; the notes hold the calls after which they do.
    """
    _need_hypothesis()
    from backfill.testing._owner_machine import run  # noqa: PLC0415 - loads hypothesis

    run(make_store, elsewhere, clock=clock, examples=examples, steps=steps, shortest=shortest)


def _need_hypothesis() -> None:
    if find_spec("hypothesis") is None:
        what = "trying any order of calls"
        raise MissingExtra(what, "test")
