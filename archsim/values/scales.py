"""Rounding real numbers to integers times a scale, the same on every machine.

A scale is `m * 2^e`, `m` a multiple of 2^-16 in 1..2. A number `x` becomes the integer nearest to `x / scale`,
of two equally near ones the even one, and the end of the range where it lies outside. With 17-bit mantissas
of scales and 24-bit mantissas of numbers, a quotient that is no tie is at least 2^-26 away from one, so that
the rounded float64 quotient decides as the exact one does.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from archsim.graph.tensors import Array

_MANTISSA_STEPS = 2**17


def scales_for(largest: Array | float, levels: int) -> npt.NDArray[np.float64]:
    """The smallest scales with which `largest` is at most `levels` steps; 1 where `largest` is 0."""
    quotient = np.asarray(largest, dtype=np.float64) / levels
    mantissa, exponent = np.frexp(quotient)
    rounded = np.ldexp(np.ceil(mantissa * _MANTISSA_STEPS) / _MANTISSA_STEPS, exponent)
    return np.where(quotient > 0, rounded, 1.0)


def to_integers(
    values: Array, scale: npt.NDArray[np.float64] | float, limits: tuple[int, int]
) -> npt.NDArray[np.int32]:
    """`values / scale`, rounded half to even, saturating at `limits`; values must not be NaN."""
    return np.clip(np.rint(values.astype(np.float64) / scale), *limits).astype(np.int32)
