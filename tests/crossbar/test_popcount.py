"""Reads by counting ones give, bit for bit, what the specification and the products in floating point give."""

import dataclasses
import importlib
import logging

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.crossbar import CrossbarSpec, encodings, popcount, program
from archsim.crossbar.conversions import RowGroup, Scratch, row_group
from archsim.crossbar.devices import DeviceErrors
from archsim.crossbar.draws import Draws
from archsim.crossbar.popcount import BitGroup, bit_group, compiled_loops
from tests.crossbar.specification import specified_product

SPEC = CrossbarSpec(
    rows=128, columns=128, cell_bits=2, dac_bits=1, weight_bits=8, input_bits=8, signed_inputs=False,
    sign="offset", adc_bits=6, adc_step=1, rows_per_read=128,
)  # fmt: skip

needs_numba = pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="numba is not installed")


@pytest.fixture
def at_once(monkeypatch):
    """Loops are used from the first read on."""
    monkeypatch.setattr(popcount, "WORTH_LOADING", 0)
    monkeypatch.setattr(popcount, "WORTH_CUTTING", 0)


@pytest.fixture
def own_work(monkeypatch):
    """Nothing was read before."""
    monkeypatch.setattr(popcount, "_WORK", popcount._Work())


@st.composite
def group_problems(draw, rows):
    """A spec with one group of rows, weights and inputs, at random and at the ends of their ranges."""
    spec = dataclasses.replace(
        SPEC,
        rows=rows,
        rows_per_read=rows,
        cell_bits=draw(st.integers(1, 5)),
        dac_bits=draw(st.integers(1, 4)),
        weight_bits=draw(st.integers(1, 16)),
        input_bits=draw(st.integers(1, 16)),
        signed_inputs=draw(st.booleans()),
        sign=draw(st.sampled_from(["offset", "offset_unflipped", "pair", "twos_complement"])),
        adc_bits=draw(st.sampled_from([1, 3, 5, 8, None])),
        adc_rounding=draw(st.sampled_from(["half_up", "floor"])),
    )
    if spec.adc_bits is not None:
        spec = dataclasses.replace(spec, adc_step=draw(st.sampled_from([1, 2, 3, 7])))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    used, outputs, vectors = draw(st.integers(1, rows)), draw(st.integers(1, 9)), draw(st.integers(0, 5))
    (least, most), (lowest, highest) = spec.weight_range, spec.input_range
    weights = rng.integers(least, most, (used, outputs), endpoint=True)
    weights[:, 0] = draw(st.sampled_from([least, most, 0]))
    inputs = rng.integers(lowest, highest, (vectors, used), endpoint=True)
    inputs[:1] = draw(st.sampled_from([lowest, highest, 0]))
    return spec, weights, inputs


def answers(group, inputs, outputs):
    """What is added to a result that is not 0."""
    result = np.full((len(inputs), outputs), 7, dtype=np.int64)
    group.add(result, inputs, Scratch(), Draws(0))
    return (result - 7).tolist()


def packed_group(spec, weights, steps=None):
    encoded = encodings()[spec.sign](weights.astype(np.int64), spec)
    return row_group(encoded, weights.sum(axis=0), spec, steps or (spec.adc_step,) * len(encoded.cells))


@needs_numba
@given(group_problems(rows=8))
@settings(max_examples=100, deadline=None)
def test_bits_counted_give_what_the_specification_says(problem):
    spec, weights, inputs = problem
    bits = bit_group(packed_group(spec, weights), compiled_loops())
    assert answers(bits, inputs, weights.shape[1]) == specified_product(inputs.tolist(), weights.tolist(), spec)


@needs_numba
@given(group_problems(rows=300), st.data())
@settings(max_examples=100, deadline=None)
def test_bits_counted_give_what_packed_products_give_whatever_the_step_of_each_slice(problem, data):
    spec, weights, inputs = problem
    slices = program(weights, spec).slices
    steps = tuple(data.draw(st.lists(st.integers(1, 9), min_size=slices, max_size=slices)))
    group = packed_group(spec, weights, steps if spec.adc_bits is not None else None)
    bits = bit_group(group, compiled_loops())
    assert answers(bits, inputs, weights.shape[1]) == answers(group, inputs, weights.shape[1])


@needs_numba
@pytest.mark.parametrize("rows", [1, 63, 64, 65, 127, 128, 129, 300])
def test_every_row_has_its_bit_in_a_word(rows):
    """A cell of 1 in one row, an input of 1 in one row: 1 where they are the same row."""
    spec = dataclasses.replace(SPEC, rows=300, rows_per_read=300, sign="pair", adc_bits=1)
    bits = bit_group(packed_group(spec, np.eye(rows, dtype=np.int64)), compiled_loops())
    assert answers(bits, np.eye(rows, dtype=np.int64), rows) == np.eye(rows, dtype=np.int64).tolist()


@needs_numba
@pytest.mark.parametrize("word", [0, 1, 2**63, 2**64 - 1, 0x5555555555555555, 0x123456789ABCDEF])
def test_the_ones_of_a_word_are_counted(word):
    assert compiled_loops().ones(np.uint64(word)) == word.bit_count()


