"""A matrix programmed into crossbars, and reading it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count, groupby
from typing import Any

import numpy as np
import numpy.typing as npt

from archsim.crossbar.adc import loses_nothing, steps_for
from archsim.crossbar.conversions import RowGroup, Scratch
from archsim.crossbar.devices import DeviceErrors
from archsim.crossbar.draws import Draws
from archsim.crossbar.exact import exact_dtype
from archsim.crossbar.inputs import driven
from archsim.crossbar.popcount import BitGroup, faster
from archsim.crossbar.spec import CrossbarSpec
from archsim.crossbar.writing import READS, Writer, encode
from archsim.errors import input_error

Integers = npt.NDArray[np.int64]

# Weights that stand in memory at once in the type of the product.
WEIGHTS_AT_ONCE = 2**22

# Cells of a matrix that are kept ready to be read; those of a larger one are encoded again whenever it is read.
CELLS_KEPT = 2**25

IDEAL = DeviceErrors()


@dataclass(frozen=True, slots=True, eq=False)
class ProgrammedMatrix:
    """Weights (rows, outputs) in crossbars.

    `writer` is how they were written; `lossless_groups` says of each group of rows that no column sum of it, whatever
    the inputs, is changed by the ADC. `product_type` is a type in which the product of the weights with any valid
    input is exact; `column_sums` (outputs,) add up the weights. `kept` are the groups, by number, that stand ready:
    those that are not lossless, if the matrix is not too large, and those that were cut into bits, which take an eighth
    of the memory. `slices` is how many columns an output takes, in each of `arrays_per_block` arrays. `pulses` is how
    many it took to write the cells, None unless writing is verified. Every read draws new noise: `reads` numbers them.
    """

    writer: Writer
    weights: npt.NDArray[np.int16]
    product_type: type[np.float32] | type[np.float64] | type[np.int64]
    column_sums: Integers
    lossless_groups: tuple[bool, ...]
    kept: dict[int, RowGroup | BitGroup]
    slices: int
    arrays_per_block: int
    pulses: int | None
    reads: Iterator[int]

    @property
    def spec(self) -> CrossbarSpec:
        """The crossbar."""
        return self.writer.spec

    @property
    def groups(self) -> tuple[slice, ...]:
        """The rows that are read together."""
        return self.writer.groups

    @property
    def lossless(self) -> bool:
        """Whether no column sum, whatever the inputs, is changed by the ADC."""
        return all(self.lossless_groups)

    @property
    def arrays(self) -> int:
        """Arrays that one copy takes: row blocks x ceil(outputs x cells of a weight / columns), twice as many where
        positive and negative weights stand apart."""
        rows, outputs = self.weights.shape
        row_blocks, column_blocks = -(-rows // self.spec.rows), -(-outputs * self.slices // self.spec.columns)
        return int(row_blocks * column_blocks * self.arrays_per_block)

    def read(self, inputs: npt.NDArray[Any]) -> Integers:
        """Integers (vectors, rows) in, int64 (vectors, outputs) out.

        Of rows on which the ADC loses nothing the product is taken, which the conversions would give too.
        Inputs of another shape or out of `spec.input_range` raise `InputError`.
        """
        return self._read(inputs, self.lossless_groups)

    def product(self, inputs: npt.NDArray[Any]) -> Integers:
        """The integer product `inputs @ weights`, exactly."""
        return self._read(inputs, (True,) * len(self.groups))

    def read_all_conversions(self, inputs: npt.NDArray[Any]) -> Integers:
        """As `read`, with every conversion of every column and digit computed."""
        return self._read(inputs, (False,) * len(self.groups))

    def _read(self, inputs: npt.NDArray[Any], multiplied: tuple[bool, ...]) -> Integers:
        """The sums, with the product of the groups of rows that are `multiplied` and the conversions of the others."""
        self._check(inputs)
        result, scratch = np.zeros((len(inputs), self.weights.shape[1]), dtype=np.int64), Scratch()
        read = next(self.reads)
        for is_product, numbers in groupby(range(len(self.groups)), key=multiplied.__getitem__):
            if is_product:
                run = [self.groups[number] for number in numbers]
                self._multiply(result, inputs, run[0].start, run[-1].stop)
                continue
            for number in numbers:
                draws = Draws(*self.writer.seed, number, READS, read)
                drives = driven(inputs[:, self.groups[number]], self.spec)
                self._fast(number, len(inputs), read).add(result, drives, scratch, draws)
        return result

    def _fast(self, number: int, vectors: int, read: int) -> RowGroup | BitGroup:
        """The rows of a group in the form in which `vectors` are read fastest."""
        kept = self.kept.get(number)
        if isinstance(kept, BitGroup):
            return kept
        group = faster(self._ready(number), vectors, 0 if kept is None else read)
        if isinstance(group, BitGroup):
            self.kept[number] = group
        return group

    def _ready(self, number: int) -> RowGroup:
        """The rows of a group, ready to be multiplied."""
        kept = self.kept.get(number)
        if isinstance(kept, RowGroup):
            return kept
        return self.writer.written_again(number, self.weights)

    def largest_sums(self, inputs: npt.NDArray[Any]) -> tuple[int, ...]:
        """The largest column sum of each slice over `inputs` (vectors, rows), as converters of `calibrated` range take
        it, rounded up."""
        self._check(inputs)
        scratch = Scratch()
        found = [
            self._ready(number).largest_sums(driven(inputs[:, rows], self.spec), scratch)
            for number, rows in enumerate(self.groups)
        ]
        return tuple(np.max(found, axis=0).tolist())

    def _multiply(self, result: Integers, inputs: npt.NDArray[Any], first: int, end: int) -> None:
        """Add to `result` the product of the rows from `first` up to `end`."""
        step = max(1, WEIGHTS_AT_ONCE // self.weights.shape[1])
        for start in range(first, end, step):
            part = slice(start, min(start + step, end))
            sums = inputs[:, part].astype(self.product_type) @ self.weights[part].astype(self.product_type)
            result += sums.astype(np.int64, copy=False)

    def _check(self, inputs: npt.NDArray[Any]) -> None:
        if inputs.ndim != 2 or inputs.shape[1] != len(self.weights):
            raise input_error("crossbar inputs", "shape", value=inputs.shape, expected=f"(n, {len(self.weights)})")
        _check_integers("crossbar inputs", inputs, self.spec.input_range)


def program(
    weights: npt.NDArray[Any],
    spec: CrossbarSpec,
    *,
    devices: DeviceErrors = IDEAL,
    seed: Sequence[int] = (0,),
    steps: tuple[int, ...] | None = None,
    reads: Iterator[int] | None = None,
) -> ProgrammedMatrix:
    """Write integer weights (rows, outputs) into crossbars as `spec` describes them, of cells that are off by
    `devices`, drawn from `seed`, whole numbers from 0.

    `steps` (slices,) are what a code of the converters of each slice is worth, needed where `spec.adc_range` is
    `calibrated` (see `steps_for`); else they follow from `spec` and the weights. A matrix that is programmed again
    goes on with the `reads` of before, so that its noise is another one. Weights that are not a matrix of integers in
    `spec.weight_range`, or an unknown `spec.sign`, raise `InputError`.
    """
    if weights.ndim != 2 or 0 in weights.shape:
        raise input_error("crossbar weights", "shape", value=weights.shape, expected="(rows, outputs)")
    _check_integers("crossbar weights", weights, spec.weight_range)
    groups, lossless = spec.row_groups(len(weights)), []
    writer = Writer(spec, groups, steps or own_steps(weights, spec), devices, tuple(seed))
    kept: dict[int, RowGroup | BitGroup] = {}
    magnitudes, column_sums = np.zeros((2, weights.shape[1]), dtype=np.int64)
    pulses: list[int] = []
    for numbers in writer.together():
        parts = [weights[groups[number]].astype(np.int64) for number in numbers]
        encoded = [encode(part, spec) for part in parts]
        for one, part in zip(encoded, parts, strict=True):
            assert np.array_equal(one.decode(), part), f"encoding {spec.sign!r} changes weights"
            exact = writer.ideal and loses_nothing(one.largest_sum * spec.largest_digit, spec, max(writer.steps))
            lossless.append(exact)
            magnitudes += np.abs(part).sum(axis=0)
            column_sums += part.sum(axis=0)
        kinds = 2 if devices.read_sigma and devices.read_error_model == "state_dependent" else 1
        keep = kinds * weights.size * len(encoded[0].cells) <= CELLS_KEPT
        if not all(lossless[-len(numbers) :]) and (keep or devices.verify_pulses is not None):
            written, taken = writer.write(numbers, parts, encoded)
            pulses += [] if taken is None else [taken]
            kept |= zip(numbers, written, strict=True) if keep else ()
    product_type = exact_dtype(int(magnitudes.max()) * max(map(abs, spec.input_range)))
    return ProgrammedMatrix(
        writer,
        weights.astype(np.int16),
        product_type,
        column_sums,
        tuple(lossless),
        kept,
        len(encoded[0].cells),
        encoded[0].arrays,
        sum(pulses) if pulses else None,
        reads or count(),
    )


def own_steps(weights: npt.NDArray[Any], spec: CrossbarSpec) -> tuple[int, ...]:
    """What a code of the converters of each slice is worth, as far as that follows from the weights (rows, outputs);
    a range that has to be measured raises `InputError`."""
    groups = spec.row_groups(len(weights))
    encoded = encode(weights[groups[0]].astype(np.int64), spec)
    if spec.adc_range == "calibrated":
        raise input_error("crossbar", "steps", expected="steps that were measured, where adc.full_scale is calibrated")
    if spec.adc_range == "fixed":
        return (spec.adc_step,) * len(encoded.cells)
    sums = [encode(weights[rows].astype(np.int64), spec).slice_sums for rows in groups]
    return steps_for(tuple((np.max(sums, axis=0) * spec.largest_digit).tolist()), spec)


def _check_integers(source: str, values: npt.NDArray[Any], limits: tuple[int, int]) -> None:
    if values.dtype.kind not in "iu":
        raise input_error(source, "type", value=values.dtype, expected="integers")
    low, high = int(values.min(initial=0)), int(values.max(initial=0))
    if low < limits[0] or high > limits[1]:
        raise input_error(source, value=f"{low}..{high}", expected=f"integers in {limits[0]}..{limits[1]}")
