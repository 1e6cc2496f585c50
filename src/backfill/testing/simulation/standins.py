"""Puts the simulation's threads, locks, clock and chance in the place of the real ones, in the modules that are simulated and nowhere else."""

from __future__ import annotations

import atexit
import queue
import secrets
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import ModuleType

from backfill.testing.simulation import waiting
from backfill.testing.simulation.scheduler import current

_ATOMIC = ("backfill.jobstores", "backfill.testing.simulation")
"""Where nothing is put in place: an operation of a job store is one transaction, which nobody sees the inside of."""


class StandIn(ModuleType):
    """A module that has some names of its own, and all others from the one that it stands for."""

    def __init__(self, real: ModuleType, **own: object) -> None:
        super().__init__(real.__name__)
        self.__dict__.update(own)
        self._real = real

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)


@contextmanager
def simulated(*packages: str) -> Iterator[None]:
    """Have whatever the modules of *packages* start or wait for be simulated while the body runs, wherever a `Scheduler` runs them.

    Their modules `threading`, `time`, `secrets`, `uuid` and `atexit` and the class `queue.SimpleQueue` are replaced, where a module
    has bound them under any name. For threads that are not simulated they do what they did, but for what is made to wait with, which
    serves one thread only. Modules that are loaded later are not simulated, so load them before.

    Args:
        packages: Names of packages; none = this library.
    """
    standins = _standins()
    with ExitStack() as replaced:
        for module in _modules(packages or ("backfill",)):
            for name, value in list(vars(module).items()):
                known = standins.get(id(value))
                if known is not None:
                    _put(replaced, module, name, known)
                elif isinstance(value, type) and issubclass(value, threading.Thread) and value.__module__ == module.__name__:
                    for method, function in waiting.THREAD_METHODS.items():
                        _put(replaced, value, method, function)
        yield


def _standins() -> dict[int, object]:
    """Return what takes the place of what, by identity."""

    def draw(size: int = 32) -> bytes:
        scheduler = current()
        return secrets.token_bytes(size) if scheduler is None else scheduler.random.randbytes(size)

    def make_uuid() -> uuid.UUID:
        return uuid.UUID(bytes=draw(16), version=4)

    def monotonic() -> float:
        scheduler = current()
        return time.monotonic() if scheduler is None else scheduler.now

    return {
        id(threading): StandIn(
            threading,
            Thread=waiting.Thread,
            Lock=waiting.Lock,
            RLock=waiting.make_rlock,
            Condition=waiting.Condition,
            Event=waiting.Event,
            Semaphore=waiting.Semaphore,
        ),
        id(time): StandIn(time, monotonic=monotonic, sleep=_sleep),
        id(secrets): StandIn(secrets, token_hex=lambda size=32: draw(size).hex()),
        id(uuid): StandIn(uuid, uuid4=make_uuid),
        id(uuid.uuid4): make_uuid,
        id(atexit): StandIn(atexit, register=lambda function, *_arguments: function, unregister=lambda _function: None),
        id(queue.SimpleQueue): waiting.SimpleQueue,
    }


def _sleep(seconds: float) -> None:
    scheduler = current()
    if scheduler is None:
        time.sleep(seconds)
    else:
        scheduler.wait_until(lambda: False, seconds, what="sleep")


def _modules(packages: tuple[str, ...]) -> list[ModuleType]:
    def is_below(name: str, tops: tuple[str, ...]) -> bool:
        return any(name == top or name.startswith(f"{top}.") for top in tops)

    return [
        module
        for name, module in list(sys.modules.items())
        if is_below(name, packages) and not is_below(name, _ATOMIC) and isinstance(module, ModuleType)
    ]


def _put(replaced: ExitStack, place: object, name: str, value: object) -> None:
    own = vars(place)
    if name in own:
        replaced.callback(setattr, place, name, own[name])
    else:
        replaced.callback(delattr, place, name)
    setattr(place, name, value)
