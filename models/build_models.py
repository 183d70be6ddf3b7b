"""Builds the networks that ship as shapes alone: their weights are ConstantOfShape nodes, so a file is a few kB.

    python models/build_models.py            write the files beside this script
    python models/build_models.py --check    fail if a file differs from what the script builds

Either way MACs and parameters (elements of the weight matrices, biases apart) are printed. The same
bytes come out each time. BatchNormalization is folded into convolution and bias, as for inference.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onnx import ModelProto, NodeProto, TensorProto, helper

FOLDER = Path(__file__).resolve().parent
OPSET = 17
IR_VERSION = 8


@dataclass(frozen=True, slots=True)
class Built:
    """A network: its file's bytes, multiply-accumulates of one image, elements of its weight matrices."""

    data: bytes
    macs: int
    parameters: int


class Network:
    """Collects nodes one after the other; each method returns the name of the tensor that its node makes.

    A tensor is called as the node that makes it; `shapes` knows the shape of each.
    """

    def __init__(self, name: str, shape: tuple[int, ...], source: str = "image") -> None:
        self.name = name
        self.nodes: list[NodeProto] = []
        self.initializers: list[TensorProto] = []
        self.source = source
        self.shapes: dict[str, tuple[int, ...]] = {source: shape}
        self.macs = 0
        self.parameters = 0

    def placeholder(self, name: str, shape: tuple[int, ...]) -> str:
        """A weight or bias of which only the shape is known."""
        self.initializers.append(helper.make_tensor(f"{name}.shape", TensorProto.INT64, [len(shape)], shape))
        self.nodes.append(helper.make_node("ConstantOfShape", [f"{name}.shape"], [name], name))
        return name

    def scalar(self, name: str, value: float) -> str:
        """A float constant without axes."""
        self.initializers.append(helper.make_tensor(name, TensorProto.FLOAT, [], [value]))
        return name

    def node(self, op: str, name: str, *inputs: str, shape: tuple[int, ...] | None = None, **attributes: Any) -> str:
        """Any node; `shape` is that of its result, by default that of its first input."""
        self.nodes.append(helper.make_node(op, inputs, [name], name, **attributes))
        self.shapes[name] = shape or self.shapes[inputs[0]]
        return name

    def slid(self, source: str, kernel: int, stride: int, pad: int) -> tuple[int, ...]:
        """The height and width that a square kernel leaves of `source`."""
        return tuple((size + 2 * pad - kernel) // stride + 1 for size in self.shapes[source][2:])

    def conv(
        self, name: str, source: str, outputs: int, kernel: int, stride: int = 1, pad: int = 0, groups: int = 1
    ) -> str:
        """A convolution with bias and a square kernel."""
        weight = (outputs, self.shapes[source][1] // groups, kernel, kernel)
        shape = (1, outputs, *self.slid(source, kernel, stride, pad))
        self._count(weight, math.prod(shape[2:]))
        return self.node(
            "Conv",
            name,
            source,
            self.placeholder(f"{name}.weight", weight),
            self.placeholder(f"{name}.bias", (outputs,)),
            shape=shape,
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            pads=[pad] * 4,
            group=groups,
        )

    def fc(self, name: str, source: str, outputs: int) -> str:
        """A fully connected layer with bias, over each row of `source`."""
        windows, rows = self.shapes[source]
        weight = (outputs, rows)
        self._count(weight, windows)
        parameters = (self.placeholder(f"{name}.weight", weight), self.placeholder(f"{name}.bias", (outputs,)))
        return self.node("Gemm", name, source, *parameters, shape=(windows, outputs), transB=1)

    def lstm(self, name: str, source: str, hidden: int) -> str:
        """An LSTM with bias over (steps, batch, features), from a state of zeros."""
        steps, batch, features = self.shapes[source]
        self._count((4 * hidden, features + hidden), steps * batch)
        weights = [
            self.placeholder(f"{name}.{part}", (1, 4 * hidden, s)) for part, s in (("W", features), ("R", hidden))
        ]
        bias = self.placeholder(f"{name}.B", (1, 8 * hidden))
        return self.node("LSTM", name, source, *weights, bias, shape=(steps, 1, batch, hidden), hidden_size=hidden)

    def squeeze(self, name: str, source: str, *axes: int) -> str:
        """`source` without axes of size 1."""
        self.initializers.append(helper.make_tensor(f"{name}.axes", TensorProto.INT64, [len(axes)], axes))
        shape = tuple(size for axis, size in enumerate(self.shapes[source]) if axis not in axes)
        return self.node("Squeeze", name, source, f"{name}.axes", shape=shape)

    def pool(self, op: str, name: str, source: str, kernel: int, stride: int, pad: int = 0) -> str:
        """A `MaxPool` or `AveragePool` with a square kernel."""
        shape = (*self.shapes[source][:2], *self.slid(source, kernel, stride, pad))
        return self.node(op, name, source, shape=shape, kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[pad] * 4)

    def flatten(self, source: str) -> str:
        """All values of the image in one row."""
        return self.node("Flatten", "flatten", source, shape=(1, math.prod(self.shapes[source])), axis=1)

    def head(self, source: str, classes: int) -> str:
        """Global average pool and classifier, as the ResNets and MobileNetV2 end."""
        pooled = self.node("GlobalAveragePool", "avgpool", source, shape=(*self.shapes[source][:2], 1, 1))
        return self.fc("fc", self.flatten(pooled), classes)

    def finish(self, last: str) -> Built:
        """The file, with what `last` makes as the network's output `logits`."""
        self.nodes[-1].output[0] = "logits"
        graph = helper.make_graph(
            self.nodes,
            self.name,
            [helper.make_tensor_value_info(self.source, TensorProto.FLOAT, self.shapes[self.source])],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, self.shapes[last])],
            self.initializers,
        )
        model: ModelProto = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="archsim"
        )
        return Built(model.SerializeToString(deterministic=True), self.macs, self.parameters)

    def _count(self, weight: tuple[int, ...], windows: int) -> None:
        self.parameters += math.prod(weight)
        self.macs += math.prod(weight) * windows


