"""LSTM and GRU compute what onnxruntime computes, and every form that is not covered is refused by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper

from archsim import frontend
from archsim.errors import InputError
from archsim.graph import Graph, RecurrentLayer
from archsim.values import run_float
from tests.frontend.models import SHARED
from tests.recurrent import OUTPUTS, single, stacked, weights


def graph_of(proto: onnx.ModelProto, **options: Any) -> Graph:
    return frontend.from_model(proto, source="net.onnx", base_dir=None, **options)


def assert_agrees(proto: onnx.ModelProto, feeds: dict[str, np.ndarray] | None = None) -> Graph:
    import onnxruntime

    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(2)
    feeds = feeds or {x.name: rng.normal(size=x.shape).astype(np.float32) for x in session.get_inputs()}
    graph = graph_of(proto)
    got = run_float(graph, feeds)
    for name, expected in zip(graph.outputs, session.run(None, feeds), strict=True):
        assert (got[name].shape, got[name].dtype) == (expected.shape, expected.dtype)
        np.testing.assert_allclose(got[name], expected, rtol=1e-5, atol=1e-6)
    return graph


FORMS: dict[str, dict[str, Any]] = {
    "plain": {},
    "without bias": {"bias": False},
    "three sequences": {"batch": 3},
    "one step": {"steps": 1},
    "constant first states": {"first": "constant", "batch": 2},
    "first states as inputs": {"first": "inputs", "batch": 2},
    "last states alone": {"outputs": ("Y_h",)},
    "more features than units": {"features": 20, "hidden": 3},
}


@pytest.mark.parametrize("op", ["LSTM", "GRU"])
@pytest.mark.parametrize("form", FORMS)
def test_a_layer_agrees_with_onnxruntime(op: str, form: str) -> None:
    outputs = OUTPUTS if op == "LSTM" else OUTPUTS[:2]
    assert_agrees(single(op, **{"outputs": outputs, **FORMS[form]}))


def test_default_activations_may_be_spelled_out() -> None:
    assert_agrees(single("LSTM", activations=["Sigmoid", "tanh", "TANH"]))


@pytest.mark.parametrize("op", ["LSTM", "GRU"])
@pytest.mark.parametrize("after", ["", "Relu"])
def test_stacked_layers_agree_with_onnxruntime(op: str, after: str) -> None:
    assert_agrees(stacked(op, 2, steps=6, batch=2, classes=5, after=after))


@pytest.mark.parametrize("op", ["Mul", "Add"])
def test_a_constant_behind_a_recurrent_layer_is_not_folded_into_its_weights(op: str) -> None:
    proto = single("LSTM")
    proto.graph.node.append(helper.make_node(op, ["Y", "two"], ["z"], "after"))
    proto.graph.initializer.append(onnx.numpy_helper.from_array(np.full((), 2, np.float32), "two"))
    proto.graph.output[0].name = "z"
    assert [layer.op for layer in assert_agrees(proto).layers] == ["LSTM", op]


@pytest.mark.parametrize(
    ("op", "outputs", "phases", "parts"),
    [("LSTM", 16, [(16, 0), (8, 4), (4, 0), (4, 0)], (10,)), ("GRU", 12, [(16, 0), (4, 4), (4, 0), (8, 8)], (6, 4))],
)
def test_sizes_of_a_layer(op: str, outputs: int, phases: list[tuple[int, int]], parts: tuple[int, ...]) -> None:
    """Long et al.: a step of an LSTM is a matrix (I + H) x 4H, 5H activations, 3H products and H additions. A GRU has
    3H activations after 2H additions, 3H products with as many additions."""
    (layer,) = graph_of(single(op, steps=5, batch=2, features=6, hidden=4)).layers
    assert isinstance(layer, RecurrentLayer)
    assert (layer.rows, layer.outputs, layer.windows, layer.groups) == (10, outputs, 10, 1)
    assert (layer.macs, layer.parameters, layer.row_parts) == (10 * outputs * 10, 10 * outputs, parts)
    assert [(phase.operations, phase.additions) for phase in layer.phases] == phases
    assert [phase.unit for phase in layer.phases] == ["elementwise", "multiplier"] * 2
    assert layer.operations == sum(map(sum, phases)) * layer.windows


@pytest.mark.parametrize("op", ["LSTM", "GRU"])
def test_coverage_counts_a_recurrent_layer_as_timed(op: str) -> None:
    coverage = graph_of(single(op)).coverage
    assert (coverage.nodes, coverage.timed) == (1, 1)


def test_placeholder_weights_become_random_and_a_state_made_of_zeros_stays_zeros() -> None:
    def of_shape(name: str, *shape: int) -> list[onnx.NodeProto]:
        sizes = onnx.numpy_helper.from_array(np.array(shape, np.int64))
        return [
            helper.make_node("Constant", [], [f"{name}.shape"], f"{name}.shape", value=sizes),
            helper.make_node("ConstantOfShape", [f"{name}.shape"], [name], name),
        ]

    proto = single("LSTM")
    del proto.graph.initializer[:]
    lstm = proto.graph.node.pop()
    lstm.input.extend(["", "h0"])
    for name, shape in (("n.W", (1, 16, 6)), ("n.R", (1, 16, 4)), ("n.B", (1, 32)), ("h0", (1, 1, 4))):
        proto.graph.node.extend(of_shape(name, *shape))
    proto.graph.node.append(lstm)
    (blank,), (filled,) = graph_of(proto).matrix_layers, graph_of(proto, random_weights=1).matrix_layers
    assert blank.weights.placeholder
    assert [constant.placeholder for constant in blank.constants] == [False, False]
    assert filled.weights.load().std() == pytest.approx(np.sqrt(2 / 10), rel=0.15)
    assert not filled.constants[0].load().any()


REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "direction": ("LSTM", {"direction": "reverse"}, "got direction reverse, expected direction forward"),
    "layout": ("LSTM", {"layout": 1}, "got layout 1, expected layout 0: (steps, batch, features)"),
    "clip": ("LSTM", {"clip": 3.0}, "got clip 3.0, expected no clip"),
    "coupled gates": ("LSTM", {"input_forget": 1}, "got input_forget 1, expected input_forget 0"),
    "activations": (
        "LSTM",
        {"activations": ["Sigmoid", "Tanh", "Relu"]},
        "got activations sigmoid, tanh, relu, expected activations Sigmoid, Tanh, Tanh",
    ),
    "alpha": ("GRU", {"activation_alpha": [1.0]}, "got attribute activation_alpha, expected default activations"),
    "beta": ("GRU", {"activation_beta": [1.0]}, "got attribute activation_beta, expected default activations"),
    "reset before": (
        "GRU",
        {"linear_before_reset": 0},
        "got linear_before_reset 0, expected linear_before_reset 1: all rows are read at once",
    ),
}


def refused(proto: onnx.ModelProto) -> str:
    with pytest.raises(InputError) as caught:
        graph_of(proto)
    return str(caught.value)


@pytest.mark.parametrize("name", REFUSED)
def test_other_forms_are_refused(name: str) -> None:
    op, attributes, message = REFUSED[name]
    proto = single(op)
    kept = [each for each in proto.graph.node[0].attribute if each.name not in attributes]
    del proto.graph.node[0].attribute[:]
    proto.graph.node[0].attribute.extend([*kept, *(helper.make_attribute(*item) for item in attributes.items())])
    assert refused(proto) == f"net.onnx: node 'n' ({op}): {message}"


def with_input(index: int, array: np.ndarray, op: str = "LSTM") -> onnx.ModelProto:
    """A layer whose operand `index` is another constant."""
    proto = single(op)
    names = list(proto.graph.node[0].input)
    names += [""] * (index + 1 - len(names))
    names[index] = "other"
    del proto.graph.node[0].input[:]
    proto.graph.node[0].input.extend(names)
    proto.graph.initializer.append(onnx.numpy_helper.from_array(array, "other"))
    return proto


def zeros(*shape: int, dtype: type = np.float32) -> np.ndarray:
    return np.zeros(shape, dtype)


@pytest.mark.parametrize(
    ("index", "array", "message"),
    [
        (0, zeros(5, 1, 6), "got a constant input, expected an input computed at run time"),
        (1, zeros(2, 16, 6), "got weights W of shape (2, 16, 6), expected (1, 16, 6)"),
        (2, zeros(1, 16, 5), "got weights R of shape (1, 16, 5), expected (1, 16, 4)"),
        (1, zeros(1, 16, 6, dtype=np.float64), "got weights W of type float64, expected the data's type float32"),
        (3, zeros(1, 16), "got bias B of shape (1, 16), expected (1, 32)"),
        (3, zeros(1, 32, dtype=np.float64), "got bias B of type float64, expected the data's type float32"),
        (4, np.array([5], np.int32), "got sequence_lens, expected no sequence_lens: sequences of the full length"),
        (5, zeros(1, 2, 4), "got first state of shape (1, 2, 4), expected (1, 1, 4)"),
        (6, zeros(1, 1, 4, dtype=np.float64), "got first state of type float64, expected the data's type float32"),
        (7, zeros(1, 12), "got peepholes (input P), expected no peepholes"),
    ],
)
def test_operands_that_do_not_fit_are_refused(index: int, array: np.ndarray, message: str) -> None:
    assert refused(with_input(index, array)) == f"net.onnx: node 'n' (LSTM): {message}"


def test_weights_computed_at_run_time_are_refused() -> None:
    proto = single("LSTM")
    proto.graph.initializer.remove(next(each for each in proto.graph.initializer if each.name == "n.R"))
    proto.graph.input.append(helper.make_tensor_value_info("n.R", onnx.TensorProto.FLOAT, (1, 16, 4)))
    assert "got weights R 'n.R', a graph input without an initializer, expected constant weights R" in refused(proto)


def test_data_of_another_rank_and_sizes_of_0_are_refused() -> None:
    proto = single("LSTM")
    del proto.graph.input[0].type.tensor_type.shape.dim[2]
    assert "got data of shape (5, 1), expected (steps, batch, features)" in refused(proto)
    proto = single("LSTM")
    proto.graph.node[0].attribute[0].i = 0
    assert "got hidden_size 0, expected 1 or more" in refused(proto)


def test_enormous_weights_are_refused_before_they_are_made() -> None:
    proto = single("LSTM")
    proto.graph.node[0].attribute[0].i = 1 << 30
    assert "weights, expected at most 2147483648" in refused(proto)


@pytest.mark.shared
@pytest.mark.parametrize("name", ["digits_lstm", "digits_gru"])
def test_what_pytorch_exports_agrees_with_onnxruntime(name: str) -> None:
    path = SHARED / "digits" / f"{name}.onnx"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    proto = onnx.load(path)
    image = np.random.default_rng(0).random((1, 1, 8, 8)).astype(np.float32)
    assert_agrees(proto, {"x": image})


@pytest.mark.shared
def test_a_voice_detector_that_carries_its_state_agrees_with_onnxruntime() -> None:
    """Convolutions, an LSTM with its states as inputs and outputs, a convolution over the steps."""
    import onnxruntime

    path = SHARED / "silero_seq.onnx"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    graph = frontend.load(path, shapes={"input": (4, 576)})
    rng = np.random.default_rng(0)
    feeds = {tensor.name: rng.normal(size=tensor.shape).astype(np.float32) for tensor in graph.inputs}
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    got = run_float(graph, feeds)
    for name, expected in zip(graph.outputs, session.run(None, feeds), strict=True):
        np.testing.assert_allclose(got[name], expected, rtol=1e-4, atol=1e-5)


def test_weights_are_those_of_the_input_above_those_of_the_hidden_state() -> None:
    (layer,) = graph_of(single("LSTM")).matrix_layers
    given = weights("LSTM", "n", 6, 4)
    fused = layer.weights.load()[0]
    assert np.array_equal(fused[:6], given["n.W"][0].T)
    assert np.array_equal(fused[6:], given["n.R"][0].T)
