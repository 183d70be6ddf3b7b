"""Products of integer matrices, in floating point where that is provably exact."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]


def exact_dtype(bound: int) -> type[np.float32] | type[np.float64] | type[np.int64]:
    """The fastest type in which sums of integers are exact, in any order, while no partial sum of absolute
    values exceeds `bound`: float32 up to 2^24, float64 up to 2^53, else int64."""
    if bound <= 2**24:
        return np.float32
    if bound <= 2**53:
        return np.float64
    assert bound < 2**63, "integer product exceeds 63 bits"
    return np.int64


def largest_product(weights: npt.NDArray[Any], largest_input: int) -> int:
    """A bound of every partial sum of `inputs @ weights` for inputs of at most `largest_input`, either sign."""
    columns = np.abs(weights.astype(np.int64, copy=False)).sum(axis=0)
    return int(columns.max(initial=0)) * largest_input


def integer_product(inputs: npt.NDArray[Any], weights: npt.NDArray[Any]) -> Integers:
    """`inputs @ weights` for integers (vectors, rows) and (rows, outputs), exact, as int64."""
    largest_input = int(np.abs(inputs.astype(np.int64, copy=False)).max(initial=0))
    dtype = exact_dtype(largest_product(weights, largest_input))
    result: Integers = (inputs.astype(dtype) @ weights.astype(dtype)).astype(np.int64)
    return result
