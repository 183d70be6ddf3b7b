"""Resizing: by the nearest neighbour a layout layer, since every element of the result is one of the operand's;
otherwise a weighted sum of neighbours (ONNX, operator Resize)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from archsim.frontend.inputs import MAX_ELEMENTS, Shape
from archsim.frontend.node import Node
from archsim.frontend.registry import lowering
from archsim.frontend.sampling import AxisTaps, interpolate
from archsim.graph.tensors import Array


@dataclass(frozen=True, slots=True)
class _Axis:
    """One axis: its size and that of the result, the result's size over it as given, and the part of the operand
    that is resized (`tf_crop_and_resize`), 0 to 1."""

    axis: int
    size: int
    count: int
    scale: float
    start: float
    end: float

    @property
    def scaled(self) -> float:
        """The size of the result before it is cut to a whole number."""
        return self.scale * self.size

    @property
    def unchanged(self) -> bool:
        """Whether nothing happens along the axis."""
        same = math.isclose(self.scale, 1) and self.count == self.size
        return same and math.isclose(self.start, 0, abs_tol=1e-9) and math.isclose(self.end, 1)


def _aligned(place: Array, axis: _Axis) -> Array:
    return place * (axis.size - 1) / (axis.scaled - 1) if axis.scaled != 1 else place * 0


def _cropped(place: Array, axis: _Axis) -> Array:
    part = (axis.end - axis.start) * (axis.size - 1)
    inner = place * part / (axis.scaled - 1) if axis.scaled != 1 else place * 0 + part / 2
    return inner + axis.start * (axis.size - 1)


def _half_pixel(place: Array, axis: _Axis) -> Array:
    return (place + 0.5) / axis.scale - 0.5


_COORDINATES: dict[str, Callable[[Array, _Axis], Array]] = {
    "half_pixel": _half_pixel,
    "half_pixel_symmetric": lambda place, axis: (
        axis.size / 2 * (1 - axis.count / axis.scaled) + _half_pixel(place, axis)
    ),
    "pytorch_half_pixel": lambda place, axis: _half_pixel(place, axis) if axis.scaled != 1 else place * 0 - 0.5,
    "align_corners": _aligned,
    "asymmetric": lambda place, axis: place / axis.scale,
    "tf_crop_and_resize": _cropped,
}
"""Where a place of the result stands in the operand, by coordinate_transformation_mode."""

_ROUNDING: dict[str, Callable[[Array], Array]] = {
    "round_prefer_floor": lambda place: np.ceil(place - 0.5),
    "round_prefer_ceil": lambda place: np.floor(place + 0.5),
    "floor": np.floor,
    "ceil": np.ceil,
}


def _triangle(distance: Array, _sharpness: float) -> Array:
    return np.asarray(np.clip(1 - np.abs(distance), 0, 1))


def _cubic(distance: Array, sharpness: float) -> Array:
    """Keys' kernel (IEEE Transactions on Acoustics 29, 1981); `sharpness` is his a."""
    x = np.abs(distance)
    inner = (sharpness + 2) * x**3 - (sharpness + 3) * x**2 + 1
    outer = sharpness * (x**3 - 5 * x**2 + 8 * x - 4)
    return np.asarray(np.where(x <= 1, inner, np.where(x < 2, outer, 0)))


_KERNELS: dict[str, tuple[Callable[[Array, float], Array], int]] = {"linear": (_triangle, 1), "cubic": (_cubic, 2)}
"""The weight of an element at a distance, and how far it reaches, by mode."""

_MODES = ("nearest", *_KERNELS)
_POLICIES = ("stretch", "not_larger", "not_smaller")


