"""Ops that only move or repeat elements: layout layers, which take no operation of any unit."""

from __future__ import annotations

import math

import numpy as np

from archsim.frontend.inputs import Shape
from archsim.frontend.node import Node
from archsim.frontend.registry import lowering
from archsim.graph import Constant
from archsim.graph.tensors import Array


def reshaped(node: Node, shape: Shape) -> None:
    """The first output is the first input in another shape of as many elements."""
    value = node.value(0)
    node.require(
        math.prod(shape) == math.prod(value.shape), f"shape {shape}", f"one of {math.prod(value.shape)} elements"
    )
    node.layout([value], [shape], lambda array: (array.reshape(shape),))


@lowering("Reshape", becomes=("layout",), limits="Constant shape.")
def reshape(node: Node) -> None:
    """0 keeps the size of that axis (unless `allowzero`), -1 stands for what is left."""
    value, wanted = node.value(0), list(node.integers(1, "shape"))
    if not node.attributes.get("allowzero", 0):
        node.require(
            0 not in wanted[len(value.shape) :],
            f"shape {tuple(wanted)}",
            f"0 only in the first {len(value.shape)} axes",
        )
        wanted = [value.shape[axis] if size == 0 else size for axis, size in enumerate(wanted)]
    free = [axis for axis, size in enumerate(wanted) if size == -1]
    node.require(
        len(free) <= 1 and min(wanted, default=0) >= -1, f"shape {tuple(wanted)}", "sizes, and -1 at most once"
    )
    if free:
        others = -math.prod(wanted)
        node.require(others != 0, f"shape {tuple(wanted)}", "no size 0 beside -1")
        wanted[free[0]] = math.prod(value.shape) // others
    reshaped(node, tuple(wanted))


@lowering("Flatten", becomes=("layout",))
def flatten(node: Node) -> None:
    """A matrix: the axes before `axis` together, and the others together."""
    shape = node.value(0).shape
    axis = node.axis(node.attributes["axis"], len(shape), end=True)
    reshaped(node, (math.prod(shape[:axis]), math.prod(shape[axis:])))


@lowering("Squeeze", becomes=("layout",), limits="Constant axes.")
def squeeze(node: Node) -> None:
    """Drops axes of size 1: those given (an attribute before opset 13), or all."""
    shape, given = node.value(0).shape, node.setting(1, "axes")
    axes = [axis for axis, size in enumerate(shape) if size == 1] if given is None else node.axes(given, len(shape))
    node.require(all(shape[axis] == 1 for axis in axes), f"axes {tuple(axes)} of shape {shape}", "axes of size 1")
    reshaped(node, tuple(size for axis, size in enumerate(shape) if axis not in axes))


@lowering("Unsqueeze", becomes=("layout",), limits="Constant axes.")
def unsqueeze(node: Node) -> None:
    """Inserts axes of size 1 (given by an attribute before opset 13)."""
    shape, given = node.value(0).shape, node.setting(1, "axes")
    node.require(given is not None, "no axes", "axes")
    axes = node.axes(given or (), len(shape) + len(given or ()))
    sizes = iter(shape)
    reshaped(node, tuple(1 if axis in axes else next(sizes) for axis in range(len(shape) + len(axes))))


@lowering("Transpose", becomes=("layout",))
def transpose(node: Node) -> None:
    """Axes in another order, by default reversed."""
    value = node.value(0)
    order = tuple(node.attributes.get("perm", reversed(range(len(value.shape)))))
    node.require(
        sorted(order) == list(range(len(value.shape))), f"perm {order}", f"each of {len(value.shape)} axes once"
    )
    node.layout([value], [tuple(value.shape[axis] for axis in order)], lambda array: (array.transpose(order),))


