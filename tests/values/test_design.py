"""The crossbar of a design has the design's figures."""

import json

import pytest

from archsim.crossbar import DEVICE_FIELDS, DeviceErrors
from archsim.errors import InputError
from archsim.hardware import load_design
from archsim.values import crossbar_spec, device_errors


def test_isaac_is_a_lossless_8_bit_adc_behind_128_rows_of_2_bit_cells():
    spec = crossbar_spec(load_design("isaac"))
    assert (spec.rows, spec.columns, spec.cell_bits, spec.dac_bits) == (128, 128, 2, 1)
    assert (spec.weight_bits, spec.input_bits, spec.adc_bits, spec.rows_per_read) == (16, 16, 8, 128)
    assert spec.sign == "offset"
    assert spec.adc_step == 1


def test_an_unknown_sign_is_refused():
    design = load_design("isaac")
    other = design.model_copy(update={"array": design.array.model_copy(update={"sign": "pairs"})})
    with pytest.raises(InputError, match=r"array\.sign: got pairs, expected one of .*did you mean 'pair'"):
        crossbar_spec(other)


def test_precision_that_numbers_cannot_have_names_the_setting_and_the_range():
    design = load_design("isaac")
    precision = design.precision.model_copy(update={"weight_bits": 1, "input_bits": 32})
    with pytest.raises(InputError) as caught:
        crossbar_spec(design.model_copy(update={"precision": precision}))
    where = "where numbers are computed: --set precision"
    assert str(caught.value).splitlines() == [
        f"design {design.name}: precision.weight_bits: got 1, expected 2 to 16 {where}.weight_bits=2",
        f"design {design.name}: precision.input_bits: got 32, expected 1 to 16 {where}.input_bits=16",
    ]


def test_a_design_without_a_device_has_ideal_cells():
    assert device_errors(load_design("isaac")) == DeviceErrors()
    assert device_errors(load_design("isaac", ["device.name=rram", "device=null"])) == DeviceErrors()


def test_each_key_of_a_device_is_the_error_of_its_name():
    given = {
        "sigma": 0.1,
        "error_model": "constant",
        "read_sigma": 0.02,
        "read_error_model": "constant",
        "stuck_on": 0.01,
        "stuck_off": 0.03,
        "on_off_ratio": 50.0,
        "off_current_correction": True,
        "drift_exponent": 0.05,
        "drift_sigma": 0.01,
        "drift_start_s": 20.0,
        "time_s": 3600.0,
        "retention_s": 1e9,
        "verify_tolerance": 0.2,
        "verify_pulses": 9,
    }
    assert set(given) == set(DEVICE_FIELDS) - {"wire_ratio"}
    settings = [f"device.{key}={json.dumps(value)}" for key, value in given.items()]
    assert device_errors(load_design("isaac", settings)) == DeviceErrors(**given)


def test_a_key_set_alone_leaves_every_other_error_out():
    assert device_errors(load_design("isaac", ["device.sigma=0.05"])) == DeviceErrors(sigma=0.05)


def test_the_resistance_of_a_wire_counts_over_that_of_a_cell():
    design = load_design("isaac", ["device.on_resistance_ohm=20000", "array.wire_ohm=2.5"])
    assert device_errors(design) == DeviceErrors(wire_ratio=0.000125)


def test_errors_out_of_range_are_told_together_by_their_keys():
    design = load_design("isaac", ["device.sigma=11", "device.error_model=constnt", "device.time_s=-1"])
    with pytest.raises(InputError) as caught:
        device_errors(design)
    known = "one of constant, state_dependent (did you mean 'constant'?)"
    assert str(caught.value).splitlines() == [
        "crossbar: device.sigma: got 11.0, expected a number from 0 up to 10",
        "crossbar: device.time_s: got -1.0, expected a number from 0 up to 1e+12",
        f"crossbar: device.error_model: got constnt, expected {known}",
    ]
