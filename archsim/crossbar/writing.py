"""Writing the rows of a matrix, so that they are ready to be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import numpy.typing as npt

from archsim.crossbar.cells import real_cells
from archsim.crossbar.conversions import RowGroup, row_group
from archsim.crossbar.devices import DeviceErrors
from archsim.crossbar.encodings import Encoded, find_encoding
from archsim.crossbar.spec import CrossbarSpec

Integers = npt.NDArray[np.int64]

# What a stream of random numbers is for, behind the seed and the number of a group of rows.
CELLS, READS = 0, 1


@dataclass(frozen=True, slots=True)
class Writer:
    """How a matrix is written: `groups` of rows that are read together, one after the other, with converters of `steps`
    (slices,), cells that are off by `devices`, drawn from `seed` and the number of the group."""

    spec: CrossbarSpec
    groups: tuple[slice, ...]
    steps: tuple[int, ...]
    devices: DeviceErrors
    seed: tuple[int, ...]

    @property
    def ideal(self) -> bool:
        """Whether sums are those of ideal cells, converted without errors."""
        return self.devices.ideal and self.spec.adc_exact

    def together(self) -> list[list[int]]:
        """The numbers of the groups that have to be written at once: those of an array whose wires they share."""
        numbers = range(len(self.groups))
        if not self.devices.wire_ratio:
            return [[number] for number in numbers]
        return [list(array) for _, array in groupby(numbers, lambda n: self.groups[n].start // self.spec.rows)]

    def write(
        self, numbers: Sequence[int], weights: Sequence[Integers], encoded: Sequence[Encoded]
    ) -> tuple[list[RowGroup], int | None]:
        """Groups that are written at once, ready to be read, and the pulses that it took (None unless verified)."""
        sums = [part.sum(axis=0) for part in weights]
        if self.ideal:
            pairs = zip(encoded, sums, strict=True)
            return [row_group(one, own, self.spec, self.steps) for one, own in pairs], None
        cells = real_cells(encoded, self.spec, self.devices, [(*self.seed, number, CELLS) for number in numbers])
        groups = [
            row_group(one, own, self.spec, self.steps, (real, self.devices))
            for one, own, real in zip(encoded, sums, cells, strict=True)
        ]
        pulses = [real.pulses for real in cells if real.pulses is not None]
        return groups, sum(pulses) if pulses else None

    def written_again(self, number: int, weights: npt.NDArray[np.int16]) -> RowGroup:
        """A group of the whole matrix `weights`, as it was written before."""
        (numbers,) = [numbers for numbers in self.together() if number in numbers]
        parts = [weights[self.groups[one]].astype(np.int64) for one in numbers]
        groups, _ = self.write(numbers, parts, [encode(part, self.spec) for part in parts])
        return groups[numbers.index(number)]


def encode(weights: Integers, spec: CrossbarSpec) -> Encoded:
    """Rows that are read together, in cells."""
    return find_encoding(spec.sign)(weights, spec)
