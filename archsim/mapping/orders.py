"""In which order copies fill the tiles along the mesh, and what is done about it afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from archsim.mapping.exchange import exchanged
from archsim.mapping.packing import Unit
from archsim.mapping.placement import Placement
from archsim.mapping.registry import Registry


@dataclass(frozen=True, slots=True)
class Order:
    """`first` sorts what goes on tiles; `improved` is what becomes of the placement."""

    first: Callable[[Unit], tuple[float, int]]
    improved: Callable[[Placement], Placement]


ORDERS: Registry[Order] = Registry("placement.order")


def _by_position(unit: Unit) -> tuple[float, int]:
    return unit.position, unit.stage


def _by_layer(unit: Unit) -> tuple[float, int]:
    return unit.stage, unit.copies[0]


def _as_it_is(placement: Placement) -> Placement:
    return placement


ORDERS.register("interleaved")(Order(_by_position, _as_it_is))
ORDERS.register("layers")(Order(_by_layer, _as_it_is))
ORDERS.register("exchanged")(Order(_by_position, exchanged))
