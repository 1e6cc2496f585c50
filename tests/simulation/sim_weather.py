"""How rough a simulated schedule is, and what becomes of each unit in it: all drawn from the seed."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

from attrs import frozen

from backfill import BackfillRequest

FIRST_DAY = date(2026, 1, 5)
DISTRICTS = ("1", "2", "3")


@frozen
class Weather:
    """What may happen, and how often, until the storm is over; from then on nothing goes wrong, so that all must come to an end.

    Attributes:
        ends: The chance that a process ends at an operation that others can see.
        naps: The same, that it is cut off for a while, and taken for gone.
        disk: That an operation of the file system fails.
        jobs: That one of the job store does.
        host: That a request is not answered.
        orders: That somebody pauses, resumes or cancels, at each look.
        silent: From when to when the host answers nobody, in virtual seconds.
        storm: How long all this lasts.
        most_ends: How many processes end at most, and how many are cut off.
        plain: Whether the file system can neither exchange directories nor link files.
        active: How many jobs a process runs at once.
        calls: How many calls the source stands at once; ``None`` = any number.
    """

    ends: float
    naps: float
    disk: float
    jobs: float
    host: float
    orders: float
    silent: tuple[float, float]
    storm: float
    most_ends: int
    plain: bool
    active: int
    calls: int | None

    @classmethod
    def drawn(cls, random: Random) -> Weather:
        """Return the weather of one schedule."""
        begin = random.random() * 60
        return cls(
            ends=random.choice((0.0, 0.003, 0.01, 0.03)),
            naps=random.choice((0.0, 0.0, 0.002, 0.005)),
            disk=random.choice((0.0, 0.0, 0.003, 0.02)),
            jobs=random.choice((0.0, 0.0, 0.003, 0.02)),
            host=random.choice((0.0, 0.1, 0.4)),
            orders=random.choice((0.0, 0.1, 0.4)),
            silent=(begin, begin + random.choice((0.0, 0.0, 0.0, 20.0, 120.0))),
            storm=random.choice((20.0, 60.0, 150.0)),
            most_ends=random.choice((1, 2, 4)),
            plain=random.choice((False, False, True)),
            active=random.choice((1, 2)),
            calls=random.choice((None, 1, 2)),
        )

    @property
    def loses(self) -> bool:
        """Whether something may be lost that was collected, since it cannot be stored."""
        return bool(self.disk or self.jobs)

    @property
    def is_calm(self) -> bool:
        """Whether nothing can go wrong with a unit that is there."""
        return not (self.loses or self.host) and self.silent[0] == self.silent[1]


@frozen
class Work:
    """What is to be collected: a job, or two that have days of their own, or the same days and districts of their own.

    Attributes:
        requests: By idempotency key.
        fates: What becomes of each unit that nothing befalls: ``ok``, ``gone`` (nothing was published) or ``broken`` (never answered
            in full).
        shares_days: Whether the jobs have the same days.
    """

    requests: dict[str, BackfillRequest]
    fates: dict[tuple[date, str], str]
    shares_days: bool

    @classmethod
    def drawn(cls, random: Random) -> Work:
        """Return the work of one schedule."""
        jobs, shares_days = random.choice(((1, False), (2, False), (2, True)))
        requests, days = {}, random.choice((1, 1, 2, 3))
        for number in range(jobs):
            first = FIRST_DAY + timedelta(0 if shares_days else number * days)
            districts = random.choice((None, ("1",), ("1", "2"), DISTRICTS))
            if shares_days:
                districts = (DISTRICTS[:1], DISTRICTS[1:])[number]
            requests[f"job {number}"] = BackfillRequest(
                first, first + timedelta(days - 1), districts, concurrency=random.choice((1, 2, 3))
            )
        all_days = (FIRST_DAY + timedelta(number) for number in range(jobs * days))
        return cls(requests, {(day, district): _fate(random) for day in all_days for district in DISTRICTS}, shares_days)


def _fate(random: Random) -> str:
    return random.choices(("ok", "gone", "broken"), (20, 2, 1))[0]
