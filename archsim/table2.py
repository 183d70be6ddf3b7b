"""The tutorial's Table 2: what is known of each design, the same at one precision by rule, and what archsim computes.

The rule is archsim's own, not the table's: a chip keeps its area and its power, and its rate goes with the inverse of
the reads that a window takes and of the columns that a weight takes.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING

from archsim.report import ScaledBy, SourceFigure, Table2Design, Table2Figure, Table2Summary

if TYPE_CHECKING:
    from archsim.hardware import Design
    from archsim.hardware.table2 import KnownDesign, KnownFigure, KnownPrecision

WEIGHT_BITS, INPUT_BITS, CELL_BITS = 8, 8, 2

Computed = dict[str, float | str]
"""By the name of the figure: a value in the table's unit, or the reason why there is none."""


def table2_summary() -> Table2Summary:
    """The table at 8-bit weights, 8-bit inputs and 2-bit cells, from `mappings/published/table2.yaml` and the designs
    that ship under the same names.

    Raises `InputError` if that file or a design is wrong.
    """
    from archsim.hardware.table2 import load_table2

    designs = tuple(_design(name, known) for name, known in load_table2().designs.items())
    return Table2Summary(weight_bits=WEIGHT_BITS, input_bits=INPUT_BITS, cell_bits=CELL_BITS, designs=designs)


def area_and_power(design: Design) -> tuple[float, float] | str:
    """The area in mm2 and the power in W of one chip with all arrays at work, or why they cannot be told."""
    from archsim import energy

    return energy.area_and_power(design)


def _design(name: str, known: KnownDesign) -> Table2Design:
    from archsim.hardware.table2 import FIGURES

    computed = _computed(name, known.chips)
    figures = tuple(_figure(figure, known, computed[figure]) for figure in FIGURES)
    return Table2Design(name=name, title=known.title, chips=known.chips, figures=figures, notes=known.notes)


def _figure(name: str, known: KnownDesign, computed: float | str) -> Table2Figure:
    figure = known.known(name)
    steps = () if figure is None else scaling(name, known.precision)
    scaled = None
    if figure is not None:
        scaled = float(figure.in_table_unit * math.prod((factor for _, factor in steps), start=Fraction(1)))
    value = None if isinstance(computed, str) else computed
    return Table2Figure(
        figure=name,
        source=None if figure is None else _source(figure, known.precision),
        source_reason=known.unknown.get(name),
        scaled_by=tuple(ScaledBy(f"{rule}: x {factor}", float(factor)) for rule, factor in steps),
        scaled=scaled,
        computed=value,
        computed_reason=computed if isinstance(computed, str) else None,
        ratio=None if value is None or scaled is None else value / scaled,
    )


def _source(figure: KnownFigure, precision: KnownPrecision) -> SourceFigure:
    return SourceFigure(
        value=float(figure.value),
        unit=figure.unit,
        weight_bits=precision.weight_bits,
        input_bits=precision.input_bits,
        cell_bits=precision.cell_bits,
        mark=figure.mark,
        basis=figure.basis or (),
        source=figure.source,
    )


def scaling(figure: str, known: KnownPrecision) -> tuple[tuple[str, Fraction], ...]:
    """What takes a figure from the precision of its source to that of the table, step by step: in words, and as a
    factor.

    Storage goes with the bits of a cell; the area stays. Rates go with the inverse of the reads that a window takes,
    `ceil(input_bits / dac_bits)`, and of the columns that a weight takes, `ceil(weight_bits / cell_bits)`. Derived by
    archsim: area and power are taken for the same at each precision.
    """
    if figure == "area":
        return ()
    steps = []
    of_rates = figure != "storage"
    columns = -(-WEIGHT_BITS // known.cell_bits)
    if of_rates and (known.weight_bits, known.input_bits) != (WEIGHT_BITS, INPUT_BITS):
        reads = Fraction(-(-known.input_bits // known.dac_bits), -(-INPUT_BITS // known.dac_bits))
        passes = f", inputs in {known.dac_bits}-bit passes" if known.dac_bits > 1 else ""
        bits = f"weights x inputs {known.weight_bits} x {known.input_bits} -> {WEIGHT_BITS} x {INPUT_BITS} bits{passes}"
        steps.append((bits, Fraction(-(-known.weight_bits // known.cell_bits), columns) * reads))
    if known.cell_bits != CELL_BITS:
        cells = f"{known.cell_bits}-bit -> {CELL_BITS}-bit cells"
        more = Fraction(columns, -(-WEIGHT_BITS // CELL_BITS)) if of_rates else Fraction(CELL_BITS, known.cell_bits)
        steps.append((cells, more))
    return tuple(steps)


def _computed(name: str, chips: int) -> Computed:
    """What archsim says of so many chips of the design at the precision of the table."""
    from archsim.hardware import load_design

    bits = (f"precision.weight_bits={WEIGHT_BITS}", f"precision.input_bits={INPUT_BITS}")
    design = load_design(name, (*bits, f"array.cell_bits={CELL_BITS}"))
    size = f"the number of arrays on a chip of {name} is not known (chip.tiles is unlimited)"
    array, arrays, peak = design.array, design.chip_arrays, design.peak_tops(chips)
    storage = None if arrays is None else chips * arrays * array.rows * array.columns * array.cell_bits / 8 / 1e6
    found = area_and_power(design)
    area, power = (None, None) if isinstance(found, str) else (chips * found[0], chips * found[1])
    lacking = found if isinstance(found, str) else size
    return {
        "storage": size if storage is None else storage,
        "area": lacking if area is None else area,
        "peak": size if peak is None else peak,
        "tops_per_mm2": lacking if peak is None or area is None else peak / area,
        "tops_per_w": lacking if peak is None or power is None else peak / power,
    }
