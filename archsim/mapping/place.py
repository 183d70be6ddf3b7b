"""Graph x Design -> Placement: checks what every schedule needs, then places as the schedule wants it."""

from __future__ import annotations

from archsim.errors import InputError, Problem, input_error
from archsim.graph import Graph
from archsim.hardware import Design
from archsim.mapping.assignment import ASSIGNMENTS
from archsim.mapping.copies import POLICIES
from archsim.mapping.dividing import build_stages
from archsim.mapping.orders import ORDERS
from archsim.mapping.placement import Placement
from archsim.mapping.plans import PLANS
from archsim.mapping.reuse import REUSES
from archsim.mapping.stages import Stages
from archsim.mapping.tiling import FILTER_ROWS, SPLITS, tile_layer
from archsim.mapping.training import Training

# The most that is tried: beyond, tables no longer fit the memory of a usual machine. Each element of a tensor is
# followed through the layers that move it.
_MOST_ELEMENTS = 1 << 27
_MOST_WINDOWS = 20_000_000


def check(design: Design) -> list[Problem]:
    """What is wrong with the names of policies in a design."""
    return [
        *POLICIES.check(design.copies.policy),
        *ASSIGNMENTS.check(design.copies.assignment),
        *SPLITS.check(design.tiling.split),
        *FILTER_ROWS.check(design.tiling.filter_rows),
        *ORDERS.check(design.placement.order),
        *REUSES.check(design.pe.input_reuse),
        *PLANS.check(design.schedule.kind),
    ]


def place(graph: Graph, design: Design, *, training: Training | None = None) -> Placement:
    """Places `graph` on the chip or chips of `design` (pure; equal input gives an equal placement).

    Raises `InputError` for an unknown policy, a network without a matrix layer or with an operation that the
    design has no unit for, or one that does not fit: then it says how many arrays or bytes are needed, how many
    there are, and what would make it fit.
    """
    problems = check(design)
    if problems:
        raise InputError(*problems)
    largest = max(graph.tensors.values(), key=lambda tensor: tensor.elements)
    if largest.elements > _MOST_ELEMENTS:
        shown = f"a shape of {largest.elements} elements, {largest.shape}"
        raise input_error(graph.name, f"tensor {largest.name!r}", value=shown, expected=f"at most {_MOST_ELEMENTS}")
    stages = build_stages(graph)
    _check_units(graph, design, stages)
    tilings = {s.index: tile_layer(s.matrix, design) for s in stages.stages if s.matrix}
    if not tilings:
        raise input_error(graph.name, expected="a network with at least one Conv, Gemm, MatMul, LSTM, GRU or RNN")
    if not stages.outputs:
        raise input_error(graph.name, value="outputs that are known beforehand", expected="an output that is computed")
    windows = sum(stage.windows for stage in stages.stages)
    if windows > _MOST_WINDOWS:
        raise input_error(graph.name, value=f"{windows} windows", expected=f"at most {_MOST_WINDOWS} in all layers")
    if design.rotation.stored_arrays is not None and design.schedule.kind != "layer_serial":
        raise input_error(
            f"design {design.name}",
            "rotation.stored_arrays",
            value=design.rotation.stored_arrays,
            expected="schedule.kind layer_serial with it: other schedules keep every layer where it is",
        )
    return PLANS[design.schedule.kind](graph, design, stages, tilings, training)


def _check_units(graph: Graph, design: Design, stages: Stages) -> None:
    """Every operation of the network has a unit in the design that does it."""
    missing: dict[str, list[str]] = {}
    known = design.sfu.operations
    for stage in stages.stages:
        for layer in stage.sfu_layers:
            if (known is not None and layer.op not in known) or design.sfu.lanes(layer.unit) is None:
                missing.setdefault(layer.op, []).append(layer.name)
    if not missing:
        return
    has = f"sfu.operations: {', '.join(known)}" if known is not None else "sfu.pool_lanes is null"
    problems = [
        Problem(
            graph.name,
            f"layer {names[0]!r}" + (f" and {len(names) - 1} more" if names[1:] else ""),
            op,
            f"an operation that {design.name} has a unit for ({has})",
        )
        for op, names in missing.items()
    ]
    raise InputError(*problems)
