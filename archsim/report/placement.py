"""What a mapping does with a network, before any simulation."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from archsim.result import ArrayCounts, LayerResult, MappingSummary, ModelSummary, PlannedNoc

SCHEMA = "archsim.map/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedLayer:
    """A layer on the chip: `tiles` that hold any of its matrix (a vector layer: that it works on), the number of its
    arrays in each of them, `utilisation` of the cells of its arrays; None for vector layers.

    Where weights are written before each of several passes, arrays are those of the pass that has most in a tile.
    """

    layer: LayerResult
    tiles: tuple[int, ...]
    arrays_per_tile: tuple[int, ...] | None
    utilisation: float | None

    def to_json(self) -> dict[str, Any]:
        """The fields of the layer, then its own."""
        own = {"tiles": self.tiles, "arrays_per_tile": self.arrays_per_tile, "utilisation": self.utilisation}
        return {**asdict(self.layer), **own}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mesh:
    """Columns and rows of the tiles of a chip; tiles are counted in raster order, on through the chips."""

    columns: int
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimated:
    """The vectorised estimate in read cycles and ns: nobody waits for anything shared (as with `--ideal`)."""

    latency_cycles: int
    interval_cycles: int
    latency_ns: float
    interval_ns: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacementSummary:
    """A placement, as figures; `mesh` is None for a chip without a size. With `in_turn` layers run one after the
    other, and one tile may hold arrays of many."""

    model: ModelSummary
    mapping: MappingSummary
    chips: int
    tiles: int
    arrays: ArrayCounts
    mesh: Mesh | None
    in_turn: bool
    layers: tuple[PlacedLayer, ...]
    estimate: Estimated
    noc: PlannedNoc | None

    def to_json(self) -> dict[str, Any]:
        """The placement as plain data, in the schema `archsim.map/1`."""
        return {"schema": SCHEMA, **asdict(self), "layers": [layer.to_json() for layer in self.layers]}
