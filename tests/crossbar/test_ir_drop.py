"""Wires with a resistance: the effective conductances against Kirchhoff's equations of the whole network."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from archsim.crossbar import ir_drop
from archsim.crossbar.ir_drop import effective_conductances, with_ir_drop
from archsim.errors import InputError


def nodal_solution(conductances, wire_ratio):
    """Currents of the columns for 1 V on one row after another, from the conductance matrix of all nodes."""
    rows, columns = conductances.shape
    cells, wire = rows * columns, 1 / wire_ratio
    matrix, sources = np.zeros((2 * cells, 2 * cells)), np.zeros((2 * cells, rows))

    def join(one, other, conductance):
        matrix[one, one] += conductance
        if other is not None:
            matrix[other, other] += conductance
            matrix[one, other] -= conductance
            matrix[other, one] -= conductance

    for row in range(rows):
        for column in range(columns):
            above, below = row * columns + column, cells + row * columns + column
            join(above, below, conductances[row, column])
            join(above, above - 1 if column else None, wire)
            join(below, below + columns if row + 1 < rows else None, wire)
        sources[row * columns, row] = wire
    voltages = np.linalg.solve(matrix, sources)
    return voltages[cells + (rows - 1) * columns :].T * wire


def random_cells(shape, seed):
    generator = np.random.default_rng(seed)
    return generator.random(shape) * (generator.random(shape) < 0.7)


@pytest.mark.parametrize("shape", [(4, 4), (3, 5), (8, 8), (7, 2), (1, 6), (6, 1)])
@pytest.mark.parametrize("wire_ratio", [1e-4, 1e-2, 1.0])
def test_currents_are_those_of_the_nodal_solution(shape, wire_ratio):
    cells = random_cells(shape, sum(shape))
    expected = nodal_solution(cells, wire_ratio)
    assert (cells == 0).any()
    # The nodal solution itself has lost digits of currents that are small beside those of the wires.
    assert effective_conductances(cells, wire_ratio) == pytest.approx(expected, rel=1e-9, abs=1e-13)


def test_wires_without_resistance_change_nothing():
    cells = random_cells((5, 7), 0)
    assert np.array_equal(effective_conductances(cells, 0), cells)
    assert np.array_equal(with_ir_drop(np.stack([cells, cells]), 3, 0.0), np.stack([cells, cells]))


def test_the_limit_of_no_resistance_is_reached_in_proportion():
    cells = random_cells((6, 5), 1)
    lost = [np.abs(effective_conductances(cells, ratio) - cells).max() for ratio in (1e-6, 1e-7)]
    assert lost[0] < 1e-4
    assert lost[0] / lost[1] == pytest.approx(10, rel=1e-3)


def test_a_single_cell_is_in_series_with_two_segments():
    assert effective_conductances(np.array([[0.5]]), 0.25) == pytest.approx(1 / (2 + 2 * 0.25), rel=1e-14)


def test_two_cells_of_a_row_divide_the_current_as_by_hand():
    # All resistances are 1. Behind the second node of the row: 1 + 1; seen from the first node (1 + 2) beside 2, that
    # is 6/5; so its voltage is 6/11, the first current 3/11, and the second a third of 6/11.
    assert effective_conductances(np.ones((1, 2)), 1.0) == pytest.approx(np.array([[3, 2]]) / 11, rel=1e-14)


def test_the_cell_nearest_to_the_driver_and_the_ground_conducts_best():
    effective = effective_conductances(np.ones((4, 4)), 0.05)
    assert np.all(np.diff(effective, axis=0) > 0)
    assert np.all(np.diff(effective, axis=1) < 0)


def test_reciprocity_mirrors_an_array_along_its_other_diagonal():
    # Drivers and grounds are both ideal voltages: exchanging them exchanges rows and columns.
    cells = random_cells((5, 3), 4)
    mirrored = effective_conductances(cells[::-1, ::-1].T, 0.1).T[::-1, ::-1]
    assert mirrored == pytest.approx(effective_conductances(cells, 0.1), rel=1e-12, abs=1e-15)


@settings(max_examples=40, deadline=None)
@given(
    arrays(np.float64, st.tuples(st.integers(1, 6), st.integers(1, 6)), elements=st.sampled_from([0.0, 0.01, 0.5, 1]))
)
def test_more_resistance_leaves_less_current_and_never_a_negative_one(cells):
    totals = []
    for ratio in (0, 1e-3, 1e-2, 0.1, 1):
        effective = effective_conductances(cells, ratio)
        assert effective.min() >= -1e-15
        totals.append(effective.sum())
    assert all(after < before or not cells.any() for before, after in itertools.pairwise(totals))


def test_slices_of_an_output_are_neighbours_and_the_last_array_is_narrower():
    cells = random_cells((2, 4, 5), 2)
    columns = [cells[number % 2, :, number // 2] for number in range(10)]
    expected = np.empty_like(cells)
    for start in (0, 4, 8):
        effective = nodal_solution(np.stack(columns[start : start + 4], axis=1), 0.02)
        for number in range(start, min(start + 4, 10)):
            expected[number % 2, :, number // 2] = effective[:, number - start]
    assert with_ir_drop(cells, 4, 0.02) == pytest.approx(expected, rel=1e-9, abs=1e-13)


def test_an_array_is_solved_once_and_forgotten_when_others_need_the_room(monkeypatch):
    solved = []

    def counting(cells, wire_ratio):
        solved.append((cells.shape, wire_ratio))
        return effective_conductances(cells, wire_ratio)

    monkeypatch.setattr(ir_drop, "effective_conductances", counting)
    kept = ir_drop.Solved(3 * 4 * 4 * 8)
    one, two, three, four = (random_cells((4, 4), seed) for seed in range(4))
    for cells in (one, two, three, one, four):
        assert np.array_equal(kept.solve(cells, 0.1), effective_conductances(cells, 0.1))
    assert len(solved) == 4
    kept.solve(one, 0.1)
    assert len(solved) == 4
    kept.solve(two, 0.1)
    assert len(solved) == 5
    kept.solve(two, 0.2)
    kept.solve(two.reshape(2, 8), 0.1)
    assert solved[5:] == [((4, 4), 0.2), ((2, 8), 0.1)]


def test_equal_arrays_of_one_matrix_are_solved_once(monkeypatch):
    solved = []
    monkeypatch.setattr(ir_drop, "effective_conductances", lambda cells, ratio: solved.append(ratio) or cells)
    with_ir_drop(np.ones((1, 3, 8)) * 0.123, 2, 0.01)
    assert solved == [0.01]


@pytest.mark.parametrize(
    ("cells", "wire_ratio", "message"),
    [
        (np.ones(3), 0.1, r"crossbar conductances: shape: got \(3,\), expected \(rows, columns\), none of them 0"),
        (np.ones((0, 3)), 0.1, r"got \(0, 3\), expected \(rows, columns\), none of them 0"),
        (np.array([[1, -0.5]]), 0.1, r"crossbar conductances: got -0\.5, expected finite numbers from 0"),
        (np.array([[1, np.nan]]), 0.1, r"got nan, expected finite numbers from 0"),
        (np.ones((2, 2)), -0.1, r"crossbar: device\.wire_ratio: got -0\.1, expected a finite number from 0"),
        (np.ones((2, 2)), np.inf, r"crossbar: device\.wire_ratio: got inf, expected a finite number from 0"),
    ],
)
def test_bad_arrays_are_one_clear_message(cells, wire_ratio, message):
    with pytest.raises(InputError, match=message):
        effective_conductances(cells, wire_ratio)


def test_bad_cells_of_a_matrix_are_one_clear_message():
    with pytest.raises(InputError, match=r"shape: got \(2, 2\), expected \(slices, rows, outputs\), none of them 0"):
        with_ir_drop(np.ones((2, 2)), 2, 0.1)
    with pytest.raises(InputError, match=r"crossbar: array\.columns: got 0, expected an integer from 1"):
        with_ir_drop(np.ones((1, 2, 2)), 0, 0.1)
