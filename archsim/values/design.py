"""The crossbar of a design."""

from __future__ import annotations

from archsim.crossbar import MAX_PRECISION_BITS, CrossbarSpec, find_encoding
from archsim.errors import InputError, Problem
from archsim.hardware import Design

_FEWEST_BITS = {"weight_bits": 2, "input_bits": 1}
"""A weight has a sign and a size; so do inputs that can be negative, which only the data tell."""


def crossbar_spec(design: Design) -> CrossbarSpec:
    """The crossbar that `design` describes; inputs count as unsigned until a calibration says otherwise.

    One code of the ADC is one unit of a column sum: fewer bits than the sums need saturate, they do not
    coarsen; where there are no ADCs, counters take every sum as it is. An unknown `array.sign`, or more bits than
    the arithmetic covers, raise `InputError`.
    """
    find_encoding(design.array.sign)
    _check_precision(design)
    return CrossbarSpec(
        rows=design.array.rows,
        columns=design.array.columns,
        cell_bits=design.array.cell_bits,
        dac_bits=design.array.dac_bits,
        weight_bits=design.precision.weight_bits,
        input_bits=design.precision.input_bits,
        signed_inputs=False,
        sign=design.array.sign,
        adc_bits=design.adc.bits if design.adc else None,
        adc_step=1,
        rows_per_read=design.adc.rows_per_read if design.adc else design.array.rows,
    )


def _check_precision(design: Design) -> None:
    """Timing alone takes more bits than numbers do."""
    problems = []
    for key, fewest in _FEWEST_BITS.items():
        bits = getattr(design.precision, key)
        if not fewest <= bits <= MAX_PRECISION_BITS:
            nearest = min(max(bits, fewest), MAX_PRECISION_BITS)
            expected = f"{fewest} to {MAX_PRECISION_BITS} where numbers are computed: --set precision.{key}={nearest}"
            problems.append(Problem(f"design {design.name}", f"precision.{key}", str(bits), expected))
    if problems:
        raise InputError(*problems)
