"""Small networks for tests of the mapping and the engine, and how they are placed and run."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from archsim.frontend import load
from archsim.graph import Graph
from archsim.hardware import load_design
from archsim.mapping import Placement, Training, place

MODELS = Path(__file__).parents[2] / "models"

VGG16_COPIES = [64, 64, 16, 16, 4, 4, 4] + [1] * 9
RESNET18_COPIES = [64] + [16] * 4 + [4] * 5 + [1] * 11


class Net:
    """Collects nodes; each method returns the name of the tensor that its node makes, all weights are 0.

    `shapes` knows (batch, channels, height, width) of each tensor, or (batch, values) after `flatten` and `fc`.
    """

    def __init__(self, channels: int, height: int, width: int) -> None:
        self.shapes: dict[str, tuple[int, ...]] = {"image": (1, channels, height, width)}
        self.nodes: list[NodeProto] = []
        self.weights: dict[str, tuple[int, ...]] = {}
        self.matrices = 0
        self.outputs: list[str] = []

    def node(self, op: str, *sources: str, shape: tuple[int, ...] | None = None, **attributes: Any) -> str:
        """Any node; `shape` is that of its result, by default that of its first source."""
        name = f"{op.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, sources, [name], name, **attributes))
        self.shapes[name] = shape or self.shapes[sources[0]]
        return name

    def slid(self, source: str, kernel: int, stride: int, pad: int, dilation: int = 1) -> tuple[int, ...]:
        """Height and width that a square kernel leaves of `source`."""
        span = dilation * (kernel - 1) + 1
        return tuple((size + 2 * pad - span) // stride + 1 for size in self.shapes[source][2:])

    def conv(
        self,
        source: str,
        outputs: int,
        kernel: int = 1,
        *,
        stride: int = 1,
        pad: int = 0,
        dilation: int = 1,
        groups: int = 1,
    ) -> str:
        """A convolution with a square kernel."""
        weight = f"weight{len(self.nodes)}"
        self.weights[weight] = (outputs, self.shapes[source][1] // groups, kernel, kernel)
        self.matrices += 1
        return self.node(
            "Conv",
            source,
            weight,
            shape=(1, outputs, *self.slid(source, kernel, stride, pad, dilation)),
            kernel_shape=[kernel] * 2,
            strides=[stride] * 2,
            pads=[pad] * 4,
            dilations=[dilation] * 2,
            group=groups,
        )

    def pool(self, source: str, kernel: int, stride: int, pad: int = 0, op: str = "MaxPool") -> str:
        """A `MaxPool` or `AveragePool` with a square kernel."""
        shape = (*self.shapes[source][:2], *self.slid(source, kernel, stride, pad))
        return self.node(op, source, shape=shape, kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[pad] * 4)

    def fc(self, source: str, outputs: int) -> str:
        """A fully connected layer over all values of `source`."""
        flat = self.node("Flatten", source, shape=(1, math.prod(self.shapes[source])))
        weight = f"weight{len(self.nodes)}"
        self.weights[weight] = (self.shapes[flat][1], outputs)
        self.matrices += 1
        return self.node("Gemm", flat, weight, shape=(1, outputs))

    def concat(self, *sources: str) -> str:
        """Channels of all sources after each other."""
        _, _, *size = self.shapes[sources[0]]
        channels = sum(self.shapes[source][1] for source in sources)
        return self.node("Concat", *sources, shape=(1, channels, *size), axis=1)

    def save(self, folder: Path) -> Path:
        """The ONNX file, whose outputs are `outputs`, or what the last node makes."""
        results = self.outputs or [self.nodes[-1].output[0]]
        graph = helper.make_graph(
            self.nodes,
            "small",
            [helper.make_tensor_value_info("image", TensorProto.FLOAT, self.shapes["image"])],
            [helper.make_tensor_value_info(result, TensorProto.FLOAT, self.shapes[result]) for result in results],
            [numpy_helper.from_array(np.zeros(shape, np.float32), name) for name, shape in self.weights.items()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        path = folder / "small.onnx"
        onnx.save(onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True), path)
        return path

    def graph(self) -> Graph:
        """The network as archsim reads it."""
        with tempfile.TemporaryDirectory() as folder:
            return load(self.save(Path(folder)))


def placed(
    model: Net | str, *settings: str, copies: list[int] | None = None, outputs: list[str] | None = None
) -> Placement:
    """A network, or a model that ships, on ISAAC with settings."""
    if isinstance(model, Net):
        model.outputs = outputs or []
    graph = model.graph() if isinstance(model, Net) else load(MODELS / f"{model}.onnx")
    given = (f"copies.explicit={copies}",) if copies else ()
    return place(graph, load_design("isaac", [*settings, *given]))


def on(design: str, model: Net | str, *settings: str, batch: int | None = None) -> Placement:
    """A network, or a model that ships, on a design with settings; trained in batches of `batch`."""
    graph = model.graph() if isinstance(model, Net) else load(MODELS / f"{model}.onnx")
    return place(graph, load_design(design, settings), training=None if batch is None else Training(batch))


def point(channels: int = 3, width: int = 1, outputs: int = 4) -> Net:
    """One convolution of kernel 1 on a map of one row."""
    net = Net(channels, 1, width)
    net.conv("image", outputs)
    return net


def chain() -> Net:
    """Two convolutions with a pool between them, and a classifier."""
    net = Net(3, 12, 12)
    last = net.node("Relu", net.conv("image", 8, 3, pad=1))
    last = net.conv(net.pool(last, 2, 2), 8, 3, pad=1)
    net.fc(last, 10)
    return net


def residual() -> Net:
    """Two residual blocks, the second with a stride and a convolution on its short-cut."""
    net = Net(3, 12, 12)
    first = net.conv("image", 16, 3, pad=1)
    last = net.conv(net.node("Relu", net.conv(first, 16, 3, pad=1)), 16, 3, pad=1)
    join = net.node("Relu", net.node("Add", last, first))
    last = net.conv(net.node("Relu", net.conv(join, 24, 3, stride=2, pad=1)), 24, 3, pad=1)
    last = net.node("Relu", net.node("Add", last, net.conv(join, 24, 1, stride=2)))
    net.fc(net.node("GlobalAveragePool", last, shape=(1, 24, 1, 1)), 10)
    return net


def inception() -> Net:
    """Three branches of different depth side by side, concatenated, with overlapping pools before and after."""
    net = Net(3, 15, 15)
    stem = net.pool(net.conv("image", 8, 3, pad=1), 3, 2)
    one = net.conv(stem, 4, 1)
    deep = net.conv(net.conv(net.conv(stem, 4, 1), 4, 3, pad=1), 4, 3, pad=1)
    pooled = net.conv(net.pool(stem, 3, 1, 1), 4, 1)
    both = net.concat(one, deep, pooled)
    net.conv(net.pool(both, 3, 2), 8, 1)
    return net


def squeeze() -> Net:
    """A squeeze-and-excitation block: a map scaled by what a small network makes of its mean."""
    net = Net(3, 8, 8)
    last = net.conv("image", 8, 3, pad=1)
    mean = net.node("GlobalAveragePool", last, shape=(1, 8, 1, 1))
    gate = net.node("Sigmoid", net.conv(net.node("Relu", net.conv(mean, 2)), 8))
    scaled = net.node("Mul", last, gate)
    net.conv(scaled, 4)
    return net


def depthwise() -> Net:
    """An inverted residual block of MobileNetV2."""
    net = Net(3, 12, 12)
    stem = net.conv("image", 8, 3, stride=2, pad=1)
    wide = net.node("Relu", net.conv(stem, 48))
    last = net.conv(net.node("Relu", net.conv(wide, 48, 3, pad=1, groups=48)), 8)
    net.conv(net.node("Add", stem, last), 16)
    return net


SMALL = {build.__name__: build for build in (chain, residual, inception, squeeze, depthwise)}
