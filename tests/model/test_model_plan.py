"""Plans and their parts as values."""

from __future__ import annotations

import copy
import pickle
from datetime import date

import pytest
from attrs import evolve

from backfill.model import Edition, Gap, JobSpec, JobState, Method, PlannedDay
from foundation_samples import DAY, NOW, days, make_plan


def test_a_plan_counts_its_units_as_a_job_does() -> None:
    """A plan's units are its districts, a day still to be listed counted as one. [R4.3, B1]"""
    first, second, third = days(3)
    plan = make_plan([(first, ("61", "F")), (second, None), (third, ())])
    assert plan.total_units == 3
    assert JobState(JobSpec("j1", NOW, plan)).total == 3


def test_a_plan_names_its_gaps_and_its_reason() -> None:
    """The days of which nothing is requested can be told from the others, and the choice of the method is explained. [B1]"""
    plan = make_plan()
    gap = PlannedDay(date(2026, 1, 6), None, Gap.CLOSING, None, Method.PER_DISTRICT, ("61",))
    assert plan.gaps == ()
    assert evolve(plan, days=(*plan.days, gap)).gaps == (gap,)
    assert plan.rationale == plan.strategy.rationale == "for a test"


def test_a_planned_day_has_its_edition() -> None:
    """What is planned of a day names the edition that its source announced. [B1, B10]"""
    edition = Edition(DAY, date(2026, 1, 8), None, date(2026, 1, 20))
    planned = PlannedDay(DAY, edition.as_of, edition.gap, edition.settled_on, Method.TARGETED, None)
    assert planned.edition == edition


def test_a_gap_may_be_named_by_its_word() -> None:
    """An edition takes a kind of gap as text, and no other word. [B10]"""
    assert Edition(DAY, gap="closing").gap is Gap.CLOSING
    assert Edition(DAY).gap is None
    with pytest.raises(ValueError, match="holiday"):
        Edition(DAY, gap="holiday")


def test_a_plan_survives_pickling_and_copying() -> None:
    """A plan can be kept, sent to another process and copied, and stays equal and unchangeable. [B1]"""
    plan = make_plan([(day, ("61", "F")) for day in days(3)])
    assert pickle.loads(pickle.dumps(plan)) == plan
    assert copy.deepcopy(plan) == plan


def test_a_plan_is_told_on_a_line() -> None:
    """What a plan means is seen at a glance; how many units, and what is asked for. [R9.5, R10.4]"""
    plan = make_plan([(day, ("61", "F")) for day in days(3)])
    told = repr(plan)
    assert told.startswith("<BackfillPlan of ")
    assert "3 days, 6 units" in told
    assert len(told) < 250
