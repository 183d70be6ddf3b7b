"""Reading rows together by counting ones: bits of inputs and cells, 64 rows in a word, in compiled loops."""

from __future__ import annotations

import importlib
import logging
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from archsim.crossbar.adc import convert
from archsim.crossbar.conversions import RowGroup, Scratch
from archsim.crossbar.draws import Draws
from archsim.crossbar.inputs import digit_weights, input_bias
from archsim.crossbar.spec import CrossbarSpec

Integers = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]

LOG = logging.getLogger(__package__)

# Conversions by numpy, all together, from which on more are to be expected than loading the loops costs.
WORTH_LOADING = 2**26

# Reads, of one group of rows, that repay cutting its cells into bits.
WORTH_CUTTING = 128

# Beyond these counting bit by bit is no faster than multiplying; and what converters answer is a table of all sums.
_FEWEST_OUTPUTS = 24
_MOST_BIT_PAIRS = 8
_MOST_SUMS = 2**14


@dataclass(frozen=True, slots=True, eq=False)
class BitGroup:
    """Rows that are read together, as a `RowGroup` whose sums are whole and not signed: `cells` (slices, cell bits,
    words, outputs) in bits of 64 rows a word, `factors` (slices, outputs), and the `answers` (slices, sums) of the
    converters of a slice to each sum."""

    spec: CrossbarSpec
    loops: ModuleType
    cells: Words
    factors: Integers
    unit_factors: Integers
    constant: Integers
    answers: Integers

    def add(self, result: Integers, inputs: npt.NDArray[Any], scratch: Scratch, draws: Draws) -> None:
        """As `RowGroup.add`, bit for bit; nothing is drawn."""
        del scratch, draws
        spec, bias = self.spec, input_bias(self.spec)
        biased = np.ascontiguousarray((inputs.astype(np.int32) + bias if bias else inputs).astype(np.uint16))
        result += self.constant
        worth, bits = digit_weights(spec), spec.input_bits
        self.loops.read(result, biased, self.cells, self.factors, worth, spec.dac_bits, bits, self.answers)
        if self.unit_factors.any():
            result += inputs.sum(axis=1, dtype=np.int64)[:, None] * self.unit_factors


@dataclass(slots=True)
class _Work:
    """Conversions that numpy did in this process, and compiled loops could have done."""

    conversions: int = 0


_WORK = _Work()


def faster(group: RowGroup, vectors: int, reads: int) -> RowGroup | BitGroup:
    """The rows as they are read faster: bit by bit where loops are compiled, and enough is read for that to pay.

    `vectors` are about to be read, as many as that `reads` times before.
    """
    if not _suits(group):
        return group
    digits = group.spec.digits
    _WORK.conversions += vectors * digits * group.packing.slices * group.factors.shape[2]
    if _WORK.conversions < WORTH_LOADING or vectors * digits * (reads + 1) < WORTH_CUTTING:
        return group
    loops = compiled_loops()
    return group if loops is None else bit_group(group, loops)


def _suits(group: RowGroup) -> bool:
    """Whether loops over bits compute the same, and are faster."""
    spec = group.spec
    if group.factors.shape[2] < _FEWEST_OUTPUTS or spec.largest_sum >= _MOST_SUMS:
        return False
    few = spec.cell_bits * spec.dac_bits <= _MOST_BIT_PAIRS
    return few and group.whole and not group.signed and group.noise is None


def bit_group(group: RowGroup, loops: ModuleType) -> BitGroup:
    """The same rows, cut into bits."""
    slots, _, outputs = group.factors.shape
    packing, spec = group.packing, group.spec
    used, spare = group.cells.copy(), np.empty_like(group.cells)
    rows = len(used)
    cells = np.empty((slots * packing.words, rows, outputs), dtype=np.uint8)
    for slot, levels in enumerate(packing.unpack(used, spare)):
        into = cells[slot * packing.words : (slot + 1) * packing.words]
        into[:] = levels.reshape(rows, packing.words, outputs).transpose(1, 0, 2)
    cells = cells[: packing.slices]
    largest = int(cells.sum(axis=1, dtype=np.int64).max()) * spec.largest_digit
    factors = group.factors.reshape(-1, outputs)[: packing.slices].astype(np.int64)
    # two words are counted at once
    words = np.zeros((packing.slices, spec.cell_bits, -(-rows // 128) * 2, outputs), dtype=np.uint64)
    loops.cut_cells(words, cells)
    return BitGroup(spec, loops, words, factors, group.unit_factors, group.constant, _answers(group, largest))


def _answers(group: RowGroup, largest: int) -> Integers:
    """What the converters of each slice make of sums from 0 to `largest`."""
    _, words, outputs = group.factors.shape
    answers = np.empty((group.packing.slices, largest + 1), dtype=np.int64)
    for piece, into in enumerate(answers):
        slot, word = divmod(piece, words)
        steps = group.steps[slot]
        sums = np.arange(largest + 1, dtype=np.float64)[:, None]
        step = steps if isinstance(steps, int) else int(steps[word * outputs])
        convert(sums, group.spec, step, signed=False, whole=True)
        into[:] = sums[:, 0]
    return answers


@cache
def compiled_loops() -> ModuleType | None:
    """The compiled loops; None without numba, or with one that does not work here."""
    try:
        loops = importlib.import_module("archsim.crossbar.counting")
    except (ImportError, RuntimeError) as error:
        if not isinstance(error, ModuleNotFoundError):
            LOG.info("crossbars are read without numba, which does not work here: %s", error)
        return None
    if loops.COMPILED_NOW:
        LOG.info("compiled how crossbars are read (once on this machine)")
    return loops
