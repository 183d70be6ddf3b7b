"""How far the sum of one read is off if every cell is off by itself, and how often it is read as another number."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from archsim.crossbar.devices import DeviceErrors
from archsim.crossbar.matrix import program
from archsim.crossbar.spec import CrossbarSpec
from archsim.errors import InputError, Problem

MOST_CELLS = 2**14
"""Cells of either kind in a read."""

# Cells that are written at once where sums are drawn.
_CELLS_AT_ONCE = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadSum:
    """The sum of one read, of `on_cells` cells that are fully on and `off_cells` that are off.

    In units of what a cell conducts that is on: a cell that is off conducts `1 / on_off_ratio`, and each is off by a
    normal error with a standard deviation of `sigma` of its own conductance. The sum is read as the nearest whole
    number, the upper of two equally near ones; what it should be is `on_cells`. Bad values raise `InputError`.
    """

    sigma: float
    on_cells: int
    off_cells: int = 0
    on_off_ratio: float | None = None

    def __post_init__(self) -> None:
        ratio, problems = self.on_off_ratio, []
        if not 0 <= self.sigma <= 10:
            problems.append(Problem("--sigma", "", str(self.sigma), "numbers from 0 to 10"))
        if not 1 <= self.on_cells <= MOST_CELLS:
            problems.append(Problem("--on-cells", "", str(self.on_cells), f"numbers from 1 to {MOST_CELLS:,}"))
        if not 0 <= self.off_cells <= MOST_CELLS:
            problems.append(Problem("--off-cells", "", str(self.off_cells), f"a number from 0 to {MOST_CELLS:,}"))
        if ratio is not None and not 1 < ratio <= 1e9:
            problems.append(Problem("--on-off-ratio", "", str(ratio), "a number above 1 up to 1e+09"))
        if ratio is None and self.off_cells > 0:
            problems.append(Problem("--on-off-ratio", expected="a ratio, for what --off-cells conduct"))
        if ratio is not None and not self.off_cells:
            problems.append(Problem("--on-off-ratio", "", str(ratio), "--off-cells with it, which it is about"))
        if problems:
            raise InputError(*problems)

    @property
    def cells(self) -> int:
        """All cells that the read adds up."""
        return self.on_cells + self.off_cells

    @property
    def mean_error(self) -> float:
        """What cells that are off add to the sum."""
        return 0.0 if self.on_off_ratio is None else self.off_cells / self.on_off_ratio

    @property
    def deviation(self) -> float:
        """The standard deviation of the sum."""
        off = 0.0 if self.on_off_ratio is None else self.off_cells / self.on_off_ratio**2
        return self.sigma * math.sqrt(self.on_cells + off)

    def cumulative(self, error: float) -> float:
        """The probability that the sum is above what it should be by no more than `error` (below, if negative)."""
        return self._at_least(-error, -self.mean_error)

    def misread(self, by: int = 1) -> float:
        """The probability that the number read is wrong by `by` or more.

        With `by` 1 and without cells that are off it is 2 (1 - Phi(0.5 / (sigma sqrt(on_cells)))).
        """
        return self._at_least(by - 0.5, self.mean_error) + self._at_least(by - 0.5, -self.mean_error)

    @property
    def correct(self) -> float:
        """The probability that the number read is right."""
        return 1 - self.misread()

    def _at_least(self, bound: float, mean: float) -> float:
        """The probability that a normal number with this mean is `bound` or more."""
        if self.deviation == 0:
            return float(mean >= bound)
        return 0.5 * math.erfc((bound - mean) / (self.deviation * math.sqrt(2)))


def check_limit(limit: float | None) -> None:
    """Raises `InputError` unless `limit`, if there is one, is above 0 and below 0.5: with that much it is the number of
    cells that are off, not the errors, that decides."""
    if limit is not None and not 0 < limit < 0.5:
        raise InputError(Problem("--limit", "", str(limit), "a probability above 0 and below 0.5"))


def most_on_cells(sigma: float, limit: float, off_cells: int = 0, on_off_ratio: float | None = None) -> int:
    """How many cells of a read may be on, up to `MOST_CELLS`, so that it is misread with a probability of at most
    `limit`; 0 if none may."""
    check_limit(limit)

    def fits(cells: int) -> bool:
        one = ReadSum(sigma=sigma, on_cells=cells, off_cells=off_cells, on_off_ratio=on_off_ratio)
        return one.misread() <= limit

    # While the mean stays below one half, which a limit below 0.5 sees to, more cells are misread more often.
    least, most = 0, MOST_CELLS + 1
    while most - least > 1:
        middle = (least + most) // 2
        least, most = (middle, most) if fits(middle) else (least, middle)
    return least


def drawn_errors(
    read: ReadSum, samples: int, seed: tuple[int, ...], progress: Callable[[int], None] | None = None
) -> tuple[int, int]:
    """How many of `samples` reads of cells written anew are wrong, and how many by 2 or more.

    Through crossbars (`program`), whose cells conduct between nothing and twice what one does that is on.
    `progress` hears how many reads are done.
    """
    rows = read.cells
    weights = np.zeros((rows, max(1, _CELLS_AT_ONCE // rows)), dtype=np.int64)
    weights[read.on_cells :] = -1
    devices = DeviceErrors(sigma=read.sigma, on_off_ratio=read.on_off_ratio)
    wrong = far = done = 0
    while done < samples:
        part = weights[:, : samples - done]
        matrix = program(part, _one_bit(rows), devices=devices, seed=(*seed, done))
        errors = np.abs(matrix.read(np.ones((1, rows), dtype=np.int64)) + read.off_cells)
        wrong, far, done = wrong + int((errors >= 1).sum()), far + int((errors >= 2).sum()), done + part.shape[1]
        if progress is not None:
            progress(done)
    return wrong, far


def _one_bit(rows: int) -> CrossbarSpec:
    """Crossbars in which a weight of 0 is a cell that is on, -1 one that is off: what is stored has an offset of 1.

    With twice as many rows as are there no column is stored flipped.
    """
    return CrossbarSpec(
        rows=2 * rows,
        columns=1,
        cell_bits=1,
        dac_bits=1,
        weight_bits=1,
        input_bits=1,
        signed_inputs=False,
        sign="offset",
        adc_bits=None,
        adc_step=1,
        rows_per_read=2 * rows,
    )
