"""What the machines have in common. Loads hypothesis."""

from __future__ import annotations

from collections.abc import Mapping
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test


def run_machine(machine: type[RuleBasedStateMachine], attributes: Mapping[str, object], settings: settings) -> None:
    """Run *machine* with these attributes, and with ``places``, a folder that is removed however the run ends."""
    with TemporaryDirectory(prefix="backfill-machine-") as places:
        of_store = type(machine.__name__, (machine,), {**attributes, "places": places})
        run_state_machine_as_test(of_store, settings=settings)


def limits(examples: int, steps: int, *, shortest: bool) -> settings:
    """Return how far a machine looks: the same way every time, without a database of examples, and without a limit of time."""
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        phases=[Phase.generate, Phase.shrink] if shortest else [Phase.generate],
        deadline=None,
        derandomize=True,
        database=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
