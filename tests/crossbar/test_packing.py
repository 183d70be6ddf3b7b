"""Several sums in one number come apart again, and only where float32 holds them exactly."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.crossbar import CrossbarSpec, encodings, program
from archsim.crossbar.conversions import row_group
from archsim.crossbar.packing import packing
from tests.crossbar.specification import specified_product

SPEC = CrossbarSpec(
    rows=256, columns=256, cell_bits=2, dac_bits=1, weight_bits=8, input_bits=8, signed_inputs=False,
    sign="offset", adc_bits=6, adc_step=1, rows_per_read=256,
)  # fmt: skip


@pytest.mark.parametrize(
    ("largest_sum", "signed", "slots"),
    [
        (255, False, 3),  # 255 x (1 + 2^8 + 2^16) = 2^24 - 1
        (256, False, 2),
        (4095, False, 2),  # 4095 x 4097 = 2^24 - 1
        (4096, False, 1),
        (127, True, 3),  # 127 x (1 + 2^8 + 2^16) is below 2^23
        (128, True, 2),
        (2047, True, 2),  # 2047 x 4097 is below 2^23
        (2048, True, 1),  # 2048 x 8193 = 2^24 + 2048
    ],
)
def test_as_many_sums_share_a_number_as_float32_holds_exactly(largest_sum, signed, slots):
    packed = packing(8, largest_sum, signed=signed)
    assert packed.slots == slots
    assert packed.words == -(-8 // slots)


@given(st.integers(1, 4500), st.booleans(), st.integers(1, 9), st.integers(0, 2**32))
@settings(max_examples=100, deadline=None)
def test_packed_sums_come_apart_again(largest_sum, signed, slices, seed):
    """As one row of cells, with an input of 1, the levels are the sums."""
    packed = packing(slices, largest_sum, signed=signed)
    rng = np.random.default_rng(seed)
    lowest = -largest_sum if signed else 0
    levels = rng.integers(lowest, largest_sum, (slices, 1, 20), endpoint=True)
    levels[:, :, :2] = lowest, largest_sum
    sums = packed.pack(levels.astype(np.int16))
    parts = [part.reshape(packed.words, 20).copy() for part in packed.unpack(sums, np.empty_like(sums))]
    found = np.concatenate(parts)
    assert np.array_equal(found[:slices], levels[:, 0])
    assert not found[slices:].any()


@pytest.mark.parametrize("cell_bits", range(1, 9))
@given(st.data())
@settings(max_examples=12, deadline=None)
def test_what_256_rows_and_a_dac_of_up_to_3_bits_give_is_what_the_specification_says(cell_bits, data):
    """Weights and inputs at the ends of their ranges bring the packed sums to their bounds."""
    sign = data.draw(st.sampled_from(sorted(encodings())))
    weight_bits, input_bits = ([1], [1]) if sign == "binary" else ([2, 8, 9], [1, 8, 10])
    spec = dataclasses.replace(
        SPEC,
        cell_bits=cell_bits,
        dac_bits=data.draw(st.sampled_from([1, 3])),
        weight_bits=data.draw(st.sampled_from(weight_bits)),
        input_bits=data.draw(st.sampled_from(input_bits)),
        signed_inputs=data.draw(st.booleans()),
        sign=sign,
        adc_bits=data.draw(st.sampled_from([4, 7, 10])),
        adc_step=data.draw(st.sampled_from([1, 2, 3, 7])),
        adc_rounding=data.draw(st.sampled_from(["half_up", "floor"])),
    )
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    (least, most), (lowest, highest) = spec.weight_range, spec.input_range
    weights = rng.integers(least, most, (256, 2), endpoint=True)
    weights[(weights == 0) & spec.binary] = most
    weights[:, 1] = data.draw(st.sampled_from([least, most]))
    inputs = rng.integers(lowest, highest, (2, 256), endpoint=True)
    inputs[1] = data.draw(st.sampled_from([lowest, highest]))
    expected = specified_product(inputs.tolist(), weights.tolist(), spec)
    matrix = program(weights, spec)
    assert matrix.read_all_conversions(inputs).tolist() == expected
    assert matrix.read(inputs).tolist() == expected


@pytest.mark.parametrize("kept", [2**25, 0], ids=["kept ready", "encoded when read"])
@pytest.mark.parametrize("sign", ["offset", "pair", "pair_arrays"])
@pytest.mark.parametrize("dac_bits", [1, 3])
def test_lossless_rows_beside_lossy_ones_are_multiplied_and_nothing_else_changes(monkeypatch, dac_bits, sign, kept):
    """Of four arrays of 8 rows the second and the third have one cell of 1 in a column: no sum is above the ADC's."""
    monkeypatch.setattr("archsim.crossbar.matrix.CELLS_KEPT", kept)
    spec = dataclasses.replace(
        SPEC, rows=8, rows_per_read=8, dac_bits=dac_bits, sign=sign, adc_bits=dac_bits + 2, signed_inputs=True
    )
    rng = np.random.default_rng(3)
    weights, inputs = rng.choice([-128, 127], (32, 3)), rng.integers(-128, 128, (4, 32))
    weights[:, 0] = 127
    weights[8:24] = -128 if sign == "offset" else 0
    weights[[8, 17]] += 1
    matrix = program(weights, spec)
    assert matrix.lossless_groups == (False, True, True, False)
    assert sorted(matrix.kept) == ([0, 3] if kept else [])
    expected = specified_product(inputs.tolist(), weights.tolist(), spec)
    assert matrix.read(inputs).tolist() == matrix.read_all_conversions(inputs).tolist() == expected
    assert not np.array_equal(expected, inputs @ weights)


def test_sums_too_large_for_float32_are_read_in_float64():
    """65,536 rows of 255 and a DAC of 8 bits: 2^16 x 255 x 255 is above 2^24; one more or less is told apart."""
    spec = dataclasses.replace(
        SPEC, rows=2**16, rows_per_read=2**16, cell_bits=8, dac_bits=8, sign="pair", adc_bits=None, weight_bits=9
    )
    weights, inputs = np.full((2**16, 1), 255), np.full((2, 2**16), 255)
    inputs[1, 0] = 254
    weights[0] = 1
    group = row_group(encodings()["pair"](weights, spec), weights.sum(axis=0), spec, (1, 1, 1, 1))
    assert group.cells.dtype == np.float64
    first = (2**16 - 1) * 255 * 255 + 255
    assert program(weights, spec).read_all_conversions(inputs).tolist() == [[first], [first - 1]]
