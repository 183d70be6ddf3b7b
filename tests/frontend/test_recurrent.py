"""LSTM, GRU and RNN compute what onnxruntime computes, in all forms; what does not fit is refused by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper

from archsim import frontend
from archsim.errors import InputError
from archsim.frontend.gates import KINDS
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
    "reverse": {"direction": "reverse", "batch": 2},
    "bidirectional": {"direction": "bidirectional", "batch": 2},
    "bidirectional first states as inputs": {"direction": "bidirectional", "first": "inputs", "batch": 2},
    "sequences of several lengths": {"lengths": (3, 5, 1), "batch": 3, "first": "constant"},
    "reversed sequences of several lengths": {"lengths": (3, 5, 1), "batch": 3, "direction": "bidirectional"},
    "last state of one direction": {"direction": "reverse", "outputs": ("Y_h",)},
    "limits": {"clip": 0.3},
}


@pytest.mark.parametrize("op", ["LSTM", "GRU", "RNN"])
@pytest.mark.parametrize("form", FORMS)
def test_a_layer_agrees_with_onnxruntime(op: str, form: str) -> None:
    outputs = OUTPUTS if op == "LSTM" else OUTPUTS[:2]
    assert_agrees(single(op, **{"outputs": outputs, **FORMS[form]}))


@pytest.mark.parametrize("direction", ["forward", "bidirectional"])
def test_the_reset_gate_before_the_product_agrees_with_onnxruntime(direction: str) -> None:
    proto = single("GRU", batch=2, lengths=(5, 3), direction=direction, linear_before_reset=0, outputs=OUTPUTS[:2])
    assert_agrees(proto)


def test_default_activations_may_be_spelled_out() -> None:
    assert_agrees(single("LSTM", activations=["Sigmoid", "tanh", "TANH"]))


NUMBERS = {"Affine": 2, "Elu": 1, "HardSigmoid": 2, "LeakyRelu": 1, "ScaledTanh": 2, "ThresholdedRelu": 1}
"""How many of alpha and beta an activation takes."""

ACTIVATIONS = [*NUMBERS, "Relu", "Sigmoid", "Softplus", "Softsign", "Tanh"]


@st.composite
def layers(draw: st.DrawFn) -> onnx.ModelProto:
    """Any op in any form that onnxruntime has: all but layout 1."""
    op, direction = draw(st.sampled_from(["LSTM", "GRU", "RNN"])), draw(st.sampled_from(["forward", "reverse", "both"]))
    sizes = {name: draw(st.integers(1, 5)) for name in ("steps", "batch", "features", "hidden")}
    attributes: dict[str, Any] = {"direction": "bidirectional" if direction == "both" else direction}
    if draw(st.booleans()):
        attributes["clip"] = draw(st.sampled_from([0.2, 0.5, 1.0]))
    if draw(st.booleans()):
        count = {"LSTM": 3, "GRU": 2, "RNN": 1}[op] * (1 + (direction == "both"))
        names = draw(st.lists(st.sampled_from(ACTIVATIONS), min_size=count, max_size=count))
        numbers = [NUMBERS.get(name, 0) for name in names]
        given = {"alpha": sum(each > 0 for each in numbers), "beta": sum(each > 1 for each in numbers)}
        eighths = {key: [draw(st.integers(1, 8)) / 8 for _ in range(each)] for key, each in given.items() if each}
        attributes |= {"activations": names, **{f"activation_{key}": each for key, each in eighths.items()}}
    if op == "GRU":
        attributes["linear_before_reset"] = draw(st.integers(0, 1))
    if op == "LSTM":
        attributes["input_forget"] = draw(st.integers(0, 1))
    batch = sizes["batch"]
    lengths = st.lists(st.integers(1, sizes["steps"]), min_size=batch, max_size=batch)
    return single(
        op,
        **sizes,
        bias=draw(st.booleans()),
        first=draw(st.sampled_from(["none", "constant", "inputs"])),
        lengths=draw(st.just([]) | lengths),
        peepholes=op == "LSTM" and draw(st.booleans()),
        outputs=OUTPUTS if op == "LSTM" else OUTPUTS[:2],
        **attributes,
    )


@settings(max_examples=200, deadline=None, derandomize=True)
@given(layers())
def test_every_combination_of_attributes_agrees_with_onnxruntime(proto: onnx.ModelProto) -> None:
    assert_agrees(proto)


@pytest.mark.parametrize("op", ["LSTM", "GRU", "RNN"])
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
def test_batches_first_are_the_same_numbers_in_another_order(op: str, direction: str) -> None:
    """onnxruntime does not do layout 1."""
    options: dict[str, Any] = {"batch": 3, "lengths": (5, 2, 4), "direction": direction, "first": "inputs"}
    options |= {"outputs": OUTPUTS if op == "LSTM" else OUTPUTS[:2]}
    usual, other = graph_of(single(op, **options)), graph_of(single(op, layout=1, **options))
    rng = np.random.default_rng(0)
    feeds = {tensor.name: rng.normal(size=tensor.shape).astype(np.float32) for tensor in usual.inputs}
    expected = run_float(usual, feeds)
    got = run_float(other, {name: array.transpose(1, 0, 2) for name, array in feeds.items()})
    assert np.array_equal(got.pop("Y"), expected.pop("Y").transpose(2, 0, 1, 3))
    for name, array in got.items():
        assert np.array_equal(array, expected[name].transpose(1, 0, 2))


@pytest.mark.parametrize(("name", "expected"), [("Elu", -0.6321205), ("LeakyRelu", -0.01), ("HardSigmoid", 0.3)])
def test_activations_have_the_defaults_of_onnx(name: str, expected: float) -> None:
    """Of -1: exp(-1) - 1; 0.01 x; 0.2 x + 0.5. (A threshold of 1 takes 1 and leaves 2.)"""
    assert kinds_of(name)(np.float32(-1)) == pytest.approx(expected)
    assert kinds_of("ThresholdedRelu")(np.array([1, 2])).tolist() == [0, 2]


def kinds_of(name: str) -> Any:
    return KINDS[name].make(*KINDS[name].defaults)


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
    (turn,) = layer.rounds
    assert [(phase.operations, phase.additions) for phase in turn.phases] == phases
    assert [phase.unit for phase in turn.phases] == ["elementwise", "multiplier"] * 2
    assert layer.operations == sum(map(sum, phases)) * layer.windows


WORK: dict[str, tuple[str, dict[str, Any], list[list[tuple[str, int, int]]]]] = {
    "peepholes": (
        "LSTM",
        {"peepholes": True},
        [[("m", 2, 2), ("e", 3, 0), ("m", 3, 2), ("e", 2, 0), ("m", 1, 0)]],
    ),
    "limits": ("LSTM", {"clip": 1.0}, [[("e", 8, 0), ("m", 2, 1), ("e", 1, 0), ("m", 1, 0)]]),
    "coupled gates": (
        "LSTM",
        {"input_forget": 1, "activations": ["HardSigmoid", "Tanh", "Tanh"]},
        [[("e", 6, 0), ("m", 2, 1), ("e", 1, 0), ("m", 1, 0)]],
    ),
    "reset before": ("GRU", {"linear_before_reset": 0}, [[("e", 4, 0), ("m", 1, 0)], [("e", 2, 0), ("m", 2, 2)]]),
    "plain": ("RNN", {}, [[("e", 1, 0)]]),
}


@pytest.mark.parametrize("form", WORK)
def test_what_gates_take_of_the_digital_units(form: str) -> None:
    """For one unit: three peepholes are three products and sums; limits one operation each; 1 - i for a gate; a hard
    sigmoid two; the reset gate first, then the candidate."""
    op, options, expected = WORK[form]
    layer = graph_of(single(op, hidden=4, **options)).matrix_layers[0]
    assert isinstance(layer, RecurrentLayer)
    found = [[(p.unit[0], p.operations // 4, p.additions // 4) for p in turn.phases] for turn in layer.rounds]
    assert found == expected


def test_two_rounds_of_a_step_use_each_weight_once() -> None:
    before, after = (
        graph_of(single("GRU", steps=5, batch=2, linear_before_reset=number)).matrix_layers[0] for number in (0, 1)
    )
    assert (before.windows, after.windows) == (20, 10)
    assert before.macs == after.macs == 10 * 12 * 10


def test_two_directions_are_two_layers_with_weights_of_their_own() -> None:
    graph = graph_of(single("LSTM", direction="bidirectional"))
    assert [layer.name for layer in graph.matrix_layers] == ["n forward", "n reverse"]
    assert graph.parameters == 2 * 10 * 16
    assert (graph.coverage.nodes, graph.coverage.timed) == (1, 1)
    one, other = (layer.weights.load()[0] for layer in graph.matrix_layers)
    both = weights("LSTM", "n", 6, 4, directions=2)
    assert np.array_equal(one, np.concatenate([both["n.W"][0], both["n.R"][0]], axis=1).T)
    assert np.array_equal(other, np.concatenate([both["n.W"][1], both["n.R"][1]], axis=1).T)


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
    "direction": ("LSTM", {"direction": "up"}, "got direction up, expected forward, reverse, bidirectional"),
    "clip": ("LSTM", {"clip": 0.0}, "got clip 0.0, expected a limit above 0"),
    "too few activations": ("LSTM", {"activations": ["Relu"]}, "got activations Relu, expected 3 activations"),
    "unknown activation": (
        "GRU",
        {"activations": ["Sigmoid", "Gelu"]},
        f"got activation Gelu, expected one of {', '.join(KINDS)}",
    ),
    "no default": (
        "RNN",
        {"activations": ["Affine"], "activation_alpha": [1.0]},
        "got activation Affine without alpha or beta, expected both: ONNX has no default for them",
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
        (4, np.array([6], np.int32), "got sequence_lens (6,), expected lengths of 1 to 5"),
        (4, np.array([0], np.int32), "got sequence_lens (0,), expected lengths of 1 to 5"),
        (4, np.array([5, 5], np.int32), "got sequence_lens (5, 5), expected 1 lengths"),
        (5, zeros(1, 2, 4), "got first state of shape (1, 2, 4), expected (1, 1, 4)"),
        (6, zeros(1, 1, 4, dtype=np.float64), "got first state of type float64, expected the data's type float32"),
        (7, zeros(1, 8), "got peepholes P of shape (1, 8), expected (1, 12)"),
        (7, zeros(1, 12, dtype=np.float64), "got peepholes P of type float64, expected the data's type float32"),
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
    proto.graph.node[0].attribute.append(helper.make_attribute("layout", 1))
    assert "got data of shape (5, 1), expected (batch, steps, features)" in refused(proto)
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
    parts = weights("LSTM", "n", 6, 4)
    fused = layer.weights.load()[0]
    assert np.array_equal(fused[:6], parts["n.W"][0].T)
    assert np.array_equal(fused[6:], parts["n.R"][0].T)
