"""Field types of a design: whole numbers that are not booleans, exact decimals, and exact times."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

# YAML 1.1 reads 1e9 as text.
_NUMBER = re.compile(r"[+-]?\d{1,30}(\.\d{1,30})?([eE][+-]?\d{1,3})?")


def _exact(value: object) -> object:
    """A YAML number as the decimal that was written, not the binary float nearest to it."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return Decimal(str(value))
    if isinstance(value, Decimal):
        return value
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return Decimal(value)
    raise ValueError("a number")


def _number(value: Decimal) -> int | float:
    """An exact decimal as the number that JSON writes: 100, 1.6."""
    return int(value) if value == value.to_integral_value() else float(value)


def _real(value: object) -> object:
    """A YAML number in binary floating point."""
    exact = _exact(value)
    return float(exact) if isinstance(exact, Decimal) else exact


Count = Annotated[int, Field(strict=True, ge=1, le=10**9)]
Bits = Annotated[int, Field(strict=True, ge=1, le=32)]
Natural = Annotated[int, Field(strict=True, ge=0, le=10**9)]
Exact = Annotated[
    Decimal,
    BeforeValidator(_exact),
    PlainSerializer(_number, when_used="json"),
    Field(gt=0, le=10**9, allow_inf_nan=False),
]
Real = Annotated[float, BeforeValidator(_real), Field(allow_inf_nan=False)]
"""A number that only values depend on, never time or counts."""


class Part(BaseModel):
    """A part of a design: unknown keys are errors, and nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def period_ns(clock_ghz: Decimal) -> Fraction:
    """The period of a clock, exactly: 1.2 GHz is 5/6 ns."""
    return 1 / Fraction(clock_ghz)
