"""Elements that a mark chooses, and marks made of indices: masks, one-hot vectors, places that are not zero."""

from __future__ import annotations

import math

import numpy as np

from archsim.frontend.node import Node
from archsim.frontend.registry import lowering
from archsim.graph import Whole
from archsim.graph.tensors import Array


@lowering("OneHot", limits="Constant depth.")
def one_hot(node: Node) -> None:
    """A new axis of `depth` places that holds the first of two numbers, and the second where the index says: one
    operation an element, the comparison."""
    indices, values = node.value(0), node.value(2)
    depth = node.scalar(1, "depth")
    axis = node.axis(node.attributes["axis"], len(indices.shape) + 1)
    node.require(depth is not None and 0 < depth <= 2**31, f"depth {depth}", "1 or more")
    size = int(depth or 0)
    node.require(values.shape == (2,), f"values of shape {values.shape}", "(2,)")
    shape = (*indices.shape[:axis], size, *indices.shape[axis:])

    def compute(numbers: Array, pair: Array) -> Array:
        wanted = np.expand_dims(np.where(numbers < 0, numbers + size, numbers), axis)
        places = np.arange(size).reshape(-1, *(1,) * (len(shape) - 1 - axis))
        return np.asarray(np.where(wanted == places, pair[1], pair[0]))

    node.vector([indices, values], shape, compute, operations=math.prod(shape), access=Whole(), dtype=values.dtype)


@lowering("Compress", becomes=("layout",), limits="Constant condition.")
def compress(node: Node) -> None:
    """The slices along `axis` (without one, the elements) for which a constant condition is true."""
    value, condition = node.value(0), node.numbers(1, "condition")
    given = node.attributes.get("axis")
    axis = None if given is None else node.axis(given, len(value.shape))
    size = math.prod(value.shape) if axis is None else value.shape[axis]
    node.require(condition.size <= size, f"a condition of {condition.size} elements", f"at most {size}")
    chosen = np.flatnonzero(condition)
    shape = (chosen.size,) if axis is None else (*value.shape[:axis], chosen.size, *value.shape[axis + 1 :])
    node.layout([value], [shape], lambda array: (np.take(array, chosen, axis=axis),))


@lowering("NonZero", becomes=("folded",), limits="Constants.")
def non_zero(node: Node) -> None:
    """The indices of the elements of a constant that are not zero: how many there are is known by its numbers alone."""
    constant = node.constant(0, "data")
    array = node.numbers(0, "data").reshape(constant.shape)
    node.define(np.array(np.nonzero(np.atleast_1d(array)), np.int64))
