"""Reading rows together, with every conversion of every column and digit computed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from archsim.crossbar.adc import Steps, convert, largest_answer
from archsim.crossbar.cells import MOST_CONDUCTED, Cells
from archsim.crossbar.devices import DeviceErrors
from archsim.crossbar.draws import Draws
from archsim.crossbar.encodings import Encoded
from archsim.crossbar.exact import exact_dtype
from archsim.crossbar.inputs import digit_weights, digits, input_bias
from archsim.crossbar.noise import ReadNoise, by_columns, on_grid, read_noise
from archsim.crossbar.packing import Packing, packing, unpacked
from archsim.crossbar.spec import CrossbarSpec

Integers = npt.NDArray[np.int64]

# Words of column sums that are computed at once: few enough to stay in a core's second-level cache.
WORDS_AT_ONCE = 2**17

# Codes and noise without an end: what is added up is taken to be below this.
_UNBOUNDED = 2**30


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
    `worth`, those over slices too in the type of `factors`. `steps` are those of the converters, slot by slot;
    `signed` says that sums are differences, `whole` that they are integers; `noise` is what reads are off by."""

    spec: CrossbarSpec
    packing: Packing
    cells: npt.NDArray[Any]
    factors: npt.NDArray[Any]
    unit_factors: Integers
    constant: Integers
    worth: npt.NDArray[Any]
    steps: tuple[Steps, ...]
    signed: bool
    whole: bool
    noise: ReadNoise | None

    def add(self, result: Integers, inputs: npt.NDArray[Any], scratch: Scratch, draws: Draws) -> None:
        """Add to `result` (vectors, outputs) what the rows give for `inputs` (vectors, rows), with noise drawn from
        `draws`."""
        step = max(1, WORDS_AT_ONCE // (self.spec.digits * self.cells.shape[1]))
        units = self.unit_factors.any()
        result += self.constant
        for start in range(0, len(inputs), step):
            part = inputs[start : start + step]
            total = result[start : start + step]
            total += self._converted(part, scratch, draws).astype(np.int64, copy=False)
            if units:
                total += part.sum(axis=1, dtype=np.int64)[:, None] * self.unit_factors

    def _converted(self, inputs: npt.NDArray[Any], scratch: Scratch, draws: Draws) -> npt.NDArray[Any]:
        """The conversions (vectors, outputs), added up over digits and slices."""
        _, words, outputs = self.factors.shape
        total = np.zeros((len(inputs), outputs), dtype=self.factors.dtype)
        levels, sums_of_slots = self._sums(inputs, scratch)
        for factors, steps, sums in zip(self.factors, self.steps, sums_of_slots, strict=True):
            if self.noise is not None:
                self.noise.disturb(sums, levels, steps, draws)
            convert(sums, self.spec, steps, signed=self.signed, whole=self.whole)
            added = self.worth @ sums.reshape(self.spec.digits, -1).astype(self.worth.dtype, copy=False)
            columns = added.reshape(len(inputs), words, outputs).astype(self.factors.dtype, copy=False)
            total += np.einsum("vwn,wn->vn", columns, factors)
        return total

    def _sums(self, inputs: npt.NDArray[Any], scratch: Scratch) -> tuple[npt.NDArray[Any], Iterator[npt.NDArray[Any]]]:
        """The levels (reads, rows) that drive the rows, digit by digit, and the column sums (reads, words x outputs) of
        each slot, each of which is gone when the next is asked for."""
        dtype, reads = self.cells.dtype, self.spec.digits * len(inputs)
        levels = scratch.array("levels", (reads, len(self.cells)), dtype)
        levels[:] = digits(inputs, self.spec).reshape(levels.shape)
        packed, spare = (scratch.array(name, (reads, self.cells.shape[1]), dtype) for name in ("sums", "spare"))
        np.matmul(levels, self.cells, out=packed)
        return levels, self.packing.unpack(packed, spare)

    def largest_sums(self, inputs: npt.NDArray[Any], scratch: Scratch) -> Integers:
        """The largest magnitude of a column sum of each slice (slices,), over `inputs` (vectors, rows)."""
        slots, words, outputs = self.factors.shape
        most = np.zeros((slots, words), dtype=np.int64)
        step = max(1, WORDS_AT_ONCE // (self.spec.digits * self.cells.shape[1]))
        for start in range(0, len(inputs), step):
            _, sums_of_slots = self._sums(inputs[start : start + step], scratch)
            for slot, sums in enumerate(sums_of_slots):
                largest = np.abs(sums).max(axis=0).reshape(words, outputs).max(axis=1)
                most[slot] = np.maximum(most[slot], np.ceil(largest).astype(np.int64))
        return most.reshape(-1)[: self.packing.slices]


def row_group(
    encoded: Encoded,
    column_sums: Integers,
    spec: CrossbarSpec,
    steps: tuple[int, ...],
    real: tuple[Cells, DeviceErrors] | None = None,
) -> RowGroup:
    """Encoded rows, whose weights add up to `column_sums` (outputs,), with converters of `steps` (one for each slice).

    Ideal cells are packed as far as their own column sums allow; what `real` ones conduct is rounded to a grid on which
    sums are exact, and multiplied as it is.
    """
    largest_sum, largest_step = encoded.largest_sum * spec.largest_digit, max(steps)
    noise = None
    if real is None:
        headroom = largest_step if largest_step > 1 else 0
        packed = packing(len(encoded.cells), largest_sum, headroom, signed=encoded.signed)
        cells = packed.pack(encoded.cells)
        largest = largest_answer(largest_sum, spec, largest_step)
    else:
        most = MOST_CONDUCTED * real[0].on_level * spec.rows_per_read * spec.largest_digit
        cells = on_grid(by_columns(real[0].levels), most)
        packed = unpacked(len(encoded.cells), cells.dtype.type)
        noise = read_noise(real[0], spec, real[1])
        largest = _UNBOUNDED if spec.largest_code is None else spec.largest_code * largest_step
    worth = digit_weights(spec)
    largest *= int(np.abs(worth).sum())
    factor_type = exact_dtype(largest * int(np.abs(encoded.factors).sum(axis=0).max()))
    outputs = encoded.factors.shape[1]
    factors = np.zeros((packed.slots * packed.words, outputs), dtype=factor_type)
    factors[: len(encoded.factors)] = encoded.factors
    return RowGroup(
        spec,
        packed,
        cells,
        factors.reshape(packed.slots, packed.words, outputs),
        encoded.unit_factors,
        input_bias(spec) * (encoded.cells.shape[1] * encoded.unit_factors - column_sums),
        worth.astype(exact_dtype(largest)),
        _steps_of_slots(steps, packed, outputs),
        encoded.signed,
        real is None,
        noise,
    )


def _steps_of_slots(steps: tuple[int, ...], packed: Packing, outputs: int) -> tuple[Steps, ...]:
    """The steps of each slot: one number if all are equal, else one for each column; empty slots have a step of 1."""
    if len(set(steps)) == 1:
        return (steps[0],) * packed.slots
    padded = np.ones(packed.slots * packed.words, dtype=packed.dtype)
    padded[: len(steps)] = steps
    return tuple(np.repeat(padded.reshape(packed.slots, packed.words), outputs, axis=1))
