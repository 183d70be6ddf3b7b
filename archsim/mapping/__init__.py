"""Pure functions from a graph and a design to a placement, and what follows from it without simulating."""

from archsim.mapping.estimate import Estimate, estimate, lower_bound
from archsim.mapping.place import check, place
from archsim.mapping.placement import Copy, Job, Part, Placement, Port, StagePlan
from archsim.mapping.sharing import Sharing
from archsim.mapping.stages import Stage, StageInput, Stages
from archsim.mapping.traffic import GATE, PARTIAL_SUM_BYTES
from archsim.mapping.training import Training

__all__ = [
    "GATE",
    "PARTIAL_SUM_BYTES",
    "Copy",
    "Estimate",
    "Job",
    "Part",
    "Placement",
    "Port",
    "Sharing",
    "Stage",
    "StageInput",
    "StagePlan",
    "Stages",
    "Training",
    "check",
    "estimate",
    "lower_bound",
    "place",
]
