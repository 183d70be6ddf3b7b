"""Pools. A window costs one operation of the pool unit per kernel element; the division of an average is free
(a multiplication by a constant that rides on the last addition)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from archsim.frontend.inputs import Shape
from archsim.frontend.node import Node
from archsim.frontend.registry import lowering
from archsim.frontend.windows import sliding_windows
from archsim.graph import Sliding, Whole
from archsim.graph.tensors import Array

PoolRule = Callable[[Array, Sliding, Shape], Array]
"""Data, how the kernel slides, the spatial shape of the result, to the result."""


def _pool(
    node: Node,
    compute: PoolRule,
    *,
    per_element: int = 1,
    dtype: str | None = None,
    index: int = 0,
    part: str = "",
) -> None:
    """Output `index` takes `per_element` operations for each element of each window."""
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
        operations=per_element * math.prod(shape) * math.prod(kernel),
        access=access,
        unit="pool",
        dtype=dtype,
        index=index,
        part=part,
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


def _lowest(dtype: np.dtype[Any]) -> float:
    return -np.inf if dtype.kind == "f" else int(np.iinfo(dtype).min)


@lowering("MaxPool", limits="1 to 3 spatial axes; pads smaller than the kernel.")
def max_pool(node: Node) -> None:
    """The largest element of each window; padding is never the largest. Where it stood (`Indices`, counted through
    the whole tensor, by columns with `storage_order` 1) takes as many operations again."""

    def compute(array: Array, access: Sliding, space: Shape) -> Array:
        views = _kernel_views(_padded(array, access, _lowest(array.dtype)), access, space)
        result = next(views).copy()
        for view in views:
            np.maximum(result, view, out=result)
        return result

    _pool(node, compute)
    by_columns = bool(node.attributes.get("storage_order", 0))
    if len(node.outputs) > 1 and node.outputs[1]:
        _pool(node, lambda *given: _places(*given, by_columns=by_columns), dtype="int64", index=1, part="indices")


def _places(array: Array, access: Sliding, space: Shape, *, by_columns: bool) -> Array:
    """The number of each window's first largest element."""
    batch, channels, *sizes = array.shape
    numbers = np.arange(math.prod(sizes)).reshape(sizes, order="F" if by_columns else "C")
    padded = _padded(array, access, _lowest(array.dtype))
    # Padding is told from the elements by its number, for elements may be as low as the padding.
    places = np.broadcast_to(_padded(numbers[None, None], access, -1), (1, 1, *padded.shape[2:]))
    best = np.full((batch, channels, *space), _lowest(array.dtype), array.dtype)
    chosen = np.full(best.shape, -1)
    for view, number in zip(_kernel_views(padded, access, space), _kernel_views(places, access, space), strict=True):
        better = (number >= 0) & ((chosen < 0) | (view > best))
        best, chosen = np.where(better, view, best), np.where(better, number, chosen)
    first = np.arange(batch * channels).reshape(batch, channels, *(1 for _ in sizes)) * math.prod(sizes)
    return np.asarray(chosen + first)


@lowering("AveragePool", limits="1 to 3 spatial axes; pads smaller than the kernel.")
def average_pool(node: Node) -> None:
    """The mean of each window, over the elements inside the map, with `count_include_pad` over those inside the
    declared pads too; what a window of ceil_mode covers beyond them never counts."""
    _pool(node, window_means(node))


def window_means(node: Node) -> PoolRule:
    """What an average pool computes."""
    value = node.value(0)
    counted = node.attributes.get("count_include_pad", 0)

    def compute(array: Array, access: Sliding, space: Shape) -> Array:
        declared, _ = sliding_windows(node, value.shape[2:], access.kernel)
        inside = _padded(np.ones((1, 1, *array.shape[2:]), array.dtype), declared, counted)
        beyond = [after - before for after, before in zip(access.pads_end, declared.pads_end, strict=True)]
        inside = np.pad(inside, [(0, 0), (0, 0), *((0, size) for size in beyond)])
        total = sum(_kernel_views(_padded(array, access, 0), access, space))
        return np.asarray(total / sum(_kernel_views(inside, access, space)))

    return compute


