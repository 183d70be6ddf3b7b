"""Many latencies in a few numbers."""

from __future__ import annotations

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


def histogram(latencies: NDArray[np.int64]) -> tuple[Bin, ...]:
    """Latencies, shape (packets,), in at most `MOST_BINS` ranges of equal length from the smallest to the largest."""
    low, high = int(latencies.min()), int(latencies.max())
    width = -(-(high - low + 1) // MOST_BINS)
    counts = np.bincount((latencies - low) // width)
    return tuple(
        Bin(low + number * width, low + (number + 1) * width - 1, count) for number, count in enumerate(counts.tolist())
    )


def percentile(ordered: NDArray[np.int64], percent: int) -> int:
    """The smallest of the latencies, in ascending order, that `percent` of them do not exceed."""
    return int(ordered[(percent * len(ordered) + 99) // 100 - 1])
