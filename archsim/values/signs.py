"""Weights as signs, for binary networks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from archsim.graph.tensors import Array
from archsim.values.floating import row_blocks
from archsim.values.scales import scales_for

# Magnitudes are added up in units of 2^-36 of a power of two above the largest: exactly, in whatever order.
_FRACTION_BITS = 36


def signs_and_scales(weights: Array) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.float64]]:
    """Weights (groups, rows, outputs) as -1 and 1, a 0 being 1, and the scale of each output's (groups, outputs): the
    mean of the magnitudes (XNOR-Net, Rastegari et al., ECCV 2016, equation 6), rounded up as `scales_for` does; 0 where
    all weights are 0."""
    _, exponents = np.frexp(np.abs(weights).max(axis=1).astype(np.float64))
    total = np.zeros(exponents.shape, dtype=np.int64)
    for part in row_blocks(weights):
        units = np.ldexp(np.abs(weights[:, part]).astype(np.float64), _FRACTION_BITS - exponents[:, None, :])
        total += np.rint(units).astype(np.int64).sum(axis=1)
    means = np.ldexp(total / weights.shape[1], exponents - _FRACTION_BITS)
    return np.where(weights < 0, np.int16(-1), np.int16(1)), np.where(total > 0, scales_for(means, 1), 0.0)
