"""Accuracy of whole networks under errors of cells and converters."""

import dataclasses
import itertools

import numpy as np
import pytest

from archsim.crossbar import DeviceErrors
from archsim.frontend import load
from archsim.values import evaluate_crossbars, float_reference, load_arrays, network_inputs, samples_of
from tests.values.networks import LOSSLESS_8_BIT, MODELS, SHARED

DIGITS = MODELS / "digits_cnn.onnx", MODELS / "digits_test.npz"
MNIST = SHARED / "mnist_conv.onnx", SHARED / "mnist_500.npz"
NETWORKS = [
    pytest.param(*DIGITS, id="digits"),
    pytest.param(
        *MNIST,
        id="mnist",
        marks=[pytest.mark.shared, pytest.mark.skipif(not SHARED.exists(), reason="the data are not there")],
    ),
]
SEEDS = range(3)


def reference_of(model, data, count=None):
    graph, arrays = load(model), {name: array[:count] for name, array in load_arrays(data).items()}
    return float_reference(samples_of(graph, network_inputs(graph, arrays, "data"), arrays["labels"], "data"))


def mean_and_spread(reference, spec, devices):
    found = [evaluate_crossbars(reference, spec, devices, seed).accuracy for seed in SEEDS]
    return np.mean(found), np.std(found, ddof=1)


@pytest.mark.parametrize(("model", "data"), NETWORKS)
def test_accuracy_falls_with_the_error_of_cells(model, data):
    """Within the spread over three seeds."""
    reference = reference_of(model, data, 200)
    found = [mean_and_spread(reference, LOSSLESS_8_BIT, DeviceErrors(sigma=sigma)) for sigma in (0.02, 0.1, 0.2, 0.4)]
    for (above, spread), (below, other) in itertools.pairwise(found):
        assert below <= above + max(spread, other, 0.005)
    assert found[0][0] > reference.accuracy - 0.03
    assert found[-1][0] < found[0][0] - 0.2


@pytest.mark.parametrize(("model", "data"), NETWORKS)
def test_accuracy_falls_with_the_bits_of_the_converters(model, data):
    """Within one sample in two hundred: 8 and 7 bits differ by one of mnist's 500."""
    reference = reference_of(model, data)
    found = []
    for bits in (8, 7, 6, 5, 4):
        spec = dataclasses.replace(LOSSLESS_8_BIT, adc_bits=bits)
        found.append(evaluate_crossbars(reference, spec).accuracy)
    assert all(below <= above + 0.005 for above, below in itertools.pairwise(found))
    assert found[0] >= reference.accuracy - 0.005
    assert found[-1] < found[0] - 0.2


@pytest.mark.parametrize(("model", "data"), NETWORKS)
def test_cells_whose_errors_are_0_give_the_outputs_of_ideal_ones_bit_for_bit(model, data):
    reference = reference_of(model, data)
    spec = dataclasses.replace(LOSSLESS_8_BIT, adc_bits=7)
    ideal = evaluate_crossbars(reference, spec)
    tiny = DeviceErrors(sigma=1e-12, read_sigma=1e-12)
    for devices in (DeviceErrors(sigma=0.0, read_sigma=0.0), tiny):
        found = evaluate_crossbars(reference, spec, devices, seed=1)
        for name, array in ideal.outputs.items():
            assert np.array_equal(found.outputs[name], array)


def test_a_seed_is_the_same_network_on_the_same_day():
    reference = reference_of(*DIGITS)
    devices = DeviceErrors(sigma=0.1, read_sigma=0.05)
    one, again, other = (evaluate_crossbars(reference, LOSSLESS_8_BIT, devices, seed).outputs for seed in (3, 3, 4))
    assert all(np.array_equal(one[name], again[name]) for name in one)
    assert not any(np.array_equal(one[name], other[name]) for name in one)
