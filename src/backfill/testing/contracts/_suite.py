"""What all contracts share: tests as methods, which pytest, unittest, or nothing but `run_contract` may run."""

from __future__ import annotations

from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, NoReturn
from unittest import SkipTest

from attrs import field, frozen

from backfill.protocols import Clock
from backfill.testing.clock import VirtualClock

Outcome = Literal["passed", "failed", "skipped"]

PATIENCE = 60.0
"""Seconds after which a thread no longer waits for the others, one of which has failed."""


class Contract:
    """A suite of tests for one adapter. Each test runs on an instance of its own.

    pytest collects a subclass whose name begins with ``Test``; ``unittest`` one that is a ``TestCase`` as well; `run_contract` runs
    any. What an adapter is not said to be able to do is skipped, and the reason says how to have it tested.
    """

    @cached_property
    def clock(self) -> Clock:
        """The time for adapters that take a clock: virtual, but in tests with threads the system's."""
        return VirtualClock()

    @cached_property
    def place(self) -> Path:
        """An empty folder, which is removed after the test."""
        return Path(self._exits.enter_context(TemporaryDirectory(prefix="backfill-contract-")))

    @cached_property
    def _exits(self) -> ExitStack:
        return ExitStack()

    def closing(self, adapter: object) -> None:
        """Close *adapter* after the test, if it can be closed."""
        close = getattr(adapter, "close", None)
        if callable(close):
            self._exits.callback(close)

    def tearDown(self) -> None:
        """Undo what the test has made."""
        self._exits.close()

    def teardown_method(self) -> None:
        """Do the same where pytest runs the test."""
        self.tearDown()


def skip(ability: str, remedy: str) -> NoReturn:
    """Leave a test out, visibly.

    Raises:
        SkipTest: Always.
    """
    message = f"{ability}; {remedy}"
    raise SkipTest(message)


@frozen
class Result:
    """What became of one test.

    Attributes:
        name: The test.
        claim: What it claims.
        outcome: ``passed``, ``failed`` or ``skipped``.
        reason: Why it failed or was skipped.
        error: What it raised when it failed.
    """

    name: str
    claim: str
    outcome: Outcome
    reason: str = ""
    error: Exception | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return f"{self.outcome}: {self.name}" + (f": {self.reason}" if self.reason else "")


@frozen
class ContractReport:
    """What became of the tests of one contract.

    Attributes:
        contract: The contract.
        results: One for each test, in their order.
    """

    contract: str
    results: tuple[Result, ...] = field(repr=False)

    @property
    def passed(self) -> tuple[str, ...]:
        """The tests that passed."""
        return self._named("passed")

    @property
    def failed(self) -> tuple[str, ...]:
        """The tests that failed."""
        return self._named("failed")

    @property
    def skipped(self) -> tuple[str, ...]:
        """The tests that were left out."""
        return self._named("skipped")

    def raise_for_failures(self) -> None:
        """Raise if a test failed.

        Raises:
            ExceptionGroup: With what each of them raised, and a note that names the test and its claim.
        """
        errors = [result.error for result in self.results if result.error is not None]
        if errors:
            message = f"{len(errors)} of {len(self.results)} tests of the {self.contract} failed: {', '.join(self.failed)}"
            raise ExceptionGroup(message, errors)

    def __str__(self) -> str:
        counts = ", ".join(f"{len(self._named(outcome))} {outcome}" for outcome in ("passed", "skipped", "failed"))
        told = [f"  {result}" for result in self.results if result.outcome != "passed"]
        return "\n".join([f"{self.contract}: {counts}", *told])

    def _named(self, outcome: str) -> tuple[str, ...]:
        return tuple(result.name for result in self.results if result.outcome == outcome)


def list_tests(contract: type[Contract]) -> tuple[str, ...]:
    """Return the names of the tests of *contract*: its own, then those of each of its bases, as they stand there."""
    names = dict.fromkeys(name for cls in contract.__mro__ for name in vars(cls) if name.startswith("test_"))
    return tuple(name for name in names if callable(getattr(contract, name)))


def run_contract(contract: type[Contract], *, without: frozenset[str] = frozenset()) -> ContractReport:
    """Run every test of *contract* but those named in *without*, and return what became of them. Needs no test framework.

    Exceptions that are no `Exception`, such as a keyboard interrupt, are let through.
    """
    names = (name for name in list_tests(contract) if name not in without)
    return ContractReport(_name_of(contract), tuple(_run(contract, name) for name in names))


def prove(contract: type[Contract]) -> ContractReport:
    """Run every test of *contract*, and raise if one fails.

    Raises:
        ExceptionGroup: As `ContractReport.raise_for_failures`.
    """
    report = run_contract(contract)
    report.raise_for_failures()
    return report


def _name_of(contract: type[Contract]) -> str:
    named = (cls for cls in contract.__mro__ if cls.__name__.endswith("Contract") and cls is not Contract)
    return next(named, contract).__name__


def _run(contract: type[Contract], name: str) -> Result:
    claim = (getattr(contract, name).__doc__ or "").partition(" [")[0].strip()
    instance = contract()
    try:
        try:
            getattr(instance, name)()
        finally:
            instance.tearDown()
    except SkipTest as skipped:
        return Result(name, claim, "skipped", str(skipped))
    except Exception as error:  # noqa: BLE001 - whatever an adapter raises, the other tests go on
        error.__notes__ = [f"{name}: {claim}", *getattr(error, "__notes__", ())]  # first: hypothesis has much to add
        return Result(name, claim, "failed", f"{type(error).__name__}: {error}", error)
    return Result(name, claim, "passed")
