"""What cells seem to conduct because wires have a resistance: as Kirchhoff's equations say."""

from itertools import pairwise

import numpy as np
import pytest

from archsim.crossbar import ir_drop
from archsim.crossbar.ir_drop import effective_conductances, with_ir_drop
from archsim.errors import InputError

RATIOS = (1e-6, 1e-3, 0.05, 1.0)


def cells(rows, columns, *, off=0.3, seed=0):
    """Conductances between 0 and 1, a share of them exactly 0."""
    random = np.random.default_rng((rows, columns, seed))
    return random.random((rows, columns)) * (random.random((rows, columns)) >= off)


def nodal(conductances, ratio):
    """Currents of the columns with 1 V at one row after the other, from all nodes of both wires of every cell."""
    rows, columns = conductances.shape
    row_node = np.arange(rows * columns).reshape(rows, columns)
    column_node = row_node + rows * columns
    matrix, sources = np.zeros((2 * rows * columns,) * 2), np.zeros((2 * rows * columns, rows))

    def connect(one, other, conductance):
        """A resistor between two nodes, or from a node to an ideal source (None)."""
        for node, neighbour in ((one, other), (other, one)):
            if node is not None:
                matrix[node, node] += conductance
                if neighbour is not None:
                    matrix[node, neighbour] -= conductance

    for i in range(rows):
        for j in range(columns):
            connect(row_node[i, j], column_node[i, j], conductances[i, j])
            connect(row_node[i, j], row_node[i, j - 1] if j else None, 1 / ratio)
            connect(column_node[i, j], column_node[i + 1, j] if i + 1 < rows else None, 1 / ratio)
        sources[row_node[i, 0], i] = 1 / ratio
    return np.linalg.solve(matrix, sources)[column_node[-1]].T / ratio


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("shape", [(4, 4), (3, 5), (5, 3), (8, 8), (1, 6), (6, 1), (2, 12)])
def test_it_is_the_nodal_solution(shape, ratio):
    array = cells(*shape)
    wanted = nodal(array, ratio)
    assert effective_conductances(array, ratio) == pytest.approx(wanted, rel=1e-9, abs=0)


def test_currents_add_up_for_any_voltages():
    array, voltages = cells(6, 7), np.array([[0, 1, 1, 0, 1, 0], [0.3, -1, 2, 0, 0.5, 1]])
    assert voltages @ effective_conductances(array, 0.02) == pytest.approx(voltages @ nodal(array, 0.02), rel=1e-9)


def test_without_resistance_cells_are_what_they_are():
    array = cells(5, 4)
    assert np.array_equal(effective_conductances(array, 0.0), array)
    assert effective_conductances(array, 1e-12) == pytest.approx(array, rel=1e-10)


def test_a_single_cell_is_in_series_with_a_segment_of_either_wire():
    assert effective_conductances(np.array([[0.8]]), 0.1) == pytest.approx(0.8 / (1 + 0.8 * 0.2))


def test_two_cells_of_a_column_by_hand():
    """On cells and segments of 1: with u the column's nodes 1.5 u0 - u1 = V0 / 2 and 2.5 u1 - u0 = V1 / 2."""
    assert effective_conductances(np.ones((2, 1)), 1.0).ravel() == pytest.approx([2 / 11, 3 / 11])


def test_two_cells_of_a_row_by_hand():
    """A cell and the wire below it conduct 1/2, the second one with the segment before it 1/3: both are at 6/11 V."""
    assert effective_conductances(np.ones((1, 2)), 1.0).ravel() == pytest.approx([3 / 11, 2 / 11])


@pytest.mark.parametrize("ratio", [1e-4, 1.0])
def test_a_long_row_is_a_ladder(ratio):
    """From its far end: what a cell and all behind it conduct together; from the source: what is left of 1 V."""
    row = 0.5 + cells(1, 1500, off=0)[0]
    branches = row / (1 + ratio * row)
    seen = [0.0]
    for branch in branches[::-1]:
        behind = branch + seen[-1]
        seen.append(behind / (1 + ratio * behind))
    voltages = np.cumprod([1 - ratio * conductance for conductance in seen[:0:-1]])
    found = effective_conductances(row[None], ratio)[0]
    assert found == pytest.approx(branches * voltages, rel=1e-9)
    assert effective_conductances(row[::-1, None], ratio)[::-1, 0] == pytest.approx(found, rel=1e-9)


def test_more_resistance_leaves_less_current_in_all():
    array = cells(12, 10)
    totals = [effective_conductances(array, ratio).sum() for ratio in (0.0, *RATIOS)]
    assert all(more > less for more, less in pairwise(totals))