@lowering(
    "Resize",
    "Upsample",
    becomes=("digital", "layout"),
    limits="Constant scales, sizes and roi; scales of 1 or more before opset 11. With align_corners and a scale that "
    "gives a fraction of an element, places follow from the length with its fraction, as ONNX says; onnxruntime takes "
    "the rounded one.",
)
def resize(node: Node) -> None:
    """Modes nearest, linear and cubic, by scales or sizes, along all axes or those of attribute `axes`. An element
    costs nothing by the nearest neighbour, else 2 n - 1 operations, n being the neighbours it is made of (2 or 4
    along each axis that changes, more with `antialias`)."""
    mode = "linear" if node.attributes["mode"] == "bilinear" else node.attributes["mode"]
    node.require(mode in _MODES, f"mode {mode}", ", ".join(_MODES))
    # Before opset 11 there was one way alone; which element a smaller map takes was left open.
    coordinates = node.attributes.get("coordinate_transformation_mode", "asymmetric")
    node.require(coordinates in _COORDINATES, f"coordinate mode {coordinates}", ", ".join(_COORDINATES))
    axes = _axes(node, cropped=coordinates == "tf_crop_and_resize")
    node.require(
        node.version >= 11 or min((axis.scale for axis in axes), default=1) >= 1,
        f"scales {[axis.scale for axis in axes]}",
        "1 or more before opset 11",
    )
    places = {axis: _COORDINATES[coordinates](np.arange(axis.count, dtype=np.float64), axis) for axis in axes}
    changed = {axis: place for axis, place in places.items() if not axis.unchanged}
    outside = _outside(node, changed, len(axes)) if coordinates == "tf_crop_and_resize" else None
    shape = tuple(axis.count for axis in axes)
    rounding = _rounding(node)
    if mode == "nearest":
        _nearest(node, places, shape, rounding, outside)
        return
    taps = [_taps(node, axis, place, mode) for axis, place in changed.items()]
    if taps:
        interpolate(node, taps, shape, outside)
    else:
        node.alias()


def _rounding(node: Node) -> Callable[[Array], Array]:
    name = node.attributes.get("nearest_mode", "floor")
    node.require(name in _ROUNDING, f"nearest_mode {name}", ", ".join(_ROUNDING))
    return _ROUNDING[name]


def _nearest(
    node: Node,
    places: dict[_Axis, Array],
    shape: Shape,
    rounding: Callable[[Array], Array],
    outside: tuple[Array, float] | None,
) -> None:
    node.require(not node.attributes.get("antialias", 0), "antialias with mode nearest", "mode linear or cubic")
    indices = np.ix_(*(rounding(place).clip(0, axis.size - 1).astype(np.int64) for axis, place in places.items()))

    def compute(array: Array) -> tuple[Array, ...]:
        result = array[indices]
        return (result if outside is None else np.where(outside[0], array.dtype.type(outside[1]), result),)

    node.layout([node.value(0)], [shape], compute)


def _taps(node: Node, axis: _Axis, place: Array, mode: str) -> AxisTaps:
    """The neighbours on both sides of each place and their weights; those beyond the map are its edge, or, with
    `exclude_outside`, left out. A map that shrinks with `antialias` widens the kernel by as much."""
    kernel, reach = _KERNELS[mode]
    wider = max(1, 1 / axis.scale) if node.attributes.get("antialias", 0) else 1.0
    reach = math.ceil(reach * wider)
    fits = 2 * reach * axis.count <= _MAX_TAPS
    node.require(fits, f"{2 * reach} neighbours of {axis.count} places", f"at most {_MAX_TAPS} together")
    # A place that is an element's own counts as right of the one before, as in ONNX's reference.
    first = np.ceil(place).astype(np.int64) - reach
    elements = first[:, None] + np.arange(2 * reach)
    weights = kernel((elements - place[:, None]) / wider, node.attributes.get("cubic_coeff_a", 0.0))
    if node.attributes.get("exclude_outside", 0):
        weights = np.where((elements < 0) | (elements >= axis.size), 0, weights)
    total = weights.sum(axis=1, keepdims=True)
    return AxisTaps(axis.axis, elements.clip(0, axis.size - 1), weights / np.where(total == 0, 1, total))


