"""The designs of a comparison: which ones, and on which of them the network finds its place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from archsim.choices import Problems, mapping_names
from archsim.errors import InputError
from archsim.inputs import design_of, graph_of

if TYPE_CHECKING:
    from archsim.graph import Graph
    from archsim.hardware import Design
    from archsim.inputs import Chosen, Model
    from archsim.mapping import Placement

COMPARED = ("isaac", "pipelayer", "atomlayer")
COMPARED_PRECISION = ("precision.weight_bits=8", "precision.input_bits=8")


def compared_by_default() -> tuple[str, ...]:
    """The published designs that ship."""
    shipped = mapping_names()
    return tuple(name for name in COMPARED if name in shipped)


@dataclass(frozen=True, slots=True)
class Unplaced:
    """A design that cannot hold a network or has no units for it, and why."""

    graph: Graph
    design: Design
    error: InputError


def place_each(
    model: Model, mappings: Iterable[Chosen], settings: Iterable[str] = (), *, as_published: bool = False
) -> tuple[Placement | Unplaced, ...]:
    """The network on each design that takes it. Designs by name run at 8-bit weights and inputs unless `settings`
    say otherwise, or each at its own precision with `as_published`.

    Raises `InputError` if the network or a design cannot be loaded, and if no design takes the network.
    """
    settings = tuple(settings)
    defaults = () if as_published else COMPARED_PRECISION
    problems = Problems()
    designs = []
    with problems.gathered():
        graph = graph_of(model)
    for mapping in mappings:
        with problems.gathered():
            designs.append(design_of(mapping, defaults, settings))
    problems.raise_any()
    placed = tuple(_placed_or_not(graph, design) for design in designs)
    refused = [one.error for one in placed if isinstance(one, Unplaced)]
    if len(refused) == len(placed):
        raise InputError(*dict.fromkeys(problem for error in refused for problem in error.problems))
    return placed


def _placed_or_not(graph: Graph, design: Design) -> Placement | Unplaced:
    from archsim.mapping import place

    try:
        return place(graph, design)
    except InputError as error:
        return Unplaced(graph, design, error)
