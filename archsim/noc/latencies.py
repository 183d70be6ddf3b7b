"""Many latencies in a few numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOST_BINS = 16


@dataclass(frozen=True, slots=True)
class Bin:
    """How many latencies are `first` to `last` cycles."""

    first: int
    last: int
    count: int


def histogram(latencies: Mapping[int, int]) -> tuple[Bin, ...]:
    """How often there was each latency, in at most `MOST_BINS` ranges of equal length from the smallest to the
    largest."""
    low, high = min(latencies), max(latencies)
    width = -(-(high - low + 1) // MOST_BINS)
    counts = [0] * ((high - low) // width + 1)
    for latency, count in latencies.items():
        counts[(latency - low) // width] += count
    return tuple(Bin(low + place * width, low + (place + 1) * width - 1, count) for place, count in enumerate(counts))


def percentile(ordered: NDArray[np.int64], percent: int) -> int:
    """The smallest of the latencies, in ascending order, that `percent` of them do not exceed."""
    return int(ordered[(percent * len(ordered) + 99) // 100 - 1])
