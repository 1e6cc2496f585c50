"""Puts the simulation's threads, locks, clock and chance in the place of the real ones, in the modules that are simulated and nowhere else."""

from __future__ import annotations

import atexit
import queue
import random
import secrets
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from types import ModuleType
from typing import TypeVar

from backfill.testing.simulation import waiting
from backfill.testing.simulation.scheduler import Scheduler

T = TypeVar("T")

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
def simulated(scheduler: Scheduler, *, packages: Iterable[str] = ("backfill",)) -> Iterator[None]:
    """Have whatever the modules of *packages* start or wait for be simulated while the body runs.

    Their modules `threading`, `time`, `secrets`, `uuid` and `atexit` and the class `queue.SimpleQueue` are replaced, where a module
    has bound them under any name. Modules that are loaded later are not simulated, so load them before.

    Args:
        scheduler: Says who goes on.
        packages: Names of packages.
    """
    standins = _standins(scheduler)
    state = random.getstate()
    with ExitStack() as replaced, waiting.waiting_on(scheduler):
        for module in _modules(tuple(packages)):
            for name, value in list(vars(module).items()):
                known = standins.get(id(value))
                if known is not None:
                    _put(replaced, module, name, known)
                elif isinstance(value, type) and issubclass(value, threading.Thread) and value.__module__ == module.__name__:
                    for method, function in waiting.THREAD_METHODS.items():
                        _put(replaced, value, method, function)
        random.seed(scheduler.seed)  # what libraries draw, such as the jitter between attempts
        replaced.callback(random.setstate, state)
        yield


def _standins(scheduler: Scheduler) -> dict[int, object]:
    """Return what takes the place of what, by identity."""

    def or_real(simulated: Callable[..., T], real: Callable[..., T]) -> Callable[..., T]:
        return lambda *arguments: (simulated if scheduler.is_inside else real)(*arguments)

    def draw(size: int = 32) -> bytes:
        return scheduler.random.randbytes(size)

    def draw_uuid() -> uuid.UUID:
        return uuid.UUID(bytes=draw(16), version=4)

    make_uuid = or_real(draw_uuid, uuid.uuid4)
    monotonic = or_real(lambda: scheduler.now, time.monotonic)
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
        id(time): StandIn(time, monotonic=monotonic, sleep=or_real(lambda seconds: _sleep(scheduler, seconds), time.sleep)),
        id(secrets): StandIn(secrets, token_hex=or_real(lambda size: draw(size).hex(), secrets.token_hex)),
        id(uuid): StandIn(uuid, uuid4=make_uuid),
        id(uuid.uuid4): make_uuid,
        id(atexit): StandIn(atexit, register=lambda function, *_arguments: function, unregister=lambda _function: None),
        id(queue.SimpleQueue): waiting.SimpleQueue,
    }


def _sleep(scheduler: Scheduler, seconds: float) -> None:
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
