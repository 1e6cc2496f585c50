"""The peak of this process's memory, not of the one that started it."""

from __future__ import annotations

import resource
from pathlib import Path

_STATUS = Path("/proc/self/status")


def peak() -> float:
    """Return the most memory that this process has had at once, in megabytes.

    Where the system says so it is that of this program alone: what `resource` tells begins with the memory of whoever started it.
    """
    try:
        status = _STATUS.read_text()
    except OSError:  # not Linux
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024
