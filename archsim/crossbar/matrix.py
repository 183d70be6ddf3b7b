"""A matrix programmed into crossbars, and reading it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count, groupby
from typing import Any

import numpy as np
import numpy.typing as npt

from archsim.crossbar.adc import loses_nothing, steps_for
from archsim.crossbar.cells import real_cells
from archsim.crossbar.conversions import RowGroup, Scratch, row_group
from archsim.crossbar.devices import DeviceErrors
from archsim.crossbar.draws import Draws
from archsim.crossbar.encodings import Encoded, find_encoding
from archsim.crossbar.exact import exact_dtype
from archsim.crossbar.inputs import driven
from archsim.crossbar.popcount import BitGroup, faster
from archsim.crossbar.spec import CrossbarSpec
from archsim.errors import input_error

Integers = npt.NDArray[np.int64]

# Weights that stand in memory at once in the type of the product.
WEIGHTS_AT_ONCE = 2**22

# Cells of a matrix that are kept ready to be read; those of a larger one are encoded again whenever it is read.
CELLS_KEPT = 2**25

# What a stream of random numbers is for, behind the seed and the number of a group of rows.
_CELLS, _READS = 0, 1

IDEAL = DeviceErrors()


@dataclass(frozen=True, slots=True, eq=False)
class ProgrammedMatrix:
    """Weights (rows, outputs) in crossbars.

    `groups` are the rows that are read together; `lossless_groups` says of each that no column sum of it, whatever
    the inputs, is changed by the ADC. `product_type` is a type in which the product of the weights with any valid
    input is exact; `column_sums` (outputs,) add up the weights. `kept` are the groups, by number, that stand ready:
    those that are not lossless, if the matrix is not too large. `slices` is how many columns an output takes, in each
    of `arrays_per_block` arrays. `steps` are those of the converters of each slice. `devices` are what the cells are
    off by, drawn from `seed`; `pulses` is how many it took to write them, None unless writing is verified. Every read
    draws new noise: `reads` numbers them.
    """

    spec: CrossbarSpec
    weights: npt.NDArray[np.int16]
    product_type: type[np.float32] | type[np.float64] | type[np.int64]
    column_sums: Integers
    groups: tuple[slice, ...]
    lossless_groups: tuple[bool, ...]
    kept: dict[int, RowGroup | BitGroup]
    slices: int
    arrays_per_block: int
    steps: tuple[int, ...]
    devices: DeviceErrors
    seed: tuple[int, ...]
    pulses: int | None
    reads: Iterator[int]

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
                draws = Draws(*self.seed, number, _READS, read)
                drives = driven(inputs[:, self.groups[number]], self.spec)
                self._fast(number, len(inputs), read).add(result, drives, scratch, draws)
        return result

    def _fast(self, number: int, vectors: int, read: int) -> RowGroup | BitGroup:
        """The rows of a group in the form in which `vectors` are read fastest."""
        kept = self.kept.get(number)
        if isinstance(kept, BitGroup):
            return kept
        group = faster(self._ready(number), vectors, read)
        if kept is not None:
            self.kept[number] = group
        return group

    def _ready(self, number: int) -> RowGroup:
        """The rows of a group, ready to be multiplied."""
        kept = self.kept.get(number)
        if isinstance(kept, RowGroup):
            return kept
        wide = self.weights[self.groups[number]].astype(np.int64)
        return _group(_encoded(wide, self.spec), wide, self.spec, self.steps, self.devices, (*self.seed, number))[0]

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
    steps = steps or _steps(weights, groups, spec)
    kept: dict[int, RowGroup | BitGroup] = {}
    magnitudes, column_sums = np.zeros((2, weights.shape[1]), dtype=np.int64)
    pulses = None
    for number, rows in enumerate(groups):
        part = weights[rows].astype(np.int64)
        encoded = _encoded(part, spec)
        assert np.array_equal(encoded.decode(), part), f"encoding {spec.sign!r} changes weights"
        exact = devices.ideal and loses_nothing(encoded.largest_sum * spec.largest_digit, spec, max(steps))
        lossless.append(exact)
        keep = weights.size * len(encoded.cells) <= CELLS_KEPT
        if not exact and (keep or devices.verify_pulses):
            group, taken = _group(encoded, part, spec, steps, devices, (*seed, number))
            pulses = taken if pulses is None or taken is None else pulses + taken
            if keep:
                kept[number] = group
        magnitudes += np.abs(part).sum(axis=0)
        column_sums += part.sum(axis=0)
    product_type = exact_dtype(int(magnitudes.max()) * max(map(abs, spec.input_range)))
    return ProgrammedMatrix(
        spec,
        weights.astype(np.int16),
        product_type,
        column_sums,
        groups,
        tuple(lossless),
        kept,
        len(encoded.cells),
        encoded.arrays,
        steps,
        devices,
        tuple(seed),
        pulses,
        reads or count(),
    )


def _steps(weights: npt.NDArray[Any], groups: tuple[slice, ...], spec: CrossbarSpec) -> tuple[int, ...]:
    """What a code of the converters of each slice is worth."""
    encoded = _encoded(weights[groups[0]].astype(np.int64), spec)
    if spec.adc_range == "calibrated":
        raise input_error("crossbar", "steps", expected="steps that were measured, where adc.full_scale is calibrated")
    if spec.adc_range == "fixed":
        return (spec.adc_step,) * len(encoded.cells)
    sums = [_encoded(weights[rows].astype(np.int64), spec).slice_sums for rows in groups]
    return steps_for(tuple((np.max(sums, axis=0) * spec.largest_digit).tolist()), spec)


def _encoded(weights: Integers, spec: CrossbarSpec) -> Encoded:
    return find_encoding(spec.sign)(weights, spec)


def _group(
    encoded: Encoded,
    weights: Integers,
    spec: CrossbarSpec,
    steps: tuple[int, ...],
    devices: DeviceErrors,
    key: tuple[int, ...],
) -> tuple[RowGroup, int | None]:
    """Rows ready to be multiplied, and the pulses that it took to write them."""
    sums = weights.sum(axis=0)
    if devices.ideal and spec.adc_exact:
        return row_group(encoded, sums, spec, steps), None
    (cells,) = real_cells([encoded], spec, devices, [(*key, _CELLS)])
    return row_group(encoded, sums, spec, steps, (cells, devices)), cells.pulses


def _check_integers(source: str, values: npt.NDArray[Any], limits: tuple[int, int]) -> None:
    if values.dtype.kind not in "iu":
        raise input_error(source, "type", value=values.dtype, expected="integers")
    low, high = int(values.min(initial=0)), int(values.max(initial=0))
    if low < limits[0] or high > limits[1]:
        raise input_error(source, value=f"{low}..{high}", expected=f"integers in {limits[0]}..{limits[1]}")
