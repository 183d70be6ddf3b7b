"""Pictures of the meshes of a placement, a character for each tile."""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Sequence

from archsim.report.placement import Mesh, PlacementSummary
from archsim.report.tables import Column, Table

_SIGNS = string.ascii_lowercase + string.ascii_uppercase + string.digits
_NO_SIGN, _EMPTY, _MANY = "#", ".", "+"

# What a terminal takes.
_WIDEST, _TALLEST = 80, 40

MOST_CHIPS = 4
"""Chips that are drawn, the first ones."""


def layer_signs(summary: PlacementSummary) -> dict[str, str]:
    """The character that stands for each matrix layer in the pictures, by name; none where there are no pictures of
    layers. Layers beyond letters and digits share one."""
    if not _is_drawn(summary.mesh) or summary.in_turn:
        return {}
    names = [one.layer.name for one in summary.layers if one.arrays_per_tile is not None]
    return {name: _SIGNS[place] if place < len(_SIGNS) else _NO_SIGN for place, name in enumerate(names)}


def pictures(summary: PlacementSummary) -> tuple[Table, ...]:
    """Each chip's mesh, row by row, the first chips only; none where a chip has no size or is too large to draw."""
    mesh = summary.mesh
    if mesh is None or not _is_drawn(mesh):
        return ()
    cells = _layer_counts(summary) if summary.in_turn else _largest_layers(summary)
    meaning = "layers with arrays in each tile" if summary.in_turn else "the layer with the most arrays in each tile"
    drawn = min(summary.chips, MOST_CHIPS)
    left = (f"the first {drawn} of {summary.chips} chips are drawn",) if drawn < summary.chips else ()
    return tuple(
        Table(f"Chip {chip}: {meaning}", *_picture(mesh, chip, cells), left if chip == drawn - 1 else ())
        for chip in range(drawn)
    )


def _is_drawn(mesh: Mesh | None) -> bool:
    return mesh is not None and mesh.columns <= _WIDEST and mesh.rows <= _TALLEST


def _picture(mesh: Mesh, chip: int, cells: dict[int, str]) -> tuple[tuple[Column, ...], tuple[tuple[int, str], ...]]:
    columns = (Column("first", "first tile"), Column("row", f"row of tiles ({_EMPTY} has no arrays)", left=True))
    first = chip * mesh.columns * mesh.rows
    starts = range(first, first + mesh.columns * mesh.rows, mesh.columns)
    rows = tuple(
        (start, "".join(cells.get(tile, _EMPTY) for tile in range(start, start + mesh.columns))) for start in starts
    )
    return columns, rows


def _pieces(summary: PlacementSummary) -> Sequence[tuple[int, str, int]]:
    """Tile, layer and arrays of every layer in every tile."""
    return [
        (tile, one.layer.name, arrays)
        for one in summary.layers
        if one.arrays_per_tile is not None
        for tile, arrays in zip(one.tiles, one.arrays_per_tile, strict=True)
    ]


def _largest_layers(summary: PlacementSummary) -> dict[int, str]:
    signs = layer_signs(summary)
    most: dict[int, tuple[int, str]] = {}
    for tile, name, arrays in _pieces(summary):
        if arrays > most.get(tile, (0, ""))[0]:
            most[tile] = (arrays, signs[name])
    return {tile: sign for tile, (_, sign) in most.items()}


def _layer_counts(summary: PlacementSummary) -> dict[int, str]:
    counts = Counter(tile for tile, _, _ in _pieces(summary))
    return {tile: f"{count}" if count < 10 else _MANY for tile, count in counts.items()}
