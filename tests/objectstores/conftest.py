"""Buckets: one in memory for each test, and real ones of a server that the tests of this folder share."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from s3_serving import find_server, serving_s3

_numbers = itertools.count()


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Start a server, and hand out the options that reach it."""
    program = find_server()
    if program is None:
        pytest.skip("no S3 server is installed; the extra 'test-s3' has one")
    with serving_s3(program, tmp_path_factory.mktemp("s3")) as options:
        yield options


@pytest.fixture
def bucket_options(s3_server: dict[str, Any]) -> dict[str, Any]:
    """Return the options that reach a part of the server's bucket where nothing is yet."""
    return {**s3_server, "prefix": f"test-{next(_numbers)}"}
