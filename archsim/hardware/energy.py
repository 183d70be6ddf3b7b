"""What the components of a chip take: power and area as a publication prints them, and energies of single actions.

Nothing here has a default: a design of which no component figures are published has none of this, and its energy, power
and area stay null.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from archsim.hardware.parts import relation
from archsim.hardware.units import Count, Exact, Part

Place = Literal["pe", "tile", "router", "chip"]


def _told(value: object) -> object:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("where the figures are from, in words")
    return value


class Component(Part):
    """A row of a table of components: `power_mw` and `area_mm2` of all its `instances` in one `place` (a PE, a tile, a
    router or a chip).

    `action` names what the component does, as runs count it (`archsim.result.Actions`). The energy of one action is
    `energy_pj`, or the power over a cycle in which it does `actions_per_cycle` of them. A `static` component takes its
    power always, and has no action. `source` says where the figures are from, `confidence` how sure they are: published
    (P), stated in the survey that archsim follows (S), of other simulators (R1) or second-hand (R2, R2-), recalled (M),
    derived (D) or assumed (A). `technology_nm` is the node, if it is another than that of the chip.
    """

    place: Place
    instances: Count
    power_mw: Exact | None = None
    area_mm2: Exact | None
    action: str | None = None
    actions_per_cycle: Exact | None = None
    energy_pj: Exact | None = None
    static: bool = False
    technology_nm: Exact | None = None
    source: Annotated[str, BeforeValidator(_told)]
    confidence: Literal["P", "S", "R1", "R2", "R2-", "M", "D", "A"]

    def action_pj(self, cycle_ns: Decimal) -> Fraction | None:
        """Energy of one action in pJ, exactly: a mW over a ns is a pJ; None for a static component."""
        if self.energy_pj is not None:
            return Fraction(self.energy_pj)
        if self.action is None or self.power_mw is None or self.actions_per_cycle is None:
            return None
        return Fraction(self.power_mw) * Fraction(cycle_ns) / Fraction(self.actions_per_cycle)

    def peak_mw(self, cycle_ns: Decimal) -> Fraction | None:
        """Power of all instances at work in every cycle, in mW; None if the row does not say how much that is."""
        if self.power_mw is not None:
            return Fraction(self.power_mw)
        if self.energy_pj is None or self.actions_per_cycle is None:
            return None
        return Fraction(self.energy_pj) * Fraction(self.actions_per_cycle) / Fraction(cycle_ns)


class Energy(Part):
    """The components of a chip in `technology_nm`, with their power in cycles of `cycle_ns`.

    `published_for` are keys of the design with the values that the figures hold for: for a design with others there are
    none.
    """

    technology_nm: Exact
    cycle_ns: Exact
    published_for: dict[str, Count]
    components: Annotated[dict[str, Component], Field(min_length=1)]

    @model_validator(mode="after")
    def _components_have_one_way_to_their_energy(self) -> Self:
        for name, row in self.components.items():
            key = f"energy.components.{name}"
            if name == "total" or not name.isidentifier():
                expected = "letters, digits and '_' (total is the sum of all)"
                raise relation(key, name, expected)
            if row.static:
                if row.power_mw is None or (row.action, row.actions_per_cycle, row.energy_pj) != (None, None, None):
                    raise relation(f"{key}.static", True, "power_mw and no action with it: it takes its power always")
            elif row.action is None:
                raise relation(f"{key}.action", None, "the name of a count, or static: true")
            elif (row.energy_pj is None) == (row.power_mw is None or row.actions_per_cycle is None):
                expected = "either this, or power_mw with actions_per_cycle"
                raise relation(f"{key}.energy_pj", row.energy_pj, expected)
        return self
