"""Several column sums in one float32, so that one multiplication computes several conversions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from archsim.crossbar.exact import FLOAT32_INTEGERS, exact_dtype

Floats = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Packing:
    """Sums of `slices` columns in `words` numbers of type `dtype`, each of `slots` sums in units of 1, 1 / base ...

    Sums that are `signed` lie on both sides of zero. Word `w` holds the slices `w`, `w + words` and so on, one a slot;
    slots behind the last slice stay empty.
    """

    slices: int
    words: int
    slots: int
    base: int
    signed: bool
    dtype: type[np.float32] | type[np.float64] | type[np.int64]

    def pack(self, cells: npt.NDArray[Any]) -> Floats:
        """Cells (slices, rows, outputs) as a matrix (rows, words x outputs)."""
        _, rows, outputs = cells.shape
        packed = np.zeros((rows, self.words, outputs), dtype=self.dtype)
        for index, levels in enumerate(cells):
            slot, word = divmod(index, self.words)
            packed[:, word] += levels * self.dtype(self.base**-slot)
        return packed.reshape(rows, self.words * outputs)

    def unpack(self, sums: Floats, spare: Floats) -> Iterator[Floats]:
        """The sums of each slot, the first one first, from a product with the packed cells, which is used up; those of
        a slot stand in `spare`, of the same shape, until those of the next are asked for.

        What stands behind a slot is less than one unit of it, or less than half a unit to either side if `signed`: the
        whole part, or the nearest integer, is the slot's sum.
        """
        whole = np.rint if self.signed else np.floor
        for _ in range(self.slots - 1):
            whole(sums, out=spare)
            np.subtract(sums, spare, out=sums)
            np.multiply(sums, self.dtype(self.base), out=sums)
            yield spare
        yield sums


def unpacked(slices: int, dtype: type[np.float32] | type[np.float64]) -> Packing:
    """Every sum in a number of its own."""
    return Packing(slices, slices, 1, 1, True, dtype)


def packing(slices: int, largest_sum: int, headroom: int = 0, *, signed: bool) -> Packing:
    """The packing with the fewest words for sums up to `largest_sum` (of either sign if `signed`), which are converted
    by way of numbers up to twice that and `headroom` more, if there is any.

    The base is the smallest power of two above `largest_sum`, or above twice that if `signed`. As many slots are used
    as keep the largest packed sum, `largest_sum x (1 + base + base^2 ...)` of its smallest units, within the integers
    of float32, in whatever order it is added up: of sums that are not `signed` two below 4096, three up to 255.
    """
    base = 1 << ((2 if signed else 1) * largest_sum).bit_length()
    slots = 1
    while slots < slices and largest_sum * sum(base**slot for slot in range(slots + 1)) <= FLOAT32_INTEGERS:
        slots += 1
    words = -(-slices // slots)
    largest = 2 * largest_sum + headroom if headroom else largest_sum
    return Packing(slices, words, -(-slices // words), base, signed, exact_dtype(largest))
