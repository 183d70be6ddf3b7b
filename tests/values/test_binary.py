"""Binary networks answer what onnxruntime does; weights that are no signs become signs and a scale."""

from __future__ import annotations

import dataclasses

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from archsim.errors import InputError
from archsim.hardware import load_design
from archsim.values import crossbar_spec, evaluate
from archsim.values.calibration import Calibration
from archsim.values.quantised import run_quantised
from archsim.values.signs import signs_and_scales
from tests.values.networks import graph_of, linear, model_of
from tests.values.test_quantised import exact_scale

BINARY = ("array.sign=binary", "precision.weight_bits=1", "precision.input_bits=1", "array.cell_bits=1")
SPEC = crossbar_spec(load_design("isaac", BINARY))
SENSE_AMPLIFIER = crossbar_spec(load_design("isaac", [*BINARY, "adc.bits=1", "adc.full_scale=per_slice"]))


def signs(seed: int, *shape: int):
    return np.random.default_rng(seed).choice([-1, 1], shape).astype(np.float32)


def binary_network(between=()):
    """Signs of an image through a padded convolution, their signs through two matrices, the first of 300 rows."""
    nodes = [
        helper.make_node("Sign", ["x"], ["a"]),
        helper.make_node("Conv", ["a", "c"], ["b"], "conv", pads=[1, 1, 1, 1], strides=[2, 2]),
        helper.make_node("Sign", ["b"], ["s"]),
        *between,
        helper.make_node("Flatten", ["r" if between else "s"], ["f"]),
        helper.make_node("MatMul", ["f", "w"], ["h"], "hidden"),
        helper.make_node("Sign", ["h"], ["t"]),
        helper.make_node("Gemm", ["t", "v", "bias"], ["y"], "last"),
    ]
    constants = {"c": signs(0, 12, 3, 3, 3), "w": signs(1, 300, 40), "v": signs(2, 40, 10)}
    bias = np.linspace(0, 0.9, 10, dtype=np.float32)  # no two classes are equal
    return model_of(nodes, {"x": [1, 3, 10, 10]}, "y", constants | {"bias": bias})


def of_onnxruntime(model, data):
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(None, {"x": one[None]})[0] for one in data])


def test_a_batch_normalization_goes_into_scale_sign_and_bias():
    """Weights of -1 and 1 times a factor of either sign have one magnitude for each output: their mean."""
    rng = np.random.default_rng(7)
    weights, data = signs(8, 90, 30), signs(9, 40, 90)
    factors = {"g": rng.normal(size=30), "b": rng.normal(size=30), "m": rng.normal(size=30), "v": rng.uniform(1, 2, 30)}
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"], "mm"),
        helper.make_node("BatchNormalization", ["h", *factors], ["n"]),
        helper.make_node("Sign", ["n"], ["y"]),
    ]
    constants = {name: factor.astype(np.float32) for name, factor in factors.items()}
    model = model_of(nodes, {"x": [1, 90]}, "y", {"w": weights, **constants})
    found = evaluate(graph_of(model), {"x": data}, SPEC).outputs["y"]
    np.testing.assert_array_equal(found, of_onnxruntime(model, data))


@pytest.mark.parametrize("between", [(), (helper.make_node("Relu", ["s"], ["r"]),)], ids=["signed", "unsigned"])
def test_a_binary_network_answers_what_onnxruntime_does(between):
    model, data = binary_network(between), np.random.default_rng(3).normal(size=(60, 3, 10, 10)).astype(np.float32)
    expected = of_onnxruntime(model, data)
    result = evaluate(graph_of(model), {"x": data}, SPEC, labels=expected.argmax(axis=1))
    np.testing.assert_array_equal(result.outputs["y"], expected)
    assert result.accuracy == 1
    assert len(set(expected.argmax(axis=1).tolist())) > 5
    assert [(check.lossless, check.exact) for check in result.layers] == [(True, True)] * 3


def test_converters_of_4_bits_are_too_few_for_it():
    model, data = binary_network(), np.random.default_rng(3).normal(size=(60, 3, 10, 10)).astype(np.float32)
    narrow = evaluate(graph_of(model), {"x": data}, dataclasses.replace(SPEC, adc_bits=4))
    assert [check.exact for check in narrow.layers] == [False] * 3
    assert (narrow.outputs["y"].argmax(axis=1) != of_onnxruntime(model, data).argmax(axis=1)).mean() > 0.2


