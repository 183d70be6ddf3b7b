"""How large column sums get, for converters whose range follows from data."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from archsim.crossbar import CrossbarSpec
from archsim.graph import Graph, MatrixLayer
from archsim.graph.tensors import Array
from archsim.values.calibration import Calibration
from archsim.values.floating import FloatRule
from archsim.values.quantised import CrossbarRule
from archsim.values.windows import apply


def without_converters(spec: CrossbarSpec) -> CrossbarSpec:
    """The crossbar with column sums taken as they are."""
    return replace(
        spec, adc_bits=None, adc_step=1, adc_range="fixed", adc_gain_error=0.0, adc_offset=0.0, adc_sigma=0.0
    )


class SumsRule:
    """Matrix layers in floating point; the largest column sums that quantised inputs would give are noted, those of
    ideal cells."""

    def __init__(self, graph: Graph, calibration: Calibration, spec: CrossbarSpec) -> None:
        self._crossbars = CrossbarRule(graph, calibration, without_converters(spec))
        self._multiply = FloatRule(graph)
        self._ranges = calibration.ranges
        self._sums: dict[str, tuple[int, ...]] = {}

    def __call__(self, layer: MatrixLayer, data: Array, shape: tuple[int, ...]) -> Array:
        """The layer's result, (batches, *shape), for (batches, *shape of the tensor read)."""
        programmed, integers, grid = self._crossbars.prepared(layer, data)

        def measured(windows: Array) -> Array:
            found = [matrix.largest_sums(windows[:, group]) for group, matrix in enumerate(programmed.matrices)]
            before = self._sums.get(layer.weights.key, (0,) * len(found[0]))
            self._sums[layer.weights.key] = tuple(np.max([before, *found], axis=0).tolist())
            return np.zeros((len(windows), layer.groups, layer.outputs // layer.groups), dtype=np.int64)

        apply(layer, integers, shape, measured, grid.zero_point)
        return self._multiply(layer, data, shape)

    @property
    def calibration(self) -> Calibration:
        """The ranges, and the largest sums over all batches seen so far: their order changes nothing."""
        return Calibration(self._ranges, dict(self._sums))
