"""A misbehaving server, and doors to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import TypeAlias

import pytest

from backfill.fetching import PoliteFetcher
from backfill.model import RetryPolicy
from backfill.testing.server import FaultServer

MakeFetcher: TypeAlias = Callable[..., PoliteFetcher]


@pytest.fixture
def server() -> Iterator[FaultServer]:
    """A server on loopback that does as it is told."""
    with FaultServer() as running:
        yield running


@pytest.fixture
def polite() -> Iterator[MakeFetcher]:
    """A maker of fetchers without limit and with one attempt, unless told otherwise; they are closed after the test."""
    with ExitStack() as stack:

        def make(**options: object) -> PoliteFetcher:
            settings = {"rate": None, "retry": RetryPolicy(max_attempts=1)} | options
            return stack.enter_context(closing(PoliteFetcher(**settings)))  # type: ignore[arg-type] # options of any kind

        yield make
