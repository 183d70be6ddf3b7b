"""Which layers use the same weights, and so the same arrays."""

from __future__ import annotations

from collections.abc import Hashable

from archsim.mapping.stages import Stages

Uses = dict[int, tuple[int, ...]]
"""The first stage that uses a matrix, and all that do, itself first."""


def uses_of(stages: Stages) -> Uses:
    """The uses of each matrix: layers whose weights are the same stored numbers in the same form have one set of
    arrays, so many times as it has copies."""
    found: dict[Hashable, list[int]] = {}
    for stage in stages.stages:
        if stage.matrix is not None:
            matrix = stage.matrix
            key = (matrix.weights.key, matrix.groups, matrix.rows, matrix.outputs, matrix.row_parts)
            found.setdefault(key, []).append(stage.index)
    return {indexes[0]: tuple(indexes) for indexes in found.values()}


def apart(stages: Stages) -> Uses:
    """Every layer has arrays of its own."""
    return {stage.index: (stage.index,) for stage in stages.stages if stage.matrix is not None}
