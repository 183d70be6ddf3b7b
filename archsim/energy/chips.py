"""What a chip is and can take, whatever runs on it: area, static power, and power with every unit at work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from archsim.hardware import Component, Design, Energy


@dataclass(frozen=True, slots=True)
class ChipFigures:
    """Of all chips, exactly: `area_mm2` and `peak_mw` by component, `static_mw` of the components that take their power
    always. None where a row does not give it, or a chip has no size."""

    area_mm2: Mapping[str, Fraction | None]
    peak_mw: Mapping[str, Fraction | None]
    static_mw: Mapping[str, Fraction | None]


def chip_figures(design: Design, energy: Energy, chips: int) -> ChipFigures:
    """The rows of `energy` times the number of their places, as ISAAC adds up its Table I (ISCA 2016)."""
    area: dict[str, Fraction | None] = {}
    peak: dict[str, Fraction | None] = {}
    static: dict[str, Fraction | None] = {}
    for name, row in energy.components.items():
        number = _places(design, row, chips)
        area[name] = _times(number, None if row.area_mm2 is None else Fraction(row.area_mm2))
        peak[name] = _times(number, row.peak_mw(energy.cycle_ns))
        if row.static:
            static[name] = peak[name]
    return ChipFigures(area, peak, static)


def lacking(design: Design) -> str | None:
    """Why a design has no energy, power and area; None if it has."""
    if design.energy is None:
        return f"archsim has no area and power of the components of {design.name}"
    published = design.energy.published_for
    others = [f"{key} {value}" for key, value in published.items() if design.value_of(key) != value]
    return f"the component figures of {design.name} are for {', '.join(others)}" if others else None


def area_and_power(design: Design) -> tuple[float, float] | str:
    """The area in mm2 and the power in W of one chip with all units at work in every cycle, or why they cannot be
    told."""
    reason = lacking(design)
    if reason is not None or design.energy is None:
        return reason or ""
    figures = chip_figures(design, design.energy, 1)
    area, power = total(figures.area_mm2), total(figures.peak_mw)
    if area is None or power is None:
        return f"not every component of {design.name} has an area and a power, or the chip has no size"
    return float(area), float(power / 1000)


def _places(design: Design, row: Component, chips: int) -> Fraction | None:
    """How many places hold the row's instances; None on a chip without a size, and for routers where there are none."""
    tiles = design.chip.tiles
    if row.place == "chip":
        return Fraction(chips)
    if tiles == "unlimited":
        return None
    if row.place == "router":
        return None if design.noc is None else Fraction(chips * tiles, design.noc.concentration)
    return Fraction(chips * tiles * (design.tile.pes if row.place == "pe" else 1))


def _times(number: Fraction | None, each: Fraction | None) -> Fraction | None:
    return None if number is None or each is None else number * each


def total(values: Mapping[str, Fraction | None]) -> Fraction | None:
    """The sum over components; None if one of them is not known, for the rest is no total."""
    known = [value for value in values.values() if value is not None]
    return sum(known, Fraction(0)) if len(known) == len(values) else None
