"""Reductions over axes: one operation per element reduced."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from archsim.frontend.node import Node
from archsim.frontend.registry import lowering
from archsim.graph import Whole
from archsim.graph.tensors import Array

_FUNCTIONS: dict[str, Callable[..., Array]] = {
    "ReduceMax": np.max,
    "ReduceMean": np.mean,
    "ReduceMin": np.min,
    "ReduceProd": np.prod,
    "ReduceSum": np.sum,
}


@lowering(*_FUNCTIONS)
def reduction(node: Node) -> None:
    """Over `axes` (an attribute before opset 13 or 18), by default all, unless `noop_with_empty_axes`."""
    value, given = node.value(0), node.setting(1, "axes")
    rank, keep = len(value.shape), bool(node.attributes["keepdims"])
    nothing = node.attributes.get("noop_with_empty_axes", 0)
    if nothing and not given:
        node.alias()
        return
    axes = node.axes(given, rank) if given else tuple(range(rank))
    sizes = ((axis, size) for axis, size in enumerate(value.shape) if keep or axis not in axes)
    shape = tuple(1 if axis in axes else size for axis, size in sizes)
    reduce = _FUNCTIONS[node.op]
    node.vector(
        [value],
        shape,
        lambda array: reduce(array, axis=axes, keepdims=keep),
        operations=math.prod(value.shape),
        access=Whole(),
    )
