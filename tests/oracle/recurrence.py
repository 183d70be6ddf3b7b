"""A plain reference of the timing contract without limits (`--ideal`, schedule `pipelined`).

For a matrix layer and its window w, in raster order, windows counted on through the images:

    start = max(dep, free[copy], start of the window before)    the last only with round robin
    free[copy] = start + S
    done = start + S + latency

`dep` is the largest `done` among the values in the window's receptive field; the images are there at time
0. Pooling, joins, activations and layout add 0: what they make is done when the last value they read is.
Everything is written as loops over windows and their receptive fields, to be obviously right, not fast.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.oracle.network import Network, Node, Shape, read_network

Map = list[list[int]]
"""When the values of each pixel (all channels at once) are done: rows of the map, top first."""


@dataclass(frozen=True, slots=True)
class LayerTimes:
    """Cycles of one matrix layer: `starts[image][window]` in raster order, `done[image]` its last result."""

    name: str
    copies: int
    starts: tuple[tuple[int, ...], ...]
    done: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class NetworkTimes:
    """Cycles of a run: the matrix layers in the order of the file, and when each image's outputs are done."""

    layers: tuple[LayerTimes, ...]
    done: tuple[int, ...]

    @property
    def interval(self) -> int:
        """Cycles between the completions of the last two images."""
        return self.done[-1] - self.done[-2]


def simulate(
    path: Path,
    copies: list[int],
    read_cycles: int,
    *,
    images: int = 1,
    assignment: str = "round_robin",
    latency_cycles: int = 6,
) -> NetworkTimes:
    """Times of `images` images through the ONNX file at `path`.

    `copies` has one entry per matrix layer, in the order of the file; `read_cycles` is S. `assignment` is
    `round_robin`, `strips` or `bands`.
    """
    network = read_network(path)
    units = {
        node.output: Unit(node.name, count, read_cycles, latency_cycles, assignment)
        for node, count in zip(network.matrix_nodes, copies, strict=True)
    }
    done = [_image(network, units) for _ in range(images)]
    layers = tuple(LayerTimes(unit.name, unit.copies, tuple(unit.starts), tuple(unit.done)) for unit in units.values())
    return NetworkTimes(layers, tuple(done))


def _image(network: Network, units: dict[str, Unit]) -> int:
    """Send one image through; the cycle at which the network's outputs are done."""
    times: dict[str, Map] = {}
    for name in network.inputs:
        height, width = map_size(network.shapes[name])
        times[name] = [[0] * width for _ in range(height)]
    for node in network.nodes:
        ready = _ready(node, [times[name] for name in node.inputs], map_size(network.shapes[node.output]))
        times[node.output] = units[node.output].run(ready) if node.output in units else ready
    return max(largest(times[name]) for name in network.outputs)


@dataclass(slots=True)
class Unit:
    """The copies of one matrix layer and when each is free."""

    name: str
    copies: int
    read_cycles: int
    latency_cycles: int
    assignment: str
    free: dict[int, int] = field(default_factory=dict)
    start_before: int = 0
    windows_before: int = 0
    starts: list[tuple[int, ...]] = field(default_factory=list)
    done: list[int] = field(default_factory=list)

    def run(self, ready: Map) -> Map:
        """Run the windows of one image; `ready` says when what each window reads is done."""
        height, width = len(ready), len(ready[0])
        result = [[0] * width for _ in range(height)]
        starts = []
        for y in range(height):
            for x in range(width):
                copy = self.copy_of(x, y, width, height)
                start = max(ready[y][x], self.free.get(copy, 0))
                if self.in_raster_order(height):
                    start = max(start, self.start_before)
                self.start_before = start
                self.free[copy] = start + self.read_cycles
                result[y][x] = start + self.read_cycles + self.latency_cycles
                starts.append(start)
                self.windows_before += 1
        self.starts.append(tuple(starts))
        self.done.append(largest(result))
        return result

    def in_raster_order(self, height: int) -> bool:
        """Whether windows go round the copies and start in raster order: strips of a map of height 1 do, too."""
        return self.assignment == "round_robin" or (self.assignment == "strips" and height == 1)

    def copy_of(self, x: int, y: int, width: int, height: int) -> int:
        """Which copy takes the next window, the pixel (x, y) of the layer's output map."""
        if self.in_raster_order(height):
            return self.windows_before % self.copies
        if self.assignment == "strips":
            q = self.copies // math.gcd(self.copies, width)
            return ((x * q + y % q) * self.copies) // (q * width)
        if self.assignment == "bands":
            return ((y * width + x) * self.copies) // (height * width)
        raise ValueError(f"unknown assignment {self.assignment!r}")


