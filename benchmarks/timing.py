"""Times of alternatives, measured turn by turn so that a noisy machine treats them alike."""

import statistics
import time
from collections.abc import Callable, Mapping


def interleaved(alternatives: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median seconds of each alternative over `rounds` turns, after one turn to warm up."""
    seconds: dict[str, list[float]] = {name: [] for name in alternatives}
    for turn in range(rounds + 1):
        for name, work in alternatives.items():
            began = time.perf_counter()
            work()
            if turn:
                seconds[name].append(time.perf_counter() - began)
    return {name: statistics.median(values) for name, values in seconds.items()}
