"""Transposed convolutions: each input position is a window of a matrix layer, whose sums are then added where they
overlap."""

from __future__ import annotations

import math

import numpy as np

from archsim.frontend.inputs import MAX_ELEMENTS, Shape
from archsim.frontend.matrix import add_matrix
from archsim.frontend.node import Node
from archsim.frontend.overlap import NONE, Places, add_overlaps, checked_places
from archsim.frontend.registry import lowering
from archsim.frontend.windows import MAX_SPATIAL_AXES
from archsim.graph import Constant, Sliding, Tensor
from archsim.graph.tensors import Array


@lowering(
    "ConvTranspose",
    becomes=("crossbars", "digital", "layout"),
    limits="1 to 3 spatial axes; constant weights and bias, no constant data.",
)
def conv_transpose(node: Node) -> None:
    """Data (N, C, space), weights (C, M / groups, kernel): each input position is one window of rows = C / groups
    values per group that gives M x kernel products. Those that meet at a place are added there: an addition for each
    operand but the first, of as many as meet where most do, the bias among them."""
    data, stored = node.value(0), node.constant(1, "weights")
    if not isinstance(data, Tensor):
        raise node.error("constant data", "data computed at run time")
    groups, rank = node.attributes["group"], len(data.shape)
    node.require(3 <= rank <= MAX_SPATIAL_AXES + 2, f"data of shape {data.shape}", "(N, C, 1 to 3 spatial axes)")
    node.require(len(stored.shape) == rank, f"weights of shape {stored.shape}", f"{rank} axes like the data")
    node.require(stored.elements > 0, f"weights of shape {stored.shape}", "no size 0")
    channels, kernel = data.shape[1], stored.shape[2:]
    fits = groups > 0 and channels % groups == 0 and stored.shape[0] == channels
    node.require(fits, f"weights of shape {stored.shape} in {groups} groups", f"{channels} channels of data, in groups")
    declared = tuple(node.attributes.get("kernel_shape", kernel))
    node.require(declared == kernel, f"kernel_shape {declared}", f"that of the weights, {kernel}")
    places = _places(node, data.shape[2:], kernel)
    sources = places.sources()
    outputs, rows, products = stored.shape[1] * groups, channels // groups, math.prod(stored.shape[1:])
    bias = _bias(node, outputs)
    once = len(sources) == 1 and bool((sources[0] != NONE).all())

    def matrix(weights: Array) -> Array:
        return weights.reshape(groups, rows, products)

    weights = node.weights(stored, rows).map(matrix, (groups, rows, products))
    spread = None
    if once and bias is not None:
        size = math.prod(kernel)
        spread, bias = bias.map(lambda array: np.repeat(array, size), (outputs * size,)), None
    ones, none = (1,) * (rank - 2), (0,) * (rank - 2)
    result = Tensor(f"{node.outputs[0]} products", (data.shape[0], products * groups, *data.shape[2:]), data.dtype)
    add_matrix(
        node,
        data,
        weights,
        spread,
        form=f"transposed, {groups} groups",
        shape=result.shape,
        access=Sliding(ones, ones, ones, none, none),
        channel_axis=1,
        result=result.name,
    )
    shape = (data.shape[0], outputs, *places.result)
    add_overlaps(node, result, sources, shape, bias=bias, part="sums")


def _bias(node: Node, outputs: int) -> Constant | None:
    if node.optional(2) is None:
        return None
    bias = node.neutral(node.constant(2, "bias"), 0.0)
    node.require(bias.shape == (outputs,), f"bias of shape {bias.shape}", f"({outputs},)")
    return bias


def _places(node: Node, data: Shape, kernel: Shape) -> Places:
    """ONNX, operator ConvTranspose: the result's size and pads follow from each other."""
    rank = len(data)
    strides, dilations = (_numbers(node, name, (1,) * rank, 1) for name in ("strides", "dilations"))
    extra = _numbers(node, "output_padding", (0,) * rank, 0)
    full = tuple(
        (size - 1) * stride + (element - 1) * dilation + 1 + more
        for size, stride, element, dilation, more in zip(data, strides, kernel, dilations, extra, strict=True)
    )
    mode, wanted = node.attributes["auto_pad"], node.attributes.get("output_shape")
    node.require(mode in _PADDINGS, f"auto_pad {mode}", ", ".join(_PADDINGS))
    if wanted is None and mode in ("NOTSET", "VALID"):
        pads = _numbers(node, "pads", (0,) * (2 * rank), 0) if mode == "NOTSET" else (0,) * (2 * rank)
        begin = pads[:rank]
        result = tuple(size - pads[axis] - pads[axis + rank] for axis, size in enumerate(full))
    else:
        same = tuple(size * stride for size, stride in zip(data, strides, strict=True))
        result = same if wanted is None else tuple(wanted)[-rank:]
        node.require(len(result) == rank, f"output_shape {result}", f"{rank} sizes")
        # A result larger than all products reach is padded by nothing: what is missing is zero.
        totals = [max(0, size - wish) for size, wish in zip(full, result, strict=True)]
        begin = tuple(total // 2 if mode == "SAME_UPPER" else total - total // 2 for total in totals)
    fits = min(result) > 0 and math.prod(result) <= MAX_ELEMENTS
    node.require(fits, f"a result of spatial shape {result}", f"1 to {MAX_ELEMENTS} elements")
    return checked_places(node, Places(data, kernel, strides, dilations, begin, result))


_PADDINGS = ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER")


def _numbers(node: Node, name: str, default: Shape, least: int) -> Shape:
    values = tuple(node.attributes.get(name) or default)
    fits = len(values) == len(default) and min(values) >= least
    node.require(fits, f"{name} {values}", f"{len(default)} numbers of {least} or more")
    return values
