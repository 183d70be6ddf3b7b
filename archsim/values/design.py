"""The crossbar of a design."""

from __future__ import annotations

from dataclasses import replace

from archsim.crossbar import MAX_PRECISION_BITS, CrossbarSpec, find_encoding
from archsim.errors import InputError, Problem
from archsim.hardware import Design
from archsim.hardware.parts import Adc

_FEWEST_BITS = {"weight_bits": 2, "input_bits": 1}
"""A weight has a sign and a size, except in binary networks; so do inputs that can be negative, which only the data
tell."""


def crossbar_spec(design: Design) -> CrossbarSpec:
    """The crossbar that `design` describes; inputs count as unsigned until a calibration says otherwise.

    Without `adc.full_scale` one code of the ADC is one unit of a column sum: fewer bits than the sums need saturate,
    they do not coarsen; where there are no ADCs, counters take every sum as it is. An unknown `array.sign`, or more
    bits than the arithmetic covers, raise `InputError`.
    """
    find_encoding(design.array.sign)
    _check_precision(design)
    ideal = CrossbarSpec(
        rows=design.array.rows,
        columns=design.array.columns,
        cell_bits=design.array.cell_bits,
        dac_bits=design.array.dac_bits,
        weight_bits=design.precision.weight_bits,
        input_bits=design.precision.input_bits,
        signed_inputs=False,
        sign=design.array.sign,
        adc_bits=None,
        adc_step=1,
        rows_per_read=design.array.rows,
    )
    return ideal if design.adc is None else _converted(ideal, design.adc)


def _converted(ideal: CrossbarSpec, adc: Adc) -> CrossbarSpec:
    """The crossbar with converters."""
    step = -(-adc.full_scale // (2**adc.bits - 1)) if isinstance(adc.full_scale, int) else 1
    return replace(
        ideal,
        adc_bits=adc.bits,
        adc_step=step,
        rows_per_read=adc.rows_per_read,
        adc_range=adc.full_scale if isinstance(adc.full_scale, str) else "fixed",
        adc_rounding=adc.rounding,
        adc_gain_error=adc.gain_error or 0.0,
        adc_offset=adc.offset_codes or 0.0,
        adc_sigma=adc.sigma_codes or 0.0,
    )


def _check_precision(design: Design) -> None:
    """Timing alone takes more bits than numbers do."""
    if design.array.sign == "binary":
        return
    problems = []
    for key, fewest in _FEWEST_BITS.items():
        bits = getattr(design.precision, key)
        if not fewest <= bits <= MAX_PRECISION_BITS:
            nearest = min(max(bits, fewest), MAX_PRECISION_BITS)
            other = ", or 1 with array.sign=binary" if bits < fewest else ""
            where = f"where numbers are computed{other}: --set precision.{key}={nearest}"
            expected = f"{fewest} to {MAX_PRECISION_BITS} {where}"
            problems.append(Problem(f"design {design.name}", f"precision.{key}", str(bits), expected))
    if problems:
        raise InputError(*problems)