_MAX_TAPS = 1 << 24
"""Neighbours along one axis, of all places together."""


def _outside(node: Node, places: dict[_Axis, Array], rank: int) -> tuple[Array, float] | None:
    """Places that lie beyond the operand hold `extrapolation_value`."""
    mask: Array = np.zeros((1,) * rank, bool)
    for axis, place in places.items():
        beyond = (place < 0) | (place > axis.size - 1)
        mask = mask | beyond.reshape(-1, *(1,) * (rank - 1 - axis.axis))
    return (mask, node.attributes["extrapolation_value"]) if mask.any() else None


def _axes(node: Node, *, cropped: bool) -> list[_Axis]:
    """Every axis of the operand with what becomes of it."""
    shape = node.value(0).shape
    given = node.attributes.get("axes")
    axes = list(range(len(shape))) if given is None else [node.axis(axis, len(shape)) for axis in given]
    node.axes(axes, len(shape))
    by_sizes = node.optional(3) is not None
    wanted = _numbers(node, by_sizes)
    fits = len(wanted) == len(axes) and all(0 < each < math.inf for each in wanted)
    node.require(fits, f"{'sizes' if by_sizes else 'scales'} {wanted}", f"{len(axes)} positive numbers")
    parts = _parts(node, axes, cropped)
    result = {}
    for axis, (count, scale) in zip(axes, _counts(node, axes, wanted, by_sizes), strict=True):
        result[axis] = _Axis(axis, shape[axis], count, scale, *parts[axis])
    same = [result.get(axis) or _Axis(axis, size, size, 1.0, 0.0, 1.0) for axis, size in enumerate(shape)]
    counts = tuple(axis.count for axis in same)
    node.require(0 < math.prod(counts) <= MAX_ELEMENTS, f"a result of shape {counts}", f"1 to {MAX_ELEMENTS} elements")
    node.require(max(counts, default=1) <= _MAX_TAPS, f"a result of shape {counts}", f"sizes of at most {_MAX_TAPS}")
    return same


def _counts(node: Node, axes: list[int], wanted: list[float], by_sizes: bool) -> list[tuple[int, float]]:
    """The size of the result and the scale along each of `axes`."""
    sizes = [node.value(0).shape[axis] for axis in axes]
    policy = node.attributes.get("keep_aspect_ratio_policy", "stretch")
    node.require(policy in _POLICIES, f"keep_aspect_ratio_policy {policy}", ", ".join(_POLICIES))
    if not by_sizes:
        return [(math.floor(size * scale), scale) for size, scale in zip(sizes, wanted, strict=True)]
    node.require(min(sizes, default=1) > 0, f"data of sizes {tuple(sizes)}", "sizes of 1 or more")
    scales = [count / size for size, count in zip(sizes, wanted, strict=True)]
    if policy == "stretch":
        return [(int(count), scale) for count, scale in zip(wanted, scales, strict=True)]
    scale = min(scales) if policy == "not_larger" else max(scales)
    return [(math.floor(scale * size + 0.5), scale) for size in sizes]


def _parts(node: Node, axes: list[int], cropped: bool) -> dict[int, tuple[float, float]]:
    """Where the resized part of each axis starts and ends: input `roi`, starts before ends."""
    if not cropped:
        return dict.fromkeys(axes, (0.0, 1.0))
    roi = [float(number) for number in node.numbers(1, "roi")]
    fits = len(roi) == 2 * len(axes) and all(math.isfinite(number) for number in roi)
    node.require(fits, f"roi {roi}", f"{2 * len(axes)} numbers")
    return {axis: (roi[place], roi[place + len(axes)]) for place, axis in enumerate(axes)}


def _numbers(node: Node, by_sizes: bool) -> list[float]:
    if by_sizes:
        return list(node.integers(3, "sizes"))
    if "scales" in node.attributes:
        return list(node.attributes["scales"])
    index = 1 if len(node.inputs) == 2 else 2
    return [float(number) for number in node.numbers(index, "scales")]
