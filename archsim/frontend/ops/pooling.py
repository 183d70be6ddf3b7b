"""Pools. A window costs one operation of the pool unit per kernel element; the division of an average is free
(a multiplication by a constant that rides on the last addition)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator

import numpy as np

from archsim.frontend.inputs import Shape
from archsim.frontend.node import Node
from archsim.frontend.registry import lowering
from archsim.frontend.windows import sliding_windows
from archsim.graph import Sliding, Whole
from archsim.graph.tensors import Array


def _pool(node: Node, compute: Callable[[Array, Sliding, Shape], Array]) -> None:
    data, kernel = node.value(0), tuple(node.attributes["kernel_shape"])
    node.require(len(data.shape) >= 3, f"data of shape {data.shape}", "(N, C, spatial axes)")
    ceil = bool(node.attributes.get("ceil_mode", 0))
    access, space = sliding_windows(node, data.shape[2:], kernel, ceil=ceil)
    for axis, (size, step) in enumerate(zip(access.kernel, access.dilations, strict=True)):
        extent, pads = (size - 1) * step + 1, (access.pads_begin[axis], access.pads_end[axis])
        node.require(max(pads) < extent, f"pads {pads}", f"less than the kernel's extent {extent}")
    shape = (*data.shape[:2], *space)
    node.vector(
        [data],
        shape,
        lambda array: compute(array, access, space),
        operations=math.prod(shape) * math.prod(kernel),
        access=access,
        unit="pool",
    )


def _kernel_views(array: Array, access: Sliding, space: Shape) -> Iterator[Array]:
    """For each kernel element, the elements of the padded `array` that it meets, one per output position."""
    for offset in itertools.product(*map(range, access.kernel)):
        starts = [place * dilation for place, dilation in zip(offset, access.dilations, strict=True)]
        steps = zip(starts, access.strides, space, strict=True)
        places = [slice(start, start + stride * (size - 1) + 1, stride) for start, stride, size in steps]
        yield array[:, :, *places]


def _padded(array: Array, access: Sliding, value: float) -> Array:
    pads = [(0, 0), (0, 0), *zip(access.pads_begin, access.pads_end, strict=True)]
    return np.pad(array, pads, constant_values=value)


@lowering("MaxPool")
def max_pool(node: Node) -> None:
    """The largest element of each window; padding is never the largest."""

    def compute(array: Array, access: Sliding, space: Shape) -> Array:
        lowest = -np.inf if array.dtype.kind == "f" else np.iinfo(array.dtype).min
        views = _kernel_views(_padded(array, access, lowest), access, space)
        result = next(views).copy()
        for view in views:
            np.maximum(result, view, out=result)
        return result

    _pool(node, compute)


@lowering("AveragePool")
def average_pool(node: Node) -> None:
    """The mean of each window, over the elements inside the map, with `count_include_pad` over those inside the
    declared pads too; what a window of ceil_mode covers beyond them never counts."""
    value = node.value(0)
    counted = node.attributes.get("count_include_pad", 0)

    def compute(array: Array, access: Sliding, space: Shape) -> Array:
        declared, _ = sliding_windows(node, value.shape[2:], access.kernel)
        inside = _padded(np.ones((1, 1, *array.shape[2:]), array.dtype), declared, counted)
        beyond = [after - before for after, before in zip(access.pads_end, declared.pads_end, strict=True)]
        inside = np.pad(inside, [(0, 0), (0, 0), *((0, size) for size in beyond)])
        total = sum(_kernel_views(_padded(array, access, 0), access, space))
        return np.asarray(total / sum(_kernel_views(inside, access, space)))

    _pool(node, compute)


@lowering("GlobalAveragePool", "GlobalMaxPool")
def global_pool(node: Node) -> None:
    """The mean or the largest of all positions of a channel: one operation per input element."""
    data = node.value(0)
    node.require(len(data.shape) >= 3, f"data of shape {data.shape}", "(N, C, spatial axes)")
    axes = tuple(range(2, len(data.shape)))
    reduce = np.mean if node.op == "GlobalAveragePool" else np.max
    node.vector(
        [data],
        (*data.shape[:2], *(1 for _ in axes)),
        lambda array: reduce(array, axis=axes, keepdims=True),
        operations=math.prod(data.shape),
        access=Whole(),
        unit="pool",
    )
