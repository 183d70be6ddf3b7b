"""Data sets through crossbars: accuracy, batches, shapes, and what does not fit."""

import dataclasses
import time

import numpy as np
import pytest
from onnx import helper

from archsim.errors import InputError
from archsim.frontend import load
from archsim.values import evaluate, load_arrays, network_inputs, run_float
from tests.values.networks import LOSSLESS_8_BIT, MODELS, SHARED, graph_of, linear, model_of

DIGITS = load_arrays(MODELS / "digits_test.npz")


def evaluate_digits(graph=None, count=None, **options):
    graph = graph or load(MODELS / "digits_cnn.onnx")
    images, labels = DIGITS["images"][:count], DIGITS["labels"][:count]
    return evaluate(graph, {"image": images}, LOSSLESS_8_BIT, labels=labels, **options)


def classes(outputs):
    (answers,) = outputs.values()
    return answers.argmax(axis=1)


def test_the_digits_network_loses_at_most_half_a_point_at_8_bits():
    result = evaluate_digits()
    assert result.samples == 450
    assert result.reference_accuracy == pytest.approx(442 / 450)
    assert result.accuracy >= result.reference_accuracy - 0.005
    assert [check.lossless and check.exact for check in result.layers] == [True] * 4
    assert 0 < result.mean_abs_error < result.max_abs_error < 1


def test_an_adc_with_too_few_bits_costs_accuracy():
    result = evaluate(
        load(MODELS / "digits_cnn.onnx"), {"image": DIGITS["images"]},
        dataclasses.replace(LOSSLESS_8_BIT, adc_bits=5), labels=DIGITS["labels"],
    )  # fmt: skip
    assert result.accuracy < result.reference_accuracy - 0.2
    assert not all(check.exact for check in result.layers)


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.exists(), reason="the data are not there")
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("name", ["mnist_conv", "mnist_conv_qdq", "mnist_conv_qop"])
def test_mnist_loses_at_most_half_a_point_and_takes_less_than_20_seconds(name, bits):
    arrays = load_arrays(SHARED / "mnist_500.npz")
    graph = load(SHARED / f"{name}.onnx")
    spec = dataclasses.replace(LOSSLESS_8_BIT, weight_bits=bits, input_bits=bits)
    start = time.process_time()
    result = evaluate(graph, network_inputs(graph, arrays, "mnist"), spec, labels=arrays["labels"])
    assert time.process_time() - start < 20
    assert result.samples == 500
    assert result.reference_accuracy > 0.98
    assert result.accuracy >= result.reference_accuracy - 0.005
    assert all(check.exact for check in result.layers)
    if bits == 16:
        images = network_inputs(graph, arrays, "mnist")
        (shape,) = (tensor.shape for tensor in graph.inputs)
        one_by_one = ({key: image.reshape(shape) for key in images} for image in next(iter(images.values())))
        reference = [int(classes(run_float(graph, given))[0]) for given in one_by_one]
        assert classes(result.outputs).tolist() == reference


def test_a_batch_that_does_not_divide_the_samples_gives_the_same_answers():
    one = evaluate_digits(count=70)
    four = evaluate_digits(load(MODELS / "digits_cnn.onnx", shapes={"image": (4, 1, 8, 8)}), count=70)
    assert four.samples == 70
    assert four.outputs["logits"].shape == (70, 10)
    np.testing.assert_array_equal(four.outputs["logits"], one.outputs["logits"])
    assert (four.accuracy, four.max_abs_error) == (one.accuracy, one.max_abs_error)


@pytest.mark.parametrize("bits", [8, 16])
def test_the_order_of_the_samples_changes_no_number(bits):
    graph, spec = (
        load(MODELS / "digits_cnn.onnx"),
        dataclasses.replace(LOSSLESS_8_BIT, weight_bits=bits, input_bits=bits),
    )
    images = DIGITS["images"]
    one, other = (evaluate(graph, {"image": data}, spec) for data in (images, images[::-1]))
    np.testing.assert_array_equal(other.outputs["logits"], one.outputs["logits"][::-1])
    assert other.max_abs_error == one.max_abs_error
    assert other.mean_abs_error == pytest.approx(one.mean_abs_error, rel=1e-12)


