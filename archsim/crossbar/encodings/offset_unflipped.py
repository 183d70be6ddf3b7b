"""Weights biased by 2^(weight_bits-1), as `offset` has them before any column is flipped."""

from __future__ import annotations

import numpy as np

from archsim.crossbar.encodings.registry import Encoded, Integers
from archsim.crossbar.encodings.slices import cut, slice_values
from archsim.crossbar.spec import CrossbarSpec


def encode_offset_unflipped(weights: Integers, spec: CrossbarSpec) -> Encoded:
    """`W' = W + 2^(weight_bits-1)` in cells; the bias takes `2^(weight_bits-1) * sum(a)` off (ISAAC, Shafiee et al.,
    ISCA 2016, section V, without its flipping)."""
    bias, outputs = 2 ** (spec.weight_bits - 1), weights.shape[1]
    cells = cut(weights + bias, spec)
    factors = np.broadcast_to(slice_values(spec), (len(cells), outputs))
    return Encoded(cells, factors, np.full(outputs, -bias, dtype=np.int64))
