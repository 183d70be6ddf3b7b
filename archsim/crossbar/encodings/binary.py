"""Weights of -1 and 1 in complementary cells, which inputs of either sign drive (XNOR-RRAM, Sun et al., DATE 2018)."""

from __future__ import annotations

import numpy as np

from archsim.crossbar.encodings.registry import Encoded, Integers
from archsim.crossbar.spec import CrossbarSpec
from archsim.errors import input_error


def encode_binary(weights: Integers, spec: CrossbarSpec) -> Encoded:
    """A cell that is on for a weight of 1 in one array, one that is on for -1 at the same place of another.

    An input above 0 drives the row of the first array, one below 0 that of the second, 0 neither; the currents of both
    add up before they are converted. A sum counts the inputs `x` of the sign of their weight `w`, so
    `sum(x * w) = 2 * sum - sum(|x|)`. A weight of 0 raises `InputError`.
    """
    if not weights.all():
        raise input_error("crossbar weights", value=0, expected=f"-1 or 1, with array.sign {spec.sign}")
    cells = np.concatenate([weights > 0, weights < 0])[None].astype(np.uint8)
    factors, unit_factors = np.full((1, weights.shape[1]), 2), np.full(weights.shape[1], -1)
    return Encoded(cells, factors, unit_factors, arrays=2, complementary=True)
