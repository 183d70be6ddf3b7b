"""The weights of matrix layers as integers in crossbars."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from archsim.crossbar import CrossbarSpec, DeviceErrors, ProgrammedMatrix, own_steps, program
from archsim.errors import InputError, input_error
from archsim.graph import Graph, MatrixLayer
from archsim.graph.tensors import Array
from archsim.values.floating import finite_weights, row_blocks
from archsim.values.scales import scales_for, to_integers
from archsim.values.signs import signs_and_scales

INTEGERS = frozenset({"int8", "uint8", "int16", "uint16", "int32"})
"""Types of weights that are integers as the network has them."""


@dataclass(frozen=True, slots=True)
class Writing:
    """How a layer's matrices are written: what is drawn from, what the cells are off by, and how often they were
    read."""

    seed: tuple[int, ...]
    devices: DeviceErrors
    reads: Iterator[int]


@dataclass(frozen=True, slots=True, eq=False)
class Programmed:
    """Weights in crossbars: one matrix for each group, and the scale of each output's weights (outputs,)."""

    matrices: tuple[ProgrammedMatrix, ...]
    scales: npt.NDArray[np.float64]

    @property
    def column_sums(self) -> npt.NDArray[np.int64]:
        """The sum of each output's integers (outputs,)."""
        return np.concatenate([matrix.column_sums for matrix in self.matrices])

    @property
    def lossless(self) -> bool:
        """Whether no matrix loses anything."""
        return all(matrix.lossless for matrix in self.matrices)

    @property
    def pulses(self) -> int | None:
        """How many it took to write all cells; None where writing is not verified."""
        counts = [matrix.pulses for matrix in self.matrices if matrix.pulses is not None]
        return sum(counts) if counts else None


def too_few_bits(key: str, layer: MatrixLayer, bits: int, needed: int, unit: int = 1) -> InputError:
    """The error of a layer whose own integers take `needed` bits; `unit` divides what a setting can be."""
    enough = -(-needed // unit) * unit
    expected = f"{needed} or more, which the network's own integers take: --set precision.{key}={enough}"
    return input_error(f"precision.{key}", f"node {layer.name!r}", value=bits, expected=expected)


def write_layer(
    graph: Graph, layer: MatrixLayer, spec: CrossbarSpec, writing: Writing, steps: tuple[int, ...] | None
) -> Programmed:
    """Write the weights of `layer` as integers, those that the network has itself where `spec` has the bits, with
    converters of `steps` (see `program`). Weights that are not finite, or too few bits, raise `InputError`."""

    def written(integers: Array) -> tuple[ProgrammedMatrix, ...]:
        shared = steps or tuple(np.max([own_steps(matrix, spec) for matrix in integers], axis=0).tolist())
        devices, reads = writing.devices, writing.reads
        return tuple(
            program(matrix, spec, devices=devices, seed=(*writing.seed, group), steps=shared, reads=reads)
            for group, matrix in enumerate(integers)
        )

    weights = finite_weights(graph, layer)
    own = _own_integers(layer, weights)
    if own is not None:
        integers, scales = own
        least, most = int(integers.min()), int(integers.max())
        if spec.weight_range[0] <= least and most <= spec.weight_range[1] and not (spec.binary and 0 in integers):
            return Programmed(written(integers), scales)
        if layer.weights.dtype in INTEGERS:
            needed = max(most.bit_length(), (-least - 1).bit_length()) + 1
            raise too_few_bits("weight_bits", layer, spec.weight_bits, needed, spec.cell_bits)
    if spec.binary:
        signs, sign_scales = signs_and_scales(weights)
        return Programmed(written(signs), sign_scales.reshape(-1))
    largest = spec.weight_range[1]
    weight_scales = scales_for(np.abs(weights).max(axis=1), largest)
    parts = [
        to_integers(weights[:, part], weight_scales[:, None, :], (-largest, largest)).astype(np.int16)
        for part in row_blocks(weights)
    ]
    return Programmed(written(np.concatenate(parts, axis=1)), weight_scales.reshape(-1))


def _own_integers(layer: MatrixLayer, weights: Array) -> tuple[Array, npt.NDArray[np.float64]] | None:
    """The integers that the network itself has for the weights, and the scale of each output's (outputs,)."""
    if layer.weights.dtype in INTEGERS:
        return weights, np.ones(layer.outputs)
    if layer.weights.steps is None:
        return None
    steps = np.abs(layer.weights.steps().astype(np.float64))
    if not (steps > 0).all() or not (steps == steps[:, :1]).all():
        return None
    return np.rint(weights / steps).astype(np.int64), steps[:, 0].reshape(-1)
