"""Integers cut into cells."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from archsim.crossbar.spec import CrossbarSpec

Integers = npt.NDArray[np.int64]


def cut(levels: Integers, spec: CrossbarSpec) -> npt.NDArray[np.uint8]:
    """Non-negative integers (rows, outputs) in cells (slices, rows, outputs), the lowest bits first."""
    shifts = spec.cell_bits * np.arange(spec.cells_per_weight)
    return ((levels >> shifts[:, None, None]) & spec.largest_cell).astype(np.uint8)


def slice_values(spec: CrossbarSpec) -> Integers:
    """What a level of each slice is worth: 2^(cell_bits * slice), of shape (slices, 1)."""
    return np.left_shift(np.int64(1), spec.cell_bits * np.arange(spec.cells_per_weight, dtype=np.int64))[:, None]
