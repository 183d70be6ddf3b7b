"""Nearest-neighbour resizing: a layout layer, since every element of the result is one of the operand's."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from archsim.frontend.inputs import MAX_ELEMENTS, Shape
from archsim.frontend.node import Node
from archsim.frontend.registry import lowering
from archsim.graph.tensors import Array

_Coordinate = Callable[[Array, float, int, int], Array]

_COORDINATES: dict[str, _Coordinate] = {
    "half_pixel": lambda place, scale, _size, _count: (place + 0.5) / scale - 0.5,
    "half_pixel_symmetric": lambda place, scale, size, count: (
        size / 2 * (1 - count / (scale * size)) + (place + 0.5) / scale - 0.5
    ),
    "pytorch_half_pixel": lambda place, scale, _size, count: (place + 0.5) / scale - 0.5 if count > 1 else place * 0,
    "align_corners": lambda place, _scale, size, count: place * (size - 1) / max(count - 1, 1),
    "asymmetric": lambda place, scale, _size, _count: place / scale,
}
"""Where a place of the result stands in the operand, by coordinate_transformation_mode (ONNX, operator Resize)."""

_ROUNDING: dict[str, Callable[[Array], Array]] = {
    "round_prefer_floor": lambda place: np.ceil(place - 0.5),
    "round_prefer_ceil": lambda place: np.floor(place + 0.5),
    "floor": np.floor,
    "ceil": np.ceil,
}


@lowering("Resize", "Upsample")
def resize(node: Node) -> None:
    """Mode nearest, by scales or sizes, along all axes or those of attribute `axes`."""
    value, mode = node.value(0), node.attributes["mode"]
    node.require(mode == "nearest", f"mode {mode}", "nearest")
    # Before opset 11 there was one way alone; which element a smaller map takes was left open.
    coordinates = node.attributes.get("coordinate_transformation_mode", "asymmetric")
    rounding = node.attributes.get("nearest_mode", "floor")
    node.require(coordinates in _COORDINATES, f"coordinate mode {coordinates}", ", ".join(_COORDINATES))
    node.require(rounding in _ROUNDING, f"nearest_mode {rounding}", ", ".join(_ROUNDING))
    policy = node.attributes.get("keep_aspect_ratio_policy", "stretch")
    node.require(policy == "stretch", f"keep_aspect_ratio_policy {policy}", "stretch")
    scales, shape = _target(node, value.shape)
    node.require(node.version >= 11 or min(scales) >= 1, f"scales {scales}", "1 or more before opset 11")
    indices = [
        _ROUNDING[rounding](_COORDINATES[coordinates](np.arange(count), scale, size, count))
        .clip(0, size - 1)
        .astype(np.int64)
        for scale, size, count in zip(scales, value.shape, shape, strict=True)
    ]
    node.layout([value], [shape], lambda array: (array[np.ix_(*indices)],))


def _target(node: Node, shape: Shape) -> tuple[list[float], Shape]:
    """The scale along each axis, and the shape of the result."""
    given = node.attributes.get("axes")
    axes = range(len(shape)) if given is None else [node.axis(axis, len(shape)) for axis in given]
    by_sizes = node.optional(3) is not None
    wanted = _numbers(node, by_sizes)
    fits = len(wanted) == len(axes) and all(0 < each < math.inf for each in wanted)
    node.require(fits, f"{'sizes' if by_sizes else 'scales'} {wanted}", f"{len(axes)} positive numbers")
    scales, result = [1.0] * len(shape), list(shape)
    for axis, number in zip(axes, wanted, strict=True):
        result[axis] = int(number) if by_sizes else math.floor(shape[axis] * number)
        scales[axis] = number / shape[axis] if by_sizes else number
    shown = f"a result of shape {tuple(result)}"
    node.require(0 < math.prod(result) <= MAX_ELEMENTS, shown, f"1 to {MAX_ELEMENTS} elements")
    return scales, tuple(result)


def _numbers(node: Node, by_sizes: bool) -> list[float]:
    if by_sizes:
        return list(node.integers(3, "sizes"))
    if "scales" in node.attributes:
        return list(node.attributes["scales"])
    index = 1 if len(node.inputs) == 2 else 2
    return [float(number) for number in node.numbers(index, "scales")]
