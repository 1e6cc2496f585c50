"""A root that is collected once a session."""

from __future__ import annotations

from pathlib import Path

import pytest

from trust_roots import collect, copied


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root as it was collected; to be read only."""
    root = tmp_path_factory.mktemp("pristine") / "root"
    collect(root)
    return root


@pytest.fixture
def root(pristine: Path, tmp_path: Path) -> Path:
    """A copy of the root, to be changed."""
    return copied(pristine, tmp_path / "root")
