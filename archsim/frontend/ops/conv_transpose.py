"""Transposed convolutions: each input position is a window of a matrix layer, whose sums are then added where they
overlap."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np

from archsim.frontend.builder import Value
from archsim.frontend.inputs import MAX_ELEMENTS, Shape
from archsim.frontend.matrix import add_matrix
from archsim.frontend.node import Node
from archsim.frontend.registry import lowering
from archsim.frontend.windows import MAX_SPATIAL_AXES
from archsim.graph import Constant, LayoutLayer, Pointwise, Sliding, Tensor
from archsim.graph.tensors import Array

_NONE = -1
"""Stands for no product: a place of the result that fewer products reach than others."""


@dataclass(frozen=True, slots=True)
class _Places:
    """Where products stand: spatial sizes of the data, the kernel and the result, and what is between them."""

    data: Shape
    kernel: Shape
    strides: Shape
    dilations: Shape
    begin: Shape
    result: Shape

    def sources(self) -> list[Array]:
        """Tables of the shape of the result: which product (kernel element, input position, counted through) is the
        first, second, ... that is added there; `_NONE` where there are no more."""
        axes = [self._along(axis) for axis in range(len(self.data))]
        tables = []
        for chosen in itertools.product(*axes):
            kernel, data = np.zeros((), np.int64), np.zeros((), np.int64)
            there: Array = np.ones((), bool)
            for axis, (element, position) in enumerate(chosen):
                kernel = np.add.outer(kernel * self.kernel[axis], element)
                data = np.add.outer(data * self.data[axis], position)
                there = np.logical_and.outer(there, element >= 0)
            tables.append(np.where(there, kernel * math.prod(self.data) + data, _NONE))
        return [table for table in tables if (table != _NONE).any()] or tables[:1]

    def _along(self, axis: int) -> list[tuple[Array, Array]]:
        """Kernel elements and input positions that meet at each output place, first, second, ...; -1 for none."""
        meetings: list[list[tuple[int, int]]] = [[] for _ in range(self.result[axis])]
        for position, element in itertools.product(range(self.data[axis]), range(self.kernel[axis])):
            place = position * self.strides[axis] + element * self.dilations[axis] - self.begin[axis]
            if 0 <= place < self.result[axis]:
                meetings[place].append((element, position))
        most = max(1, *(len(each) for each in meetings))
        table = np.array([each + [(-1, 0)] * (most - len(each)) for each in meetings])
        return [(table[:, index, 0], table[:, index, 1]) for index in range(most)]


@lowering("ConvTranspose")
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
    once = len(sources) == 1 and bool((sources[0] != _NONE).all())

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
    _overlap(node, result, sources, (data.shape[0], outputs, *places.result), bias)


def _bias(node: Node, outputs: int) -> Constant | None:
    if node.optional(2) is None:
        return None
    bias = node.neutral(node.constant(2, "bias"), 0.0)
    node.require(bias.shape == (outputs,), f"bias of shape {bias.shape}", f"({outputs},)")
    return bias


def _places(node: Node, data: Shape, kernel: Shape) -> _Places:
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
    _require_small(node, data, kernel, result)
    return _Places(data, kernel, strides, dilations, begin, result)


_PADDINGS = ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER")

_MAX_MEETINGS = 1 << 26
"""Products that meet anywhere: each place of the result has a list of them while the model is read."""


def _require_small(node: Node, data: Shape, kernel: Shape, result: Shape) -> None:
    meetings = math.prod(data) * math.prod(kernel) + math.prod(result)
    node.require(meetings <= _MAX_MEETINGS, f"{meetings} products and places", f"at most {_MAX_MEETINGS}")


def _numbers(node: Node, name: str, default: Shape, least: int) -> Shape:
    values = tuple(node.attributes.get(name) or default)
    fits = len(values) == len(default) and min(values) >= least
    node.require(fits, f"{name} {values}", f"{len(default)} numbers of {least} or more")
    return values


def _overlap(node: Node, products: Tensor, sources: list[Array], shape: Shape, bias: Constant | None) -> None:
    """Add the products that meet; those of one kernel element and position are moved to their place first."""
    batch, channels = shape[:2]
    tables = [table.reshape(-1) for table in sources]

    def moved(array: Array) -> tuple[Array, ...]:
        flat = array.reshape(batch, channels, -1)
        padded = np.concatenate([flat, np.zeros((batch, channels, 1), flat.dtype)], axis=2)
        return tuple(padded[:, :, table].reshape(shape) for table in tables)

    alone = len(tables) == 1 and bias is None
    names = [node.outputs[0]] if alone else [f"{node.outputs[0]} products {index}" for index in range(len(tables))]
    parts = tuple(Tensor(name, shape, products.dtype) for name in names)
    layer = LayoutLayer(
        name=f"{node.name} places",
        op="ConvTranspose",
        operands=(products.name,),
        results=tuple(names),
        nodes=(),
        compute=moved,
    )
    node.builder.add_layer(layer, parts)
    if not alone:
        operands: list[Value] = list(parts)
        if bias is not None:
            behind = (1,) * (len(shape) - 2)
            operands.append(bias.map(lambda array: array.reshape(-1, *behind), (channels, *behind)))
        _add(node, operands, shape)


def _add(node: Node, operands: list[Value], shape: Shape) -> None:
    operations = (len(operands) - 1) * math.prod(shape)
    node.vector(
        operands,
        shape,
        lambda *arrays: sum(arrays[1:], arrays[0]),
        operations=operations,
        access=Pointwise(),
        part="sums",
    )
