"""The analog-to-digital converter."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from archsim.crossbar.spec import CrossbarSpec

Steps = int | npt.NDArray[Any]
"""What a code is worth in units of a column sum: of all columns, or of each (columns,)."""


def convert(sums: npt.NDArray[Any], spec: CrossbarSpec, steps: Steps, *, signed: bool, whole: bool) -> None:
    """Turn column sums (reads, columns), in place, into what the digital side sees: `step` times a code from 0 to
    `2^adc_bits - 1`, the nearest one, the upper of two equally near ones (`half_up`), or the one below (`floor`); of
    `signed` sums, which are differences of columns, that of the magnitude, with its sign.

    `whole` says that the sums are integers, none below zero unless `signed`. Their magnitudes, with half a step, stay
    below 2^24 in float32 or 2^53 in float64: the quotient of two such multiples of one half never rounds up to the next
    integer, so the whole part of the float quotient is exact.
    """
    unit = isinstance(steps, int) and steps == 1
    if not (whole and unit):
        if spec.adc_rounding == "half_up":
            half = np.asarray(0.5 * steps, dtype=sums.dtype)
            sums += np.copysign(half, sums) if signed else half
        if not unit:
            np.divide(sums, steps, out=sums, casting="same_kind")
        (np.trunc if signed else np.floor)(sums, out=sums)
    if spec.largest_code is not None:
        np.minimum(sums, spec.largest_code, out=sums)
    if signed and spec.largest_code is not None:
        np.maximum(sums, -spec.largest_code, out=sums)
    elif not (signed or whole):
        np.maximum(sums, 0, out=sums)
    if not unit:
        np.multiply(sums, steps, out=sums, casting="same_kind")


def largest_answer(largest_sum: int, spec: CrossbarSpec, largest_step: int) -> int:
    """A bound of what `convert` makes of whole sums up to `largest_sum`."""
    most = largest_sum + largest_step - 1
    return most if spec.largest_code is None else min(most, spec.largest_code * largest_step)


def loses_nothing(largest_sum: int, spec: CrossbarSpec, largest_step: int) -> bool:
    """Whether every whole sum up to `largest_sum` comes through the ADC unchanged."""
    return spec.adc_exact and (spec.largest_code is None or (largest_step == 1 and largest_sum <= spec.largest_code))


def steps_for(largest_sums: tuple[int, ...], spec: CrossbarSpec) -> tuple[int, ...]:
    """For each slice the smallest whole step with which its largest sum is within the codes."""
    codes = spec.largest_code
    return tuple(1 if codes is None else max(1, -(-most // codes)) for most in largest_sums)
