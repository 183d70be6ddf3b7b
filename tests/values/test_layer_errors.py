"""What each matrix layer adds to the error, against networks taken apart by hand."""

import dataclasses

import numpy as np
import pytest
from onnx import helper

from archsim.crossbar import DeviceErrors
from archsim.frontend import load
from archsim.values import (
    Calibration,
    evaluate_crossbars,
    float_reference,
    load_arrays,
    run_float,
    run_quantised,
    samples_of,
)
from tests.values.networks import LOSSLESS_8_BIT, MODELS, graph_of, linear, model_of

GENERATOR = np.random.Generator(np.random.PCG64(3))
FIRST = np.float32(GENERATOR.integers(-9, 10, (6, 5)))
SECOND = np.float32(GENERATOR.integers(-9, 10, (5, 4)))
BIAS = np.float32([1, -20, 3, 40])
DATA = np.float32(GENERATOR.integers(0, 30, (70, 6))) / 3
COARSE = dataclasses.replace(LOSSLESS_8_BIT, weight_bits=4, input_bits=3)


def two_layers():
    nodes = [
        helper.make_node("Gemm", ["x", "a"], ["h"], "first"),
        helper.make_node("Relu", ["h"], ["r"], "relu"),
        helper.make_node("Gemm", ["r", "b", "c"], ["y"], "second"),
    ]
    return graph_of(model_of(nodes, {"x": [1, 6]}, "y", {"a": FIRST, "b": SECOND, "c": BIAS}))


def through(weights, data, bias=None, largest=None):
    """What crossbars make of `data`, whose range is known to end at `largest`."""
    graph = linear(weights, bias, batch=len(data))
    calibration = Calibration({"x": (0.0, float(data.max() if largest is None else largest))})
    return run_quantised(graph, {"x": data}, COARSE, calibration).outputs["y"].astype(np.float64)


def rms(array):
    return np.sqrt(np.mean(np.square(array)))


def errors_of(graph, data, spec=COARSE, labels=None, **options):
    reference = float_reference(samples_of(graph, data, labels, "data"))
    return evaluate_crossbars(reference, spec, layer_errors=True, **options)


def test_errors_of_two_layers_are_those_of_the_layers_one_by_one():
    hidden = np.maximum(DATA @ FIRST, 0)
    answer = hidden @ SECOND + BIAS
    got = through(FIRST, DATA)
    got_hidden = np.maximum(got, 0).astype(np.float32)
    got_answer = through(SECOND, got_hidden, BIAS, largest=hidden.max())
    labels = answer.argmax(axis=1)
    result = errors_of(two_layers(), {"x": DATA}, labels=labels)
    first, second = result.layer_errors
    assert (first.layer, second.layer) == ("first", "second")
    exact = DATA.astype(np.float64) @ FIRST
    assert first.own == pytest.approx(rms(got - exact) / rms(exact), rel=1e-5)
    assert first.accumulated == pytest.approx(first.own, rel=1e-5)
    product = got_hidden.astype(np.float64) @ SECOND
    assert second.own == pytest.approx(rms(got_answer - product - BIAS) / rms(product), rel=1e-5)
    assert second.accumulated == pytest.approx(rms(got_answer - answer) / rms(answer), rel=1e-5)
    assert second.accumulated != pytest.approx(second.own, rel=0.01)
    alone = got_hidden @ SECOND + BIAS, through(SECOND, hidden, BIAS)
    expected = [np.mean(outputs.argmax(axis=1) == labels) for outputs in alone]
    assert [first.accuracy_alone, second.accuracy_alone] == expected
    assert min(expected) < 1
    np.testing.assert_array_equal(result.outputs["y"], got_answer.astype(np.float32))


def test_a_layer_whose_results_are_all_0_has_no_error():
    (only,) = errors_of(linear(np.zeros((3, 2))), {"x": np.ones((2, 3))}).layer_errors
    assert (only.own, only.accumulated, only.accuracy_alone) == (None, None, None)


@pytest.mark.parametrize(
    "devices", [DeviceErrors(), DeviceErrors(sigma=0.1), DeviceErrors(sigma=0.05, read_sigma=0.1)], ids=str
)
@pytest.mark.parametrize("name", ["digits_cnn", "digits_gru"])
def test_looking_at_layers_changes_no_bit_of_the_run(name, devices):
    arrays = load_arrays(MODELS / "digits_test.npz")
    graph = load(MODELS / f"{name}.onnx")
    (tensor,) = graph.inputs
    images = arrays["images"][:70].reshape(70, *tensor.shape[1:])
    reference = float_reference(samples_of(graph, {tensor.name: images}, arrays["labels"][:70], "digits"))
    plain, looked = (
        evaluate_crossbars(reference, LOSSLESS_8_BIT, devices, 4, layer_errors=wanted) for wanted in (False, True)
    )
    for output, array in plain.outputs.items():
        np.testing.assert_array_equal(looked.outputs[output], array)
    assert looked.layers == plain.layers
    assert [error.layer for error in looked.layer_errors] == [check.layer for check in plain.layers]
    assert plain.layer_errors == ()


def test_a_layer_alone_has_the_cells_that_it_has_among_the_others():
    """With the only layer that matters for the answer alone, the accuracy is that of the whole run."""
    nodes = [
        helper.make_node("Gemm", ["x", "a"], ["h"], "before"),
        helper.make_node("Gemm", ["x", "b"], ["y"], "answers"),
        helper.make_node("Sub", ["h", "h"], ["z"], "nothing"),
        helper.make_node("Add", ["z", "y"], ["sum"], "add"),
    ]
    constants = {"a": np.ones((6, 4), np.float32), "b": FIRST[:, :4]}
    graph = graph_of(model_of(nodes, {"x": [1, 6]}, "sum", constants))
    reference = np.concatenate([run_float(graph, {"x": row[None]})["sum"] for row in DATA])
    labels = reference.argmax(axis=1)
    accuracies = []
    for seed in range(6):
        result = errors_of(graph, {"x": DATA}, labels=labels, devices=DeviceErrors(sigma=0.3), seed=seed)
        alone = {error.layer: error.accuracy_alone for error in result.layer_errors}
        assert alone == {"before": 1.0, "answers": result.accuracy}
        accuracies.append(result.accuracy)
    assert len(set(accuracies)) > 1
