"""Writes the pairs of exports in this folder: each network once by either exporter of PyTorch.

Needs torch and onnxscript, which archsim does not: run it in an environment that has them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import Tensor, nn
from torch.nn import functional

FOLDER = Path(__file__).parent


class Excitation(nn.Module):
    """Squeeze and excitation: channels weighted by what their means say."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, 4, 1)
        self.excite = nn.Conv2d(4, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        weights = self.excite(functional.relu(self.squeeze(functional.adaptive_avg_pool2d(x, 1))))
        return x * functional.hardsigmoid(weights)


class Cnn(nn.Module):
    """An inverted residual block between a stem and a classifier, as in MobileNet v3."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.Hardswish())
        self.expand = nn.Sequential(nn.Conv2d(8, 24, 1, bias=False), nn.BatchNorm2d(24), nn.Hardswish())
        self.depthwise = nn.Sequential(
            nn.Conv2d(24, 24, 3, 1, 1, groups=24, bias=False), nn.BatchNorm2d(24), nn.ReLU6()
        )
        self.excitation = Excitation(24)
        self.project = nn.Sequential(nn.Conv2d(24, 8, 1, bias=False), nn.BatchNorm2d(8))
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.classify = nn.Sequential(nn.Dropout(0.2), nn.Linear(8, 10))

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x = self.pool(x + self.project(self.excitation(self.depthwise(self.expand(x)))))
        return self.classify(functional.adaptive_avg_pool2d(x, 1).flatten(1))


class Recurrent(nn.Module):
    """A classifier of sequences, in both directions."""

    def __init__(self, cell: type[nn.RNNBase], layers: int) -> None:
        super().__init__()
        self.cell = cell(6, 8, layers, batch_first=True, bidirectional=True)
        self.classify = nn.Linear(16, 5)

    def forward(self, x: Tensor) -> Tensor:
        steps, _ = self.cell(x)
        return self.classify(steps[:, -1])


class Decoder(nn.Module):
    """From few positions to many: resizing, and transposed convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.smooth = nn.Conv2d(6, 8, 3, 1, 1)
        self.up = nn.ConvTranspose2d(8, 4, 4, 2, 1)
        self.last = nn.Conv2d(4, 8, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.leaky_relu(self.smooth(functional.interpolate(x, scale_factor=2, mode="nearest")), 0.1)
        x = functional.interpolate(torch.relu(self.up(x)), scale_factor=2, mode="bilinear", align_corners=False)
        return torch.sigmoid(functional.pixel_shuffle(self.last(x), 2))


class Transformer(nn.Module):
    """A block of attention and one of two linear layers, each normalized before and added after."""

    def __init__(self, width: int = 16, heads: int = 2) -> None:
        super().__init__()
        self.heads = heads
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.mix, self.joined = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.widen, self.narrow = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

    def attend(self, x: Tensor) -> Tensor:
        batch, steps, width = x.shape
        size = width // self.heads
        q, k, v = (part.view(batch, steps, self.heads, size).transpose(1, 2) for part in self.mix(x).chunk(3, dim=-1))
        scores = torch.softmax(q @ k.transpose(-2, -1) / math.sqrt(size), dim=-1)
        return self.joined((scores @ v).transpose(1, 2).reshape(batch, steps, width))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attend(self.first(x))
        return x + self.narrow(functional.gelu(self.widen(self.second(x))))


class Attention(nn.Module):
    """Self-attention as PyTorch has it."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(16, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.attention(x, x, x, need_weights=False)[0]


NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "attention": (Attention, (1, 5, 16)),
    "cnn": (Cnn, (1, 3, 16, 16)),
    "decoder": (Decoder, (1, 6, 4, 4)),
    "gru": (lambda: Recurrent(nn.GRU, 1), (1, 7, 6)),
    "lstm": (lambda: Recurrent(nn.LSTM, 2), (1, 7, 6)),
    "rnn": (lambda: Recurrent(nn.RNN, 1), (1, 7, 6)),
    "transformer": (Transformer, (1, 5, 16)),
}
"""By name: what makes the network, and the shape of its input."""

OPEN = ("cnn", "transformer")
"""Networks that are exported for any number of sequences."""


def export(name: str, network: nn.Module, example: Tensor, *, dynamo: bool) -> None:
    """Write one export, by the exporter's own choice of opset."""
    path = FOLDER / f"{name}_{'dynamo' if dynamo else 'script'}.onnx"
    size = {}
    if name in OPEN:
        size = {"dynamic_shapes": ({0: torch.export.Dim.DYNAMIC},)} if dynamo else {"dynamic_axes": {"x": {0: "batch"}}}
        example = torch.cat([example, example])
    names = {"input_names": ["x"], "output_names": ["y"]}
    torch.onnx.export(network, (example,), path, dynamo=dynamo, external_data=False, **names, **size)
    onnx.save(_without_metadata(onnx.load(path)), path)


def _without_metadata(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model without the lines of source that an exporter notes, which name folders of the machine."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    return model


def built(name: str) -> tuple[nn.Module, Tensor]:
    """A network, and an input for it: the same each time."""
    build, shape = NETWORKS[name]
    torch.manual_seed(0)
    network, example = build().eval(), torch.randn(shape)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    return network, example


def main() -> None:
    """Write both exports of every network, and what the networks answer to one input each."""
    arrays: dict[str, np.ndarray] = {}
    for name in NETWORKS:
        for dynamo in (True, False):
            export(name, *built(name), dynamo=dynamo)
        network, example = built(name)
        with torch.no_grad():
            arrays[f"{name}_x"], arrays[f"{name}_y"] = example.numpy(), network(example).numpy()
    np.savez_compressed(FOLDER / "answers.npz", **arrays)


if __name__ == "__main__":
    main()
