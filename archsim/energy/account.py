"""What a run came to: its counts times the energies of actions, and static power times its time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from fractions import Fraction

from archsim.actions import ACTIONS, Actions
from archsim.energy.chips import chip_figures, lacking, total
from archsim.errors import Problem, nearest_name
from archsim.hardware import Design, Energy
from archsim.result import Cost, Result

_MW_OF_W = 1000


def check(design: Design) -> list[Problem]:
    """Actions of a design that no run counts."""
    problems = []
    for name, row in design.energy.components.items() if design.energy else ():
        if row.action is not None and row.action not in ACTIONS:
            place, expected = f"energy.components.{name}.action", f"one of {', '.join(ACTIONS)}"
            problems.append(Problem(place, "", repr(row.action), expected, nearest_name(row.action, ACTIONS)))
    return problems


def with_energy(result: Result, design: Design) -> Result:
    """The result with its energy, power and area; without, and with a note that says why, where no figures are
    published for the design.

    A mW over a ns is a pJ. Sums are exact fractions, each figure rounded once to the nearest float.
    """
    reason = lacking(design)
    if reason is not None or design.energy is None:
        return replace(result, notes=(*result.notes, f"no energy, power and area: {reason}"))
    return _priced(result, design, design.energy)


def _priced(result: Result, design: Design, energy: Energy) -> Result:
    chips = chip_figures(design, energy, result.chips)
    elapsed = None if result.elapsed_ns is None else Fraction(result.elapsed_ns)
    static = {name: None if mw is None or elapsed is None else mw * elapsed for name, mw in chips.static_mw.items()}
    dynamic = components_pj(energy, result.actions)
    whole = total({**dynamic, **static})
    layers = tuple(
        replace(layer, energy_pj=None if layer.actions is None else _float(total(components_pj(energy, layer.actions))))
        for layer in result.layers
    )
    by_component = {name: _float({**dynamic, **static}[name]) for name in energy.components}
    unknown = [name for name, value in by_component.items() if value is None]
    return replace(
        result,
        layers=layers,
        energy_pj={"total": _float(whole), **by_component},
        area_mm2=_float(total(chips.area_mm2)),
        power_w=None if whole is None or not elapsed else float(whole / elapsed / _MW_OF_W),
        cost=Cost(
            per_image_pj=None if whole is None else float(whole / result.images),
            dynamic_pj=_float(total(dynamic)),
            static_pj=_float(total(static)),
            host_pj=_float(total(components_pj(energy, result.host_actions))),
            peak_power_w=_watts(total(chips.peak_mw)),
            static_power_w=_watts(total(chips.static_mw)),
            area_mm2={name: _float(area) for name, area in chips.area_mm2.items()},
            technology_nm=float(energy.technology_nm),
        ),
        notes=(*result.notes, *_unknown(unknown)),
    )


def components_pj(energy: Energy, actions: Actions) -> Mapping[str, Fraction | None]:
    """Energy of the actions of each component that is not static, in pJ; None where they were not counted."""
    found: dict[str, Fraction | None] = {}
    for name, row in energy.components.items():
        each, number = row.action_pj(energy.cycle_ns), getattr(actions, row.action) if row.action else None
        if not row.static:
            found[name] = None if each is None or number is None else number * each
    return found


def _unknown(names: Iterable[str]) -> tuple[str, ...]:
    named = ", ".join(names)
    return (f"this run did not count what {named} did: no energy of that, and no total",) if named else ()


def _float(value: Fraction | None) -> float | None:
    return None if value is None else float(value)


def _watts(milliwatts: Fraction | None) -> float | None:
    return None if milliwatts is None else float(milliwatts / _MW_OF_W)
