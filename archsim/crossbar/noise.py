"""What is added to a column sum when it is read, and sums of real numbers that do not depend on their order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from archsim.crossbar.cells import MOST_CONDUCTED, Cells
from archsim.crossbar.devices import DeviceErrors
from archsim.crossbar.draws import Draws
from archsim.crossbar.exact import FLOAT32_INTEGERS
from archsim.crossbar.spec import CrossbarSpec

Floats = npt.NDArray[Any]

# Steps of 2^-10 of a level are fine enough for float32.
_FINE_ENOUGH = 10


def on_grid(values: Floats, largest_sum: float) -> Floats:
    """`values` as multiples of 2^-g, so that sums of them are exact, in any order, while the absolute values add up to
    no more than `largest_sum`.

    `g` is the largest with which `largest_sum x 2^g` is below 2^24, in float32; where that is below 10, below 2^53, in
    float64.
    """
    steps, dtype = _steps(largest_sum, FLOAT32_INTEGERS), np.float32
    if steps < 2**_FINE_ENOUGH:
        return np.rint(values * (fine := _steps(largest_sum, 2**53))) / fine
    return (np.rint(values * steps) / steps).astype(dtype)


def _steps(largest_sum: float, limit: int) -> float:
    """The largest power of two with which `largest_sum` is below `limit`."""
    steps = 2.0 ** np.floor(np.log2(limit / largest_sum))
    return float(steps if largest_sum * steps < limit else steps / 2)


@dataclass(frozen=True, slots=True, eq=False)
class ReadNoise:
    """What a conversion is off by.

    Noise of the cells, normal, the same for a sum as that of every cell by itself: with rows driven at levels `x` its
    variance is `variance x per_square x sum(x^2)`, and where noise depends on what a cell conducts, `variance x sum(x^2
    x squares)`, `squares` being (rows, columns). The converter multiplies by `1 + gain_error`, adds `offset` codes, and
    noise of `sigma` codes.
    """

    variance: float
    per_square: float
    squares: Floats | None
    gain_error: float
    offset: float
    sigma: float

    def disturb(self, sums: Floats, levels: Floats, steps: Floats | int, draws: Draws) -> None:
        """Change `sums` (reads, columns) of rows driven at `levels` (reads, rows); a code is `steps` units of a sum."""
        if self.gain_error:
            sums *= sums.dtype.type(1 + self.gain_error)
        if self.offset:
            sums += np.asarray(self.offset * steps, dtype=sums.dtype)
        deviation = self._deviation(levels, steps)
        if deviation is not None:
            noise = draws.normal(sums.shape)
            noise *= deviation
            sums += noise

    def _deviation(self, levels: Floats, steps: Floats | int) -> Floats | None:
        """Of each sum, or of each read (reads, 1), or of each column."""
        own = np.square(self.sigma * np.asarray(steps, dtype=np.float64))
        variance = self._cell_variance(levels)
        if variance is None:
            return np.sqrt(own).astype(np.float32) if self.sigma else None
        variance *= variance.dtype.type(self.variance * (1 + self.gain_error) ** 2)
        if self.sigma:
            variance = variance + own.astype(variance.dtype)
        deviation: Floats = np.sqrt(variance, out=variance).astype(np.float32, copy=False)
        return deviation

    def _cell_variance(self, levels: Floats) -> Floats | None:
        variance: Floats | None = None
        if self.squares is not None:
            variance = np.square(levels, dtype=self.squares.dtype) @ self.squares
        elif self.per_square:
            wide = levels.astype(np.float64)
            variance = (self.per_square * np.einsum("ij,ij->i", wide, wide))[:, None]
        return variance


def read_noise(cells: Cells, spec: CrossbarSpec, devices: DeviceErrors) -> ReadNoise | None:
    """What reads of `cells` are off by; None if by nothing."""
    if not devices.read_sigma and spec.adc_exact:
        return None
    per_square, squares = 0.0, None
    if devices.read_sigma and devices.read_error_model == "constant":
        per_square = cells.cells_per_level * cells.on_level**2
    elif devices.read_sigma:
        most = spec.rows_per_read * cells.cells_per_level * (MOST_CONDUCTED * cells.on_level * spec.largest_digit) ** 2
        squares = on_grid(by_columns(cells.squares), most)
    return ReadNoise(devices.read_sigma**2, per_square, squares, spec.adc_gain_error, spec.adc_offset, spec.adc_sigma)


def by_columns(cells: Floats) -> Floats:
    """Cells (slices, rows, outputs) as (rows, slices x outputs)."""
    slices, rows, outputs = cells.shape
    return cells.transpose(1, 0, 2).reshape(rows, slices * outputs)
