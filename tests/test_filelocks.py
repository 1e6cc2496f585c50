"""Locks that are kept: one holder, over threads and processes, for as long as it lives and wants."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from backfill import filelocks
from backfill.filelocks import HeldLock, locked, try_hold
from forked import forks, in_forked


def held(path: Path) -> HeldLock:
    """Return the lock on a file that nobody holds."""
    lock = try_hold(path)
    assert lock is not None
    return lock


def test_a_lock_has_one_holder(tmp_path: Path) -> None:
    """While one holds a lock nobody else gets it, in this process neither; released, the next does. The folder is made. [B2]"""
    path = tmp_path / "sub" / "a.lock"
    lock = held(path)
    assert try_hold(path) is None
    lock.release()
    lock.release()
    with locked(path):
        assert try_hold(path) is None
    held(path).release()


def test_what_is_no_file_cannot_be_locked(tmp_path: Path) -> None:
    """Where no file can be, locking fails as opening does, and nothing stays open. [B2]"""
    with pytest.raises(IsADirectoryError):
        try_hold(tmp_path)
    assert not filelocks._kept


def test_a_failing_lock_leaves_nothing_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system refuses to lock, its word is passed on, and the file is closed. [B2]"""
    opened: list[int] = []

    def refuse(file: int) -> bool:
        opened.append(file)
        raise OSError(37, "no locks available")

    monkeypatch.setattr(filelocks, "_try_lock", refuse)
    with pytest.raises(OSError, match="no locks available"):
        try_hold(tmp_path / "a.lock")
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(opened[0])


@forks
def test_a_forked_process_holds_nothing(tmp_path: Path) -> None:
    """In a forked process the parent's lock holds nothing and releases nothing, and does not outlive its holder there. [B2, B8]"""
    path, other = tmp_path / "a.lock", tmp_path / "other.lock"
    lock = held(path)

    def check() -> None:
        theirs = held(other)  # takes the number of the descriptor that was closed
        lock.release()
        assert try_hold(path) is None, "the parent still holds it"
        assert try_hold(other) is None
        theirs.release()

    in_forked(check)
    assert try_hold(path) is None
    lock.release()
    held(path).release()
