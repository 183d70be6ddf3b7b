"""The crossbar of a design."""

from __future__ import annotations

from dataclasses import replace

from archsim.crossbar import DEVICE_FIELDS, MAX_PRECISION_BITS, CrossbarSpec, DeviceErrors, find_encoding
from archsim.errors import InputError, Problem, input_error
from archsim.hardware import Design
from archsim.hardware.parts import Adc

_FEWEST_BITS = {"weight_bits": 2, "input_bits": 1}
"""A weight has a sign and a size, except in binary networks; so do inputs that can be negative, which only the data
tell."""

_BIASED = frozenset({"offset", "offset_unflipped"})
"""Signs whose weights stand in cells with a bias."""


def crossbar_spec(design: Design) -> CrossbarSpec:
    """The crossbar that `design` describes; inputs count as unsigned until a calibration says otherwise.

    Without `adc.full_scale` one code of the ADC is one unit of a column sum: fewer bits than the sums need saturate,
    they do not coarsen; where there are no ADCs, counters take every sum as it is. An unknown `array.sign`, more
    bits than the arithmetic covers, and weights that do not fill their cells raise `InputError`.
    """
    find_encoding(design.array.sign)
    _check_precision(design)
    _check_cells(design)
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


def device_errors(design: Design) -> DeviceErrors:
    """What the cells of `design` are off by: its `device`, keys that are null being effects that are not there, and
    the resistance of the wire between two cells over that of a cell (`array.wire_ohm / device.on_resistance_ohm`).

    Values out of range raise `InputError`, all at once.
    """
    device = design.device
    if device is None:
        return DeviceErrors()
    given = {name: getattr(device, name) for name in DEVICE_FIELDS if name != "wire_ratio"}
    if design.array.wire_ohm is not None and device.on_resistance_ohm is not None:
        given["wire_ratio"] = float(design.array.wire_ohm / device.on_resistance_ohm)
    try:
        return DeviceErrors(**{name: value for name, value in given.items() if value is not None})
    except InputError as error:
        source = f"design {design.name}" + (f", device {device.name}" if device.name else "")
        raise InputError(*(replace(problem, source=source) for problem in error.problems)) from None


def design_notes(design: Design) -> tuple[str, ...]:
    """What is allowed in a design and yet not what anyone would choose: see `_width_notes` and `_bias_notes`."""
    return *_width_notes(design), *_bias_notes(design)


def _bias_notes(design: Design) -> tuple[str, ...]:
    """Weights with a bias that is taken off digitally, on cells that all lose or gain alike: what is taken off stays,
    so that a share of every sum of inputs is left."""
    if design.array.sign not in _BIASED or not device_errors(design).shifted:
        return ()
    note = (
        f"array.sign {design.array.sign} takes a bias off the sums digitally, which does not age, leak or lose voltage "
        "as the cells do: what all cells are off by alike shows in full; with pair or pair_arrays much of it cancels"
    )
    return (note,)


def _width_notes(design: Design) -> tuple[str, ...]:
    """More bits of the ADC than the largest column sum takes, where a code is one unit of a sum.

    With `offset` a column that could reach the top bit is stored flipped, so that the sums are a bit shorter
    (ISAAC, ISCA 2016).
    """
    if design.adc is None or design.adc.full_scale is not None:
        return ()
    largest = crossbar_spec(design).largest_sum
    needed = max(1, largest.bit_length() - (design.array.sign == "offset"))
    if design.adc.bits <= needed:
        return ()
    return (f"adc.bits {design.adc.bits} is more than the largest column sum takes, {needed} bits",)


def _check_cells(design: Design) -> None:
    """Whether the bits of a weight fill whole cells; a sign bit that has a cell of its own need not be counted."""
    bits, cell = design.precision.weight_bits, design.array.cell_bits
    apart = design.sign_cells.sign_bits
    if bits % cell and (bits - apart) % cell:
        near = [one for one in (bits - bits % cell, bits - bits % cell + cell) if 2 <= one <= MAX_PRECISION_BITS]
        settings = " or ".join(f"--set precision.weight_bits={one}" for one in near)
        expected = f"a multiple of array.cell_bits, {cell}, where numbers are computed: {settings}"
        raise input_error(f"design {design.name}", "precision.weight_bits", value=bits, expected=expected)


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
