"""Where accuracy goes: what each matrix layer adds to the error, and what it costs alone."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from archsim.graph import Graph, MatrixLayer, RecurrentLayer
from archsim.graph.tensors import Array
from archsim.values.floating import FloatRule, add_bias
from archsim.values.quantised import CrossbarRule
from archsim.values.recurrence import step_matrices


@dataclass(frozen=True, slots=True)
class LayerErrors:
    """How far a matrix layer is off over all samples, root mean square over root mean square (RMS).

    `own`: RMS of what crossbars make of the layer's inputs in the crossbar run, less the product in floating point of
    the same inputs, over RMS of that product (without the bias). `accumulated`: RMS of the layer's result in the
    crossbar run less that in the floating-point run, over RMS of the latter. None where that is all 0. `accuracy_alone`
    (0..1, None without labels) is that of the network with this layer alone on crossbars, the same ones.
    """

    layer: str
    own: float | None
    accumulated: float | None
    accuracy_alone: float | None


class _Norms:
    """Root sums of squares, added up block by block."""

    def __init__(self) -> None:
        self.own = self.product = self.accumulated = self.reference = 0.0

    def add(self, own: Array, product: Array, accumulated: Array, reference: Array) -> None:
        self.own = math.hypot(self.own, _norm(own))
        self.product = math.hypot(self.product, _norm(product))
        self.accumulated = math.hypot(self.accumulated, _norm(accumulated))
        self.reference = math.hypot(self.reference, _norm(reference))


class PairedRule:
    """The same batches twice, side by side: the first half in floating point, the second through crossbars."""

    def __init__(self, graph: Graph, crossbars: CrossbarRule) -> None:
        self._multiply, self._crossbars = FloatRule(graph), crossbars
        self._norms: dict[str, _Norms] = {}

    def __call__(self, layer: MatrixLayer, data: Array, shape: tuple[int, ...]) -> Array:
        """The layer's result, (batches, *shape), for (batches, *shape of the tensor read)."""
        half = len(data) // 2
        reference = self._multiply(layer, data[:half], shape)
        found = self._crossbars(layer, data[half:], shape)
        product = self._multiply(replace(layer, bias=None), data[half:], shape)
        norms = self._norms.setdefault(layer.name, _Norms())
        norms.add(found - add_bias(layer, product), product, found - reference, reference)
        return np.concatenate([reference, found])

    def errors(self, accuracies: dict[str, float]) -> tuple[LayerErrors, ...]:
        """The errors of each layer seen, in graph order, with the `accuracies` of each alone, if there are labels."""
        return tuple(
            LayerErrors(
                name,
                _ratio(norms.own, norms.product),
                _ratio(norms.accumulated, norms.reference),
                accuracies.get(name),
            )
            for name, norms in self._norms.items()
        )


class AloneRule:
    """One matrix layer through crossbars, all others in floating point."""

    def __init__(self, graph: Graph, crossbars: CrossbarRule, name: str) -> None:
        self._multiply, self._crossbars, self._name = FloatRule(graph), crossbars, name

    def __call__(self, layer: MatrixLayer, data: Array, shape: tuple[int, ...]) -> Array:
        """The layer's result, (batches, *shape), for (batches, *shape of the tensor read)."""
        rule = self._crossbars if layer.name == self._name else self._multiply
        return rule(layer, data, shape)


def matrix_names(graph: Graph) -> tuple[str, ...]:
    """The matrices that stand in crossbars, by name in graph order; a recurrent layer may have two."""
    return tuple(name for layer in graph.layers for name in _names(layer))


def _names(layer: object) -> Iterator[str]:
    if isinstance(layer, RecurrentLayer):
        yield from (matrix.name for matrix, _ in step_matrices(layer))
    elif isinstance(layer, MatrixLayer):
        yield layer.name


def _norm(array: Array) -> float:
    """The root of the sum of squares, of numbers of any size."""
    wide = np.abs(array.astype(np.float64))
    largest = float(wide.max(initial=0.0))
    return largest * math.sqrt(float(np.square(wide / largest).sum())) if largest else 0.0


def _ratio(error: float, of: float) -> float | None:
    return error / of if of else None