def lenet5() -> Built:
    """LeNet-5 on 28x28 images padded to 32x32, its layers' sizes as in LeCun et al., Proc. IEEE 1998, Fig. 2."""
    net = Network("lenet5", (1, 1, 28, 28))
    last = net.node("Tanh", "conv1.tanh", net.conv("conv1", "image", 6, 5, pad=2))
    last = net.pool("AveragePool", "pool1", last, 2, 2)
    last = net.node("Tanh", "conv2.tanh", net.conv("conv2", last, 16, 5))
    last = net.flatten(net.pool("AveragePool", "pool2", last, 2, 2))
    for name, outputs in (("fc1", 120), ("fc2", 84)):
        last = net.node("Tanh", f"{name}.tanh", net.fc(name, last, outputs))
    return net.finish(net.fc("fc3", last, 10))


def alexnet() -> Built:
    """AlexNet in one column (Krizhevsky, arXiv:1404.5997; channels as in torchvision)."""
    net = Network("alexnet", (1, 3, 224, 224))
    last = "image"
    layers = ((64, 11, 4, 2, True), (192, 5, 1, 2, True), (384, 3, 1, 1, False), (256, 3, 1, 1, False))
    for index, (outputs, kernel, stride, pad, pooled) in enumerate((*layers, (256, 3, 1, 1, True)), 1):
        last = net.conv(f"conv{index}", last, outputs, kernel, stride, pad)
        last = net.node("Relu", f"conv{index}.relu", last)
        if pooled:
            last = net.pool("MaxPool", f"pool{index}", last, 3, 2)
    return _classifier(net, last)


def vgg16() -> Built:
    """VGG-16, configuration D of Simonyan and Zisserman, ICLR 2015, Table 1."""
    net = Network("vgg16", (1, 3, 224, 224))
    last = "image"
    for block, (outputs, depth) in enumerate(((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)), 1):
        for index in range(1, depth + 1):
            name = f"conv{block}_{index}"
            last = net.node("Relu", f"{name}.relu", net.conv(name, last, outputs, 3, pad=1))
        last = net.pool("MaxPool", f"pool{block}", last, 2, 2)
    return _classifier(net, last)


def resnet18() -> Built:
    """ResNet-18 (He et al., CVPR 2016, Table 1)."""
    return _resnet("resnet18", (2, 2, 2, 2), _basic_block)


def resnet50() -> Built:
    """ResNet-50 (He et al., CVPR 2016, Table 1), the stride in the 3x3 convolution as in torchvision."""
    return _resnet("resnet50", (3, 4, 6, 3), _bottleneck)


