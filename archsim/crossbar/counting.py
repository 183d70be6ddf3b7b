"""The loops of reads by counting ones, compiled when this module is imported, which takes numba (the extra `fast`)."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

_numba: Any = importlib.import_module("numba")
_OPTIONS = {"cache": True, "error_model": "numpy"}


def _ones(word: Any) -> Any:
    """The ones of a word: the form that LLVM knows, and makes one instruction of where the processor has it."""
    word -= (word >> np.uint64(1)) & np.uint64(0x5555555555555555)
    word = (word & np.uint64(0x3333333333333333)) + ((word >> np.uint64(2)) & np.uint64(0x3333333333333333))
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return (word * np.uint64(0x0101010101010101)) >> np.uint64(56)


def _cut_inputs(planes: Any, row: Any) -> None:
    """Write the bits of `row` (rows,) into `planes` (bits, words), 64 rows a word."""
    bits, words = planes.shape
    for bit in range(bits):
        for word in range(words):
            first = 64 * word
            gathered = np.uint64(0)
            for place in range(min(64, len(row) - first)):
                gathered |= np.uint64((row[first + place] >> bit) & 1) << np.uint64(place)
            planes[bit, word] = gathered


def _cut_cells(words: Any, cells: Any) -> None:
    """Write the bits of `cells` (slices, rows, outputs) into `words` (slices, cell bits, words, outputs), all 0."""
    slices, rows, outputs = cells.shape
    for piece in range(slices):
        for row in range(rows):
            place = np.uint64(row % 64)
            for bit in range(words.shape[1]):
                into = words[piece, bit, row // 64]
                for output in range(outputs):
                    into[output] |= np.uint64((cells[piece, row, output] >> bit) & 1) << place


def _sum_up(sums: Any, planes: Any, lowest: Any, end: Any, cells: Any, piece: Any) -> None:
    """Let `sums` (outputs,) be those of a digit, the bits of `planes` (bits, words) from `lowest` up to `end`, on the
    columns of a slice, the `piece` of `cells` (slices, cell bits, words, outputs); an even number of words."""
    sums[:] = 0
    for bit in range(lowest, end):
        for word in range(0, planes.shape[1], 2):
            one, other = planes[bit, word], planes[bit, word + 1]
            if one | other == 0:
                continue
            for cell_bit in range(cells.shape[1]):
                shift = np.uint64(bit - lowest + cell_bit)
                for output in range(len(sums)):
                    ours, others = cells[piece, cell_bit, word, output], cells[piece, cell_bit, word + 1, output]
                    sums[output] += (ones(one & ours) + ones(other & others)) << shift


def _read(
    result: Any, inputs: Any, cells: Any, factors: Any, worth: Any, dac_bits: Any, bits: Any, answers: Any
) -> None:
    """Add to `result` (vectors, outputs) the conversions of `inputs` (vectors, rows), of which `bits` count, on `cells`
    (slices, cell bits, words, outputs); `answers` (slices, sums) is what the converters of a slice answer to a sum."""
    slices, _, words, outputs = cells.shape
    planes, sums = np.empty((bits, words), np.uint64), np.empty(outputs, np.uint64)
    added = np.empty(outputs, np.int64)
    for vector in range(len(inputs)):
        cut_inputs(planes, inputs[vector])
        for piece in range(slices):
            added[:] = 0
            for digit in range(len(worth)):
                lowest = digit * dac_bits
                sum_up(sums, planes, lowest, min(lowest + dac_bits, bits), cells, piece)
                for output in range(outputs):
                    added[output] += answers[piece, sums[output]] * worth[digit]
            for output in range(outputs):
                result[vector, output] += added[output] * factors[piece, output]


ones = _numba.njit("uint64(uint64)", **_OPTIONS)(_ones)
cut_inputs = _numba.njit("void(uint64[:, ::1], uint16[::1])", **_OPTIONS)(_cut_inputs)
sum_up = _numba.njit("void(uint64[::1], uint64[:, ::1], int64, int64, uint64[:, :, :, ::1], int64)", **_OPTIONS)(
    _sum_up
)
cut_cells = _numba.njit("void(uint64[:, :, :, ::1], uint8[:, :, ::1])", **_OPTIONS)(_cut_cells)
read = _numba.njit(
    "void(int64[:, ::1], uint16[:, ::1], uint64[:, :, :, ::1], int64[:, ::1], int64[::1], int64, int64, int64[:, ::1])",
    **_OPTIONS,
)(_read)

COMPILED_NOW = bool(read.stats.cache_misses)
"""Whether the loops were compiled, and not found on disk."""