def test_cells_far_from_both_ends_lose_most():
    found = effective_conductances(np.ones((16, 16)), 0.01)
    assert np.unravel_index(found.argmin(), found.shape) == (0, 15)
    assert np.unravel_index(found.argmax(), found.shape) == (15, 0)


def test_rows_and_columns_may_change_places():
    """What row i gives column j, column j would give row i: sources and 0 V change places, seen from their ends."""
    array = cells(9, 6)
    turned = effective_conductances(array[::-1, ::-1].T, 0.05)
    assert turned.T[::-1, ::-1] == pytest.approx(effective_conductances(array, 0.05), rel=1e-12)


def test_rows_above_and_columns_behind_that_are_off_change_nothing():
    array = cells(6, 5)
    padded = np.pad(array, ((3, 0), (0, 4)))
    assert effective_conductances(padded, 0.05)[3:, :5] == pytest.approx(effective_conductances(array, 0.05), rel=1e-12)


def test_the_slices_of_an_output_are_neighbours_and_arrays_are_filled_one_by_one():
    matrix = cells(4, 6).reshape(4, 3, 2).transpose(2, 0, 1)
    found = with_ir_drop(matrix, 4, 0.05)
    first = np.stack([matrix[0, :, 0], matrix[1, :, 0], matrix[0, :, 1], matrix[1, :, 1]], axis=1)
    last = matrix[:, :, 2].T
    assert found.shape == matrix.shape
    assert found[:, :, :2].transpose(1, 2, 0).reshape(4, 4) == pytest.approx(nodal(first, 0.05), rel=1e-9)
    alone = found[:, :, 2].T
    assert alone == pytest.approx(nodal(last, 0.05), rel=1e-9)
    assert np.array_equal(with_ir_drop(matrix, 4, 0.0), matrix)


@pytest.fixture
def solved(monkeypatch):
    """The shapes of the arrays that are solved."""
    shapes = []

    def counted(array, ratio):
        shapes.append(array.shape)
        return effective_conductances(array, ratio)

    monkeypatch.setattr(ir_drop, "effective_conductances", counted)
    return shapes


def test_equal_arrays_are_solved_once_as_long_as_they_are_kept(solved):
    kept = ir_drop._Kept(most=50)
    one, other = cells(5, 5, seed=1), cells(5, 5, seed=2)
    first = kept.solved(one, 0.1)
    assert kept.solved(one.copy(), 0.1) is first
    assert not first.flags.writeable
    kept.solved(other, 0.1)
    kept.solved(one, 0.1)
    assert len(solved) == 2
    kept.solved(one, 0.2)
    kept.solved(one, 0.1)
    assert len(solved) == 3
    kept.solved(other, 0.1)
    assert len(solved) == 4


def test_what_is_larger_than_all_that_may_be_kept_is_solved_all_the_same(solved):
    kept = ir_drop._Kept(most=10)
    array = cells(4, 4)
    for _ in range(2):
        assert kept.solved(array, 0.1) == pytest.approx(nodal(array, 0.1), rel=1e-9)
    assert len(solved) == 2


def test_a_matrix_that_is_written_again_is_not_solved_again(solved):
    matrix = cells(7, 8, seed=3).reshape(7, 4, 2).transpose(2, 0, 1)
    first = with_ir_drop(matrix, 4, 0.03)
    first_solved = len(solved)
    second = with_ir_drop(matrix.copy(), 4, 0.03)
    assert first_solved == 2
    assert len(solved) == 2
    assert np.array_equal(first, second)
    second[:] = 0
    assert np.array_equal(with_ir_drop(matrix, 4, 0.03), first)


@pytest.mark.parametrize(
    ("array", "ratio", "message"),
    [
        (np.ones(3), 0.1, r"crossbar conductances: shape: got \(3,\), expected \(rows, columns\), none of them 0"),
        (np.ones((0, 3)), 0.1, r"got \(0, 3\), expected \(rows, columns\), none of them 0"),
        (np.array([[1, -0.5]]), 0.1, r"crossbar conductances: got -0\.5, expected finite numbers from 0"),
        (np.array([[1, np.nan]]), 0.1, r"got nan, expected finite numbers from 0"),
        (np.ones((2, 2)), -0.1, r"crossbar: device\.wire_ratio: got -0\.1, expected a finite number from 0"),
        (np.ones((2, 2)), np.inf, r"crossbar: device\.wire_ratio: got inf, expected a finite number from 0"),
    ],
)
def test_bad_arrays_are_one_clear_message(array, ratio, message):
    with pytest.raises(InputError, match=message):
        effective_conductances(array, ratio)


def test_bad_cells_of_a_matrix_are_one_clear_message():
    with pytest.raises(InputError, match=r"shape: got \(2, 2\), expected \(slices, rows, outputs\), none of them 0"):
        with_ir_drop(np.ones((2, 2)), 2, 0.1)
