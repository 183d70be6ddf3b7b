"""Positive and negative weights in columns of their own."""

from __future__ import annotations

import numpy as np

from archsim.crossbar.encodings.registry import Encoded, Integers
from archsim.crossbar.encodings.slices import cut, slice_values
from archsim.crossbar.spec import CrossbarSpec


def encode_pair(weights: Integers, spec: CrossbarSpec) -> Encoded:
    """`max(W, 0)` in one set of slices, `max(-W, 0)` in another.

    Every column is converted by itself, as the timing counts it, and the negative one subtracted after the
    ADC; a subtraction before the ADC (PRIME, ISCA 2016) would convert the difference instead.
    """
    cells = np.concatenate([cut(np.maximum(weights, 0), spec), cut(np.maximum(-weights, 0), spec)])
    values, outputs = slice_values(spec), weights.shape[1]
    factors = np.broadcast_to(np.concatenate([values, -values]), (len(cells), outputs))
    return Encoded(cells, factors, np.zeros(outputs, dtype=np.int64))
