"""Stages: units of work that run window by window on one set of tiles.

A stage is a matrix layer (or a vector layer that nothing can take along) with the vector layers that its
tiles' special functions do on each result before it leaves: position by position, then at most one pool.
"""

from __future__ import annotations

from dataclasses import dataclass

from archsim.graph import MatrixLayer, RecurrentLayer, VectorLayer
from archsim.mapping.grids import Grid
from archsim.mapping.needs import Need, identity
from archsim.mapping.tracing import Source


@dataclass(frozen=True, slots=True)
class StageInput:
    """What a stage's windows need of one source: stage `source`, or input -1 - `source` of the graph. A recurrent
    stage is a source of its own: its windows need results of earlier ones.

    `pooled`: each window takes one value, which is pooled from those it needs as they arrive.
    """

    source: int
    channels: int
    need: Need
    pooled: bool = False

    @property
    def held(self) -> Need:
        """What a window needs of what the buffer holds: the values of the source, or those pooled from them."""
        return identity(Grid(1, self.need.windows)) if self.pooled else self.need


@dataclass(frozen=True, slots=True)
class Stage:
    """A unit of work.

    `grid` holds its windows, `slot_grid` the positions of its result, which is smaller where `pool` (whose
    window s needs the raw results `pool_need`) comes last. `inputs` are needed before a window starts,
    `joins` before its result leaves. `channels` is the number of values in a position of the result.
    """

    index: int
    layer: MatrixLayer | VectorLayer
    fused: tuple[VectorLayer, ...]
    pool: VectorLayer | None
    grid: Grid
    slot_grid: Grid
    pool_need: Need | None
    inputs: tuple[StageInput, ...]
    joins: tuple[StageInput, ...]
    result: str
    channels: int

    @property
    def name(self) -> str:
        """The name of the stage's first layer."""
        return self.layer.name

    @property
    def windows(self) -> int:
        """Windows of one image."""
        return self.grid.size

    @property
    def matrix(self) -> MatrixLayer | None:
        """The stage's matrix layer, if it has one."""
        return self.layer if isinstance(self.layer, MatrixLayer) else None

    @property
    def recurrent(self) -> RecurrentLayer | None:
        """The stage's matrix layer, if its windows need results of earlier ones."""
        return self.layer if isinstance(self.layer, RecurrentLayer) else None

    @property
    def sfu_layers(self) -> tuple[VectorLayer | RecurrentLayer, ...]:
        """The layers that keep the special functions busy."""
        return (*((self.recurrent,) if self.recurrent else ()), *self.vector_layers)

    @property
    def vector_layers(self) -> tuple[VectorLayer, ...]:
        """The vector layers that the stage runs, in order."""
        first = (self.layer,) if isinstance(self.layer, VectorLayer) else ()
        return (*first, *self.fused, *((self.pool,) if self.pool else ()))


@dataclass(frozen=True, slots=True)
class Stages:
    """All stages in topological order, the graph's inputs as sources, and what the outputs need."""

    stages: tuple[Stage, ...]
    inputs: tuple[Source, ...]
    outputs: tuple[StageInput, ...]
