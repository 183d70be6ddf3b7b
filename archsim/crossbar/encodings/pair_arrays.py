"""Positive and negative weights in arrays of their own, subtracted before they are converted."""

from __future__ import annotations

import numpy as np

from archsim.crossbar.encodings.registry import Encoded, Integers
from archsim.crossbar.encodings.slices import cut, slice_values
from archsim.crossbar.spec import CrossbarSpec


def encode_pair_arrays(weights: Integers, spec: CrossbarSpec) -> Encoded:
    """`max(W, 0)` in one array, `max(-W, 0)` at the same place of another, which reads the same inputs.

    The currents of two columns are subtracted, and what is converted is the difference (PRIME, Chi et al., ISCA 2016;
    in the integrate-and-fire counters of PipeLayer, Song et al., HPCA 2017, nothing is converted): a level of a cell
    here is that of the positive cell less that of the negative one.
    """
    positive, negative = (cut(np.maximum(part, 0), spec).astype(np.int16) for part in (weights, -weights))
    factors = np.broadcast_to(slice_values(spec), (len(positive), weights.shape[1]))
    return Encoded(positive - negative, factors, np.zeros(weights.shape[1], dtype=np.int64), arrays=2)
