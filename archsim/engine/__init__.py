"""The event-driven simulation of a placement."""

from archsim.engine.figures import array_counts, planned_layers, summarise_mapping
from archsim.engine.network import has_mesh
from archsim.engine.planned import planned_noc
from archsim.engine.run import check, simulate
from archsim.engine.stalled import StalledError

__all__ = [
    "StalledError",
    "array_counts",
    "check",
    "has_mesh",
    "planned_layers",
    "planned_noc",
    "simulate",
    "summarise_mapping",
]
