"""The crossbar of a design has the design's figures."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.crossbar import DEVICE_FIELDS, DeviceErrors, encodings, program
from archsim.errors import InputError
from archsim.hardware import design_names, load_design
from archsim.hardware.signs import SIGN_CELLS
from archsim.mapping.tiling import tile_layer
from archsim.values import crossbar_spec, design_notes, device_errors
from tests.values.networks import linear


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
    key, binary = "precision", "or 1 with array.sign=binary"
    where = "where numbers are computed"
    assert str(caught.value).splitlines() == [
        f"design isaac: precision.weight_bits: got 1, expected 2 to 16 {where}, {binary}: --set {key}.weight_bits=2",
        f"design isaac: precision.input_bits: got 32, expected 1 to 16 {where}: --set {key}.input_bits=16",
    ]


def test_a_design_without_a_device_has_ideal_cells():
    assert device_errors(load_design("isaac")) == DeviceErrors()


def test_keys_of_a_device_are_the_errors_of_its_cells():
    given = {
        "sigma": 0.1, "error_model": "constant", "read_sigma": 0.2, "read_error_model": "constant", "stuck_on": 0.01,
        "stuck_off": 0.02, "on_off_ratio": 17.0, "off_current_correction": True, "drift_exponent": 0.05,
        "drift_sigma": 0.01, "drift_start_s": 20.0, "time_s": 3600.0, "retention_s": 1e9, "verify_tolerance": 0.03,
        "verify_pulses": 5,
    }  # fmt: skip
    assert {*given, "wire_ratio"} == set(DEVICE_FIELDS)
    settings = [f"device.{key}={json.dumps(value)}" for key, value in given.items()]
    assert device_errors(load_design("isaac", settings)) == DeviceErrors(**given)


def test_a_wire_counts_by_its_share_of_a_cell():
    settings = ["array.wire_ohm=2.5", "device.on_resistance_ohm=100000"]
    assert device_errors(load_design("isaac", settings)) == DeviceErrors(wire_ratio=2.5e-5)


@pytest.mark.parametrize("name", ["pcm", "rram"])
def test_devices_that_ship_are_off_by_their_errors_but_have_not_aged(name: str):
    found = device_errors(load_design("isaac", [f"device.name={name}"]))
    assert not found.ideal
    assert found.time_s is None
    assert replace(found, sigma=0).ideal


def test_pcm_drifts_once_a_time_is_set():
    found = device_errors(load_design("isaac", ["device.name=pcm", "device.time_s=2000", "device.sigma=0"]))
    assert not found.ideal
    assert (found.drift_exponent, found.drift_start_s) == (0.049, 20)


def test_errors_of_cells_that_cannot_be_name_design_and_device():
    with pytest.raises(InputError) as caught:
        device_errors(load_design("isaac", ["device.name=rram", "device.sigma=99", "device.verify_pulses=3"]))
    where = "design isaac, device rram: device"
    assert str(caught.value).splitlines() == [
        f"{where}.sigma: got 99.0, expected a number from 0 up to 10",
        f"{where}.verify_tolerance: got null, expected a number, as device.verify_pulses is one",
    ]
    with pytest.raises(InputError, match=r"^design isaac: device\.sigma: got -1\.0, expected"):
        device_errors(load_design("isaac", ["device.sigma=-1"]))


@pytest.mark.parametrize(
    ("bits", "cell", "settings"),
    [
        (9, 2, "--set precision.weight_bits=8 or --set precision.weight_bits=10"),
        (3, 4, "--set precision.weight_bits=4"),  # 0 bits are none
        (16, 5, "--set precision.weight_bits=15"),  # 20 are more than numbers have
    ],
)
def test_weights_that_do_not_fill_their_cells_are_refused_with_the_nearest_that_do(bits: int, cell: int, settings: str):
    design = load_design("isaac", [f"precision.weight_bits={bits}", f"array.cell_bits={cell}"])
    with pytest.raises(InputError) as caught:
        crossbar_spec(design)
    expected = f"expected a multiple of array.cell_bits, {cell}, where numbers are computed: {settings}"
    assert str(caught.value) == f"design isaac: precision.weight_bits: got {bits}, {expected}"


def test_a_sign_bit_in_a_cell_of_its_own_need_not_fill_another():
    settings = ["precision.weight_bits=9", "array.cell_bits=2"]
    assert crossbar_spec(load_design("isaac", [*settings, "array.sign=twos_complement"])).weight_bits == 9
    with pytest.raises(InputError, match=r"precision\.weight_bits: got 9, expected a multiple of array\.cell_bits, 2"):
        crossbar_spec(load_design("isaac", [*settings, "array.sign=offset_unflipped"]))


@pytest.mark.parametrize(
    ("sign", "rows", "cell", "dac", "needed"),
    [
        ("offset", 128, 2, 1, 8),  # 384, flipped from 256 on: 255
        ("offset", 64, 2, 1, 7),  # 192, flipped from 128 on: 127
        ("offset", 64, 1, 1, 6),  # 64, flipped from 64 on: 63
        ("pair", 128, 2, 1, 9),  # 384
        ("pair_arrays", 128, 2, 1, 9),  # 384 either way
        ("offset_unflipped", 128, 2, 1, 9),  # 384, not flipped
        ("twos_complement", 128, 2, 1, 9),  # 384, of a lower slice
        ("offset", 1, 1, 1, 1),  # 1, flipped at once: 0, which still takes a converter
        ("pair", 128, 2, 2, 11),  # 128 x 3 x 3 = 1,152
    ],
)
def test_an_adc_wider_than_the_largest_sum_is_noted(sign: str, rows: int, cell: int, dac: int, needed: int):
    chosen = {"array.sign": sign, "array.rows": rows, "adc.rows_per_read": rows}
    chosen |= {"array.cell_bits": cell, "array.dac_bits": dac}
    settings = [f"{key}={value}" for key, value in chosen.items()]

    def notes(bits: int, *more: str) -> tuple[str, ...]:
        return design_notes(load_design("isaac", [*settings, f"adc.bits={bits}", *more]))

    assert notes(needed) == ()
    assert notes(needed + 1) == (f"adc.bits {needed + 1} is more than the largest column sum takes, {needed} bits",)
    assert notes(needed + 1, "adc.full_scale=per_slice") == ()


@pytest.mark.parametrize(
    ("sign", "needed"),
    [("offset", 8), ("offset_unflipped", 9), ("pair", 9), ("pair_arrays", 9), ("twos_complement", 9)],
)
def test_bits_that_an_adc_needs_are_those_that_lose_nothing(sign: str, needed: int):
    weights = np.concatenate([np.full((128, 1), value) for value in (-128, -85, -1, 0, 42, 85, 127)], axis=1)

    def lossless(bits: int) -> bool:
        settings = [f"array.sign={sign}", f"adc.bits={bits}", "precision.weight_bits=8", "precision.input_bits=8"]
        return program(weights, crossbar_spec(load_design("isaac", settings))).lossless

    assert lossless(needed)
    assert not lossless(needed - 1)


def test_counters_in_place_of_adcs_are_not_too_wide():
    assert design_notes(load_design("pipelayer")) == ()


@pytest.mark.parametrize("name", design_names())
def test_no_design_that_ships_has_a_note_at_its_own_precision(name: str):
    assert design_notes(load_design(name)) == ()


def test_signs_that_take_room_of_their_own_are_encodings():
    assert set(SIGN_CELLS) < set(encodings())


@pytest.mark.parametrize("sign", sorted(encodings()))
@given(st.integers(1, 8), st.integers(1, 8), st.integers(1, 600), st.integers(1, 200))
@settings(max_examples=15, deadline=None)
def test_a_matrix_takes_the_columns_and_arrays_that_the_mapping_counts(sign, cells, cell_bits, rows, outputs):
    weight_bits = cell_bits * max(-(-2 // cell_bits), min(cells, 16 // cell_bits))
    bits = [f"precision.weight_bits={weight_bits}", f"array.cell_bits={cell_bits}"]
    if sign == "binary":
        bits = ["precision.weight_bits=1", "precision.input_bits=1", "array.cell_bits=1"]
    design = load_design("isaac", [f"array.sign={sign}", *bits])
    matrix = program(np.ones((rows, outputs), dtype=np.int64), crossbar_spec(design))
    assert matrix.slices == design.cells_per_weight
    assert matrix.arrays_per_block == design.arrays_per_block
    (layer,) = linear(np.zeros((rows, outputs))).matrix_layers
    assert matrix.arrays == tile_layer(layer, design).arrays


@pytest.mark.parametrize(
    ("settings", "noted"),
    [
        (["device.sigma=0.1"], False),
        (["device.name=pcm"], False),
        (["device.name=pcm", "device.time_s=100"], True),
        (["device.on_off_ratio=20"], True),
        (["device.on_off_ratio=20", "device.off_current_correction=true"], False),
        (["device.on_resistance_ohm=1000", "array.wire_ohm=1"], True),
    ],
)
def test_what_all_cells_lose_alike_is_noted_where_a_bias_is_taken_off_digitally(settings: list[str], noted: bool):
    for sign, biased in (("offset", True), ("offset_unflipped", True), ("pair", False), ("pair_arrays", False)):
        found = design_notes(load_design("isaac", [f"array.sign={sign}", "adc.bits=8", *settings]))
        assert any("takes a bias off the sums digitally" in note for note in found) == (noted and biased)
