"""Inputs in digits, one digit a read."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from archsim.crossbar.spec import CrossbarSpec

Integers = npt.NDArray[np.int64]


def input_bias(spec: CrossbarSpec) -> int:
    """What is added to inputs before they are cut into digits.

    Signed inputs enter bit by bit in two's complement, without a bias. A DAC of more than one bit has no
    level for a top digit that mixes the sign with other bits, so there 2^(input_bits-1) is added to the
    inputs, and as much times the sum of a column's weights, known when they are programmed, is taken off.
    """
    return 1 << (spec.input_bits - 1) if spec.signed_digits and spec.dac_bits > 1 else 0


def digit_weights(spec: CrossbarSpec) -> Integers:
    """What each digit is worth, (digits,), lowest first; the sign bit counts negatively (ISAAC, ISCA 2016)."""
    weights = np.left_shift(np.int64(1), spec.dac_bits * np.arange(spec.digits, dtype=np.int64))
    if spec.signed_digits and spec.dac_bits == 1:
        weights[-1] = -weights[-1]
    return weights


def driven(inputs: npt.NDArray[Any], spec: CrossbarSpec) -> npt.NDArray[Any]:
    """What the rows are driven by, for integer inputs (vectors, rows): with `binary` weights (vectors, 2 x rows) of 0
    and 1, first the inputs above 0, then those below."""
    return np.concatenate([inputs > 0, inputs < 0], axis=1).astype(np.uint8) if spec.binary else inputs


def digits(inputs: npt.NDArray[Any], spec: CrossbarSpec) -> npt.NDArray[np.unsignedinteger[Any]]:
    """Integer inputs (vectors, rows) as DAC levels (digits, vectors, rows), lowest digit first."""
    # The narrowest type is the fastest; a negative number cast to it is its two's complement.
    narrow = np.uint8 if spec.input_bits <= 8 else np.uint16
    bias = input_bias(spec)
    biased = (inputs.astype(np.int32) + bias if bias else inputs).astype(narrow)
    levels = np.empty((spec.digits, *inputs.shape), dtype=narrow)
    for digit, into in enumerate(levels):
        lowest = spec.dac_bits * digit
        width = min(spec.dac_bits, spec.input_bits - lowest)
        np.right_shift(biased, narrow(lowest), out=into)
        np.bitwise_and(into, narrow((1 << width) - 1), out=into)
    return levels
