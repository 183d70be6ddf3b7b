"""What an encoding is, and the encodings there are.

Whatever the encoding, the rows that are read together are a stack of slices of cells, and their product is a
weighted sum of what the ADC answers for each column and of the sum of the inputs, which a unit column gives
digitally (ISAAC, ISCA 2016; an encoding without a unit column gives it the factor 0):

    y[n] = sum_d digit_weight[d] * ( sum_s factors[s,n] * ADC(sum_r x[d,r] * cells[s,r,n])
                                     + unit_factors[n] * sum_r x[d,r] )
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from archsim.crossbar.spec import CrossbarSpec
from archsim.errors import input_error, nearest_name

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """The cells of rows that are read together: `cells` (slices, rows, outputs), `factors` (slices, outputs)
    and `unit_factors` (outputs,).

    A level of `cells` is negative where columns of several `arrays` are subtracted before they are converted. Where
    rows are `complementary`, each input has two, the second as far behind as there are inputs: one that is above 0
    drives the first, one below 0 the second (`driven`), and `x[d,r]` above are these drives.
    """

    cells: npt.NDArray[np.uint8] | npt.NDArray[np.int16]
    factors: Integers
    unit_factors: Integers
    arrays: int = 1
    complementary: bool = False

    @property
    def signed(self) -> bool:
        """Whether column sums can be negative."""
        return self.cells.dtype != np.uint8

    @property
    def slice_sums(self) -> Integers:
        """The largest sum of a column of each slice (slices,), of either sign, when every input is 1 or 0."""
        most: Integers = self.cells.clip(min=0).sum(axis=1, dtype=np.int64).max(axis=1)
        if self.signed:
            np.maximum(most, -self.cells.clip(max=0).sum(axis=1, dtype=np.int64).min(axis=1), out=most)
        return most

    @property
    def largest_sum(self) -> int:
        """The largest of `slice_sums`."""
        return int(self.slice_sums.max())

    def decode(self) -> Integers:
        """The weights (rows, outputs) that the cells stand for."""
        weights: Integers = np.einsum("srn,sn->rn", self.cells, self.factors) + self.unit_factors
        if self.complementary:
            above, below = np.split(weights, 2)
            weights = (above - below) // 2
        return weights


Encoding = Callable[[Integers, CrossbarSpec], Encoded]
"""Encodes signed weights (rows, outputs) of rows that are read together."""

_ENCODINGS: dict[str, Encoding] = {}


def encodings() -> Mapping[str, Encoding]:
    """The encodings by the name that `array.sign` gives them."""
    return MappingProxyType(_ENCODINGS)


def register_encoding(name: str, encoding: Encoding) -> None:
    """Make `encoding` known as `name`; a name that is taken is a ValueError."""
    if name in _ENCODINGS:
        raise ValueError(f"an encoding named {name!r} is registered already")
    _ENCODINGS[name] = encoding


def find_encoding(name: str) -> Encoding:
    """The encoding registered as `name`, else `InputError`."""
    if name not in _ENCODINGS:
        expected = f"one of {', '.join(sorted(_ENCODINGS))}"
        raise input_error("array.sign", value=name, expected=expected, nearest=nearest_name(name, _ENCODINGS))
    return _ENCODINGS[name]
