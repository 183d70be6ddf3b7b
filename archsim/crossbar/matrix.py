"""A matrix programmed into crossbars, and reading it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from archsim.crossbar.adc import convert, loses_nothing
from archsim.crossbar.encodings import Encoded, find_encoding
from archsim.crossbar.inputs import digit_weights, digits, input_bias
from archsim.crossbar.product import Integers, exact_dtype, largest_product
from archsim.crossbar.spec import CrossbarSpec
from archsim.errors import input_error

# Conversions that are computed at once: few enough to stay in a core's second-level cache.
CONVERSIONS_AT_ONCE = 2**18


@dataclass(frozen=True, slots=True, eq=False)
class ProgrammedMatrix:
    """Weights (rows, outputs) in crossbars.

    `lossless` says that no column sum, whatever the inputs, is changed by the ADC. `weights` are integers, in
    the type in which their product with any valid input is exact. `groups` are the encoded rows that are read
    together; they are made again when asked for if `lossless`, for then reading needs no cells.
    """

    spec: CrossbarSpec
    weights: npt.NDArray[Any]
    lossless: bool
    stored_groups: tuple[Encoded, ...]
    slices: int

    @property
    def arrays(self) -> int:
        """Arrays that one copy takes: row blocks x ceil(outputs x cells of a weight / columns)."""
        rows, outputs = self.weights.shape
        row_blocks, column_blocks = -(-rows // self.spec.rows), -(-outputs * self.slices // self.spec.columns)
        return int(row_blocks * column_blocks)

    def read(self, inputs: npt.NDArray[Any]) -> Integers:
        """Integers (vectors, rows) in, int64 (vectors, outputs) out.

        Where the ADC loses nothing, that is one integer product, equal to `read_all_conversions`.
        Inputs of another shape or out of `spec.input_range` raise `InputError`.
        """
        if not self.lossless:
            return self.read_all_conversions(inputs)
        self._check(inputs)
        sums: Integers = (inputs.astype(self.weights.dtype) @ self.weights).astype(np.int64)
        return sums

    def read_all_conversions(self, inputs: npt.NDArray[Any]) -> Integers:
        """As `read`, with every conversion of every column and digit computed."""
        self._check(inputs)
        inputs = inputs.astype(np.int64, copy=False)
        result = np.zeros((len(inputs), self.weights.shape[1]), dtype=np.int64)
        step = max(1, CONVERSIONS_AT_ONCE // max(1, self.spec.digits * self.slices * self.weights.shape[1]))
        for rows, group in self._groups():
            for start in range(0, len(inputs), step):
                vectors = slice(start, start + step)
                result[vectors] += _read_group(inputs[vectors, rows], group, self.spec)
        if bias := input_bias(self.spec):
            result -= bias * self.weights.astype(np.int64).sum(axis=0)
        return result

    def _groups(self) -> Iterator[tuple[slice, Encoded]]:
        slices = self.spec.row_groups(len(self.weights))
        if self.stored_groups:
            yield from zip(slices, self.stored_groups, strict=True)
            return
        encode = find_encoding(self.spec.sign)
        for rows in slices:
            yield rows, encode(self.weights[rows].astype(np.int64), self.spec)

    def _check(self, inputs: npt.NDArray[Any]) -> None:
        if inputs.ndim != 2 or inputs.shape[1] != len(self.weights):
            raise input_error("crossbar inputs", "shape", value=inputs.shape, expected=f"(n, {len(self.weights)})")
        _check_integers("crossbar inputs", inputs, self.spec.input_range)


def program(weights: npt.NDArray[Any], spec: CrossbarSpec) -> ProgrammedMatrix:
    """Write integer weights (rows, outputs) into crossbars as `spec` describes them.

    Weights that are not a matrix of integers in `spec.weight_range`, or an unknown `spec.sign`, raise
    `InputError`.
    """
    encode = find_encoding(spec.sign)
    if weights.ndim != 2 or 0 in weights.shape:
        raise input_error("crossbar weights", "shape", value=weights.shape, expected="(rows, outputs)")
    _check_integers("crossbar weights", weights, spec.weight_range)
    groups: list[Encoded] = []
    lossless = True
    slices = 0
    for rows in spec.row_groups(len(weights)):
        group = encode(weights[rows].astype(np.int64), spec)
        assert np.array_equal(group.decode(), weights[rows]), f"encoding {spec.sign!r} changes weights"
        largest_sum = int(group.cells.sum(axis=1, dtype=np.int64).max()) * spec.largest_digit
        lossless = lossless and loses_nothing(largest_sum, spec)
        slices = len(group.cells)
        groups.append(group)
    dtype = exact_dtype(largest_product(weights, max(map(abs, spec.input_range))))
    return ProgrammedMatrix(spec, weights.astype(dtype), lossless, () if lossless else tuple(groups), slices)


def _read_group(inputs: Integers, group: Encoded, spec: CrossbarSpec) -> Integers:
    """The contribution of rows that are read together: (vectors, rows) in, (vectors, outputs) out."""
    slices, rows, outputs = group.cells.shape
    sum_dtype = exact_dtype(rows * spec.largest_cell * spec.largest_digit)
    cells: npt.NDArray[Any] = np.moveaxis(group.cells, 0, 1).reshape(rows, slices * outputs).astype(sum_dtype)
    levels: npt.NDArray[Any] = digits(inputs, spec).reshape(spec.digits * len(inputs), rows).astype(sum_dtype)
    converted = convert(levels @ cells, spec).reshape(spec.digits, len(inputs) * slices * outputs)
    weights = digit_weights(spec)
    add_dtype = exact_dtype(rows * spec.largest_cell * spec.largest_digit * int(np.abs(weights).sum()))
    added = weights.astype(add_dtype) @ converted.astype(add_dtype, copy=False)
    columns = added.astype(np.int64).reshape(len(inputs), slices, outputs)
    sums = (inputs + input_bias(spec)).sum(axis=1)
    result: Integers = (columns * group.factors).sum(axis=1) + sums[:, None] * group.unit_factors
    return result


def _check_integers(source: str, values: npt.NDArray[Any], limits: tuple[int, int]) -> None:
    if values.dtype.kind not in "iu":
        raise input_error(source, "type", value=values.dtype, expected="integers")
    low, high = int(values.min(initial=0)), int(values.max(initial=0))
    if low < limits[0] or high > limits[1]:
        raise input_error(source, value=f"{low}..{high}", expected=f"integers in {limits[0]}..{limits[1]}")
