"""Bad specifications, weights and inputs are one clear message."""

import dataclasses

import numpy as np
import pytest

from archsim.crossbar import encodings, program, register_encoding
from archsim.crossbar.exact import exact_dtype
from archsim.errors import InputError
from tests.crossbar.test_product import ISAAC


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("rows", 0, "array.rows: got 0, expected an integer from 1 to 65536"),
        ("columns", 2**17, "array.columns: got 131072"),
        ("cell_bits", 9, "array.cell_bits: got 9, expected an integer from 1 to 8"),
        ("dac_bits", 0, "array.dac_bits: got 0"),
        ("weight_bits", 17, "precision.weight_bits: got 17, expected an integer from 1 to 16"),
        ("input_bits", -1, "precision.input_bits: got -1"),
        ("adc_bits", 0, "adc.bits: got 0"),
        ("adc_step", 0, "adc.step: got 0"),
        ("rows_per_read", 129, "adc.rows_per_read: got 129, expected an integer from 1 to 128"),
    ],
)
def test_a_value_out_of_range_names_the_field_and_the_range(field, value, message):
    with pytest.raises(InputError, match=f"crossbar: {message}"):
        dataclasses.replace(ISAAC, **{field: value})


def test_all_bad_fields_are_reported_at_once():
    with pytest.raises(InputError) as caught:
        dataclasses.replace(ISAAC, cell_bits=0, weight_bits=99)
    assert len(caught.value.problems) == 2


def test_an_ideal_adc_with_a_step_is_a_contradiction():
    with pytest.raises(InputError, match=r"adc\.step: got 2, expected 1 where adc\.bits is None"):
        dataclasses.replace(ISAAC, adc_bits=None, adc_step=2)


def test_an_unknown_encoding_names_the_nearest():
    with pytest.raises(
        InputError,
        match=r"got offest, expected one of binary, offset, .* \(did you mean 'offset'",
    ):
        program(np.zeros((2, 2), dtype=np.int64), dataclasses.replace(ISAAC, sign="offest"))


def test_an_encoding_cannot_be_registered_twice():
    with pytest.raises(ValueError, match="'pair' is registered already"):
        register_encoding("pair", encodings()["pair"])


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.zeros(3, dtype=np.int64), r"crossbar weights: shape: got \(3,\), expected \(rows, outputs\)"),
        (np.zeros((0, 3), dtype=np.int64), r"got \(0, 3\)"),
        (np.zeros((2, 3)), "type: got float64, expected integers"),
        (np.full((2, 3), 2**15), r"got 0..32768, expected integers in -32768..32767"),
    ],
)
def test_weights_that_do_not_fit_say_why(weights, message):
    with pytest.raises(InputError, match=message):
        program(weights, ISAAC)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (np.zeros((2, 4), dtype=np.int64), r"crossbar inputs: shape: got \(2, 4\), expected \(n, 3\)"),
        (np.zeros((2, 3)), "type: got float64, expected integers"),
        (np.full((2, 3), -(2**15) - 1), r"got -32769..0, expected integers in -32768..32767"),
    ],
)
def test_inputs_that_do_not_fit_say_why(inputs, message):
    matrix = program(np.zeros((3, 2), dtype=np.int64), ISAAC)
    for read in (matrix.read, matrix.read_all_conversions):
        with pytest.raises(InputError, match=message):
            read(inputs)


def test_sums_that_no_integer_type_holds_are_refused():
    assert exact_dtype(2**63 - 1) is np.int64
    with pytest.raises(InputError, match=r"crossbar weights: got sums up to 9223372036854775808, expected sums below"):
        exact_dtype(2**63)
