"""What a test does in a forked process."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable

import pytest

forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform has no fork")


def in_forked(check: Callable[[], None]) -> None:
    """Run *check* in a forked process, which ends at once after it; what it raises fails the test here."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            check()
            said = ""
        except BaseException:  # noqa: BLE001 - it is told to the parent
            said = traceback.format_exc()
        os.write(writing, said.encode()[-4000:])
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as file:
        said = file.read().decode()
    os.waitpid(child, 0)
    assert not said, said
