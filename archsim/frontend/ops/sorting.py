"""TopK, on the digital units."""

from __future__ import annotations

import math

import numpy as np

from archsim.frontend.node import Node
from archsim.frontend.registry import lowering
from archsim.graph import Whole
from archsim.graph.tensors import Array


@lowering("TopK", limits="Constant k.")
def top_k(node: Node) -> None:
    """The `k` largest or smallest elements along `axis` in order, the first of equal ones first, and their places:
    each element is compared down a heap of those found so far, ceil(log2(k + 1)) operations; the places come along,
    one operation each."""
    value = node.value(0)
    axis = node.axis(node.attributes["axis"], len(value.shape))
    count = int(node.attributes["k"] if "k" in node.attributes else node.scalar(1, "k") or 0)
    node.require(0 < count <= value.shape[axis], f"k {count}", f"1 to {value.shape[axis]}")
    largest = bool(node.attributes.get("largest", 1))
    node.attributes.get("sorted")

    def places(array: Array) -> Array:
        order = np.argsort(np.flip(array, axis) if largest else array, axis=axis, kind="stable")
        if largest:
            order = array.shape[axis] - 1 - np.flip(order, axis)
        return np.take(order, np.arange(count), axis=axis)

    shape = (*value.shape[:axis], count, *value.shape[axis + 1 :])
    node.vector(
        [value],
        shape,
        lambda array: np.take_along_axis(array, places(array), axis=axis),
        operations=math.prod(value.shape) * count.bit_length(),
        access=Whole(),
    )
    if len(node.outputs) > 1 and node.outputs[1]:
        node.vector(
            [value], shape, places, operations=math.prod(shape), access=Whole(), dtype="int64", index=1, part="places"
        )
