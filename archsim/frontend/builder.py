"""The graph under construction: values known so far, layers added so far, nodes folded away."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from archsim.errors import input_error
from archsim.frontend.inputs import MAX_ELEMENTS, MAX_RANK
from archsim.graph import Constant, Grid, Layer, LayoutLayer, MatrixLayer, Tensor, VectorLayer
from archsim.graph.tensors import Array

Value = Tensor | Constant
Compute = Callable[..., tuple[Array, ...]]

SMALL = 1 << 16
"""Constants of up to so many elements are computed on import; larger ones when they are loaded."""

MAX_CONSTANT = 1 << 31
"""Elements that may be touched to load one constant: bounds memory, and time where one is doubled forever."""

_KEEP_GRIDS = frozenset({"Flatten", "Identity", "MaxPool", "Relu", "Reshape", "Squeeze", "Transpose", "Unsqueeze"})
"""Ops whose results hold numbers of their operand and no others."""

_MAX_FOLDED_DEPTH = 100
"""Nodes between a folded constant and stored ones: each is a call inside a call when the constant is loaded."""


@dataclass(slots=True)
class Builder:
    """What the lowerings write to. `uses` counts how often each value is read (shape queries apart)."""

    source: str
    opset: int
    values: dict[str, Value]
    uses: Counter[str]
    outputs: frozenset[str]
    base_dir: Path | None = None
    seed: int | None = None
    given: Mapping[str, Array] = field(default_factory=dict)
    layers: list[Layer] = field(default_factory=list)
    tensors: dict[str, Tensor] = field(default_factory=dict)
    folded: list[str] = field(default_factory=list)
    grids: dict[str, Grid] = field(default_factory=dict)
    positions: dict[str, int] = field(default_factory=dict)
    forms: dict[str, str] = field(default_factory=dict)
    _work: dict[int, tuple[int, int]] = field(default_factory=dict)
    _followed: dict[str, Constant | None] = field(default_factory=dict)

    def add_layer(self, layer: Layer, results: tuple[Tensor, ...]) -> None:
        """Append `layer`, which writes `results`."""
        for tensor in results:
            empty = 0 in tensor.shape and bool(layer.inputs)
            if empty or tensor.elements > MAX_ELEMENTS or len(tensor.shape) > MAX_RANK:
                raise input_error(
                    self.source,
                    f"node {layer.name!r} ({layer.op})",
                    value=f"a result of shape {tensor.shape}",
                    expected=f"1 to {MAX_ELEMENTS} elements, {MAX_RANK} axes at most",
                )
            self.values[tensor.name] = self.tensors[tensor.name] = tensor
            self.positions[tensor.name] = len(self.layers)
        self.layers.append(layer)

    def writer(self, value: str) -> Layer | None:
        """The layer that writes `value`, if one does."""
        position = self.positions.get(value)
        return None if position is None else self.layers[position]

    def feeds(self, value: Tensor) -> bool:
        """Whether `value` is an input of the graph."""
        return value.name in self.tensors and value.name not in self.positions

    def given_constant(self, value: Tensor, depth: int = _MAX_FOLDED_DEPTH) -> Constant | None:
        """The numbers of `value` where they follow from inputs whose numbers were given with the model, through at
        most `depth` layers."""
        if not self.given:
            return None
        if value.name not in self._followed:
            array = self.given[value.name] if self.feeds(value) else self._computed(value, depth)
            constant = None if array is None else stored(value.name, np.asarray(array, value.dtype))
            self._followed[value.name] = constant
        return self._followed[value.name]

    def _computed(self, value: Tensor, depth: int) -> Array | None:
        layer = self.writer(value.name)
        if not isinstance(layer, VectorLayer | LayoutLayer) or depth == 0:
            return None
        arrays = []
        for operand in layer.operands:
            tensor = None if isinstance(operand, Constant) else self.tensors[operand]
            constant = operand if tensor is None else self.given_constant(tensor, depth - 1)
            if not isinstance(constant, Constant):
                return None
            arrays.append(constant.load())
        computed = layer.compute(*arrays)
        return computed[layer.results.index(value.name)] if isinstance(computed, tuple) else computed

    def grid_of(self, value: Tensor) -> Grid | None:
        """The integers that stand for `value`, or for what it was moved from or the largest of, if they are known."""
        name = value.name
        while name not in self.grids:
            layer = self.writer(name)
            if layer is None or layer.op not in _KEEP_GRIDS or len(layer.operands) != 1:
                return None
            (name,) = layer.inputs
        return self.grids[name]

    def replace_layer(self, old: str, layer: Layer, result: Tensor) -> None:
        """Put `layer` in the place of the one that writes `old`; it writes `result` instead."""
        position = self.positions.pop(old)
        del self.tensors[old]
        self.layers[position] = layer
        self.positions[result.name] = position
        self.values[result.name] = self.tensors[result.name] = result

    def finished_layers(self) -> tuple[Layer, ...]:
        """The layers in topological order. One stored tensor in several forms (transposed, scaled by different
        numbers) is several matrices: the first keeps the key, the others get one of their own."""
        first: dict[str, str] = {}
        return tuple(self._keyed(layer, first) if isinstance(layer, MatrixLayer) else layer for layer in self.layers)

    def _keyed(self, layer: MatrixLayer, first: dict[str, str]) -> MatrixLayer:
        key, form = layer.weights.key, self.forms[layer.name]
        if first.setdefault(key, form) == form:
            return layer
        return replace(layer, weights=replace(layer.weights, key=f"{key} ({form})"))

    def define_empty(self, results: Iterable[Tensor]) -> None:
        """Define tensors without elements as constants: whatever computes them, their values are known."""
        for result in results:
            sizes = math.prod(size for size in result.shape if size)
            if len(result.shape) > MAX_RANK or sizes > MAX_ELEMENTS:
                expected = f"sizes up to {MAX_ELEMENTS} together, {MAX_RANK} axes at most"
                raise input_error(
                    self.source, f"tensor {result.name!r}", value=f"shape {result.shape}", expected=expected
                )
            self.values[result.name] = stored(result.name, np.empty(result.shape, result.dtype))

    def amend(self, name: str, *, key: str, steps: Callable[[], Array]) -> None:
        """Give the constant `name`, just folded, another key, and steps."""
        old = self.values[name]
        if isinstance(old, Constant):
            self.values[name] = new = replace(old, key=key, steps=steps)
            self._work[id(new)] = self._work.get(id(old), (old.elements, 0))

    def fold(
        self,
        node: str,
        operands: tuple[Constant, ...],
        results: tuple[Tensor, ...],
        compute: Compute,
        *,
        further: bool = False,
    ) -> None:
        """Define `results` as constants computed from `operands`: small ones now, large ones when loaded.

        `further` says that they are more results of a node that was folded before."""
        if not further:
            self.folded.append(node)
        placeholder = bool(operands) and all(operand.placeholder for operand in operands)
        works = [self._work.get(id(operand), (operand.elements, 0)) for operand in operands]
        work = sum(each for each, _ in works) + sum(result.elements for result in results)
        depth = 1 + max((each for _, each in works), default=0)
        if work > MAX_CONSTANT or depth > _MAX_FOLDED_DEPTH or any(len(each.shape) > MAX_RANK for each in results):
            raise input_error(
                self.source,
                f"node {node!r}",
                value=f"a constant made of {work} elements by {depth} nodes",
                expected=f"at most {MAX_CONSTANT} elements, {_MAX_FOLDED_DEPTH} nodes and {MAX_RANK} axes",
            )
        key = operands[0].key if len(operands) == 1 else ""
        small = not placeholder and work <= SMALL
        arrays = compute(*(operand.load() for operand in operands)) if small else None
        for index, result in enumerate(results):
            if arrays is not None:
                constant = stored(key or result.name, np.asarray(arrays[index], result.dtype))
            else:
                loader = _nth(compute, operands, index)
                constant = Constant(key or result.name, result.shape, result.dtype, loader, placeholder)
                self._work[id(constant)] = work, depth
            self.values[result.name] = constant


def stored(key: str, array: Array) -> Constant:
    """A constant that is in memory already."""
    array = array.copy()
    array.setflags(write=False)
    return Constant(key, array.shape, str(array.dtype), lambda: array)


def _nth(compute: Compute, operands: tuple[Constant, ...], index: int) -> Callable[[], Array]:
    return lambda: compute(*(operand.load() for operand in operands))[index]
