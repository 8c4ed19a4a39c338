"""Paired timing: every candidate once per round, so that a busy moment of the machine meets all of them, then ratios of medians."""

import time
from collections.abc import Callable
from statistics import median


def paired(candidates: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """{name: function} -> {name: seconds of each round}."""
    seconds = {name: [] for name in candidates}
    for _ in range(rounds):
        for name, function in candidates.items():
            begun = time.perf_counter()
            function()
            seconds[name].append(time.perf_counter() - begun)
    return seconds


def ratio(seconds: dict[str, list[float]], name: str, base: str) -> float:
    """Median over the rounds of name / base in the same round."""
    return median(a / b for a, b in zip(seconds[name], seconds[base]))
