"""Seeded stand-ins for the weights of a model that holds shapes but no trained numbers."""

from __future__ import annotations

import hashlib
import math
from functools import cache
from statistics import NormalDist

import numpy as np

from archsim.graph import Constant
from archsim.graph.tensors import Array

_INTERVAL_BITS = 10
_FRACTION_BITS = 32 - _INTERVAL_BITS
_TABLE_BITS = 20
_CHUNK = 1 << 20


@cache
def _quantiles() -> Array:
    """Quantiles of the standard normal distribution at 1025 points, in units of 2^-20, as int64.

    The two ends stand at a quarter interval from probability 0 and 1 (3.49 standard deviations). Rounding
    to 2^-20 makes the table the same on any machine, whatever its `log` does in the last bit.
    """
    intervals = 1 << _INTERVAL_BITS
    points = [0.25, *range(1, intervals), intervals - 0.25]
    normal = NormalDist()
    return np.array([round(normal.inv_cdf(point / intervals) * (1 << _TABLE_BITS)) for point in points], np.int64)


def normal_draws(seed: int, key: str, count: int) -> Array:
    """`count` standard normal numbers (float32) that depend on `seed` and `key` alone.

    Raw 64-bit output of PCG64, halved, through the quantile table with linear interpolation in integers:
    numpy's own distributions may change from version to version, these cannot.
    """
    digest = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "little")
    generator = np.random.PCG64(np.random.SeedSequence([seed, digest]))
    table = _quantiles()
    draws = np.empty(count, np.float32)
    for start in range(0, count, _CHUNK):
        size = min(_CHUNK, count - start)
        raw = np.asarray(generator.random_raw((size + 1) // 2), dtype=np.uint64)
        halves = np.stack((raw & np.uint64(0xFFFFFFFF), raw >> np.uint64(32)), axis=1).reshape(-1)[:size]
        halves = halves.astype(np.int64)
        index, fraction = halves >> _FRACTION_BITS, halves & ((1 << _FRACTION_BITS) - 1)
        value = table[index] * ((1 << _FRACTION_BITS) - fraction) + table[index + 1] * fraction
        draws[start : start + size] = value * 2.0 ** -(_TABLE_BITS + _FRACTION_BITS)
    return draws


def he_normal(constant: Constant, seed: int, fan_in: int) -> Constant:
    """`constant` with numbers of standard deviation sqrt(2 / fan_in) (He et al., ICCV 2015, section 2.2)."""
    deviation = np.float32(math.sqrt(2 / fan_in))

    def draw() -> Array:
        draws = normal_draws(seed, constant.key, constant.elements)
        return np.asarray((draws * deviation).reshape(constant.shape), dtype=constant.dtype)

    return Constant(constant.key, constant.shape, constant.dtype, draw)


def filled(constant: Constant, number: float) -> Constant:
    """`constant` with every element `number`."""
    return Constant(
        constant.key, constant.shape, constant.dtype, lambda: np.full(constant.shape, number, constant.dtype)
    )
