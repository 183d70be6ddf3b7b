"""Where the results that a stage pools are made: on one tile, which pools them, or on several."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from archsim.mapping.needs import Integers, Need
from archsim.mapping.placement import StagePlan


def homes_of(plan: StagePlan) -> Integers:
    """The tile that each window's result leaves in the first image."""
    return np.array([copy.home for copy in plan.copies], np.int64)[plan.assignment.copy_of]


def lasting_homes(plan: StagePlan) -> Integers:
    """Equal numbers for windows whose results leave the same tile in every image."""
    several = len({copy.home for copy in plan.copies}) > 1
    return np.arange(plan.stage.windows) if plan.assignment.rotation and several else homes_of(plan)


def pooled_on_one_tile(need: Need, lasting: Integers) -> npt.NDArray[np.bool_]:
    """For each pooled value whether all that it is pooled from leaves one tile in every image."""
    table = need.table
    tiles = np.append(lasting, -1)[table]
    highest = tiles.max(axis=1)[:, None]
    same: npt.NDArray[np.bool_] = (np.where(table < 0, highest, tiles) == highest).all(axis=1)
    return same