def mobilenet_v2() -> Built:
    """MobileNetV2 at width 1.0 (Sandler et al., CVPR 2018, Table 2); ReLU6 is a Clip from 0 to 6."""
    net = Network("mobilenet_v2", (1, 3, 224, 224))
    limits = (net.scalar("relu6.min", 0.0), net.scalar("relu6.max", 6.0))

    def relu6(source: str) -> str:
        return net.node("Clip", f"{source}.relu6", source, *limits)

    last = relu6(net.conv("stem", "image", 32, 3, 2, 1))
    block = 0
    stages = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
    for expansion, outputs, depth, first_stride in stages:
        for index in range(depth):
            block += 1
            stride = first_stride if index == 0 else 1
            source, inputs = last, net.shapes[last][1]
            wide = inputs * expansion
            if expansion > 1:
                last = relu6(net.conv(f"block{block}.expand", last, wide, 1))
            last = relu6(net.conv(f"block{block}.depthwise", last, wide, 3, stride, 1, groups=wide))
            last = net.conv(f"block{block}.project", last, outputs, 1)
            if index > 0:
                last = net.node("Add", f"block{block}.add", source, last)
    return net.finish(net.head(relu6(net.conv("last", last, 1280, 1)), 1000))


def lstm_ptb() -> Built:
    """The medium word-level language model of Zaremba et al., arXiv:1409.2329, section 4.1: two LSTM layers of 650
    units unrolled for 35 steps, 10,000 words; its input are the words' embeddings, for one sequence."""
    net = Network("lstm_ptb", (35, 1, 650), "embeddings")
    last = net.squeeze("lstm1.squeeze", net.lstm("lstm1", "embeddings", 650), 1)
    last = net.squeeze("lstm2.squeeze", net.lstm("lstm2", last, 650), 1, 2)
    return net.finish(net.fc("fc", last, 10_000))


def _classifier(net: Network, last: str) -> Built:
    last = net.flatten(last)
    for name in ("fc6", "fc7"):
        last = net.node("Relu", f"{name}.relu", net.fc(name, last, 4096))
    return net.finish(net.fc("fc8", last, 1000))


def _resnet(name: str, depths: tuple[int, ...], block: Callable[[Network, str, str, int, int], str]) -> Built:
    net = Network(name, (1, 3, 224, 224))
    last = net.node("Relu", "conv1.relu", net.conv("conv1", "image", 64, 7, 2, 3))
    last = net.pool("MaxPool", "maxpool", last, 3, 2, 1)
    for stage, depth in enumerate(depths, 1):
        for index in range(depth):
            stride = 2 if stage > 1 and index == 0 else 1
            last = block(net, f"layer{stage}.{index}", last, 32 << stage, stride)
    return net.finish(net.head(last, 1000))


def _basic_block(net: Network, name: str, source: str, width: int, stride: int) -> str:
    last = net.conv(f"{name}.conv1", source, width, 3, stride, 1)
    last = net.node("Relu", f"{name}.relu1", last)
    last = net.conv(f"{name}.conv2", last, width, 3, pad=1)
    return _join(net, name, source, last, stride)


def _bottleneck(net: Network, name: str, source: str, width: int, stride: int) -> str:
    last = net.node("Relu", f"{name}.relu1", net.conv(f"{name}.conv1", source, width, 1))
    last = net.node("Relu", f"{name}.relu2", net.conv(f"{name}.conv2", last, width, 3, stride, 1))
    last = net.conv(f"{name}.conv3", last, 4 * width, 1)
    return _join(net, name, source, last, stride)


def _join(net: Network, name: str, source: str, last: str, stride: int) -> str:
    if net.shapes[source] != net.shapes[last]:
        source = net.conv(f"{name}.downsample", source, net.shapes[last][1], 1, stride)
    return net.node("Relu", f"{name}.relu", net.node("Add", f"{name}.add", last, source))


MODELS: dict[str, Callable[[], Built]] = {
    build.__name__: build for build in (lenet5, alexnet, vgg16, resnet18, resnet50, mobilenet_v2, lstm_ptb)
}


def differing(models: dict[str, Built], folder: Path) -> list[Path]:
    """The files in `folder` that are missing or differ from what this script built."""
    files = {folder / f"{name}.onnx": built.data for name, built in models.items()}
    return [path for path, data in files.items() if not path.is_file() or path.read_bytes() != data]


def main(arguments: list[str], folder: Path = FOLDER) -> int:
    """Write or check the files; the exit code is 1 if a checked file differs."""
    parser = argparse.ArgumentParser(description="Build the models that ship as shapes alone.")
    parser.add_argument("--check", action="store_true", help="compare the files with what the script builds")
    check = parser.parse_args(arguments).check
    models = {name: build() for name, build in MODELS.items()}
    for name, built in models.items():
        if not check:
            (folder / f"{name}.onnx").write_bytes(built.data)
        print(f"{name:<14}{built.macs:>16,} MACs{built.parameters:>14,} parameters{len(built.data):>8,} bytes")
    wrong = differing(models, folder)
    for path in wrong:
        print(f"{path}: differs from what build_models.py builds", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
