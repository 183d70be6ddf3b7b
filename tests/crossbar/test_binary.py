"""Weights of -1 and 1 in complementary cells: sums count the inputs of the sign of their weight."""

import dataclasses

import numpy as np
import pytest

from archsim.crossbar import CrossbarSpec, DeviceErrors, encodings, popcount, program
from archsim.crossbar.draws import Draws
from archsim.crossbar.inputs import driven
from archsim.crossbar.ir_drop import effective_conductances
from archsim.errors import InputError
from tests.crossbar.specification import specified_product

SPEC = CrossbarSpec(
    rows=8, columns=8, cell_bits=1, dac_bits=1, weight_bits=1, input_bits=1, signed_inputs=True,
    sign="binary", adc_bits=4, adc_step=1, rows_per_read=8,
)  # fmt: skip


def signs(seed, *shape):
    return np.random.default_rng(seed).choice([-1, 1], shape)


def test_a_weight_has_one_cell_of_two_on_and_an_input_drives_one_row_of_two():
    """By hand: weights 1, -1, -1; of the inputs 1, 1, 0 and -1, 0, -1 one has the sign of its weight."""
    weights, inputs = np.array([[1], [-1], [-1]]), np.array([[1, 1, 0], [-1, 0, -1]])
    group = encodings()["binary"](weights, SPEC)
    assert group.cells[0, :, 0].tolist() == [1, 0, 0, 0, 1, 1]
    assert (group.factors.tolist(), group.unit_factors.tolist(), group.arrays) == ([[2]], [-1], 2)
    rows = driven(inputs, SPEC)
    assert rows.tolist() == [[1, 1, 0, 0, 0, 0], [0, 0, 0, 1, 0, 1]]
    assert (rows @ group.cells[0]).tolist() == [[1], [1]]
    matrix = program(weights, SPEC)
    assert matrix.read(inputs).tolist() == matrix.read_all_conversions(inputs).tolist() == [[2 - 2], [2 - 2]]
    assert np.array_equal(group.decode(), weights)


def test_cells_that_are_no_complements_stand_for_other_weights():
    group = encodings()["binary"](signs(0, 5, 3), SPEC)
    cells = group.cells.copy()
    cells[0, 7] ^= 1
    assert not np.array_equal(dataclasses.replace(group, cells=cells).decode(), signs(0, 5, 3))


@pytest.mark.parametrize("adc_bits", [3, 4, None])
def test_a_sum_reaches_the_rows_of_one_array_and_no_more(adc_bits):
    """8 rows of a weight and an input of one sign: 8, of which 3 bits make 7 and the product 6."""
    spec = dataclasses.replace(SPEC, adc_bits=adc_bits)
    weights, inputs = np.array([[1, -1]] * 8), np.array([[1] * 8, [-1] * 8])
    matrix = program(weights, spec)
    largest = 6 if adc_bits == 3 else 8
    assert matrix.lossless == (largest == 8)
    assert matrix.read(inputs).tolist() == [[largest, -8], [-8, largest]]
    assert matrix.largest_sums(inputs) == (8,)


@pytest.mark.parametrize("dac_bits", [1, 2])
@pytest.mark.parametrize("signed", [True, False])
def test_inputs_of_0_drive_nothing(dac_bits, signed):
    spec = dataclasses.replace(SPEC, dac_bits=dac_bits, signed_inputs=signed, adc_bits=None)
    inputs = np.random.default_rng(1).integers(-1 if signed else 0, 2, (20, 30))
    weights = signs(2, 30, 4)
    matrix = program(weights, spec)
    assert matrix.read_all_conversions(inputs).tolist() == (inputs @ weights).tolist()
    assert not matrix.read_all_conversions(0 * inputs).any()


@pytest.mark.parametrize("rows", [7, 8])
def test_a_sense_amplifier_gives_the_sign_of_every_sum_of_a_block(rows):
    """A code stands for the rows that are used: a sum of half of them or more is all, so 0 counts as above."""
    spec = dataclasses.replace(SPEC, adc_bits=1, adc_range="per_slice")
    weights, inputs = signs(3, rows, 40), signs(4, 100, rows)
    matrix = program(weights, spec)
    assert matrix.writer.steps == (rows,)
    assert np.array_equal(matrix.read(inputs), np.where(inputs @ weights >= 0, rows, -rows))
    fixed = program(weights, dataclasses.replace(spec, adc_range="fixed", adc_step=rows))
    assert np.array_equal(fixed.read(inputs), matrix.read(inputs))