@lowering("LpPool", limits="1 to 3 spatial axes; pads smaller than the kernel.")
def lp_pool(node: Node) -> None:
    """The p-norm of each window: 2 operations a kernel element (the power and the sum; the root of a window is that
    of the element that needs no sum)."""
    power = node.attributes["p"]
    node.require(power >= 1, f"p {power}", "1 or more")

    def compute(array: Array, access: Sliding, space: Shape) -> Array:
        powers = _padded(np.abs(array) ** power, access, 0)
        return np.asarray(sum(_kernel_views(powers, access, space)) ** (1 / power))

    _pool(node, compute, per_element=2)


@lowering("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool")
def global_pool(node: Node) -> None:
    """The mean, the largest or the p-norm of all positions of a channel: one operation per input element, for the
    norm two."""
    data = node.value(0)
    node.require(len(data.shape) >= 3, f"data of shape {data.shape}", "(N, C, spatial axes)")
    axes = tuple(range(2, len(data.shape)))
    norm = node.op == "GlobalLpPool"
    power = node.attributes["p"] if norm else 1
    node.require(power >= 1, f"p {power}", "1 or more")

    def compute(array: Array) -> Array:
        if norm:
            return np.asarray((np.abs(array) ** power).sum(axis=axes, keepdims=True) ** (1 / power))
        reduce = np.mean if node.op == "GlobalAveragePool" else np.max
        return np.asarray(reduce(array, axis=axes, keepdims=True))

    node.vector(
        [data],
        (*data.shape[:2], *(1 for _ in axes)),
        compute,
        operations=(2 if norm else 1) * math.prod(data.shape),
        access=Whole(),
        unit="pool",
    )


@lowering("MaxUnpool", limits="Constant output_shape.")
def max_unpool(node: Node) -> None:
    """Each element at the place that `Indices` of a MaxPool names, zeros elsewhere: one operation an element moved,
    for its address."""
    data, places = node.value(0), node.value(1)
    kernel = tuple(node.attributes["kernel_shape"])
    rank = len(data.shape) - 2
    node.require(rank >= 1 and len(kernel) == rank, f"kernel_shape {kernel}", f"{rank} sizes of 1 or more")
    node.require(places.shape == data.shape, f"indices of shape {places.shape}", f"{data.shape}")
    strides = tuple(node.attributes.get("strides") or (1,) * rank)
    pads = tuple(node.attributes.get("pads") or (0,) * (2 * rank))
    fits = len(strides) == rank and len(pads) == 2 * rank
    node.require(fits, f"strides {strides}, pads {pads}", f"{rank} and {2 * rank} numbers")
    small = tuple(
        (size - 1) * strides[axis] + kernel[axis] - pads[axis] - pads[axis + rank]
        for axis, size in enumerate(data.shape[2:])
    )
    shape = (*data.shape[:2], *small) if node.optional(2) is None else node.integers(2, "output_shape")
    node.require(len(shape) == rank + 2 and min(shape) > 0, f"output_shape {shape}", f"{rank + 2} sizes of 1 or more")
    # Indices count through the smaller map; where the map is larger, each stands at its own row and column.
    counted = (*shape[:2], *small)

    def compute(array: Array, numbers: Array) -> Array:
        result = np.zeros(shape, array.dtype)
        if numbers.min() < 0 or numbers.max() >= math.prod(counted):
            raise node.error(f"indices {numbers.min()} to {numbers.max()}", f"0 to {math.prod(counted) - 1}")
        result[np.unravel_index(numbers.reshape(-1), counted)] = array.reshape(-1)
        return result

    node.vector([data, places], shape, compute, operations=math.prod(data.shape), access=Whole())