def test_16_bits_are_close_to_floating_point_on_every_sample():
    spec = dataclasses.replace(LOSSLESS_8_BIT, weight_bits=16, input_bits=16)
    result = evaluate(load(MODELS / "digits_cnn.onnx"), {"image": DIGITS["images"]}, spec)
    assert result.max_abs_error < 0.01
    reference = run_float(
        load(MODELS / "digits_cnn.onnx", shapes={"image": (450, 1, 8, 8)}), {"image": DIGITS["images"]}
    )
    assert np.array_equal(classes(result.outputs), classes(reference))


def test_a_late_large_sample_is_not_clipped():
    data = np.ones((200, 1))
    data[-1] = 1000
    outputs = evaluate(linear(np.ones((1, 1))), {"x": data}, LOSSLESS_8_BIT).outputs["y"]
    assert outputs[-1, 0] == pytest.approx(1000, rel=1e-2)


def test_missing_axes_are_added_and_types_cast_without_scaling():
    images = DIGITS["images"]
    graph = load(MODELS / "digits_cnn.onnx")
    whole = evaluate(graph, {"image": (images[:8] * 16)}, LOSSLESS_8_BIT)
    flat = evaluate(graph, {"image": (images[:8, 0] * 16).astype(np.uint8)}, LOSSLESS_8_BIT)
    np.testing.assert_array_equal(whole.outputs["logits"], flat.outputs["logits"])
    single = evaluate(graph, {"image": images[0, 0]}, LOSSLESS_8_BIT)
    assert single.samples == 1
    assert single.accuracy is None
    assert single.reference_accuracy is None


def test_progress_counts_the_samples_of_both_runs():
    told = []
    evaluate_digits(count=150, progress=lambda done, total: told.append((done, total)))
    assert told == [(done, 300) for done in (64, 128, 150, 214, 278, 300)]


def two_inputs():
    nodes = [helper.make_node("MatMul", ["x", "w"], ["h"], "mm"), helper.make_node("Add", ["h", "z"], ["y"], "add")]
    return graph_of(model_of(nodes, {"x": [2, 3], "z": [2, 1]}, "y", {"w": np.ones((3, 1), np.float32)}))


def test_every_input_is_cut_into_batches():
    data = {"x": np.arange(15).reshape(5, 3), "z": np.arange(5) * 100}
    result = evaluate(two_inputs(), data, LOSSLESS_8_BIT)
    np.testing.assert_allclose(result.outputs["y"][:, 0], [3 + 9 * n + 100 * n for n in range(5)], atol=0.1)


def test_inputs_of_unequal_length_are_refused():
    with pytest.raises(InputError, match="data: array for input 'z': got 2 batches, expected 3, as another input has"):
        evaluate(two_inputs(), {"x": np.zeros((5, 3)), "z": np.zeros(4)}, LOSSLESS_8_BIT)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (np.zeros((5, 4)), r"array for input 'x': got shape \(5, 4\), expected shape \(n, 3\), in batches of 2"),
        (np.zeros((0, 3)), r"got shape \(0, 3\)"),
        (np.array(1.0), r"got shape \(\)"),
        (np.array(["a"]), "got type <U1, expected real numbers"),
    ],
)
def test_data_that_do_not_fit_name_both_shapes(data, message):
    with pytest.raises(InputError, match=message):
        evaluate(linear(np.ones((3, 1)), batch=2), {"x": data}, LOSSLESS_8_BIT)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros(3, dtype=int), r"labels: got shape \(3,\), expected shape \(4,\)"),
        (np.zeros((2, 2), dtype=int), r"labels: got shape \(2, 2\), expected shape \(4,\)"),
        (np.array(3), r"labels: got shape \(\), expected shape \(4,\)"),
        (np.zeros(4), "labels: got type float64, expected integers"),
        (np.array([0, 1, 2, 10]), r"labels: got 0..10, expected 0..9, output 'logits' has 10"),
        (np.array([-1, 1, 2, 0]), r"labels: got -1..2"),
    ],
)
def test_labels_that_do_not_fit_say_why(labels, message):
    with pytest.raises(InputError, match=f"test.npz: {message}"):
        evaluate(
            load(MODELS / "digits_cnn.onnx"), {"image": DIGITS["images"][:4]}, LOSSLESS_8_BIT,
            labels=labels, source="test.npz",
        )  # fmt: skip