@needs_numba
@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64])
def test_a_matrix_reads_by_counting_and_keeps_the_bits(at_once, dtype):
    rng = np.random.default_rng(0)
    weights, inputs = rng.integers(-128, 128, (300, 25)), rng.integers(0, 256, (9, 300)).astype(dtype)
    matrix = program(weights, SPEC)
    assert {type(group) for group in matrix.kept.values()} == {RowGroup}
    expected = specified_product(inputs.tolist(), weights.tolist(), SPEC)
    assert matrix.read(inputs).tolist() == expected
    assert {type(group) for group in matrix.kept.values()} == {BitGroup}
    assert matrix.read(inputs[::2]).tolist() == expected[::2]


@needs_numba
def test_a_matrix_too_large_to_stand_ready_keeps_bits_once_it_reads_many_vectors(monkeypatch):
    """16 vectors of 8 digits are 128; of single vectors none are cut, however many there were."""
    monkeypatch.setattr("archsim.crossbar.matrix.CELLS_KEPT", 0)
    monkeypatch.setattr(popcount, "WORTH_LOADING", 0)
    matrix = program(np.full((9, 24), 100), dataclasses.replace(SPEC, adc_bits=2))
    single = [matrix.read(np.full((1, 9), 255)) for _ in range(17)]
    assert matrix.kept == {}
    many = matrix.read(np.full((16, 9), 255))
    assert type(matrix.kept[0]) is BitGroup
    assert np.array_equal(many, np.tile(single[0], (16, 1)))


@needs_numba
def test_sums_are_still_measured_where_bits_are_kept(at_once):
    rng = np.random.default_rng(1)
    weights, inputs = rng.integers(-128, 128, (200, 24)), rng.integers(0, 256, (9, 200))
    matrix = program(weights, SPEC)
    before = matrix.largest_sums(inputs)
    matrix.read(inputs)
    assert matrix.largest_sums(inputs) == before


@needs_numba
@pytest.mark.parametrize(
    ("changes", "devices"),
    [
        ({"sign": "pair_arrays"}, DeviceErrors()),
        ({"adc_offset": 0.5}, DeviceErrors()),
        ({}, DeviceErrors(sigma=0.1)),
        ({"columns": 23}, DeviceErrors()),
        ({"cell_bits": 8, "dac_bits": 2, "rows": 8, "rows_per_read": 8}, DeviceErrors()),
        ({"cell_bits": 8, "rows": 256, "rows_per_read": 256}, DeviceErrors()),
    ],
    ids=[
        "differences",
        "errors of converters",
        "errors of cells",
        "few outputs",
        "as many bits as a product",
        "too many sums",
    ],
)
def test_what_counting_does_not_compute_or_not_faster_is_multiplied(at_once, changes, devices):
    spec = dataclasses.replace(SPEC, **changes)
    weights = np.random.default_rng(2).integers(-128, 128, (spec.rows, spec.columns))
    matrix = program(weights, spec, devices=devices)
    matrix.read(np.full((2, spec.rows), 255))
    assert {type(group) for group in matrix.kept.values()} == {RowGroup}


@needs_numba
def test_loops_are_loaded_when_all_matrices_have_read_enough(monkeypatch, own_work):
    """20 vectors of 8 digits on 4 slices of 24 outputs are 15,360 conversions a read."""
    monkeypatch.setattr(popcount, "WORTH_LOADING", 3 * 15360)
    matrices = [program(np.full((9, 24), 100), dataclasses.replace(SPEC, adc_bits=2)) for _ in range(3)]
    for matrix in matrices:
        matrix.read(np.full((20, 9), 255))
    assert [type(matrix.kept[0]) for matrix in matrices] == [RowGroup, RowGroup, BitGroup]


@needs_numba
def test_cells_are_cut_when_they_are_read_often(monkeypatch):
    """One vector of 8 digits a read: 128 of them with the sixteenth."""
    monkeypatch.setattr(popcount, "WORTH_LOADING", 0)
    matrix = program(np.full((9, 24), 100), dataclasses.replace(SPEC, adc_bits=2))
    kinds = []
    for _ in range(17):
        matrix.read(np.full((1, 9), 255))
        kinds.append(type(matrix.kept[0]))
    assert kinds == [RowGroup] * 15 + [BitGroup] * 2


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ModuleNotFoundError("No module named 'numba'"), []),
        (
            ImportError("Numba needs NumPy 2.3 or less"),
            ["crossbars are read without numba, which does not work here: Numba needs NumPy 2.3 or less"],
        ),
    ],
    ids=["missing", "broken"],
)
def test_without_numba_everything_is_multiplied(monkeypatch, caplog, at_once, error, told):
    def failing(name):
        raise error

    monkeypatch.setattr(importlib, "import_module", failing)
    compiled_loops.cache_clear()
    try:
        matrix = program(np.full((9, 24), 100), dataclasses.replace(SPEC, adc_bits=2))
        inputs = np.full((2, 9), 255)
        with caplog.at_level(logging.INFO, logger="archsim.crossbar"):
            assert np.array_equal(matrix.read(inputs), matrix.read(inputs))
        assert type(matrix.kept[0]) is RowGroup
        assert caplog.messages == told
    finally:
        compiled_loops.cache_clear()
