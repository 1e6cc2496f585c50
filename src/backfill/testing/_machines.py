"""What the machines have in common. Loads hypothesis."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, settings


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