def test_labels_need_an_output_for_each_sample():
    node = helper.make_node("MatMul", ["x", "w"], ["h"], "mm"), helper.make_node("Transpose", ["h"], ["y"], "turn")
    graph = graph_of(model_of(node, {"x": [2, 3]}, "y", {"w": np.ones((3, 5), np.float32)}))
    data = {"x": np.ones((4, 3))}
    assert evaluate(graph, data, LOSSLESS_8_BIT).outputs["y"].shape == (2, 5, 2)
    with pytest.raises(InputError, match=r"labels: got output 'y' of shape \(2, 5, 2\), expected \(4, classes\)"):
        evaluate(graph, data, LOSSLESS_8_BIT, labels=np.zeros(4, dtype=int))


def test_values_that_the_declared_type_cannot_hold_are_refused():
    graph = linear(np.ones((3, 1)))
    tensor = dataclasses.replace(graph.inputs[0], dtype="uint8")
    graph = dataclasses.replace(graph, inputs=(tensor,))
    for data in (np.full((1, 3), 0.5), np.full((1, 3), 256), np.full((1, 3), -1), np.full((1, 3), np.nan)):
        with pytest.raises(InputError, match="got values that are not uint8, expected uint8"):
            evaluate(graph, {"x": data}, LOSSLESS_8_BIT)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e300])
def test_data_that_are_not_finite_name_the_input(bad):
    with pytest.raises(
        InputError, match=r"data: array for input 'x': got values that are infinite or NaN, expected fin"
    ):
        evaluate(linear(np.ones((1, 1))), {"x": np.full((1, 1), bad)}, LOSSLESS_8_BIT)


@pytest.mark.filterwarnings("error")
def test_huge_numbers_are_computed_and_their_overflow_names_the_tensor():
    graph = linear(np.full((2, 1), 1e4))
    result = evaluate(graph, {"x": np.full((3, 2), 1e30)}, LOSSLESS_8_BIT)
    np.testing.assert_allclose(result.outputs["y"], 2e34, rtol=0.02)
    with pytest.raises(InputError, match=r"net: node 'fc' \(Gemm\), output 'y': got infinite or undefined values, exp"):
        evaluate(graph, {"x": np.full((3, 2), 1e35)}, LOSSLESS_8_BIT)


def exponential(*behind):
    nodes = [helper.make_node("MatMul", ["x", "w"], ["h"], "mm"), helper.make_node("Exp", ["h"], ["e"], "exp"), *behind]
    return graph_of(model_of(nodes, {"x": [1, 1]}, behind[-1].output[0] if behind else "e", {"w": np.float32([[1]])}))


@pytest.mark.filterwarnings("error")
def test_infinities_may_vanish_between_vector_layers_but_not_leave_the_network():
    data = {"x": np.full((1, 1), 1000)}
    graph = exponential(helper.make_node("Reciprocal", ["e"], ["y"], "inverse"))
    assert evaluate(graph, data, LOSSLESS_8_BIT).outputs["y"].tolist() == [[0]]
    with pytest.raises(InputError, match=r"net: output 'e': got infinite or undefined values, expected finite numbers"):
        evaluate(exponential(), data, LOSSLESS_8_BIT)
