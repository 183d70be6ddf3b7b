"""Passes of a data set through a network, in chunks that memory holds."""

from __future__ import annotations

from collections.abc import Callable

from archsim.graph import Graph
from archsim.graph.tensors import Array
from archsim.values.batches import Batches, join_batches
from archsim.values.execution import batches_at_once, execute
from archsim.values.layer_errors import PairRule
from archsim.values.windows import MatrixRule

Progress = Callable[[int, int], None]
"""Hears how many samples are done, and of how many."""


class Passes:
    """All samples through a network, once for each rule; each sample of each of `expected` passes counts once for
    `progress`."""

    def __init__(self, graph: Graph, batches: Batches, expected: int, progress: Progress | None) -> None:
        self._graph, self._batches = graph, batches
        self._total, self._progress = expected * batches.samples, progress
        self._passed = 0

    def outputs(self, rule: MatrixRule, *, counted: bool = True) -> dict[str, Array]:
        """The outputs by name, see `join_batches`."""
        graph, batches = self._graph, self._batches
        step = batches_at_once(graph)
        found: list[dict[str, Array]] = []
        for start in range(0, batches.count, step):
            chunk = [batches.batch(index) for index in range(start, min(start + step, batches.count))]
            if isinstance(rule, PairRule):
                found += execute(graph, chunk + chunk, rule)[len(chunk) :]
            else:
                found += execute(graph, chunk, rule)
            if counted and self._progress is not None:
                self._progress(self._passed + min((start + step) * batches.size, batches.samples), self._total)
        if counted:
            self._passed += batches.samples
        return join_batches(graph, found, batches.samples)
