"""Random numbers that are the same on any machine and with any version of numpy."""

from __future__ import annotations

from functools import cache
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[Any]

_LEVELS = 2**16


@cache
def quantiles() -> npt.NDArray[np.float32]:
    """The normal distribution's quantiles of (i + 1/2) / 65536, scaled to a variance of 1.

    The largest is 4.2 standard deviations. In steps of 2^-20, so that the last bits of a machine's logarithm and
    square root do not show.
    """
    normal = NormalDist()
    upper = np.array([normal.inv_cdf((index + 0.5) / _LEVELS) for index in range(_LEVELS // 2, _LEVELS)])
    upper = np.rint(upper / np.sqrt(np.mean(upper * upper)) * 2**20) / 2**20
    table = np.concatenate([-upper[::-1], upper]).astype(np.float32)
    table.flags.writeable = False
    return table


class Draws:
    """A stream of random numbers for one purpose, told by whole numbers from 0.

    From raw 64-bit output of PCG64 alone: what numpy makes of it may change from version to version, the raw stream
    may not.
    """

    def __init__(self, *key: int) -> None:
        self._generator = np.random.PCG64(np.random.SeedSequence(key))

    def normal(self, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
        """Standard normal numbers, 16 bits of the stream each (see `quantiles`)."""
        size = int(np.prod(shape))
        raw = np.asarray(self._generator.random_raw(-(-size // 4)), dtype="<u8").view("<u2")[:size]
        return np.take(quantiles(), raw, mode="clip").reshape(shape)

    def uniform(self, shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
        """Numbers from 0 up to, but not, 1, 53 bits each."""
        raw = np.asarray(self._generator.random_raw(int(np.prod(shape))), dtype=np.uint64)
        return ((raw >> np.uint64(11)).astype(np.float64) * 2.0**-53).reshape(shape)
