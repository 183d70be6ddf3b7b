"""Which values a window needs, against loops over the kernel."""

from __future__ import annotations

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from archsim.graph import Sliding
from archsim.mapping.grids import Grid
from archsim.mapping.needs import MISSING, ListNeed, Need, everything, identity, sliding


@st.composite
def kernels(draw: st.DrawFn) -> tuple[Sliding, int, tuple[int, ...], tuple[int, ...]]:
    """A kernel over 1 to 3 axes, the batch, and sizes in and out."""
    axes = draw(st.integers(1, 3))
    numbers = st.lists(st.integers(1, 3), min_size=axes, max_size=axes)
    kernel, strides, dilations = (tuple(draw(numbers)) for _ in range(3))
    begin, end = (tuple(draw(st.lists(st.integers(0, 3), min_size=axes, max_size=axes))) for _ in range(2))
    sizes = tuple(draw(st.lists(st.integers(1, 6), min_size=axes, max_size=axes)))
    out = tuple(
        (size + b + e - d * (k - 1) - 1) // s + 1
        for size, b, e, d, k, s in zip(sizes, begin, end, dilations, kernel, strides, strict=True)
    )
    assume(min(out) >= 1)
    return Sliding(kernel, strides, dilations, begin, end), draw(st.integers(1, 2)), sizes, out


def by_loops(access: Sliding, batch: int, sizes: tuple[int, ...], out: tuple[int, ...]) -> list[list[int]]:
    """For each window the positions under its kernel that lie on the map."""
    windows = []
    for sample in range(batch):
        for place in np.ndindex(*out):
            slots = []
            for offset in np.ndindex(*access.kernel):
                at = [
                    o * s - p + i * d
                    for o, s, p, i, d in zip(
                        place, access.strides, access.pads_begin, offset, access.dilations, strict=True
                    )
                ]
                if all(0 <= a < size for a, size in zip(at, sizes, strict=True)):
                    slots.append(int(np.ravel_multi_index((sample, *at), (batch, *sizes))))
            windows.append(sorted(slots))
    return windows


def check(need: Need, expected: list[list[int]], seed: int) -> None:
    """The table, the latest time and the missing value of each window."""
    assert need.windows == len(expected)
    assert [[slot for slot in row if slot >= 0] for row in need.table.tolist()] == expected
    draw = np.random.default_rng(seed)
    times = draw.integers(0, 50, need.slots)
    assert need.latest_all(times).tolist() == [max((int(times[s]) for s in slots), default=0) for slots in expected]
    partly = [MISSING if draw.random() < 0.3 else time for time in times.tolist()]
    for window, slots in enumerate(expected):
        latest = need.latest(partly, window)
        assert latest == max((partly[slot] for slot in slots), default=0)
        if latest == MISSING:
            assert need.missing(partly, window) == max(slot for slot in slots if partly[slot] == MISSING)


@given(kernels(), st.integers(0, 99))
def test_a_kernel_needs_what_lies_under_it(
    case: tuple[Sliding, int, tuple[int, ...], tuple[int, ...]], seed: int
) -> None:
    check(sliding(*case), by_loops(*case), seed)


@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 99))
def test_identity_and_everything(rows: int, columns: int, seed: int) -> None:
    grid = Grid(rows, columns)
    check(identity(grid), [[slot] for slot in range(grid.size)], seed)
    check(everything(3, grid), [list(range(grid.size))] * 3, seed)


@given(st.lists(st.sets(st.integers(0, 9)), min_size=1, max_size=6), st.integers(0, 99))
def test_lists(chosen: list[set[int]], seed: int) -> None:
    expected = [sorted(slots) for slots in chosen]
    table = np.full((len(expected), 10), -1)
    for row, slots in enumerate(expected):
        table[row, : len(slots)] = slots
    check(ListNeed(table, 10), expected, seed)
