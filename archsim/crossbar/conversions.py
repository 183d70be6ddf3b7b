"""Reading rows together, with every conversion of every column and digit computed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from archsim.crossbar.adc import convert, largest_answer
from archsim.crossbar.encodings import Encoded
from archsim.crossbar.exact import exact_dtype
from archsim.crossbar.inputs import digit_weights, digits, input_bias
from archsim.crossbar.packing import Packing, packing
from archsim.crossbar.spec import CrossbarSpec

Integers = npt.NDArray[np.int64]

# Words of column sums that are computed at once: few enough to stay in a core's second-level cache.
WORDS_AT_ONCE = 2**17


class Scratch:
    """Memory that is written over block after block: what is allocated anew costs as much to page in as to compute."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, np.dtype[Any]], npt.NDArray[Any]] = {}

    def array(self, name: str, shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        """An array with anything in it, in the memory of earlier ones of that name and type."""
        size, key = math.prod(shape), (name, np.dtype(dtype))
        kept = self._kept.get(key)
        if kept is None or kept.size < size:
            kept = self._kept[key] = np.empty(size, dtype)
        return kept[:size].reshape(shape)


@dataclass(frozen=True, slots=True, eq=False)
class RowGroup:
    """Rows that are read together, ready to be multiplied: `cells` (rows, words x outputs) packed as `packing` says,
    `factors` (slots, words, outputs) and `unit_factors` (outputs,) as `Encoded` has them, `worth` (digits,) of each
    digit, and `constant` (outputs,), what the bias of the inputs comes to. Sums over digits are exact in the type of
    `worth`, those over slices too in the type of `factors`."""

    spec: CrossbarSpec
    packing: Packing
    cells: npt.NDArray[Any]
    factors: npt.NDArray[Any]
    unit_factors: Integers
    constant: Integers
    worth: npt.NDArray[Any]

    def add(self, result: Integers, inputs: npt.NDArray[Any], scratch: Scratch) -> None:
        """Add to `result` (vectors, outputs) what the rows give for `inputs` (vectors, rows)."""
        step = max(1, WORDS_AT_ONCE // (self.spec.digits * self.cells.shape[1]))
        units = self.unit_factors.any()
        result += self.constant
        for start in range(0, len(inputs), step):
            part = inputs[start : start + step]
            total = result[start : start + step]
            total += self._converted(part, scratch).astype(np.int64, copy=False)
            if units:
                total += part.sum(axis=1, dtype=np.int64)[:, None] * self.unit_factors

    def _converted(self, inputs: npt.NDArray[Any], scratch: Scratch) -> npt.NDArray[Any]:
        """The conversions (vectors, outputs), added up over digits and slices."""
        _, words, outputs = self.factors.shape
        dtype, reads = self.cells.dtype, self.spec.digits * len(inputs)
        levels = scratch.array("levels", (reads, len(self.cells)), dtype)
        levels[:] = digits(inputs, self.spec).reshape(levels.shape)
        packed, spare = (scratch.array(name, (reads, self.cells.shape[1]), dtype) for name in ("sums", "spare"))
        np.matmul(levels, self.cells, out=packed)
        total = np.zeros((len(inputs), outputs), dtype=self.factors.dtype)
        for factors, sums in zip(self.factors, self.packing.unpack(packed, spare), strict=True):
            convert(sums, self.spec, signed=self.packing.signed)
            added = self.worth @ sums.reshape(self.spec.digits, -1).astype(self.worth.dtype, copy=False)
            columns = added.reshape(len(inputs), words, outputs).astype(self.factors.dtype, copy=False)
            total += np.einsum("vwn,wn->vn", columns, factors)
        return total


def row_group(encoded: Encoded, column_sums: Integers, spec: CrossbarSpec) -> RowGroup:
    """Encoded rows, whose weights add up to `column_sums` (outputs,), packed as far as their own column sums allow."""
    largest_sum = encoded.largest_sum * spec.largest_digit
    rows = encoded.cells.shape[1]
    packed = packing(len(encoded.cells), largest_sum, signed=encoded.signed)
    worth = digit_weights(spec)
    largest = largest_answer(largest_sum, spec) * int(np.abs(worth).sum())
    factor_type = exact_dtype(largest * int(np.abs(encoded.factors).sum(axis=0).max()))
    outputs = encoded.factors.shape[1]
    factors = np.zeros((packed.slots * packed.words, outputs), dtype=factor_type)
    factors[: len(encoded.factors)] = encoded.factors
    return RowGroup(
        spec,
        packed,
        packed.pack(encoded.cells),
        factors.reshape(packed.slots, packed.words, outputs),
        encoded.unit_factors,
        input_bias(spec) * (rows * encoded.unit_factors - column_sums),
        worth.astype(exact_dtype(largest)),
    )
