"""Divisions and areas: their clubs counted together, beside what the division report says of them as a whole, where it does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import TypeVar, cast

from backfill.jsonvalues import JsonValue
from backfill.toastmasters.cells import NOWHERE
from backfill.toastmasters.clubs import Club

KeyT = TypeVar("KeyT")

_LEVELS = ("distinguished", "select", "presidents")
_PARTS = ("base", "paid", "distinguished", "status", *(f"{what}_for_{level}" for what in ("paid", "level") for level in _LEVELS))
_SAID = {(unit, name): attrgetter(f"{unit}_{name}") for unit in ("area", "division") for name in _PARTS}
_ALL = {unit: attrgetter(*(f"{unit}_{name}" for name in _PARTS)) for unit in ("area", "division")}


def sum_known(values: Iterable[int | None]) -> int | None:
    """Return the sum; ``None`` where any of them is unknown: a sum of the rest would pass for the whole."""
    known = list(values)
    return None if None in known else sum(known)  # type: ignore[arg-type] # none of them is None


def division_data(clubs: Iterable[Club]) -> list[JsonValue]:
    """Return an entry for each division that clubs are in, in the order of the report. Pure."""
    return [
        {
            "divisionId": division.id,
            "divisionName": division.name,
            **_counted(members),
            **_as_a_whole(members, "division"),
        }
        for division, members in _grouped(clubs, lambda club: club.row.division or NOWHERE)
    ]


def area_data(clubs: Iterable[Club]) -> list[JsonValue]:
    """Return an entry for each area that clubs are in, in the order of the report. Pure.

    Areas are told apart by division and number: that of clubs in none, 0A, stands in several divisions.
    """
    return [
        {
            "areaId": area.id,
            "areaName": area.name,
            "divisionId": division.id,
            **_counted(members),
            **_as_a_whole(members, "area"),
        }
        for (division, area), members in _grouped(clubs, lambda club: (club.row.division or NOWHERE, club.row.area or NOWHERE))
    ]


def _grouped(clubs: Iterable[Club], key: Callable[[Club], KeyT]) -> Iterable[tuple[KeyT, list[Club]]]:
    groups: dict[KeyT, list[Club]] = {}
    for club in clubs:
        groups.setdefault(key(club), []).append(club)
    return groups.items()


def _counted(clubs: Sequence[Club]) -> dict[str, JsonValue]:
    return {
        "clubCount": len(clubs),
        "membershipTotal": sum_known(club.row.active_members for club in clubs),
        "paymentsTotal": sum_known(club.payment_count for club in clubs),
    }


def _as_a_whole(clubs: Sequence[Club], unit: str) -> dict[str, JsonValue]:
    """Return what the division report repeats in each row of a unit: the first row that has it counts; what none has is left out."""
    parts = dict(zip(_PARTS, _ALL[unit](clubs[0].visits), strict=True))

    def said(name: str) -> JsonValue:
        value = parts[name]
        if value is None and len(clubs) > 1:
            read = _SAID[unit, name]
            value = next((value for club in clubs if (value := read(club.visits)) is not None), None)
        return cast("JsonValue", value)

    whole: dict[str, JsonValue] = {
        "clubBase": said("base"),
        "paidClubs": said("paid"),
        "paidClubGoals": _known({level: said(f"paid_for_{level}") for level in _LEVELS}) or None,
        "distinguishedClubs": said("distinguished"),
        "distinguishedClubGoals": _known({level: said(f"level_for_{level}") for level in _LEVELS}) or None,
        "distinguishedStatus": said("status"),
    }
    return _known(whole)


def _known(values: dict[str, JsonValue]) -> dict[str, JsonValue]:
    return {name: value for name, value in values.items() if value is not None}
