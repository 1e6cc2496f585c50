"""Deterministic simulation: the production classes on a virtual machine whose every accident comes from one seed."""

from backfill.testing.simulation.scheduler import Ended, Scheduler, SimulatedProcess, Stuck
from backfill.testing.simulation.standins import simulated
from backfill.testing.simulation.world import SimulatedClock, SimulatedFiles, SimulatedJobStore

__all__ = [
    "Ended",
    "Scheduler",
    "SimulatedClock",
    "SimulatedFiles",
    "SimulatedJobStore",
    "SimulatedProcess",
    "Stuck",
    "simulated",
]
