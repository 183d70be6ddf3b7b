"""The bits of a weight in two's complement, the sign bit in a cell of its own."""

from __future__ import annotations

import numpy as np

from archsim.crossbar.encodings.registry import Encoded, Integers
from archsim.crossbar.encodings.slices import cut, slice_values
from archsim.crossbar.spec import CrossbarSpec


def encode_twos_complement(weights: Integers, spec: CrossbarSpec) -> Encoded:
    """The lower `weight_bits - 1` bits in slices of `cell_bits`, then a slice of 0 or 1 that is worth
    `-2^(weight_bits-1)`: `ceil((weight_bits - 1) / cell_bits) + 1` slices.

    A sign bit that shared a cell with other bits would give them its negative worth.
    """
    lower_bits, outputs = spec.weight_bits - 1, weights.shape[1]
    slices = -(-lower_bits // spec.cell_bits)
    negative = (weights < 0).astype(np.uint8)
    cells = np.concatenate([cut(weights & (2**lower_bits - 1), spec)[:slices], negative[None]])
    values = np.concatenate([slice_values(spec)[:slices], [[-(2**lower_bits)]]])
    return Encoded(cells, np.broadcast_to(values, (len(cells), outputs)), np.zeros(outputs, dtype=np.int64))
