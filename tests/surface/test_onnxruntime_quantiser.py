"""What onnxruntime's quantiser makes of networks runs, in floating point and through crossbars, to the same answer."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from archsim import frontend
from archsim.hardware import load_design
from archsim.values import crossbar_spec, run_crossbars, run_float
from tests.frontend.models import model, numbers

quantization = pytest.importorskip("onnxruntime.quantization")

DIGITS = Path(__file__).parents[2] / "models" / "digits_cnn.onnx"
BYTES, SIGNED, WORDS = (getattr(quantization.QuantType, name) for name in ("QUInt8", "QInt8", "QUInt16"))
OPERATORS, PAIRS = quantization.QuantFormat.QOperator, quantization.QuantFormat.QDQ


class Samples(quantization.CalibrationDataReader):
    """Four arrays for the one input of a model."""

    def __init__(self, proto: onnx.ModelProto) -> None:
        stored = {tensor.name for tensor in proto.graph.initializer}
        (value,) = [value for value in proto.graph.input if value.name not in stored]
        shape = [dim.dim_value or 1 for dim in value.type.tensor_type.shape.dim]
        rng = np.random.default_rng(0)
        self.left = [{value.name: rng.random(shape, dtype=np.float32)} for _ in range(4)]
        self.fed = self.left[0]

    def get_next(self):
        return self.left.pop() if self.left else None


def network_of_relatives() -> onnx.ModelProto:
    """A residual network with the ops that have integer relatives in onnxruntime."""
    node = helper.make_node
    nodes = [
        node("Conv", ["x", "w1"], ["a"], pads=[1, 1, 1, 1]),
        node("LeakyRelu", ["a"], ["b"], alpha=0.1),
        node("Conv", ["b", "w2", "c2"], ["c"], pads=[1, 1, 1, 1], group=2),
        node("Sigmoid", ["c"], ["s"]),
        node("Mul", ["b", "s"], ["m"]),
        node("Add", ["m", "a"], ["r"]),
        node("Concat", ["r", "b"], ["k"], axis=1),
        node("AveragePool", ["k"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
        node("GlobalAveragePool", ["p"], ["g"]),
        node("Flatten", ["g"], ["f"]),
        node("MatMul", ["f", "w3"], ["h"]),
        node("Softmax", ["h"], ["y"], axis=1),
    ]
    constants = {
        "w1": numbers(4, 3, 3, 3), "w2": numbers(4, 2, 3, 3, seed=1), "c2": numbers(4, seed=2),
        "w3": numbers(8, 5, seed=3) * 0.1,
    }  # fmt: skip
    return onnx.shape_inference.infer_shapes(model(nodes, {"x": [1, 3, 8, 8]}, ("y",), constants))


def expected_of(path: Path, feeds) -> np.ndarray:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return session.run(None, feeds)[0]


def answers(path: Path, feeds) -> list[np.ndarray]:
    graph = frontend.load(path)
    through = run_crossbars(graph, feeds, crossbar_spec(load_design("isaac")))
    return [run_float(graph, feeds)[graph.outputs[0]], through[graph.outputs[0]]]


@pytest.mark.parametrize(
    ("form", "activations", "weights", "per_channel"),
    [
        (OPERATORS, BYTES, SIGNED, False),
        (OPERATORS, BYTES, SIGNED, True),
        (OPERATORS, SIGNED, SIGNED, True),
        (OPERATORS, BYTES, BYTES, False),
        (PAIRS, SIGNED, SIGNED, True),
        (PAIRS, BYTES, BYTES, False),
        (PAIRS, WORDS, SIGNED, False),
    ],
)
def test_digits_quantised_after_training_give_the_same_bits(tmp_path: Path, form, activations, weights, per_channel):
    path, samples = tmp_path / "q.onnx", Samples(onnx.load(DIGITS))
    quantization.quantize_static(
        DIGITS, path, samples, form, activation_type=activations, weight_type=weights, per_channel=per_channel
    )
    expected = expected_of(path, samples.fed)
    assert expected.std() > 1
    for answer in answers(path, samples.fed):
        np.testing.assert_array_equal(answer, expected)


def test_digits_quantised_as_they_run_give_the_same_numbers(tmp_path: Path):
    path, samples = tmp_path / "q.onnx", Samples(onnx.load(DIGITS))
    quantization.quantize_dynamic(DIGITS, path, weight_type=BYTES)
    assert {"ConvInteger", "MatMulInteger"} <= {node.op_type for node in onnx.load(path).graph.node}
    for answer in answers(path, samples.fed):
        np.testing.assert_allclose(answer, expected_of(path, samples.fed), rtol=1e-5)


@pytest.mark.parametrize("form", [OPERATORS, PAIRS])
def test_a_residual_network_agrees_within_a_step_of_the_result(tmp_path: Path, form):
    proto = network_of_relatives()
    path, samples = tmp_path / "q.onnx", Samples(proto)
    quantization.quantize_static(proto, path, samples, form, activation_type=BYTES, weight_type=SIGNED)
    ops = Counter(node.op_type for node in onnx.load(path).graph.node)
    if form is OPERATORS:
        relatives = ("Add", "Mul", "Sigmoid", "LeakyRelu", "Concat", "AveragePool", "GlobalAveragePool", "Softmax")
        assert {f"QLinear{op}" for op in relatives} <= {*ops}
    expected = expected_of(path, samples.fed)
    assert len(np.unique(expected)) > 2
    for answer in answers(path, samples.fed):
        assert np.abs(answer - expected).max() <= 1 / 200