def test_counting_ones_gives_the_same(monkeypatch):
    monkeypatch.setattr(popcount, "WORTH_LOADING", 0)
    monkeypatch.setattr(popcount, "WORTH_CUTTING", 0)
    spec = dataclasses.replace(SPEC, rows=200, rows_per_read=150, adc_bits=6)
    weights, inputs = signs(5, 230, 30), np.random.default_rng(6).integers(-1, 2, (9, 230))
    matrix = program(weights, spec)
    found = matrix.read(inputs).tolist()
    assert found == specified_product(inputs.tolist(), weights.tolist(), spec)
    if popcount.compiled_loops() is not None:
        assert any(isinstance(group, popcount.BitGroup) for group in matrix.kept.values())


def test_what_an_off_cell_conducts_is_added_for_every_input_of_the_other_sign():
    """On/off ratio 4, uncorrected: m matches of n inputs give m + (n - m) / 4, to the nearest whole number."""
    spec = dataclasses.replace(SPEC, adc_bits=8)
    weights, inputs = np.ones((8, 1), dtype=np.int64), np.array([[1] * 8, [1] * 4 + [-1] * 4, [-1] * 8])
    matrix = program(weights, spec, devices=DeviceErrors(on_off_ratio=4.0))
    assert matrix.read(inputs)[:, 0].tolist() == [2 * 8 - 8, 2 * 5 - 8, 2 * 2 - 8]


def test_noise_is_that_of_the_rows_that_are_driven():
    """Of 64 inputs a quarter is 0: 48 cells of either array, each off by 0.1."""
    spec = dataclasses.replace(SPEC, rows=64, rows_per_read=64, adc_bits=None)
    devices = DeviceErrors(read_sigma=0.1, read_error_model="constant")
    group = program(signs(7, 64, 50), spec, devices=devices).kept[0]
    levels, sums = driven(np.tile([0, 1, -1, 1], (400, 16)), spec), np.zeros((400, 50), dtype=np.float32)
    group.noise.disturb(sums, levels, 1, Draws(1))
    assert sums.std() == pytest.approx(0.1 * 48**0.5, rel=0.03)


def test_wires_are_those_of_each_of_the_two_arrays():
    """Two groups of rows are one array of 8: neither the groups nor both arrays together are wired by themselves."""
    spec = dataclasses.replace(SPEC, rows_per_read=5, adc_bits=None)
    weights = signs(8, 8, 6)
    groups = program(weights, spec, devices=DeviceErrors(wire_ratio=0.01)).kept
    first, second = (np.split(groups[number].cells, 2) for number in (0, 1))
    for half, on in enumerate((weights > 0, weights < 0)):
        found = np.concatenate([first[half], second[half]])
        assert found == pytest.approx(effective_conductances(on, 0.01), abs=1e-4)
        assert found[on].max() < 0.97


def test_a_weight_of_0_is_refused():
    with pytest.raises(InputError, match=r"crossbar weights: got 0, expected -1 or 1, with array\.sign binary"):
        program(np.array([[1, 0]]), SPEC)


@pytest.mark.parametrize(("signed", "message"), [(True, "-2..1, expected integers in -1..1"), (False, "in 0..1")])
def test_inputs_beyond_a_sign_are_refused(signed, message):
    matrix = program(np.array([[1], [1]]), dataclasses.replace(SPEC, signed_inputs=signed))
    with pytest.raises(InputError, match=rf"crossbar inputs: got .*{message}"):
        matrix.read(np.array([[-2, 1]]))


def test_other_precisions_are_refused_all_at_once():
    with pytest.raises(InputError) as caught:
        dataclasses.replace(SPEC, weight_bits=2, input_bits=8, cell_bits=2)
    assert str(caught.value).splitlines() == [
        "crossbar: precision.weight_bits: got 2, expected 1, with array.sign binary",
        "crossbar: precision.input_bits: got 8, expected 1, with array.sign binary",
        "crossbar: array.cell_bits: got 2, expected 1, with array.sign binary",
    ]
