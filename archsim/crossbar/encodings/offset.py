"""Weights biased by 2^(weight_bits-1), columns with large sums stored flipped (ISAAC, Shafiee et al., ISCA 2016)."""

from __future__ import annotations

import numpy as np

from archsim.crossbar.encodings.registry import Encoded, Integers
from archsim.crossbar.encodings.slices import cut, slice_values
from archsim.crossbar.spec import CrossbarSpec


def flip_threshold(spec: CrossbarSpec) -> int:
    """The sum from which a column is stored flipped: the top bit of the largest sum a read could give.

    128 rows of 2-bit cells and 1-bit inputs sum up to 384, 9 bits; a column that can reach 256 is flipped, so
    that no sum exceeds 255 and 8 bits lose nothing.
    """
    return 1 << (spec.largest_sum.bit_length() - 1)


def encode_offset(weights: Integers, spec: CrossbarSpec) -> Encoded:
    """`W' = W + 2^(weight_bits-1)` in cells; a column whose sum under the largest inputs reaches
    `flip_threshold` holds `2^cell_bits - 1 - cell` instead, and then
    `sum(a*W') = (2^cell_bits - 1) * sum(a) - sum(a*stored)`; the bias takes `2^(weight_bits-1) * sum(a)` off.
    """
    bias = 2 ** (spec.weight_bits - 1)
    cells, values = cut(weights + bias, spec), slice_values(spec)
    flipped = cells.sum(axis=1, dtype=np.int64) * spec.largest_digit >= flip_threshold(spec)
    cells = np.where(flipped[:, None, :], np.uint8(spec.largest_cell) - cells, cells)
    unit_factors = (values * flipped).sum(axis=0) * spec.largest_cell - bias
    return Encoded(cells, np.where(flipped, -values, values), unit_factors)
