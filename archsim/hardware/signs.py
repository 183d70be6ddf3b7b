"""The room that signed weights take in unsigned cells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class SignCells:
    """What an encoding takes beyond `ceil(weight_bits / cell_bits)` columns: `sign_bits` stand in cells of their own,
    a slice takes `columns`, and a block of a matrix `arrays`. `precision` are the bits of weights and of inputs, where
    they cannot be others."""

    sign_bits: int = 0
    columns: int = 1
    arrays: int = 1
    precision: int | None = None


SIGN_CELLS: Mapping[str, SignCells] = MappingProxyType(
    {
        "binary": SignCells(arrays=2, precision=1),
        "pair": SignCells(columns=2),
        "pair_arrays": SignCells(arrays=2),
        "twos_complement": SignCells(sign_bits=1),
    }
)
"""By the name that `array.sign` gives the encoding; one that is not here takes no more."""
