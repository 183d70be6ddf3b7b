"""The range of every tensor that goes into crossbars, seen on sample inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from archsim.errors import input_error
from archsim.graph import Graph, MatrixLayer
from archsim.graph.tensors import Array
from archsim.values.execution import batches_at_once, check_runnable, execute
from archsim.values.floating import FloatRule


@dataclass(frozen=True, slots=True)
class Calibration:
    """The smallest and the largest value of each tensor that a matrix layer reads."""

    ranges: Mapping[str, tuple[float, float]]


def calibrate(graph: Graph, batches: Sequence[Mapping[str, Array]]) -> Calibration:
    """Run the graph in floating point on `batches` (as `run_float` takes them) and note the ranges.

    Values that are not finite raise `InputError`, as does a graph without numbers.
    """
    check_runnable(graph)
    ranges: dict[str, tuple[float, float]] = {}
    multiply = FloatRule(graph)

    def note(layer: MatrixLayer, data: Array) -> Array:
        check_finite(graph, layer, data)
        low, high = ranges.get(layer.inputs[0], (np.inf, -np.inf))
        ranges[layer.inputs[0]] = (min(low, float(data.min())), max(high, float(data.max())))
        return multiply(layer, data)

    step = batches_at_once(graph)
    for start in range(0, len(batches), step):
        execute(graph, batches[start : start + step], note)
    return Calibration(ranges)


def check_finite(graph: Graph, layer: MatrixLayer, data: Array) -> None:
    """Raise `InputError` if a matrix layer would read infinities or NaN."""
    if not np.isfinite(data).all():
        place = f"node {layer.name!r} ({layer.op})"
        raise input_error(graph.name, place, value="infinite or undefined inputs", expected="finite numbers")
