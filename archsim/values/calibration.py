"""The range of every tensor that goes into crossbars, seen on sample inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from archsim.graph import Graph, MatrixLayer
from archsim.graph.tensors import Array
from archsim.values.execution import batches_at_once, check_runnable, execute
from archsim.values.floating import FloatRule


@dataclass(frozen=True, slots=True)
class Calibration:
    """The smallest and the largest value of each tensor that a matrix layer reads; and of each matrix that stands in
    crossbars, by the key of its weights, the largest column sum of each slice, if these were measured (`SumsRule`)."""

    ranges: Mapping[str, tuple[float, float]]
    sums: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


class RangeRule:
    """Matrix layers in floating point; the ranges of what they read are noted, the arrays are not kept."""

    def __init__(self, graph: Graph) -> None:
        self._multiply = FloatRule(graph)
        self._ranges: dict[str, tuple[float, float]] = {}

    def __call__(self, layer: MatrixLayer, data: Array, shape: tuple[int, ...]) -> Array:
        """The layer's result, (batches, *shape), for (batches, *shape of the tensor read)."""
        low, high = self._ranges.get(layer.inputs[0], (np.inf, -np.inf))
        self._ranges[layer.inputs[0]] = (min(low, float(data.min())), max(high, float(data.max())))
        return self._multiply(layer, data, shape)

    @property
    def calibration(self) -> Calibration:
        """The ranges over all batches seen so far: their order changes nothing."""
        return Calibration(dict(self._ranges))


def calibrate(graph: Graph, batches: Sequence[Mapping[str, Array]]) -> Calibration:
    """Run the graph in floating point on `batches` (as `run_float` takes them) and note the ranges over all of them.

    Values that are not finite raise `InputError`, as does a graph without numbers.
    """
    check_runnable(graph)
    rule = RangeRule(graph)
    step = batches_at_once(graph)
    for start in range(0, len(batches), step):
        execute(graph, batches[start : start + step], rule)
    return rule.calibration
