"""Small networks for tests: a few nodes, all weights 0."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper


def save(path: Path, image: tuple[int, ...], nodes: list[NodeProto], weights: dict[str, tuple[int, ...]]) -> Path:
    """Write a network that reads `image` (the shape) and answers with what the last node makes."""
    result = nodes[-1].output[0]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, image)],
        [helper.make_empty_tensor_value_info(result)],
        [numpy_helper.from_array(np.zeros(shape, np.float32), name) for name, shape in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(onnx.shape_inference.infer_shapes(model), path)
    return path


def conv(name: str, source: str, kernel: int, stride: int = 1, pad: int = 0) -> NodeProto:
    """A convolution named `name` whose weights are called `name`.weight."""
    return helper.make_node(
        "Conv",
        [source, f"{name}.weight"],
        [name],
        name,
        kernel_shape=[kernel] * 2,
        strides=[stride] * 2,
        pads=[pad] * 4,
    )
