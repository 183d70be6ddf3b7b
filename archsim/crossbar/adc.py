"""The analog-to-digital converter, in integers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from archsim.crossbar.spec import CrossbarSpec


def convert(sums: npt.NDArray[Any], spec: CrossbarSpec, *, signed: bool) -> None:
    """Turn column sums, in place, into what the digital side sees: `adc_step * min(floor(sum / adc_step),
    2^adc_bits - 1)`, and of a difference of columns that of its magnitude, with its sign. Without `signed` there are
    no sums below zero.

    `sums` holds integers, their magnitudes below 2^24 in float32 or 2^53 in float64. A sum between two codes goes
    to the lower one, so there are no ties; a sum above the highest code saturates. The quotient of two such
    integers never rounds up to the next integer, so the whole part of the float quotient is exact.
    """
    if spec.largest_code is None:
        return
    if spec.adc_step > 1:
        np.trunc(np.divide(sums, spec.adc_step, out=sums), out=sums)
    np.minimum(sums, spec.largest_code, out=sums)
    if signed:
        np.maximum(sums, -spec.largest_code, out=sums)
    if spec.adc_step > 1:
        np.multiply(sums, spec.adc_step, out=sums)


def largest_answer(largest_sum: int, spec: CrossbarSpec) -> int:
    """A bound of what `convert` makes of sums up to `largest_sum`."""
    return largest_sum if spec.largest_code is None else min(largest_sum, spec.largest_code * spec.adc_step)


def loses_nothing(largest_sum: int, spec: CrossbarSpec) -> bool:
    """Whether every sum up to `largest_sum` comes through the ADC unchanged."""
    return spec.largest_code is None or (spec.adc_step == 1 and largest_sum <= spec.largest_code)
