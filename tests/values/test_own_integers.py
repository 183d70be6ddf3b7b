"""Networks that bring integers and scales of their own go through crossbars with exactly these."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from onnx import TensorProto, helper

from archsim import frontend
from archsim.errors import InputError
from archsim.graph import Grid
from archsim.hardware import load_design
from archsim.values import crossbar_spec, evaluate, load_arrays, run_crossbars, run_float
from tests.values.networks import LOSSLESS_8_BIT, SHARED, graph_of, model_of

WEIGHTS = np.array([[3, -128], [-7, 100], [50, 1]], np.int8)
SCALES = np.array([0.25, 0.03], np.float32)
DATA = np.array([[-1.0, 0.52, 2.9], [0.1, -0.38, 0.75]], np.float32)
NODES = [
    helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"]),
    helper.make_node("DequantizeLinear", ["q", "s", "z"], ["d"]),
    helper.make_node("DequantizeLinear", ["w", "v"], ["m"], axis=1),
]


def qdq(last, *, zero=37, between=(), **constants):
    """Data on a grid of uint8 with scale 0.02, weights on one of int8 with a scale for each output."""
    known = {"s": np.float32(0.02), "z": np.uint8(zero), "w": WEIGHTS, "v": SCALES, **constants}
    return graph_of(model_of([*NODES, *between, *last], {"x": [2, 3]}, "y", known))


def product(name: str = "d"):
    return [helper.make_node("MatMul", [name, "m"], ["y"])]


def through_crossbars(graph, spec=LOSSLESS_8_BIT):
    return run_crossbars(graph, {"x": DATA}, spec)["y"]


def by_hand(data=DATA, zero=37):
    """Sums of integers, then one product with the scales."""
    integers = np.clip(np.rint(data / np.float32(0.02)) + zero, 0, 255).astype(int) - zero
    return integers @ WEIGHTS.astype(int) * (SCALES.astype(np.float64) * np.float64(np.float32(0.02)))


def test_integers_of_quantised_data_and_weights_are_taken_as_they_are():
    graph = qdq(product())
    (layer,) = graph.matrix_layers
    assert layer.grid == Grid(float(np.float32(0.02)), 37, 0, 255)
    np.testing.assert_array_equal(through_crossbars(graph), by_hand().astype(np.float32))


def test_calibration_would_have_answered_something_else():
    (layer,) = (graph := qdq(product())).matrix_layers
    blind = dataclasses.replace(layer, grid=None, weights=dataclasses.replace(layer.weights, steps=None))
    layers = tuple(blind if each is layer else each for each in graph.layers)
    assert np.abs(through_crossbars(dataclasses.replace(graph, layers=layers)) - by_hand()).max() > 1e-3


def test_the_grid_survives_what_only_moves_numbers_and_relu():
    between = [
        helper.make_node("Relu", ["d"], ["r"]),
        helper.make_node("Reshape", ["r", "shape"], ["f"]),
    ]
    graph = qdq(product("f"), between=between, shape=np.array([2, 3]))
    np.testing.assert_array_equal(through_crossbars(graph), by_hand(np.maximum(DATA, 0)).astype(np.float32))


def test_the_grid_ends_where_numbers_change():
    graph = qdq(product("e"), between=[helper.make_node("Exp", ["d"], ["e"])])
    assert graph.matrix_layers[0].grid is None


def test_weights_keep_their_integers_where_a_factor_folds_into_them():
    graph = qdq(
        [helper.make_node("MatMul", ["d", "m"], ["p"]), helper.make_node("Mul", ["p", "f"], ["y"])],
        f=np.array([-2, 0.3], np.float32),
    )
    (layer,) = graph.matrix_layers
    np.testing.assert_allclose(through_crossbars(graph), by_hand() * [-2, 0.3], rtol=1e-6)
    assert layer.results == ("y",)


def test_data_are_calibrated_where_the_crossbar_has_fewer_bits_than_their_grid():
    spec = dataclasses.replace(LOSSLESS_8_BIT, input_bits=4)
    got = through_crossbars(qdq(product()), spec)
    assert 0 < np.abs(got - by_hand()).max() < np.abs(by_hand()).max() / 8


def test_weights_are_scaled_where_the_crossbar_has_fewer_bits_than_their_integers():
    spec = dataclasses.replace(LOSSLESS_8_BIT, weight_bits=6)
    got = through_crossbars(qdq(product()), spec)
    assert 0 < np.abs(got - by_hand()).max() < np.abs(by_hand()).max() / 8


def test_scales_that_differ_along_a_column_are_no_scales_of_a_crossbar():
    by_row = [*NODES[:2], helper.make_node("DequantizeLinear", ["w", "u"], ["m"], axis=0)]
    known = {"s": np.float32(0.02), "z": np.uint8(37), "w": WEIGHTS, "u": np.array([0.1, 0.2, 0.3], np.float32)}
    graph = graph_of(model_of([*by_row, *product()], {"x": [2, 3]}, "y", known))
    exact = run_float(graph, {"x": DATA})["y"]
    assert 0 < np.abs(through_crossbars(graph) - exact).max() < np.abs(exact).max() / 50


def integer_network(weights, kind=np.int8):
    model = model_of(
        [helper.make_node("MatMulInteger", ["x", "w"], ["y"])], {"x": [1, 3]}, "y", {"w": np.asarray(weights, kind)}
    )
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.UINT8
    model.graph.output[0].type.tensor_type.elem_type = TensorProto.INT32
    return graph_of(model)


@pytest.mark.parametrize(
    ("weights", "kind", "bits", "message"),
    [
        ([[1], [2], [3]], np.int8, {"input_bits": 6}, "precision.input_bits: node 'y': got 6, expected 8 or more"),
        ([[1], [-128], [3]], np.int8, {"weight_bits": 7}, "precision.weight_bits: node 'y': got 7, expected 8 or more"),
        ([[1], [200], [3]], np.uint8, {}, "precision.weight_bits: node 'y': got 8, expected 9 or more.*weight_bits=10"),
    ],
)  # fmt: skip
def test_a_network_of_integers_needs_the_bits_for_them(weights, kind, bits, message):
    spec = dataclasses.replace(LOSSLESS_8_BIT, **bits)
    with pytest.raises(InputError, match=message):
        run_crossbars(integer_network(weights, kind), {"x": np.array([[1, 2, 255]], np.uint8)}, spec)


def test_a_network_of_integers_is_exact_with_bits_enough():
    answer = run_crossbars(
        integer_network([[1], [-128], [3]]), {"x": np.array([[1, 2, 255]], np.uint8)}, LOSSLESS_8_BIT
    )
    np.testing.assert_array_equal(answer["y"], [[1 - 256 + 765]])


@pytest.mark.skipif(not SHARED.exists(), reason="the shared models are not there")
@pytest.mark.parametrize("name", ["mnist_conv_qdq", "mnist_conv_qop"])
def test_quantised_digits_are_onnxruntimes_to_the_last_step(name: str):
    import onnxruntime

    path = SHARED / f"{name}.onnx"
    graph = frontend.load(path)
    data = {"Input3": (np.random.default_rng(0).random((1, 1, 28, 28)) * 255).astype(np.float32)}
    (expected,) = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(None, data)
    for bits in (8, 16):
        settings = [f"precision.weight_bits={bits}", f"precision.input_bits={bits}"]
        spec = crossbar_spec(load_design("isaac", settings))
        np.testing.assert_array_equal(run_crossbars(graph, data, spec)["Plus214_Output_0"], expected)
    np.testing.assert_array_equal(run_float(graph, data)["Plus214_Output_0"], expected)


@pytest.mark.skipif(not SHARED.exists(), reason="the shared models are not there")
@pytest.mark.parametrize("name", ["mnist_conv_qdq", "mnist_conv_qop"])
def test_quantised_digits_lose_no_image_in_crossbars_of_8_bits(name: str):
    arrays = load_arrays(SHARED / "mnist_500.npz")
    images = {"Input3": arrays["images"][:100]}
    spec = crossbar_spec(load_design("isaac", ["precision.weight_bits=8", "precision.input_bits=8"]))
    result = evaluate(frontend.load(SHARED / f"{name}.onnx"), images, spec, labels=arrays["labels"][:100])
    assert result.max_abs_error == 0
    assert result.accuracy == result.reference_accuracy >= 0.99
    assert all(check.exact for check in result.layers)
