"""What has to be known about a crossbar to compute what it answers."""

from __future__ import annotations

from dataclasses import dataclass

from archsim.errors import InputError, Problem, nearest_name

# Cells are kept as bytes, and 16 bits is the widest fixed point of the published designs (ISAAC, ISCA 2016).
MAX_CELL_BITS = 8
MAX_DAC_BITS = 16
MAX_PRECISION_BITS = 16
MAX_ADC_BITS = 24

_KEYS = {
    "rows": "array.rows",
    "columns": "array.columns",
    "cell_bits": "array.cell_bits",
    "dac_bits": "array.dac_bits",
    "weight_bits": "precision.weight_bits",
    "input_bits": "precision.input_bits",
    "adc_bits": "adc.bits",
    "adc_step": "adc.step",
    "rows_per_read": "adc.rows_per_read",
    "adc_range": "adc.full_scale",
    "adc_rounding": "adc.rounding",
    "adc_gain_error": "adc.gain_error",
    "adc_offset": "adc.offset_codes",
    "adc_sigma": "adc.sigma_codes",
}

ADC_RANGES = ("fixed", "per_slice", "calibrated")
ADC_ROUNDINGS = ("half_up", "floor")

_CONVERTER_ERRORS = {"adc_gain_error": (-0.5, 0.5), "adc_offset": (-1e6, 1e6), "adc_sigma": (0, 1e6)}


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossbarSpec:
    """A crossbar of `rows` wordlines x `columns` bitlines, and the numbers that go through it.

    Weights are integers in -2^(weight_bits-1) .. 2^(weight_bits-1)-1, cut into cells of `cell_bits`.
    Inputs are integers in 0 .. 2^input_bits-1, or -2^(input_bits-1) .. 2^(input_bits-1)-1 if `signed_inputs`,
    and enter in digits of `dac_bits`. `sign` names an encoding of signed weights (`encodings`); with `binary` both have
    one bit, as has a cell, weights are -1 or 1, and inputs 0 or 1, or -1, 0 or 1 if `signed_inputs`.
    One conversion adds up at most `rows_per_read` wordlines. The ADC answers 0 .. 2^adc_bits-1, one code per
    `adc_step` units of a column sum, one unit being one cell level times one DAC level; `adc_bits=None` is an
    ADC that loses nothing. With `adc_range` `per_slice` or `calibrated` (`ADC_RANGES`) each slice has a step of its own
    instead, with which the largest sum of its cells, or of what was measured, is within the codes. A sum between two
    codes goes to the nearer one, the upper one of two equally near (`adc_rounding` `half_up`), or to the lower one
    (`floor`). `adc_gain_error` is a share of the sum, `adc_offset` and `adc_sigma`, the standard deviation of noise,
    are in codes. Bad values raise `InputError`, all at once, by their keys in a design.
    """

    rows: int
    columns: int
    cell_bits: int
    dac_bits: int
    weight_bits: int
    input_bits: int
    signed_inputs: bool
    sign: str
    adc_bits: int | None
    adc_step: int
    rows_per_read: int
    adc_range: str = "fixed"
    adc_rounding: str = "half_up"
    adc_gain_error: float = 0.0
    adc_offset: float = 0.0
    adc_sigma: float = 0.0

    def __post_init__(self) -> None:
        limits = {
            "rows": 2**16,
            "columns": 2**16,
            "cell_bits": MAX_CELL_BITS,
            "dac_bits": MAX_DAC_BITS,
            "weight_bits": MAX_PRECISION_BITS,
            "input_bits": MAX_PRECISION_BITS,
            "adc_bits": MAX_ADC_BITS,
            "adc_step": 2**16,
            "rows_per_read": self.rows,
        }
        named = {"adc_range": ADC_RANGES, "adc_rounding": ADC_ROUNDINGS}
        given = {name: getattr(self, name) for name in limits}
        problems = [
            Problem("crossbar", _KEYS[name], str(value), f"an integer from 1 to {limits[name]}")
            for name, value in given.items()
            if value is not None and not 1 <= value <= limits[name]
        ]
        if self.adc_bits is None and self.adc_step != 1:
            problems.append(Problem("crossbar", _KEYS["adc_step"], str(self.adc_step), "1 where adc.bits is None"))
        for name, known in named.items():
            value = getattr(self, name)
            if value not in known:
                nearest = nearest_name(value, known)
                problems.append(Problem("crossbar", _KEYS[name], value, f"one of {', '.join(known)}", nearest))
        for name, (least, most) in _CONVERTER_ERRORS.items():
            size = getattr(self, name)
            if not least <= size <= most:
                problems.append(Problem("crossbar", _KEYS[name], str(size), f"a number from {least:g} to {most:g}"))
        problems += self._more_than_a_sign()
        if problems:
            raise InputError(*problems)

    def _more_than_a_sign(self) -> list[Problem]:
        """Bits that a binary network does not have."""
        return [
            Problem("crossbar", _KEYS[name], str(getattr(self, name)), f"1, with array.sign {self.sign}")
            for name in ("weight_bits", "input_bits", "cell_bits")
            if self.binary and getattr(self, name) != 1
        ]

    @property
    def binary(self) -> bool:
        """Whether weights are of a sign alone, and so are inputs, or 0."""
        return self.sign == "binary"

    @property
    def cells_per_weight(self) -> int:
        """Cells that hold the magnitude of one weight, of one sign: ceil(weight_bits / cell_bits)."""
        return -(-self.weight_bits // self.cell_bits)

    @property
    def digits(self) -> int:
        """Reads that one input vector takes: ceil(input_bits / dac_bits)."""
        return -(-self.input_bits // self.dac_bits)

    @property
    def weight_range(self) -> tuple[int, int]:
        """The smallest and the largest weight."""
        if self.binary:
            return -1, 1
        return -(1 << (self.weight_bits - 1)), (1 << (self.weight_bits - 1)) - 1

    @property
    def input_range(self) -> tuple[int, int]:
        """The smallest and the largest input."""
        if self.binary:
            return -int(self.signed_inputs), 1
        if self.signed_inputs:
            return -(1 << (self.input_bits - 1)), (1 << (self.input_bits - 1)) - 1
        return 0, (1 << self.input_bits) - 1

    @property
    def signed_digits(self) -> bool:
        """Whether the inputs' digits have to tell their sign; in binary networks the row does that which is driven."""
        return self.signed_inputs and not self.binary

    @property
    def largest_cell(self) -> int:
        """The highest level of a cell."""
        return (1 << self.cell_bits) - 1

    @property
    def largest_digit(self) -> int:
        """The highest level of the DAC that an input reaches."""
        return (1 << min(self.dac_bits, self.input_bits)) - 1

    @property
    def largest_sum(self) -> int:
        """The largest column sum that one read can give, before any encoding makes it smaller."""
        return self.rows_per_read * self.largest_cell * self.largest_digit

    @property
    def largest_code(self) -> int | None:
        """The highest code of the ADC; None if it loses nothing."""
        return None if self.adc_bits is None else (1 << self.adc_bits) - 1

    @property
    def adc_exact(self) -> bool:
        """Whether the converter is off by its resolution and range alone."""
        return not (self.adc_gain_error or self.adc_offset or self.adc_sigma)

    def row_groups(self, rows: int) -> tuple[slice, ...]:
        """The rows of a matrix that are read together: arrays of `rows`, each in reads of `rows_per_read`."""
        return tuple(
            slice(start, min(start + self.rows_per_read, block + self.rows, rows))
            for block in range(0, rows, self.rows)
            for start in range(block, min(block + self.rows, rows), self.rows_per_read)
        )
