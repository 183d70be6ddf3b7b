"""The crossbar of a design."""

from __future__ import annotations

from archsim.crossbar import CrossbarSpec, find_encoding
from archsim.hardware import Design


def crossbar_spec(design: Design) -> CrossbarSpec:
    """The crossbar that `design` describes; inputs count as unsigned until a calibration says otherwise.

    One code of the ADC is one unit of a column sum: fewer bits than the sums need saturate, they do not
    coarsen. An unknown `array.sign`, or more bits than the arithmetic covers, raise `InputError`.
    """
    find_encoding(design.array.sign)
    return CrossbarSpec(
        rows=design.array.rows,
        columns=design.array.columns,
        cell_bits=design.array.cell_bits,
        dac_bits=design.array.dac_bits,
        weight_bits=design.precision.weight_bits,
        input_bits=design.precision.input_bits,
        signed_inputs=False,
        sign=design.array.sign,
        adc_bits=design.adc.bits,
        adc_step=1,
        rows_per_read=design.adc.rows_per_read,
    )
