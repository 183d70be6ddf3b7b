"""Sums of products that fall on the same place of a map: the second half of a transposed convolution."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from archsim.frontend.builder import Value
from archsim.frontend.inputs import Shape
from archsim.frontend.node import Node
from archsim.graph import Constant, LayoutLayer, Pointwise, Tensor
from archsim.graph.tensors import Array

NONE = -1
"""Stands for no product: a place of the result that fewer products reach than others."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where products stand: spatial sizes of the data, the kernel and the result, and what is between them."""

    data: Shape
    kernel: Shape
    strides: Shape
    dilations: Shape
    begin: Shape
    result: Shape

    def sources(self) -> list[Array]:
        """Tables of the shape of the result: which product (kernel element, input position, counted through) is the
        first, second, ... that is added there; `NONE` where there are no more."""
        axes = [self._along(axis) for axis in range(len(self.data))]
        tables = []
        for chosen in itertools.product(*axes):
            kernel, data = np.zeros((), np.int64), np.zeros((), np.int64)
            there: Array = np.ones((), bool)
            for axis, (element, position) in enumerate(chosen):
                kernel = np.add.outer(kernel * self.kernel[axis], element)
                data = np.add.outer(data * self.data[axis], position)
                there = np.logical_and.outer(there, element >= 0)
            tables.append(np.where(there, kernel * math.prod(self.data) + data, NONE))
        return [table for table in tables if (table != NONE).any()] or tables[:1]

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


_MAX_MEETINGS = 1 << 26
"""Products that meet anywhere: each place of the result has a list of them while the model is read."""


def checked_places(node: Node, places: Places) -> Places:
    """`places`, or `InputError` if it would take too long to say which products meet where."""
    meetings = math.prod(places.data) * math.prod(places.kernel) + math.prod(places.result)
    node.require(meetings <= _MAX_MEETINGS, f"{meetings} products and places", f"at most {_MAX_MEETINGS}")
    return places


def add_overlaps(
    node: Node,
    products: Tensor,
    sources: Sequence[Array],
    shape: Shape,
    *,
    bias: Constant | None = None,
    part: str = "",
) -> None:
    """The first output, of `shape` (N, C, space), holds the sums of `products` (N, C x kernel, ...) that meet, and
    the `bias` of each channel: an addition for each operand but the first.

    Products are moved to their places first, in one layer of moves for all, and then added as they are. `part` is
    the name of the additions, empty if nothing stands for the node yet.
    """
    batch, channels = shape[:2]
    tables = [table.reshape(-1) for table in sources]

    def moved(array: Array) -> tuple[Array, ...]:
        flat = array.reshape(batch, channels, -1)
        padded = np.concatenate([flat, np.zeros((batch, channels, 1), flat.dtype)], axis=2)
        return tuple(padded[:, :, table].reshape(shape) for table in tables)

    alone = len(tables) == 1 and bias is None
    names = [node.outputs[0]] if alone else [f"{node.outputs[0]} operand {index}" for index in range(len(tables))]
    parts = tuple(Tensor(name, shape, products.dtype) for name in names)
    layer = LayoutLayer(
        name=f"{node.name} places",
        op=node.op,
        operands=(products.name,),
        results=tuple(names),
        nodes=(node.name,) if alone and not part else (),
        compute=moved,
    )
    node.builder.add_layer(layer, parts)
    if alone:
        return
    operands: list[Value] = list(parts)
    if bias is not None:
        spread = (channels, *(1 for _ in shape[2:]))
        operands.append(bias.map(lambda array: array.reshape(spread), spread))
    node.vector(
        operands,
        shape,
        lambda *arrays: sum(arrays[1:], arrays[0]),
        operations=(len(operands) - 1) * math.prod(shape),
        access=Pointwise(),
        part=part,
        op="Add",
    )
