"""Which copy takes which window: the formulas of the contract, and what they promise."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.mapping.assignment import ASSIGNMENTS, Assignment, bands, round_robin, strips
from archsim.mapping.grids import Grid

GRIDS = st.builds(Grid, st.integers(1, 12), st.integers(1, 12))
NAMES = ("round_robin", "strips", "bands")


@given(GRIDS, st.integers(1, 20), st.sampled_from(NAMES), st.integers(0, 5))
def test_every_window_of_every_image_is_on_one_copy(grid: Grid, copies: int, name: str, image: int) -> None:
    assignment = ASSIGNMENTS[name](grid, copies)
    windows = [assignment.windows(copy, image) for copy in range(copies)]
    assert sorted(np.concatenate(windows).tolist()) == list(range(grid.size))
    for mine in windows:
        assert sorted(mine.tolist()) == mine.tolist()


@given(GRIDS, st.integers(1, 20), st.integers(0, 5))
def test_round_robin_counts_on_through_the_images(grid: Grid, copies: int, image: int) -> None:
    assignment = round_robin(grid, copies)
    for copy in range(copies):
        expected = [w for w in range(grid.size) if (w + image * grid.size) % copies == copy]
        assert assignment.windows(copy, image).tolist() == expected


@given(GRIDS, st.integers(1, 20))
def test_strips_follow_the_formula(grid: Grid, copies: int) -> None:
    """copy = ((x q + y mod q) R) // (q W), q = R / gcd(R, W), window by window; a row alone is round robin."""
    assignment = strips(grid, copies)
    q = copies // math.gcd(copies, grid.columns)
    for y in range(grid.rows):
        for x in range(grid.columns):
            expected = ((x * q + y % q) * copies) // (q * grid.columns)
            if grid.rows == 1:
                expected = x % copies
            assert assignment.copy_of[y * grid.columns + x] == expected
    assert assignment.in_order == (grid.rows == 1)


@given(st.integers(1, 6), st.integers(1, 12), st.integers(1, 12))
def test_strips_are_exactly_balanced_over_q_rows(times: int, width: int, copies: int) -> None:
    q = copies // math.gcd(copies, width)
    grid = Grid(q * times, width)
    if grid.rows > 1:
        counts = np.bincount(strips(grid, copies).copy_of, minlength=copies)
        assert set(counts.tolist()) == {grid.size // copies}


def test_the_strips_of_vgg16_are_balanced() -> None:
    """224 columns over 64 copies are 3.5 columns each."""
    assert set(np.bincount(strips(Grid(224, 224), 64).copy_of).tolist()) == {784}


@given(GRIDS, st.integers(1, 20))
def test_bands_are_contiguous_and_differ_by_one_window_at_most(grid: Grid, copies: int) -> None:
    of = bands(grid, copies).copy_of
    assert (np.diff(of) >= 0).all()
    counts = np.bincount(of, minlength=copies)
    assert counts.max() - counts.min() <= 1


@given(GRIDS, st.integers(1, 12), st.sampled_from(NAMES), st.data())
def test_the_windows_that_copies_ever_run_are_those_of_all_images(
    grid: Grid, copies: int, name: str, data: st.DataObject
) -> None:
    assignment: Assignment = ASSIGNMENTS[name](grid, copies)
    chosen = tuple(data.draw(st.sets(st.integers(0, copies - 1), min_size=1)))
    seen = {w for image in range(copies) for copy in chosen for w in assignment.windows(copy, image).tolist()}
    assert assignment.ever(chosen).tolist() == sorted(seen)


@pytest.mark.parametrize("name", ["round_robin", "bands"])
def test_more_copies_than_windows_leave_some_without_work(name: str) -> None:
    assignment = ASSIGNMENTS[name](Grid(2, 2), 7)
    assert sorted(len(assignment.windows(copy)) for copy in range(7)) == [0, 0, 0, 1, 1, 1, 1]
