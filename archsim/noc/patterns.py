"""Synthetic traffic: who sends to whom, and Bernoulli injection as BookSim 2 does it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from archsim.errors import input_error
from archsim.noc.packets import Packets

HOTSPOT_WEIGHT = 4

# What is drawn at a time, so that a long run on a large mesh needs little memory.
_DRAWS_AT_ONCE = 2**20

Nodes = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Pattern:
    """Where the packets of each node go: always to the same, `nodes` [source], or if `drawn` for each packet to any
    node (itself too, as in BookSim 2), the more often the larger its weight, `nodes` [destination].

    `nodes` has the shape (columns x rows,).
    """

    columns: int
    rows: int
    nodes: Nodes
    drawn: bool = False

    def destinations(self, sources: Nodes, raw: NDArray[np.uint64]) -> Nodes:
        """The destination of a packet from each source, by a raw 64-bit number for each."""
        if not self.drawn:
            return self.nodes[sources]
        ends = np.cumsum(self.nodes)
        number = (raw >> np.uint64(32)) * np.uint64(ends[-1]) >> np.uint64(32)
        return np.searchsorted(ends, number.astype(np.int64), side="right").astype(np.int64)

    def mean_hops(self) -> Fraction:
        """Links between routers on the way of a packet, on average."""
        if not self.drawn:
            y, x = np.divmod(np.arange(len(self.nodes)), self.columns)
            y1, x1 = np.divmod(self.nodes, self.columns)
            return Fraction(int((np.abs(x1 - x) + np.abs(y1 - y)).sum()), len(self.nodes))
        grid = self.nodes.reshape(self.rows, self.columns)
        across, down = _distances(grid.sum(axis=0)), _distances(grid.sum(axis=1))
        return (Fraction(across, self.columns) + Fraction(down, self.rows)) / int(grid.sum())


def _distances(weights: Nodes) -> int:
    """From all places on a line to all, those counted by their weights."""
    places = np.arange(len(weights))
    return int((np.abs(places[:, None] - places[None, :]) * weights).sum())


def _uniform(columns: int, rows: int) -> Pattern:
    return Pattern(columns, rows, np.ones(columns * rows, dtype=np.int64), drawn=True)


def _hotspot(columns: int, rows: int) -> Pattern:
    """The node in the middle, the one nearer to node 0 where there are two, has a larger weight."""
    weights = np.ones(columns * rows, dtype=np.int64)
    weights[(columns - 1) // 2 + columns * ((rows - 1) // 2)] = HOTSPOT_WEIGHT
    return Pattern(columns, rows, weights, drawn=True)


def _transpose(columns: int, rows: int) -> Pattern:
    if columns != rows:
        raise input_error("--traffic", value="'transpose'", expected="a square mesh with it")
    y, x = np.divmod(np.arange(columns * rows), columns)
    return Pattern(columns, rows, y + columns * x)


def _neighbor(columns: int, rows: int) -> Pattern:
    """One on in x and in y; behind the last node of a row or column comes the first."""
    y, x = np.divmod(np.arange(columns * rows), columns)
    return Pattern(columns, rows, (x + 1) % columns + columns * ((y + 1) % rows))


def _bitcomp(columns: int, rows: int) -> Pattern:
    """The opposite node, which has all bits of the number inverted where the mesh has a power of two of nodes."""
    return Pattern(columns, rows, np.arange(columns * rows)[::-1].copy())


PATTERNS: dict[str, Callable[[int, int], Pattern]] = {
    "uniform": _uniform,
    "transpose": _transpose,
    "neighbor": _neighbor,
    "bitcomp": _bitcomp,
    "hotspot": _hotspot,
}
"""Traffic patterns by name: columns and rows of a mesh to a pattern; `InputError` for a mesh that does not have it."""


def inject(pattern: Pattern, load: Fraction, packet_flits: int, cycles: int, seed: int) -> Packets:
    """The packets that all nodes create in `cycles` cycles, one with the probability load / `packet_flits` in each
    cycle; `load` (0..1) is in flits per node and cycle.

    Draws are raw 64-bit output of PCG64, compared and scaled as integers: a seed means the same packets on any
    machine, and a higher load means further packets between the same ones.
    """
    nodes = pattern.columns * pattern.rows
    threshold = np.uint64(int(load / packet_flits * 2**63))
    generator = np.random.PCG64(seed)
    at_once = max(1, _DRAWS_AT_ONCE // nodes)
    created = []
    for first in range(0, cycles, at_once):
        many = min(at_once, cycles - first)
        raw = np.asarray(generator.random_raw(2 * many * nodes), dtype=np.uint64).reshape(2, many, nodes)
        cycle, node = np.nonzero(raw[0] >> np.uint64(1) < threshold)
        created.append((cycle + first, node, pattern.destinations(node, raw[1, cycle, node])))
    create, source, destination = (np.concatenate(column) for column in zip(*created, strict=True))
    return Packets(np.arange(len(create)), source, destination, np.full(len(create), packet_flits), create)
