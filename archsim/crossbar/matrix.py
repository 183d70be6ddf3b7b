"""A matrix programmed into crossbars, and reading it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from archsim.crossbar.adc import convert, loses_nothing
from archsim.crossbar.encodings import Encoded, find_encoding
from archsim.crossbar.exact import exact_dtype
from archsim.crossbar.inputs import digit_weights, digits, input_bias
from archsim.crossbar.spec import CrossbarSpec
from archsim.errors import input_error

Integers = npt.NDArray[np.int64]

# Weights that stand in memory at once in the type of the product.
WEIGHTS_AT_ONCE = 2**22

# Conversions that are computed at once: few enough to stay in a core's second-level cache.
CONVERSIONS_AT_ONCE = 2**17


@dataclass(frozen=True, slots=True, eq=False)
class ProgrammedMatrix:
    """Weights (rows, outputs) in crossbars.

    `lossless` says that no column sum, whatever the inputs, is changed by the ADC. `product_type` is a type in
    which the product of the weights with any valid input is exact; `column_sums` (outputs,) add up the weights.
    `stored_groups` are the encoded rows that are read together, not kept if `lossless`, for then reading
    needs no cells. `slices` is how many columns an output takes, in each of `arrays_per_block` arrays.
    """

    spec: CrossbarSpec
    weights: npt.NDArray[np.int16]
    product_type: type[np.float32] | type[np.float64] | type[np.int64]
    column_sums: Integers
    lossless: bool
    stored_groups: tuple[Encoded, ...]
    slices: int
    arrays_per_block: int

    @property
    def arrays(self) -> int:
        """Arrays that one copy takes: row blocks x ceil(outputs x cells of a weight / columns), twice as many where
        positive and negative weights stand apart."""
        rows, outputs = self.weights.shape
        row_blocks, column_blocks = -(-rows // self.spec.rows), -(-outputs * self.slices // self.spec.columns)
        return int(row_blocks * column_blocks * self.arrays_per_block)

    def read(self, inputs: npt.NDArray[Any]) -> Integers:
        """Integers (vectors, rows) in, int64 (vectors, outputs) out.

        Where the ADC loses nothing, `product` and `read_all_conversions` are equal, and the former is taken.
        Inputs of another shape or out of `spec.input_range` raise `InputError`.
        """
        return self.product(inputs) if self.lossless else self.read_all_conversions(inputs)

    def product(self, inputs: npt.NDArray[Any]) -> Integers:
        """The integer product `inputs @ weights`, exactly."""
        self._check(inputs)
        rows, outputs = self.weights.shape
        result = np.zeros((len(inputs), outputs), dtype=np.int64)
        step = max(1, WEIGHTS_AT_ONCE // outputs)
        for start in range(0, rows, step):
            part = slice(start, start + step)
            sums = inputs[:, part].astype(self.product_type) @ self.weights[part].astype(self.product_type)
            result += sums.astype(np.int64, copy=False)
        return result

    def read_all_conversions(self, inputs: npt.NDArray[Any]) -> Integers:
        """As `read`, with every conversion of every column and digit computed."""
        self._check(inputs)
        inputs = inputs.astype(np.int64, copy=False)
        result = np.zeros((len(inputs), self.weights.shape[1]), dtype=np.int64)
        step = max(1, CONVERSIONS_AT_ONCE // (self.spec.digits * self.slices * self.weights.shape[1]))
        for rows, group in self._groups():
            _add_group(result, inputs[:, rows], group, self.spec, step)
        if bias := input_bias(self.spec):
            result -= bias * self.column_sums
        return result

    def _groups(self) -> Iterator[tuple[slice, Encoded]]:
        groups = self.stored_groups or _encoded(self.weights, self.spec)
        yield from zip(self.spec.row_groups(len(self.weights)), groups, strict=True)

    def _check(self, inputs: npt.NDArray[Any]) -> None:
        if inputs.ndim != 2 or inputs.shape[1] != len(self.weights):
            raise input_error("crossbar inputs", "shape", value=inputs.shape, expected=f"(n, {len(self.weights)})")
        _check_integers("crossbar inputs", inputs, self.spec.input_range)


def program(weights: npt.NDArray[Any], spec: CrossbarSpec) -> ProgrammedMatrix:
    """Write integer weights (rows, outputs) into crossbars as `spec` describes them.

    Weights that are not a matrix of integers in `spec.weight_range`, or an unknown `spec.sign`, raise
    `InputError`.
    """
    if weights.ndim != 2 or 0 in weights.shape:
        raise input_error("crossbar weights", "shape", value=weights.shape, expected="(rows, outputs)")
    _check_integers("crossbar weights", weights, spec.weight_range)
    lossless, slices, arrays = True, 0, 1
    magnitudes, column_sums = np.zeros((2, weights.shape[1]), dtype=np.int64)
    for rows, group in zip(spec.row_groups(len(weights)), _encoded(weights, spec), strict=True):
        part = weights[rows].astype(np.int64)
        assert np.array_equal(group.decode(), part), f"encoding {spec.sign!r} changes weights"
        lossless = lossless and loses_nothing(group.largest_sum * spec.largest_digit, spec)
        slices, arrays = len(group.cells), group.arrays
        magnitudes += np.abs(part).sum(axis=0)
        column_sums += part.sum(axis=0)
    product_type = exact_dtype(int(magnitudes.max()) * max(map(abs, spec.input_range)))
    stored = () if lossless else tuple(_encoded(weights, spec))
    return ProgrammedMatrix(spec, weights.astype(np.int16), product_type, column_sums, lossless, stored, slices, arrays)


def _encoded(weights: npt.NDArray[Any], spec: CrossbarSpec) -> Iterator[Encoded]:
    encode = find_encoding(spec.sign)
    for rows in spec.row_groups(len(weights)):
        yield encode(weights[rows].astype(np.int64), spec)


def _add_group(result: Integers, inputs: Integers, group: Encoded, spec: CrossbarSpec, step: int) -> None:
    """Add to `result` (vectors, outputs) what rows that are read together give for `inputs` (vectors, rows),
    `step` vectors at a time."""
    slices, rows, outputs = group.cells.shape
    worth = digit_weights(spec)
    largest_sum = rows * spec.largest_cell * spec.largest_digit
    sum_dtype, add_dtype = exact_dtype(largest_sum), exact_dtype(largest_sum * int(np.abs(worth).sum()))
    cells: npt.NDArray[Any] = np.moveaxis(group.cells, 0, 1).reshape(rows, slices * outputs).astype(sum_dtype)
    for start in range(0, len(inputs), step):
        part = inputs[start : start + step]
        levels: npt.NDArray[Any] = digits(part, spec).reshape(spec.digits * len(part), rows).astype(sum_dtype)
        sums = levels @ cells
        convert(sums, spec)
        added = worth.astype(add_dtype) @ sums.reshape(spec.digits, -1).astype(add_dtype, copy=False)
        columns = added.astype(np.int64).reshape(len(part), slices, outputs)
        units = (part + input_bias(spec)).sum(axis=1)
        result[start : start + step] += np.einsum("vsn,sn->vn", columns, group.factors)
        result[start : start + step] += units[:, None] * group.unit_factors


def _check_integers(source: str, values: npt.NDArray[Any], limits: tuple[int, int]) -> None:
    if values.dtype.kind not in "iu":
        raise input_error(source, "type", value=values.dtype, expected="integers")
    low, high = int(values.min(initial=0)), int(values.max(initial=0))
    if low < limits[0] or high > limits[1]:
        raise input_error(source, value=f"{low}..{high}", expected=f"integers in {limits[0]}..{limits[1]}")
