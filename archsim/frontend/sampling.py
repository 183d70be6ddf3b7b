"""Weighted sums of a few elements for each place of a map: what interpolation comes down to, and what it costs."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from archsim.frontend.inputs import Shape
from archsim.frontend.node import Node
from archsim.graph import LayoutLayer, Pointwise, Tensor, Whole
from archsim.graph.layers import Operand
from archsim.graph.tensors import Array

_MOST_MOVED = 16
"""Elements of a sum up to which each is moved to its place by itself, so that a place waits for those alone."""


@dataclass(frozen=True, slots=True)
class AxisTaps:
    """Along one axis of the result: the elements that each place reads, and the weight of each, as (places, taps)."""

    axis: int
    elements: Array
    weights: Array

    @property
    def taps(self) -> int:
        """How many elements a place reads."""
        return int(self.elements.shape[1])


def interpolate(node: Node, axes: Sequence[AxisTaps], shape: Shape, outside: tuple[Array, float] | None) -> None:
    """The first output is a weighted sum of n = taps x taps x ... elements of the first input: 2 n - 1 operations an
    element (n products, n - 1 additions). `outside` says which places (a mask of the result's shape, or one that
    broadcasts to it) hold a fixed number instead."""
    data = node.value(0)
    taps = math.prod(each.taps for each in axes)
    operations = (2 * taps - 1) * math.prod(shape)
    combinations = list(itertools.product(*(range(each.taps) for each in axes)))

    def moved(array: Array, chosen: Sequence[int]) -> Array:
        for each, tap in zip(axes, chosen, strict=True):
            array = np.take(array, each.elements[:, tap], axis=each.axis)
        return array

    def added(arrays: Sequence[Array]) -> Array:
        total = np.zeros(shape)
        for array, chosen in zip(arrays, combinations, strict=True):
            weight: Array = np.ones(())
            for each, tap in zip(axes, chosen, strict=True):
                behind = (1,) * (len(shape) - 1 - each.axis)
                weight = weight * each.weights[:, tap].reshape(-1, *behind)
            total += weight * array
        if outside is not None:
            total = np.where(outside[0], outside[1], total)
        return _saturated(total, data.dtype)

    if taps > _MOST_MOVED or not isinstance(data, Tensor):
        node.vector(
            [data],
            shape,
            lambda array: added([moved(array, chosen) for chosen in combinations]),
            operations=operations,
            access=Whole(),
        )
        return
    names = tuple(f"{node.outputs[0]} tap {index}" for index in range(taps))
    layer = LayoutLayer(
        name=f"{node.name} taps",
        op=node.op,
        operands=_operands(data),
        results=names,
        nodes=(),
        compute=lambda array: tuple(moved(array, chosen) for chosen in combinations),
    )
    parts = [Tensor(name, shape, data.dtype) for name in names]
    node.builder.add_layer(layer, tuple(parts))
    node.vector(parts, shape, lambda *arrays: added(arrays), operations=operations, access=Pointwise())


def _operands(data: Tensor) -> tuple[Operand, ...]:
    return (data.name,)


def _saturated(total: Array, dtype: str) -> Array:
    """Whole numbers are cut off, not rounded, within their range, as in ONNX's reference."""
    if np.dtype(dtype).kind == "f":
        return total
    limits = np.iinfo(dtype)
    return np.clip(total, limits.min, limits.max)
