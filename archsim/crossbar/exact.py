"""The number types in which sums of integers are exact."""

from __future__ import annotations

import numpy as np

from archsim.errors import input_error

FLOAT32_INTEGERS = 2**24
"""Every integer up to this one is a float32."""


def exact_dtype(bound: int) -> type[np.float32] | type[np.float64] | type[np.int64]:
    """The fastest type in which sums of integers are exact, in any order, while no partial sum of absolute
    values exceeds `bound`: float32 up to 2^24, float64 up to 2^53, else int64.

    At 16 bits a matrix of 2^32 rows is the first with a larger bound: `InputError`.
    """
    if bound <= FLOAT32_INTEGERS:
        return np.float32
    if bound <= 2**53:
        return np.float64
    if bound >= 2**63:
        raise input_error("crossbar weights", value=f"sums up to {bound}", expected="sums below 2^63")
    return np.int64
