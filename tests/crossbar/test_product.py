"""What comes out of a crossbar equals the integer product, or the integer specification where the ADC clips."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from archsim.crossbar import CrossbarSpec, encodings, program, register_encoding
from archsim.crossbar.encodings import registry
from archsim.crossbar.encodings.slices import cut, slice_values
from archsim.crossbar.exact import exact_dtype
from tests.crossbar.specification import specified_product

ISAAC = CrossbarSpec(
    rows=128, columns=128, cell_bits=2, dac_bits=1, weight_bits=16, input_bits=16, signed_inputs=True,
    sign="offset", adc_bits=8, adc_step=1, rows_per_read=128,
)  # fmt: skip


@st.composite
def problems(draw, largest_rows=300, clipping=False):
    rows = draw(st.sampled_from([5, 16, 100, 128]) if not clipping else st.sampled_from([3, 8]))
    sign = draw(st.sampled_from(sorted(encodings())))
    most_bits, most_cell_bits = (1, 1) if sign == "binary" else (16, 8)
    spec = CrossbarSpec(
        rows=rows,
        columns=128,
        cell_bits=draw(st.integers(1, most_cell_bits)),
        dac_bits=draw(st.integers(1, 4)),
        weight_bits=draw(st.integers(1, most_bits)),
        input_bits=draw(st.integers(1, most_bits)),
        signed_inputs=draw(st.booleans()),
        sign=sign,
        adc_bits=draw(st.integers(1, 5)) if clipping else None,
        adc_step=draw(st.integers(1, 9)) if clipping else 1,
        adc_rounding=draw(st.sampled_from(["half_up", "floor"])),
        rows_per_read=draw(st.integers(1, rows)),
    )
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    used, outputs, vectors = draw(st.integers(1, largest_rows)), draw(st.integers(1, 9)), draw(st.integers(0, 5))
    low, high = spec.weight_range
    weights = draw(st.sampled_from([
        rng.integers(low, high, (used, outputs), endpoint=True),
        np.full((used, outputs), high),
        np.full((used, outputs), low),
    ]))  # fmt: skip
    weights[(weights == 0) & spec.binary] = high
    low, high = spec.input_range
    inputs = rng.integers(low, high, (vectors, used), endpoint=True)
    return spec, weights, inputs


@given(problems())
@settings(max_examples=150, deadline=None)
def test_a_lossless_adc_gives_the_integer_product_on_both_paths(problem):
    spec, weights, inputs = problem
    matrix = program(weights, spec)
    expected = inputs.astype(object) @ weights.astype(object)
    assert matrix.lossless
    assert matrix.read(inputs).tolist() == expected.tolist()
    assert matrix.read_all_conversions(inputs).tolist() == expected.tolist()


@given(problems(largest_rows=12, clipping=True))
@settings(max_examples=150, deadline=None)
def test_a_clipping_adc_gives_what_the_integer_specification_says(problem):
    spec, weights, inputs = problem
    assert program(weights, spec).read(inputs).tolist() == specified_product(inputs.tolist(), weights.tolist(), spec)


def test_a_saturating_adc_does_change_results():
    spec = dataclasses.replace(ISAAC, adc_bits=4, signed_inputs=False, input_bits=8, weight_bits=8)
    rng = np.random.default_rng(0)
    weights, inputs = rng.integers(-128, 128, (128, 16)), rng.integers(0, 256, (20, 128))
    matrix = program(weights, spec)
    assert not matrix.lossless
    assert (matrix.read(inputs) != inputs @ weights).mean() > 0.9


def test_sixteen_by_sixteen_bits_are_exact_at_the_extremes_of_the_range():
    weights = np.full((1000, 3), -(2**15))
    weights[:, 1] = 2**15 - 1
    inputs = np.full((4, 1000), -(2**15))
    inputs[1:3] = 2**15 - 1
    matrix = program(weights, ISAAC)
    assert matrix.lossless
    expected = inputs.astype(object) @ weights.astype(object)
    assert matrix.read(inputs).tolist() == expected.tolist()
    assert matrix.read_all_conversions(inputs).tolist() == expected.tolist()


def encoded(sign, weights, **bits):
    return encodings()[sign](np.array(weights), dataclasses.replace(ISAAC, **bits))


def test_the_sign_bit_of_twos_complement_has_a_cell_of_its_own():
    """By hand: 5 is 0101 and -3 is 1101 in 4 bits; 2-bit cells hold 01 and 1 of the lower three, then the sign."""
    group = encoded("twos_complement", [[5], [-3]], weight_bits=4, cell_bits=2)
    assert group.cells[:, :, 0].tolist() == [[1, 1], [1, 1], [0, 1]]
    assert group.factors[:, 0].tolist() == [1, 4, -8]
    single = encoded("twos_complement", [[5], [-3]], weight_bits=4, cell_bits=1)
    assert single.cells[:, :, 0].tolist() == [[1, 1], [0, 0], [1, 1], [0, 1]]
    assert single.factors[:, 0].tolist() == [1, 2, 4, -8]
    assert not group.unit_factors.any()


def test_unflipped_columns_hold_the_biased_weight_whatever_they_sum_up_to():
    """128 rows of 3 in every 2-bit cell: 384, which offset stores as 128 rows of 0."""
    weights = np.full((128, 1), 127)
    group = encoded("offset_unflipped", weights, weight_bits=8)
    assert group.slice_sums.tolist() == [384] * 4
    assert (group.factors[:, 0].tolist(), group.unit_factors.tolist()) == ([1, 4, 16, 64], [-128])
    assert encoded("offset", weights, weight_bits=8).slice_sums.tolist() == [0] * 4


@given(st.integers(0, 2**32), st.sampled_from(["uniform", "all high", "all low", "half", "just below", "columns"]))
@settings(max_examples=60, deadline=None)
def test_flipping_keeps_every_column_sum_of_a_128_row_array_of_2_bit_cells_at_255_or_less(seed, kind):
    rng = np.random.default_rng(seed)
    low, high = ISAAC.weight_range
    weights = rng.integers(low, high, (128, 40), endpoint=True)
    if kind == "all high":
        weights[:] = high
    elif kind == "all low":
        weights[:] = low
    elif kind == "half":
        weights[:] = np.where(rng.random(weights.shape) < 0.5, high, low)
    elif kind == "just below":
        weights[:] = low
        weights[:85] = high  # 85 cells of 3 in each column: 255, the largest sum that is not flipped
        weights[85] += int(rng.integers(0, 2)) * 0x5555  # one level more: 256, flipped
    elif kind == "columns":
        weights[:, rng.random(40) < 0.5] = high
    group = encodings()["offset"](weights, ISAAC)
    sums = group.cells.sum(axis=1, dtype=np.int64)
    assert sums.max() <= 255
    assert np.array_equal(group.decode(), weights)
    assert program(weights, ISAAC).lossless, "8 bits lose nothing"


def test_a_column_is_flipped_from_256_on_and_not_before():
    weights = np.full((128, 2), -(2**15))
    weights[:85] = 2**15 - 1
    weights[85, 1] += 0x5555
    group = encodings()["offset"](weights, ISAAC)
    assert group.cells.sum(axis=1).tolist() == [[255, 128]] * 8
    assert (group.factors > 0).tolist() == [[True, False]] * 8


def test_the_unflipped_pair_encoding_needs_nine_bits_for_a_full_array():
    weights = np.full((128, 1), 127)
    spec = dataclasses.replace(ISAAC, weight_bits=8, sign="pair")
    assert not program(weights, spec).lossless
    assert program(weights, dataclasses.replace(spec, adc_bits=9)).lossless


def test_arrays_of_positive_and_negative_weights_are_subtracted_before_the_adc():
    """Worked by hand (PRIME, Chi et al., ISCA 2016): 7 x 3 x 2 in the positive array and 7 x 3 in the negative one;
    3 bits convert the difference, 21, to 7, where columns of a pair would give 7 - 7. 42 takes 6 bits."""
    spec = CrossbarSpec(
        rows=256, columns=256, cell_bits=4, dac_bits=3, weight_bits=8, input_bits=3, signed_inputs=False,
        sign="pair_arrays", adc_bits=3, adc_step=1, rows_per_read=256,
    )  # fmt: skip
    weights, inputs = np.array([[3], [3], [-3]]), np.array([[7, 7, 7], [0, 0, 7], [0, 1, 0]])
    assert program(weights, spec).read(inputs).tolist() == [[7], [-7], [3]]
    assert program(weights, dataclasses.replace(spec, sign="pair")).read(inputs).tolist() == [[0], [-7], [3]]
    exact = dataclasses.replace(spec, adc_bits=6)
    assert program(weights, exact).lossless
    assert not program(weights, dataclasses.replace(spec, adc_bits=5)).lossless
    assert program(weights, exact).read_all_conversions(inputs).tolist() == [[21], [-21], [3]]


@pytest.mark.parametrize("sign", [1, -1])
def test_what_one_sign_can_sum_up_to_decides_whether_a_difference_is_lossless(sign):
    """128 rows of 3: 384, 9 bits; as many of the other sign make it no larger."""
    weights = np.full((128, 1), 3 * sign)
    spec = dataclasses.replace(ISAAC, weight_bits=8, sign="pair_arrays")
    assert not program(weights, spec).lossless
    assert program(weights, dataclasses.replace(spec, adc_bits=9)).lossless
    weights[64:] *= -1
    assert program(weights, spec).lossless


def test_the_product_equals_the_reference_of_onnx():
    rng = np.random.default_rng(5)
    inputs, weights = rng.integers(0, 256, (7, 300), dtype=np.uint8), rng.integers(-128, 128, (300, 11), dtype=np.int8)
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["a", "b"], ["y"])],
        "product",
        [
            helper.make_tensor_value_info("a", TensorProto.UINT8, inputs.shape),
            helper.make_tensor_value_info("b", TensorProto.INT8, weights.shape),
        ],
        [helper.make_tensor_value_info("y", TensorProto.INT32, (7, 11))],
    )
    expected = ReferenceEvaluator(helper.make_model(graph)).run(None, {"a": inputs, "b": weights})[0]
    spec = dataclasses.replace(ISAAC, weight_bits=8, input_bits=8, signed_inputs=False)
    matrix = program(weights, spec)
    assert np.array_equal(matrix.read(inputs), expected)
    assert np.array_equal(matrix.read_all_conversions(inputs), expected)


def test_a_product_in_parts_equals_the_whole(monkeypatch):
    rng = np.random.default_rng(6)
    inputs, weights = rng.integers(-99, 99, (5, 300)), rng.integers(-99, 99, (300, 4))
    monkeypatch.setattr("archsim.crossbar.matrix.WEIGHTS_AT_ONCE", 28)
    monkeypatch.setattr("archsim.crossbar.conversions.WORDS_AT_ONCE", 1)
    matrix = program(weights, ISAAC)
    assert np.array_equal(matrix.read(inputs), inputs @ weights)
    assert np.array_equal(matrix.read_all_conversions(inputs), inputs @ weights)


def test_an_encoding_of_ones_own_is_used_by_its_name(monkeypatch):
    """Weights that are never negative need neither a bias nor a second column."""
    monkeypatch.setattr(registry, "_ENCODINGS", dict(encodings()))

    def encode_plain(weights, spec):
        values = np.broadcast_to(slice_values(spec), (spec.cells_per_weight, weights.shape[1]))
        return registry.Encoded(cut(weights, spec), values, np.zeros(weights.shape[1], dtype=np.int64))

    register_encoding("plain", encode_plain)
    weights, inputs = np.arange(12).reshape(4, 3), np.arange(8).reshape(2, 4)
    matrix = program(weights, dataclasses.replace(ISAAC, sign="plain"))
    assert np.array_equal(matrix.read_all_conversions(inputs), inputs @ weights)
    with pytest.raises(AssertionError, match="'plain' changes weights"):
        program(-weights, dataclasses.replace(ISAAC, sign="plain", weight_bits=15))


@pytest.mark.parametrize(
    ("rows", "outputs", "weight_bits", "sign", "arrays"),
    [
        (1152, 128, 8, "offset", 36),
        (1152, 128, 16, "offset", 72),
        (1152, 128, 8, "pair", 72),
        (1152, 128, 8, "pair_arrays", 72),
        (128, 5, 16, "pair", 1),
        (128, 5, 16, "pair_arrays", 2),
        (1152, 128, 8, "offset_unflipped", 36),
        (1152, 128, 8, "twos_complement", 45),  # 4 cells of 7 bits, and a sign
        (1152, 128, 7, "twos_complement", 36),
        (27, 64, 16, "offset", 4),
        (4096, 1000, 8, "offset", 1024),
        (129, 1, 8, "offset", 2),
    ],
)
def test_arrays_are_row_blocks_times_column_blocks(rows, outputs, weight_bits, sign, arrays):
    spec = dataclasses.replace(ISAAC, weight_bits=weight_bits, sign=sign)
    assert program(np.zeros((rows, outputs), dtype=np.int64), spec).arrays == arrays


@pytest.mark.parametrize(("bound", "dtype"), [(2**24, "f4"), (2**24 + 1, "f8"), (2**53, "f8"), (2**53 + 1, "i8")])
def test_the_type_of_sums_holds_every_integer_up_to_the_bound(bound, dtype):
    chosen = exact_dtype(bound)
    assert np.dtype(chosen) == np.dtype(dtype)
    assert int(chosen(bound)) == bound
    assert int(chosen(bound) - chosen(1)) == bound - 1


def test_products_are_exact_where_the_bound_needs_64_bit_integers():
    spec = dataclasses.replace(ISAAC, rows=2**16, rows_per_read=2**16, adc_bits=None)
    weights = np.full((2**23 + 2, 1), -(2**15))
    weights[-1] = 1
    inputs = np.full((1, len(weights)), -(2**15))
    inputs[0, -1] = 1
    assert program(weights, spec).read(inputs).tolist() == [[(len(weights) - 1) * 2**30 + 1]]


@pytest.mark.parametrize("adc_bits", [8, 7])
def test_16_x_16_bits_are_exact_where_sums_in_float32_are_not(adc_bits):
    """1,152 products of numbers near 2^15: 2^40 in all, 16 bits more than float32 has. With 7 bits of ADC, sums reach
    the specification's, too."""
    rng = np.random.default_rng(0)
    weights, inputs = rng.integers(2**14, 2**15, (1152, 3)), rng.integers(2**14, 2**15, (4, 1152))
    spec = dataclasses.replace(ISAAC, adc_bits=adc_bits)
    matrix = program(weights, spec)
    exact = inputs @ weights
    rounded = inputs.astype(np.float32) @ weights.astype(np.float32)
    assert not np.array_equal(rounded.astype(np.int64), exact)
    assert np.array_equal(matrix.product(inputs), exact)
    if adc_bits == 8:
        assert matrix.lossless
        assert np.array_equal(matrix.read(inputs), exact)
        assert np.array_equal(matrix.read_all_conversions(inputs), exact)
    else:
        found = matrix.read(inputs)
        assert found.tolist() == specified_product(inputs.tolist(), weights.tolist(), spec)
        assert not np.array_equal(found, exact)
