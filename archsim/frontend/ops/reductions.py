"""Reductions over axes: one operation per element reduced, two where each is squared, or the like, before; one per
result for what is done to a sum at the end."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from archsim.frontend.inputs import Shape
from archsim.frontend.node import Node
from archsim.frontend.registry import lowering
from archsim.graph import Pointwise, Reduced, Whole
from archsim.graph.tensors import Array


def _largest(array: Array, *, axis: Shape, keepdims: bool) -> Array:
    return np.asarray(np.max(array, axis=axis, keepdims=keepdims, **_of_nothing(array, -1)))


def _smallest(array: Array, *, axis: Shape, keepdims: bool) -> Array:
    return np.asarray(np.min(array, axis=axis, keepdims=keepdims, **_of_nothing(array, 1)))


def _of_nothing(array: Array, sign: int) -> dict[str, Any]:
    """For an array without elements the smallest (sign -1) or largest number of its type as the start."""
    if array.size:
        return {}
    if array.dtype.kind == "b":
        return {"initial": sign > 0}
    if array.dtype.kind in "iu":
        limits = np.iinfo(array.dtype)
        return {"initial": limits.max if sign > 0 else limits.min}
    return {"initial": sign * np.inf}


def _log_sum_exp(array: Array, *, axis: Shape, keepdims: bool) -> Array:
    largest = _largest(array, axis=axis, keepdims=True)
    largest = np.where(np.isfinite(largest), largest, 0)
    sums = np.exp(array - largest).sum(axis=axis, keepdims=True)
    result = np.log(sums) + largest
    return np.asarray(result if keepdims else np.squeeze(result, axis=axis))


@dataclass(frozen=True, slots=True)
class _Reduction:
    """`compute(array, axis=, keepdims=)`, and what it takes per element and per result."""

    compute: Callable[..., Array]
    per_element: int = 1
    per_result: int = 0


_REDUCTIONS: dict[str, _Reduction] = {
    "ReduceL1": _Reduction(lambda array, **over: np.sum(np.abs(array), **over), 2),
    "ReduceL2": _Reduction(lambda array, **over: np.sqrt(np.sum(np.square(array), **over)), 2, 1),
    "ReduceLogSum": _Reduction(lambda array, **over: np.log(np.sum(array, **over)), 1, 1),
    "ReduceLogSumExp": _Reduction(_log_sum_exp, 2, 1),
    "ReduceMax": _Reduction(_largest),
    "ReduceMean": _Reduction(np.mean),
    "ReduceMin": _Reduction(_smallest),
    "ReduceProd": _Reduction(np.prod),
    "ReduceSum": _Reduction(np.sum),
    "ReduceSumSquare": _Reduction(lambda array, **over: np.sum(np.square(array), **over), 2),
}

_POOLS = frozenset({"ReduceMean", "ReduceMax"})


_SIMPLE = tuple(op for op, each in _REDUCTIONS.items() if each.per_element + each.per_result == 1)
"""Reductions that, over no axes, leave each element what it is."""


@lowering(*(op for op in _REDUCTIONS if op not in _SIMPLE), limits="Constant axes.")
@lowering(*_SIMPLE, becomes=("digital", "layout"), limits="Constant axes.")
def reduction(node: Node) -> None:
    """Over `axes` (an attribute before opset 13 or 18), by default all; with `noop_with_empty_axes` over none.
    ReduceMean and ReduceMax over all positions of each channel's map (N, C, and two spatial axes or more, which stay)
    are GlobalAveragePool and GlobalMaxPool, which exporters write for the same: the pool unit does them."""
    value, given = node.value(0), node.setting(1, "axes")
    rank, keep = len(value.shape), bool(node.attributes["keepdims"])
    reduce = _REDUCTIONS[node.op]
    nothing = node.attributes.get("noop_with_empty_axes", 0) and not given
    if nothing and node.op in _SIMPLE:
        node.alias()
        return
    axes = () if nothing else node.axes(given, rank) if given else tuple(range(rank))
    shape = _reduced(value.shape, axes, keep)
    pools = node.op in _POOLS and keep and rank > 3 and sorted(axes) == list(range(2, rank))
    access = Whole() if pools else Reduced(axes, keep) if axes else Pointwise()
    node.vector(
        [value],
        shape,
        lambda array: reduce.compute(array, axis=axes, keepdims=keep),
        operations=reduce.per_element * math.prod(value.shape) + reduce.per_result * math.prod(shape),
        access=access,
        unit="pool" if pools else "elementwise",
    )


@lowering("ArgMax", "ArgMin")
def arg(node: Node) -> None:
    """Where along `axis` the largest or smallest element is, the first of several or, with `select_last_index`, the
    last."""
    value = node.value(0)
    axis, keep = node.axis(node.attributes["axis"], len(value.shape)), bool(node.attributes["keepdims"])
    last, find = node.attributes.get("select_last_index", 0), np.argmax if node.op == "ArgMax" else np.argmin

    def compute(array: Array) -> Array:
        places = np.asarray(find(np.flip(array, axis) if last else array, axis=axis, keepdims=keep))
        return array.shape[axis] - 1 - places if last else places

    shape, operations = _reduced(value.shape, (axis,), keep), math.prod(value.shape)
    node.vector([value], shape, compute, operations=operations, access=Whole(), dtype="int64")


def _reduced(shape: Shape, axes: Shape, keep: bool) -> Shape:
    return tuple(1 if axis in axes else size for axis, size in enumerate(shape) if keep or axis not in axes)


@lowering("CumSum", "CumProd", limits="Constant axis.")
def running(node: Node) -> None:
    """Each element with all before it along an axis, with `reverse` after it, itself left out with `exclusive`."""
    value = node.value(0)
    chosen = node.integers(1, "axis")
    node.require(len(chosen) == 1, f"axis {chosen}", "one axis")
    axis = node.axis(chosen[0], len(value.shape))
    exclusive, reverse = node.attributes["exclusive"], node.attributes["reverse"]
    combine, neutral = (np.add, 0) if node.op == "CumSum" else (np.multiply, 1)

    def compute(array: Array) -> Array:
        array = np.flip(array, axis) if reverse else array
        result = combine.accumulate(array, axis=axis)
        if exclusive:
            result = np.roll(result, 1, axis)
            result[(slice(None),) * axis + (0,)] = neutral
        return np.asarray(np.flip(result, axis) if reverse else result)

    node.elementwise(compute, mixes=(axis,))