@lowering("Concat", becomes=("layout",))
def concat(node: Node) -> None:
    """Operands one behind the other along `axis`."""
    values = [node.value(index) for index in range(len(node.inputs))]
    first = values[0]
    axis = node.axis(node.attributes["axis"], len(first.shape))
    for value in values:
        node.require(value.dtype == first.dtype, f"types {first.dtype} and {value.dtype}", "one element type")
        fits = _without(value.shape, axis) == _without(first.shape, axis) and len(value.shape) == len(first.shape)
        node.require(fits, f"shapes {first.shape} and {value.shape}", f"equal sizes but in axis {axis}")
    shape = list(first.shape)
    shape[axis] = sum(value.shape[axis] for value in values)
    node.layout(values, [tuple(shape)], lambda *arrays: (np.concatenate(arrays, axis=axis),))


def _without(shape: Shape, axis: int) -> Shape:
    return shape[:axis] + shape[axis + 1 :]


_PAD_MODES = ("constant", "reflect", "edge", "wrap")


@lowering("Pad", becomes=("layout",), limits="Constant pads, value and axes; something is left of each axis.")
def pad(node: Node) -> None:
    """Elements before and after each axis (attributes before opset 11): a constant, the reflected map, its edge,
    or the map again (`wrap`). Negative numbers cut off."""
    value, mode = node.value(0), node.attributes["mode"]
    rank = len(value.shape)
    node.require(mode in _PAD_MODES, f"mode {mode}", ", ".join(_PAD_MODES))
    axes = _pad_axes(node, rank)
    given = node.setting(1, "pads") or ()
    node.require(len(given) == 2 * len(axes), f"pads {given}", f"{2 * len(axes)} numbers")
    number = node.attributes.get("value", node.scalar(2, "constant_value")) or 0
    pads = [(0, 0)] * rank
    for place, axis in enumerate(axes):
        pads[axis] = (given[place], given[place + len(axes)])
    shape = tuple(size + before + after for size, (before, after) in zip(value.shape, pads, strict=True))
    node.require(min(shape, default=1) > 0, f"pads {given} of shape {value.shape}", "at least one element left")
    cut = tuple(
        slice(max(0, -before), size - max(0, -after)) for size, (before, after) in zip(value.shape, pads, strict=True)
    )
    grow = [(max(0, before), max(0, after)) for before, after in pads]

    def compute(array: Array) -> tuple[Array, ...]:
        if mode == "constant":
            # Arrays of other types than the tensor's hold no such number where its elements are traced.
            with np.errstate(invalid="ignore"):
                return (np.pad(array[cut], grow, constant_values=np.asarray(number).astype(array.dtype)),)
        return (np.pad(array[cut], grow, mode=mode),)

    node.layout([value], [shape], compute)


def _pad_axes(node: Node, rank: int) -> Shape:
    if node.optional(3) is None:
        return tuple(range(rank))
    given = node.integers(3, "axes")
    node.axes(given, rank)
    return tuple(node.axis(axis, rank) for axis in given)


@lowering("Identity", becomes=("layout",))
def identity(node: Node) -> None:
    """The operand itself."""
    node.alias()


@lowering("Dropout", becomes=("layout",), limits="Inference.")
def dropout(node: Node) -> None:
    """In inference, and where nothing is dropped, the operand itself; the mask keeps all."""
    training, ratio = node.scalar(2, "training_mode"), node.scalar(1, "ratio")
    node.require(not training or ratio == 0, "training_mode true", "inference (training_mode false)")
    if len(node.outputs) > 1 and node.outputs[1]:
        value, dtype = node.value(0), "bool" if node.version >= 10 else node.value(0).dtype
        node.builder.values[node.outputs[1]] = Constant(
            node.outputs[1], value.shape, dtype, lambda: np.ones(value.shape, dtype)
        )
    node.alias()


@lowering("Trilu", becomes=("layout",), limits="Constant k.")
def trilu(node: Node) -> None:
    """Matrices with zeros below, or above, the diagonal number `k` (positive ones above the main diagonal)."""
    value = node.value(0)
    node.require(len(value.shape) >= 2, f"data of shape {value.shape}", "(..., rows, columns)")
    rows, columns = value.shape[-2:]
    diagonal = min(max(int(node.scalar(1, "k") or 0), -rows - 1), columns + 1)
    take = np.triu if node.attributes["upper"] else np.tril
    node.layout([value], [value.shape], lambda array: (take(array, diagonal),))
