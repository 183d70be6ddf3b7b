"""What is known of the designs in the tutorial's Table 2, each figure with its unit, mark and source: the file
`mappings/published/table2.yaml`."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator

from archsim.errors import InputError
from archsim.hardware.data import data_folder
from archsim.hardware.files import read_yaml
from archsim.hardware.loading import problems_of
from archsim.hardware.parts import relation
from archsim.hardware.units import Bits, Count, Exact, Part

IN_TABLE_UNITS: Mapping[str, Fraction] = MappingProxyType(
    {
        "MB": Fraction(1),
        "MiB": Fraction(2**20, 10**6),
        "mm2": Fraction(1),
        "TOPS": Fraction(1),
        "GOPS/mm2": Fraction(1, 1000),
        "TOPS/mm2": Fraction(1),
        "GOPS/W": Fraction(1, 1000),
        "TOPS/W": Fraction(1),
    }
)
"""What a unit of a source is in the unit that the table has: MB (10^6 bytes), mm2, TOPS, TOPS/mm2, TOPS/W."""

Mark = Literal["R1", "R2", "S", "M+", "M", "M-", "D"]
Text = Annotated[str, Field(strict=True, min_length=1, max_length=500)]
Title = Annotated[str, Field(strict=True, min_length=1, max_length=40)]
FIGURES = ("storage", "area", "peak", "tops_per_mm2", "tops_per_w")


class KnownPrecision(Part):
    """Bits of a weight, of an input, of a cell, and of the input in each read."""

    weight_bits: Bits
    input_bits: Bits
    cell_bits: Bits
    dac_bits: Bits


class KnownFigure(Part):
    """A figure in the unit of its source. `basis` are the marks of what one with mark D was derived from."""

    value: Exact
    unit: str
    mark: Mark
    basis: Annotated[tuple[Mark, ...], Field(min_length=1)] | None = None
    source: Text

    @property
    def in_table_unit(self) -> Fraction:
        """The value in the unit that the table has for it, exactly."""
        return Fraction(self.value) * IN_TABLE_UNITS[self.unit]


class Storage(KnownFigure):
    """What the cells hold."""

    unit: Literal["MB", "MiB"]


class Area(KnownFigure):
    """The area of the chip."""

    unit: Literal["mm2"]


class Peak(KnownFigure):
    """Operations a second; a multiply and an add are two."""

    unit: Literal["TOPS"]


class PerArea(KnownFigure):
    """Operations a second and area."""

    unit: Literal["GOPS/mm2", "TOPS/mm2"]


class PerWatt(KnownFigure):
    """Operations a second and watt."""

    unit: Literal["GOPS/W", "TOPS/W"]


class KnownDesign(Part):
    """What is known of a design, at one precision, of so many `chips` of the design of that name in `mappings`.

    Each figure is given or has a reason in `unknown`, never both.
    """

    title: Title
    chips: Count
    precision: KnownPrecision
    storage: Storage | None = None
    area: Area | None = None
    peak: Peak | None = None
    tops_per_mm2: PerArea | None = None
    tops_per_w: PerWatt | None = None
    unknown: Annotated[dict[str, Text], Field(default_factory=dict)]
    notes: tuple[Text, ...]

    def known(self, name: str) -> KnownFigure | None:
        """One of `FIGURES`; None where it is unknown."""
        figure: KnownFigure | None = getattr(self, name)
        return figure


class Table2(Part):
    """The designs, by name, in the order of the table."""

    designs: dict[str, KnownDesign]

    @model_validator(mode="after")
    def _nothing_without_a_reason(self) -> Self:
        for name, design in self.designs.items():
            for key in dict.fromkeys((*FIGURES, *design.unknown)):
                _check_reason(f"designs.{name}", design, key)
        return self

    @model_validator(mode="after")
    def _derivations_have_a_basis(self) -> Self:
        for name, design in self.designs.items():
            for key in FIGURES:
                figure = design.known(key)
                if figure is not None and (figure.mark == "D") != (figure.basis is not None):
                    expected = "D with a basis, the marks that it is derived from, or another mark without"
                    raise relation(f"designs.{name}.{key}.mark", figure.mark, expected)
        return self


def _check_reason(place: str, design: KnownDesign, key: str) -> None:
    """Raises what pydantic reports unless a figure is given, or has a reason why not."""
    if key not in FIGURES:
        raise relation(f"{place}.unknown.{key}", design.unknown[key], f"one of {', '.join(FIGURES)}")
    if (design.known(key) is None) != (key in design.unknown):
        raise relation(f"{place}.{key}", design, f"either a figure {key} or a reason for none, unknown.{key}")


def load_table2(path: Path | None = None) -> Table2:
    """The figures that ship, or those of another file of that form.

    Raises `InputError` with every figure that lacks its unit, mark or source, unknown key and wrong value, with its
    line.
    """
    path = data_folder("mappings") / "published" / "table2.yaml" if path is None else path
    data, lines = read_yaml(path)
    try:
        return Table2.model_validate(data)
    except ValidationError as error:
        raise InputError(*problems_of(str(path), lines, error.errors(), Table2)) from None
