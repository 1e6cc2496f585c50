"""Where jobs are kept."""

from backfill.jobstores.memory import MemoryJobStore

__all__ = ["MemoryJobStore"]
