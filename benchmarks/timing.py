"""Times of alternatives, measured turn by turn so that a noisy machine treats them alike."""

import statistics
import time
from collections.abc import Callable, Mapping


def interleaved(
    alternatives: Mapping[str, Callable[[], object]], rounds: int, clock: Callable[[], float] = time.perf_counter
) -> dict[str, float]:
    """Median seconds of each alternative over `rounds` turns, after one turn to warm up.

    With `time.process_time` for a clock, what other processes take of the core does not count.
    """
    seconds: dict[str, list[float]] = {name: [] for name in alternatives}
    for turn in range(rounds + 1):
        for name, work in alternatives.items():
            began = clock()
            work()
            if turn:
                seconds[name].append(clock() - began)
    return {name: statistics.median(values) for name, values in seconds.items()}
