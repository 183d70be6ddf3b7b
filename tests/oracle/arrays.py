"""Plain references of how many arrays a layer takes and how many copies each policy gives it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tests.oracle.network import Network

VGG16_ARRAYS = (
    # layer, rows, outputs, windows, arrays of 128x128 with 4 cells per weight, with 8 cells
    ("conv1_1", 27, 64, 50_176, 2, 4),
    ("conv1_2", 576, 64, 50_176, 10, 20),
    ("conv2_1", 576, 128, 12_544, 20, 40),
    ("conv2_2", 1_152, 128, 12_544, 36, 72),
    ("conv3_1", 1_152, 256, 3_136, 72, 144),
    ("conv3_2", 2_304, 256, 3_136, 144, 288),
    ("conv3_3", 2_304, 256, 3_136, 144, 288),
    ("conv4_1", 2_304, 512, 784, 288, 576),
    ("conv4_2", 4_608, 512, 784, 576, 1_152),
    ("conv4_3", 4_608, 512, 784, 576, 1_152),
    ("conv5_1", 4_608, 512, 196, 576, 1_152),
    ("conv5_2", 4_608, 512, 196, 576, 1_152),
    ("conv5_3", 4_608, 512, 196, 576, 1_152),
    ("fc6", 25_088, 4_096, 1, 25_088, 50_176),
    ("fc7", 4_096, 4_096, 1, 4_096, 8_192),
    ("fc8", 4_096, 1_000, 1, 1_024, 2_016),
)
"""Worked out by hand with ceil(rows / 128) * ceil(outputs * cells / 128), not by `arrays_per_copy`."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A matrix layer as the policies see it.

    `arrays` are those of one copy; `consumers` maps the matrix layers that read it, by their place in the
    list, to stride_x * stride_y of that layer and of the pools between, global pools left out.
    """

    windows: int
    arrays: int
    convolution: bool
    consumers: dict[int, int]


def arrays_per_copy(rows: int, outputs: int, groups: int, array_rows: int, array_columns: int, cells: int) -> int:
    """Arrays that hold a whole layer once; `rows` is per group, `outputs` in all, `cells` per weight.

    Groups stand on the diagonal of an array if several fit there; otherwise each has arrays of its own.
    """
    columns = outputs // groups * cells
    on_diagonal = min(array_rows // rows, array_columns // columns)
    if on_diagonal > 1:
        return math.ceil(groups / on_diagonal)
    return groups * math.ceil(rows / array_rows) * math.ceil(columns / array_columns)


def layers_of(network: Network, array_rows: int, array_columns: int, cells: int) -> list[Layer]:
    """The matrix layers of an ONNX network, in the order of the file."""
    layers: list[Layer] = []
    # per tensor: the matrix layers whose results it is made of, and the strides of the pools since
    sources: dict[str, dict[int, int]] = {name: {} for name in network.inputs}
    for node in network.nodes:
        stride = math.prod(node.attributes.get("strides", (1,)))
        merged: dict[int, int] = {}
        for name in node.inputs:
            for producer, passed in sources[name].items():
                merged[producer] = max(merged.get(producer, 0), passed * stride)
        if node.matrix is None:
            sources[node.output] = merged
            continue
        index, matrix = len(layers), node.matrix
        for producer, strides in merged.items():
            layers[producer].consumers[index] = strides
        arrays = arrays_per_copy(matrix.rows, matrix.outputs, matrix.groups, array_rows, array_columns, cells)
        layers.append(Layer(matrix.windows, arrays, node.op == "Conv", {}))
        sources[node.output] = {index: 1}
    return layers


def used(layers: list[Layer], copies: list[int]) -> int:
    """Arrays that so many copies take."""
    return sum(layer.arrays * count for layer, count in zip(layers, copies, strict=True))


def none(layers: list[Layer]) -> list[int]:
    """One copy of every layer."""
    return [1] * len(layers)


def isaac(layers: list[Layer], budget: int) -> tuple[list[int], int]:
    """The balanced rule of ISAAC: the copies, and the power of two by which the rule was divided to fit.

    A convolution has as many copies as its strides away from the last one ask for, other layers have 1.
    """
    rule = none(layers)
    for index in reversed(range(len(layers))):
        if layers[index].convolution:
            demands = [rule[j] * strides for j, strides in layers[index].consumers.items() if layers[j].convolution]
            rule[index] = max(demands, default=1)
    divisor = 1
    while divisor <= 2 * max(rule):
        copies = [max(1, min(count // divisor, layer.windows)) for count, layer in zip(rule, layers, strict=True)]
        if used(layers, copies) <= budget:
            return copies, divisor
        divisor *= 2
    raise ValueError(f"one copy of every layer does not fit in {budget} arrays")


def greedy(layers: list[Layer], budget: int, start: list[int] | None = None) -> list[int]:
    """One copy more to the slowest layer, again and again, until the first that does not fit."""
    copies = list(start or none(layers))
    while True:
        # a layer with as many copies as windows gains nothing from one more
        growing = [index for index, layer in enumerate(layers) if copies[index] < layer.windows]
        if not growing:
            return copies
        slowest = max(growing, key=lambda index: (math.ceil(layers[index].windows / copies[index]), -index))
        if used(layers, copies) + layers[slowest].arrays > budget:
            return copies
        copies[slowest] += 1


def optimal_windows(layers: list[Layer], budget: int) -> int:
    """The smallest T such that copies enough for T windows each fit."""
    for windows in range(1, max(layer.windows for layer in layers) + 1):
        if used(layers, copies_for(layers, windows)) <= budget:
            return windows
    raise ValueError(f"one copy of every layer does not fit in {budget} arrays")


def copies_for(layers: list[Layer], windows: int) -> list[int]:
    """The fewest copies with which no copy of any layer runs more than `windows` windows."""
    return [math.ceil(layer.windows / windows) for layer in layers]


def optimal(layers: list[Layer], budget: int) -> list[int]:
    """The fewest windows on the busiest copy, what is left over by the greedy rule."""
    return greedy(layers, budget, copies_for(layers, optimal_windows(layers, budget)))
