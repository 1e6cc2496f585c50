"""What is to become of a state of a day that was set aside, and of whatever stands in its place."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from attrs import frozen

from backfill.stores._atomic import FileSystem
from backfill.stores._check_day import DayCheck
from backfill.stores._layout import Layout
from backfill.stores._manifest import REMEDY
from backfill.stores._reports import Problem, ProblemKind


class Fate(StrEnum):
    """What is to become of it."""

    BACK = "back"
    """It is put back, since it is whole and the live day is not, or is not there."""

    FORWARD = "forward"
    """It is retired, since the live day is whole."""

    STAYS = "stays"
    """It stays where it is, since neither of the two is whole: it may hold what the other lacks."""


@frozen
class Verdict:
    """What is to become of a state that was set aside, and why.

    Attributes:
        fate: What.
        is_alone: Whether the day itself is not there.
        damage: What is damaged of it, where that has kept it from being put back.
    """

    fate: Fate
    is_alone: bool
    damage: tuple[Problem, ...] = ()


def judge(layout: Layout, files: FileSystem, day: date) -> Verdict | None:
    """Return what is to become of the state of *day* that stands aside; ``None`` = none does. Reads all files of the two; writes nothing.

    Only a state that holds all that its manifest lists, each file with its hash, is ever put back: what is damaged must not pass
    for the day.
    """
    days = DayCheck(layout, files, share=1)
    live, aside = days.look(day), days.look_at(layout.aside(day), day)
    if aside is None:
        return None
    if live is not None and ((live.is_day and not live.damage) or not live.directory.is_dir()):
        # the second: what is no directory is not the store's, and is not moved about
        return Verdict(Fate.FORWARD if live.is_day else Fate.STAYS, is_alone=False)
    if aside.is_day and not aside.damage:
        return Verdict(Fate.BACK, is_alone=live is None)
    return Verdict(Fate.STAYS, live is None, aside.damage)


def aside_problem(name: str, day: date, verdict: Verdict) -> Problem:
    """Return what is to be told of the state of *day* that stands aside under *name*."""
    state = f"is a state of {day} that its writer set aside, and ended"
    if verdict.fate is not Fate.STAYS:
        became = "retired" if verdict.fate is Fate.FORWARD else "put back"
        instead = "" if verdict.fate is Fate.FORWARD or verdict.is_alone else f" in the place of {day}, which is damaged"
        rule = f"{state}; it is to be {became}{instead}"
        return Problem(ProblemKind.INTERRUPTED, name, rule, "run repair(), or let the next writer do it", day)
    why = verdict.damage[0] if verdict.damage else None
    damage = f": {why.path} {why.rule}" if why else ""
    what = "it is all there is of the day, and damaged" if verdict.is_alone else "and neither it nor the day is whole"
    return Problem(ProblemKind.DAMAGED, name, f"{state}; {what}{damage}", REMEDY, day)
