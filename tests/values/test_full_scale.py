"""The range of converters measured on the data."""

import dataclasses
from itertools import count

import numpy as np
import pytest
from onnx import helper

from archsim.crossbar import DeviceErrors
from archsim.frontend import load
from archsim.values import evaluate, load_arrays
from archsim.values.calibration import calibrate
from archsim.values.full_scale import SumsRule
from archsim.values.weights import Writing, write_layer
from tests.values.networks import LOSSLESS_8_BIT, MODELS, graph_of, linear, model_of

DIGITS = load_arrays(MODELS / "digits_test.npz")


def accuracy(**changes):
    spec = dataclasses.replace(LOSSLESS_8_BIT, **changes)
    return evaluate(load(MODELS / "digits_cnn.onnx"), {"image": DIGITS["images"]}, spec, labels=DIGITS["labels"])


def test_sums_are_measured_of_the_integers_that_enter():
    """Weights 1 and 1/127 are 127 and 1; inputs up to 1 in 255 steps: every row is driven in every bit by 1."""
    graph = linear([[1.0, 1 / 127], [1.0, 1 / 127]])
    spec = dataclasses.replace(LOSSLESS_8_BIT, sign="pair", adc_bits=3, adc_range="calibrated")
    batches = [{"x": np.array([[1.0, 1.0]], np.float32)}, {"x": np.array([[0.5, 0.0]], np.float32)}]
    rule = SumsRule(graph, calibrate(graph, batches), spec)
    (layer,) = graph.layers
    for batch in batches:
        rule(layer, batch["x"][None], (1, 2))
    # 127 is 3, 3, 3, 1 in cells of 2 bits, of two rows each; both outputs' weights are 127 of their own scale
    assert rule.calibration.sums == {layer.weights.key: (6, 6, 6, 2, 0, 0, 0, 0)}


def test_a_measured_range_loses_less_than_codes_of_one_unit_and_than_a_range_for_any_inputs():
    found = {name: accuracy(adc_bits=6, adc_range=name) for name in ("fixed", "per_slice", "calibrated")}
    errors = {name: one.mean_abs_error for name, one in found.items()}
    assert errors["calibrated"] < errors["per_slice"] < errors["fixed"]
    assert found["calibrated"].accuracy > found["fixed"].accuracy + 0.2


def test_with_bits_for_every_sum_a_measured_range_loses_nothing():
    found = accuracy(adc_bits=8, adc_range="calibrated")
    ideal = accuracy(adc_bits=None)
    assert all(np.array_equal(found.outputs[name], array) for name, array in ideal.outputs.items())
    assert found.mean_abs_error == pytest.approx(ideal.mean_abs_error, abs=0)


def test_groups_of_a_convolution_share_the_range_of_their_layer():
    """Two channels apart, weights 1, 1 and 1, 1/127: 127 and 127 beside 127 and 1, in cells of 2 bits."""
    weights = np.array([1, 1, 1, 1 / 127], np.float32).reshape(2, 1, 1, 2)
    node = helper.make_node("Conv", ["x", "w"], ["y"], group=2)
    graph = graph_of(model_of([node], {"x": [1, 2, 1, 2]}, "y", {"w": weights}))
    (layer,) = graph.matrix_layers
    spec = dataclasses.replace(LOSSLESS_8_BIT, sign="pair", adc_bits=1, adc_range="per_slice")
    written = write_layer(graph, layer, spec, Writing((0,), DeviceErrors(), count()), None)
    assert [matrix.writer.steps for matrix in written.matrices] == [(6, 6, 6, 2, 1, 1, 1, 1)] * 2
