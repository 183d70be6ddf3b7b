"""Converters whose range follows from the cells, or from what was measured."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.crossbar import CrossbarSpec, program, steps_for
from archsim.errors import InputError
from tests.crossbar.specification import specified_product

SPEC = CrossbarSpec(
    rows=4, columns=8, cell_bits=2, dac_bits=1, weight_bits=8, input_bits=3, signed_inputs=False,
    sign="pair", adc_bits=2, adc_step=1, rows_per_read=4,
)  # fmt: skip


SLICES = {"pair": 8, "offset": 4, "offset_unflipped": 4, "pair_arrays": 4, "twos_complement": 5}
"""How many there are of 8 bits in cells of 2."""


def test_each_slice_has_the_smallest_step_with_which_its_cells_are_within_the_codes():
    """27 is 3, 2, 1, 0 in cells of 2 bits: 4 rows add up to 12, 8, 4, 0, and 2 bits are 3 codes."""
    weights = np.full((8, 2), 27)
    matrix = program(weights, dataclasses.replace(SPEC, adc_range="per_slice"))
    assert matrix.writer.steps == (4, 3, 2, 1, 1, 1, 1, 1)
    inputs = np.array([[7] * 8, [7, 0, 0, 0] * 2])
    # of 12, 8, 4 the codes are 3, 3, 2: 12, 9, 4; of 3, 2, 1 they are 1, 1, 1 (half a step goes up): 4, 3, 2
    assert matrix.read(inputs)[:, 0].tolist() == [2 * 7 * (12 + 4 * 9 + 16 * 4), 2 * 7 * (4 + 4 * 3 + 16 * 2)]


def test_measured_sums_are_the_largest_of_each_slice_over_all_reads():
    rng = np.random.default_rng(0)
    weights, inputs = rng.integers(-128, 128, (10, 5)), rng.integers(0, 8, (30, 10))
    matrix = program(weights, dataclasses.replace(SPEC, adc_bits=None))
    found = []
    for part in (np.maximum(weights, 0), np.maximum(-weights, 0)):
        for piece in range(4):
            cells = part >> 2 * piece & 3
            sums = [
                (inputs[:, rows] >> bit & 1) @ cells[rows]
                for rows in (slice(0, 4), slice(4, 8), slice(8, 10))
                for bit in range(3)
            ]
            found.append(int(np.max(sums)))
    assert matrix.largest_sums(inputs) == tuple(found)
    assert steps_for((0, 3, 4, 7), SPEC) == (1, 1, 2, 3)
    assert steps_for((0, 400), dataclasses.replace(SPEC, adc_bits=None)) == (1, 1)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_steps_of_their_own_are_what_the_specification_says(data):
    sign, slices = data.draw(st.sampled_from([*SLICES.items()]))
    spec = dataclasses.replace(
        SPEC, sign=sign, adc_bits=data.draw(st.integers(1, 5)), adc_range="calibrated",
        adc_rounding=data.draw(st.sampled_from(["half_up", "floor"])), dac_bits=data.draw(st.integers(1, 3)),
    )  # fmt: skip
    steps = tuple(data.draw(st.lists(st.integers(1, 9), min_size=slices, max_size=slices)))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    weights, inputs = rng.integers(-128, 128, (9, 3)), rng.integers(0, 8, (4, 9))
    expected = specified_product(inputs.tolist(), weights.tolist(), spec, steps)
    assert program(weights, spec, steps=steps).read(inputs).tolist() == expected


def test_a_sense_amplifier_is_a_converter_of_one_bit():
    """With a full scale of 4 sums of 2 and more are 4, smaller ones 0."""
    spec = dataclasses.replace(SPEC, adc_bits=1, adc_step=4, weight_bits=2, cell_bits=1, input_bits=1)
    inputs = np.array([[0, 0, 0, 0], [1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 1]])
    assert program(np.ones((4, 1), dtype=np.int64), spec).read(inputs).tolist() == [[0], [0], [4], [4]]


def test_a_measured_range_without_measurements_is_refused():
    with pytest.raises(InputError, match=r"crossbar: steps: expected steps that were measured, where adc\.full_scale"):
        program(np.ones((2, 2), dtype=np.int64), dataclasses.replace(SPEC, adc_range="calibrated"))


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        (
            "adc_range",
            "per_slise",
            r"adc\.full_scale: got per_slise, expected one of .* \(did you mean 'per_slice'\?\)",
        ),
        ("adc_rounding", "half_down", r"adc\.rounding: got half_down, expected one of half_up, floor"),
        ("adc_gain_error", 0.6, r"adc\.gain_error: got 0\.6, expected a number from -0\.5 to 0\.5"),
        ("adc_offset", -2e6, r"adc\.offset_codes: got -2000000\.0, expected a number from -1e\+06 to 1e\+06"),
        ("adc_sigma", -1.0, r"adc\.sigma_codes: got -1\.0, expected a number from 0 to 1e\+06"),
    ],
)
def test_settings_that_no_converter_has_say_why(field, value, message):
    with pytest.raises(InputError, match=message):
        dataclasses.replace(SPEC, **{field: value})


@pytest.mark.parametrize("dac_bits", [1, 2, 3, 16])
def test_levels_that_no_input_reaches_widen_no_range(dac_bits):
    """Four inputs of 3 bits: with 27 in every row the lowest slice's largest sum is 12 times the highest digit."""
    spec = dataclasses.replace(SPEC, dac_bits=dac_bits, adc_range="per_slice")
    digit = 2 ** min(dac_bits, 3) - 1
    assert program(np.full((4, 1), 27), spec).writer.steps[:2] == (-(-12 * digit // 3), -(-8 * digit // 3))
