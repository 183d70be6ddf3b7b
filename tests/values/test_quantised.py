"""Quantised runs equal rational arithmetic done by hand, and say when they are exact."""

import dataclasses
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from onnx import helper

from archsim.crossbar import program
from archsim.errors import InputError
from archsim.frontend import load
from archsim.values import calibrate, load_arrays, run_quantised
from archsim.values.calibration import Calibration
from tests.values.networks import LOSSLESS_8_BIT, MODELS, graph_of, linear, model_of


def run(graph, data, spec=LOSSLESS_8_BIT, calibration=None):
    inputs = {"x": np.asarray(data, np.float32)}
    return run_quantised(graph, inputs, spec, calibration or calibrate(graph, [inputs]))


def exact_scale(largest, levels):
    """The smallest multiple of 2^-16 (relative to a power of two) that is at least largest / levels."""
    quotient = Fraction(float(largest)) / levels
    power = Fraction(2) ** int(np.floor(np.log2(float(quotient))))
    return -(-quotient * 2**16 // power) * power / 2**16


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("signed", [False, True])
def test_a_linear_layer_equals_rational_arithmetic(bits, signed):
    rng = np.random.default_rng(bits)
    weights, bias = rng.normal(size=(300, 5)).astype(np.float32), rng.normal(size=5).astype(np.float32)
    data = (rng.normal(size=(4, 300)) if signed else rng.random((4, 300))).astype(np.float32)
    spec = dataclasses.replace(LOSSLESS_8_BIT, weight_bits=bits, input_bits=bits)
    result = run(linear(weights, bias, batch=4), data, spec)
    high = 2 ** (bits - 1) - 1 if signed else 2**bits - 1
    low = -high - 1 if signed else 0
    input_scale = exact_scale(np.abs(data).max(), high)
    top = 2 ** (bits - 1) - 1
    for n in range(5):
        scale = exact_scale(np.abs(weights[:, n]).max(), top)
        column = [round(Fraction(float(w)) / scale) for w in weights[:, n]]
        for row in range(4):
            vector = [min(max(round(Fraction(float(x)) / input_scale), low), high) for x in data[row]]
            total = sum(x * w for x, w in zip(vector, column, strict=True))
            expected = float(total * scale * input_scale + Fraction(float(bias[n])))
            assert result.outputs["y"][row, n] == pytest.approx(expected, rel=2**-23)
    assert [check.exact for check in result.layers] == [True]


def test_integers_within_the_precision_come_out_exactly():
    weights = np.array([[127, -127, 3], [1, 64, 127]])
    result = run(linear(weights, [0.5, 0, -1]), [[255, 7]])
    assert result.outputs["y"].tolist() == [[255 * 127 + 7.5, -255 * 127 + 448, 255 * 3 + 888]]
    assert result.max_abs_error == result.mean_abs_error == 0
    assert result.outputs["y"].dtype == np.float32


def test_inputs_beyond_the_calibrated_range_saturate():
    graph = linear([[127.0]])
    unsigned, signed = Calibration({"x": (0.0, 255.0)}), Calibration({"x": (-3.0, 127.0)})
    assert run(graph, [[1000]], calibration=unsigned).outputs["y"].tolist() == [[255 * 127]]
    assert run(graph, [[-5]], calibration=unsigned).outputs["y"].tolist() == [[0]]
    assert run(graph, [[-1000]], calibration=signed).outputs["y"].tolist() == [[-128 * 127]]
    assert run(graph, [[1000]], calibration=signed).outputs["y"].tolist() == [[127 * 127]]


def test_errors_are_measured_against_floating_point():
    graph = linear([[127.0, 127.0]])
    result = run(graph, [[300]], calibration=Calibration({"x": (0.0, 255.0)}))
    assert result.max_abs_error == result.mean_abs_error == 45 * 127


@pytest.mark.parametrize("sign", ["offset", "pair"])
def test_an_adc_that_clips_is_seen_by_the_check_and_one_that_cannot_is_not(sign):
    weights = np.full((128, 2), -43.0)
    weights[0] = 127
    graph = linear(weights)
    data = np.full((1, 128), 255)
    wide = dataclasses.replace(LOSSLESS_8_BIT, sign=sign, adc_bits=9)
    assert [(check.lossless, check.exact) for check in run(graph, data, wide).layers] == [(True, True)]
    narrow = run(graph, data, dataclasses.replace(wide, adc_bits=5))
    assert [(check.layer, check.lossless, check.exact) for check in narrow.layers] == [("fc", False, False)]
    assert narrow.max_abs_error > 0


def test_a_narrow_adc_that_no_input_makes_clip_is_exact_though_not_lossless():
    data = np.zeros((1, 128))
    data[0, :4] = 255
    narrow = dataclasses.replace(LOSSLESS_8_BIT, sign="pair", adc_bits=5)
    result = run(linear(np.full((128, 2), 127.0)), data, narrow)
    assert [(check.lossless, check.exact) for check in result.layers] == [(False, True)]


def test_each_group_of_a_convolution_has_a_matrix_of_its_own():
    rng = np.random.default_rng(3)
    weights = rng.integers(-127, 128, (6, 2, 3, 3)).astype(np.float32)
    weights.reshape(6, -1)[:, 0] = 127
    data = rng.integers(0, 256, (2, 4, 6, 7)).astype(np.float32)
    data[0, 0, 0, 0] = 255
    node = helper.make_node("Conv", ["x", "w"], ["y"], "conv", group=2, pads=[1, 0, 1, 2], strides=[2, 1])
    result = run(graph_of(model_of([node], {"x": [2, 4, 6, 7]}, "y", {"w": weights})), data)
    assert result.max_abs_error == 0
    assert result.layers[0].exact


def test_more_bits_come_closer_to_floating_point():
    images = load_arrays(MODELS / "digits_test.npz")["images"][:32]
    graph = load(MODELS / "digits_cnn.onnx", shapes={"image": images.shape})
    inputs = {"image": images}
    calibration = calibrate(graph, [inputs])
    errors = []
    for bits in (4, 8, 12, 16):
        spec = dataclasses.replace(LOSSLESS_8_BIT, weight_bits=bits, input_bits=bits)
        errors.append(run_quantised(graph, inputs, spec, calibration).mean_abs_error)
    assert all(later < earlier / 8 for earlier, later in pairwise(errors))


def test_calibration_notes_the_range_over_all_batches_of_each_tensor_that_crossbars_read():
    node = [
        helper.make_node("MatMul", ["x", "w"], ["h"], "first"),
        helper.make_node("Relu", ["h"], ["r"], "relu"),
        helper.make_node("MatMul", ["r", "w"], ["y"], "second"),
    ]
    graph = graph_of(model_of(node, {"x": [1, 1]}, "y", {"w": np.array([[-2]], np.float32)}))
    batches = [{"x": np.array([[value]], np.float32)} for value in (3, -4, 1)]
    assert calibrate(graph, batches).ranges == {"x": (-4, 3), "r": (0, 8)}


def test_layers_that_share_weights_share_their_programmed_matrices(monkeypatch):
    nodes = [helper.make_node("MatMul", [a, "w"], [b], f"step {a}") for a, b in ("xh", "hg", "gy")]
    graph = graph_of(model_of(nodes, {"x": [1, 2]}, "y", {"w": np.array([[1, 127], [127, 1]], np.float32)}))
    calls = []

    def noted(*given, **how):
        calls.append(given)
        return program(*given, **how)

    monkeypatch.setattr("archsim.values.weights.program", noted)
    calibration = Calibration({"x": (0, 255), "h": (0, 255), "g": (0, 255)})
    result = run(graph, [[1, 1]], calibration=calibration)
    assert result.outputs["y"].tolist() == [[255 * 128] * 2], "128, then 16384, read as 255"
    assert len(calls) == 1
    assert [check.layer for check in result.layers] == ["step x", "step h", "step g"]
    monkeypatch.setattr("archsim.values.quantised.KEPT_ELEMENTS", 3)
    again = run(graph, [[1, 1]], calibration=calibration)
    assert len(calls) == 4, "what does not fit the cache is programmed again"
    assert again.outputs["y"].tolist() == result.outputs["y"].tolist()


def test_one_bit_weights_are_refused():
    with pytest.raises(
        InputError, match=r"precision\.weight_bits: got 1, expected 2 or more, .*, or 1 with array\.sign binary"
    ):
        run(linear([[1.0]]), [[1]], dataclasses.replace(LOSSLESS_8_BIT, weight_bits=1))


def test_one_bit_inputs_are_refused_where_they_are_signed_and_work_where_not():
    spec = dataclasses.replace(LOSSLESS_8_BIT, input_bits=1)
    assert run(linear([[127.0], [1.0]]), [[1, 0.2]], spec).outputs["y"].tolist() == [[127]]
    with pytest.raises(InputError, match=r"precision\.input_bits: signed inputs of node 'fc': got 1"):
        run(linear([[1.0]]), [[-1]], spec)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_refused(bad):
    with pytest.raises(InputError, match=r"node 'fc' \(Gemm\), input 'x': got infinite or undefined values, expected"):
        run(linear([[1.0]]), [[bad]])
    with pytest.raises(InputError, match=r"weights of node 'fc'.*expected finite numbers"):
        run(linear([[bad]]), [[1]])


def test_weights_without_numbers_name_the_option_that_gives_some():
    graph = load(MODELS / "lenet5.onnx")
    data = {tensor.name: np.zeros(tensor.shape, np.float32) for tensor in graph.inputs}
    for attempt in (
        lambda: calibrate(graph, [data]),
        lambda: run_quantised(graph, data, LOSSLESS_8_BIT, Calibration({})),
    ):
        with pytest.raises(InputError, match=r"no trained numbers in \d+ layers.*or --random-weights SEED"):
            attempt()


def test_random_weights_run():
    graph = load(MODELS / "lenet5.onnx", random_weights=7)
    rng = np.random.default_rng(0)
    data = {tensor.name: rng.random(tensor.shape, np.float32) for tensor in graph.inputs}
    result = run_quantised(graph, data, LOSSLESS_8_BIT, calibrate(graph, [data]))
    assert all(check.exact for check in result.layers)
    assert 0 < result.max_abs_error < 0.1 * max(np.abs(array).max() for array in result.outputs.values())


def test_a_node_treated_as_free_has_no_values():
    node = [helper.make_node("MatMul", ["x", "w"], ["h"], "mm"), helper.make_node("Bernoulli", ["h"], ["y"], "random")]
    model = model_of(node, {"x": [2, 2]}, "y", {"w": np.eye(2, dtype=np.float32)})
    graph = graph_of(model, treat_as_free=["Bernoulli"])
    with pytest.raises(InputError, match=r"node 'random' \(Bernoulli\): got a node treated as free"):
        calibrate(graph, [{"x": np.zeros((2, 2), np.float32)}])