def test_a_sense_amplifier_gives_the_sign_of_each_output_of_one_block_of_rows():
    weights, data = signs(4, 97, 20), signs(5, 50, 97)
    result = evaluate(linear(weights), {"x": data}, SENSE_AMPLIFIER)
    np.testing.assert_array_equal(result.outputs["y"], 97 * np.sign(data @ weights))


def test_weights_become_signs_times_the_mean_of_their_magnitudes():
    """By hand: (0.5, -1.5, 0, 2) is (1, -1, 1, 1) times 1; an output without weights is 0."""
    weights = [[0.5, -0.25, 0], [-1.5, -0.25, 0], [0, -0.25, 0], [2, 0.75, 0]]
    result = evaluate(linear(weights), {"x": np.array([[1, 1, 1, 1], [1, -1, 1, -1]])}, SPEC)
    assert result.outputs["y"].tolist() == [[2, -2 * 0.375, 0], [2, -2 * 0.375, 0]]


def test_the_mean_is_rounded_up_to_the_grid_of_scales_whatever_the_order_of_the_rows():
    rng = np.random.default_rng(6)
    weights = rng.normal(size=(2, 1000, 30)).astype(np.float32) * np.float32(10.0) ** rng.integers(-9, 9, 30)
    found, scales = signs_and_scales(weights)
    assert np.array_equal(found, np.where(weights < 0, -1, 1))
    mean = np.abs(weights.astype(np.float64)).mean(axis=1)
    assert scales.tolist() == [[float(exact_scale(one, 1)) for one in group] for group in mean]
    again, same = signs_and_scales(weights[:, rng.permutation(1000)])
    assert np.array_equal(same, scales)
    assert not np.array_equal(again, found)


def test_inputs_become_the_nearest_of_0_and_their_largest_magnitude():
    """Unsigned {0, 3}, signed {-3, 0, 3}; what is beyond saturates, half way is 0."""
    graph = linear([[1.0], [1.0]])

    def answer(data, least):
        calibration = Calibration({"x": (least, 3.0)})
        return run_quantised(graph, {"x": np.float32([data])}, SPEC, calibration).outputs["y"].tolist()

    assert answer([1.5, 1.4], 0.0) == [[0]]
    assert answer([1.6, 9], 0.0) == [[6]]
    assert answer([-9, 1.6], 0.0) == [[3]]
    assert answer([-1.6, 1.4], -2.0) == [[-3]]
    assert answer([-9, -1.5], -2.0) == [[-3]]


def quantised_weights(integers):
    """`x` times weights that the network has as integers and a scale of 0.25."""
    nodes = [
        helper.make_node("DequantizeLinear", ["w", "scale"], ["d"]),
        helper.make_node("MatMul", ["x", "d"], ["y"], "mm"),
    ]
    return graph_of(model_of(nodes, {"x": [1, 2]}, "y", {"w": np.int8(integers), "scale": np.float32(0.25)}))


def test_weights_that_are_signs_and_a_scale_stay_so_and_others_do_not():
    """With a weight of 0 they are signs times the mean, 0.125."""
    data = {"x": np.float32([[1, -1]])}
    assert evaluate(quantised_weights([[1], [-1]]), data, SPEC).outputs["y"].tolist() == [[0.5]]
    assert evaluate(quantised_weights([[0], [-1]]), data, SPEC).outputs["y"].tolist() == [[0.25]]


def test_a_network_that_computes_in_integers_cannot_lose_those_that_are_no_signs():
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["x", "w"], ["y"], "mm")],
        "net",
        [helper.make_tensor_value_info("x", TensorProto.INT8, [1, 2])],
        [helper.make_tensor_value_info("y", TensorProto.INT32, [1, 1])],
        [numpy_helper.from_array(np.int8([[1], [-1]]), "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    with pytest.raises(InputError, match=r"precision\.input_bits: node 'mm': got 1, expected 8 or more, which the net"):
        evaluate(graph_of(model), {"x": np.int8([[1, -1]])}, SPEC)