def map_size(shape: Shape) -> tuple[int, int]:
    """Height and width of a tensor's map: (1, C, H, W), or (N, K) as N pixels in one row."""
    if len(shape) == 4 and shape[0] == 1:
        return shape[2], shape[3]
    if len(shape) == 2:
        return 1, shape[0]
    raise ValueError(f"shape {shape} is not covered")


def largest(times: Map) -> int:
    """The last cycle on a map."""
    return max(max(row) for row in times)


def _ready(node: Node, inputs: list[Map], size: tuple[int, int]) -> Map:
    """When everything that each pixel of the node's result reads is done; `size` is that of the result."""
    if node.op not in READS:
        raise ValueError(f"{node.name}: operation {node.op} is not covered")
    return READS[node.op](node, inputs, size)


def _slide(node: Node, inputs: list[Map], size: tuple[int, int]) -> Map:
    """A kernel slides over the one input: the maximum over its pixels, those outside the map left out."""
    times = inputs[0]
    if node.attributes.get("auto_pad", b"NOTSET") != b"NOTSET":
        raise ValueError(f"{node.name}: auto_pad is not covered")
    kernel_y, kernel_x = _pair(node.attributes["kernel_shape"])
    stride_y, stride_x = _pair(node.attributes.get("strides", (1, 1)))
    dilation_y, dilation_x = _pair(node.attributes.get("dilations", (1, 1)))
    top, left = node.attributes.get("pads", (0, 0, 0, 0))[:2]
    height, width = len(times), len(times[0])
    result = [[0] * size[1] for _ in range(size[0])]
    for y in range(size[0]):
        rows = [y * stride_y - top + i * dilation_y for i in range(kernel_y)]
        for x in range(size[1]):
            columns = [x * stride_x - left + i * dilation_x for i in range(kernel_x)]
            result[y][x] = max(
                (times[row][column] for row in rows for column in columns if 0 <= row < height and 0 <= column < width),
                default=0,
            )
    return result


def _pixel(node: Node, inputs: list[Map], size: tuple[int, int]) -> Map:
    """A pixel of the result reads its own pixel of every input; an input of one row or column is repeated."""
    if node.op == "Concat" and node.attributes["axis"] != 1:
        raise ValueError(f"{node.name}: only concatenation of channels is covered")
    return [
        [max(times[y % len(times)][x % len(times[0])] for times in inputs) for x in range(size[1])]
        for y in range(size[0])
    ]


def _all(node: Node, inputs: list[Map], size: tuple[int, int]) -> Map:
    """The one pixel of the result reads everything."""
    if size != (1, 1):
        raise ValueError(f"{node.name}: a result of {size} pixels is not covered")
    return [[largest(inputs[0])]]


def _pair(values: Any) -> tuple[int, int]:
    first, second = values
    return first, second


READS: dict[str, Callable[[Node, list[Map], tuple[int, int]], Map]] = {
    **dict.fromkeys(("Conv", "MaxPool", "AveragePool"), _slide),
    **dict.fromkeys(("Gemm", "MatMul", "Add", "Mul", "Concat", "Relu", "Clip", "Sigmoid", "Tanh", "Identity"), _pixel),
    **dict.fromkeys(("GlobalAveragePool", "GlobalMaxPool", "Flatten"), _all),
}
