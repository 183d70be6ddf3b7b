"""A compute-in-memory chip and the policy that maps networks on it, as pydantic models.

Every key can stand in a YAML file and be set on the command line by its dotted path.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from archsim.hardware.device import Device
from archsim.hardware.energy import Energy
from archsim.hardware.parts import (
    Adc,
    ChipSize,
    CrossbarArray,
    Memory,
    Noc,
    OffchipLink,
    Precision,
    ProcessingElement,
    SpecialFunctions,
    Tile,
    relation,
)
from archsim.hardware.signs import SIGN_CELLS, SignCells
from archsim.hardware.units import Count, Part


class Copies(Part):
    """How many copies of each layer, and which copy takes which window."""

    policy: str
    explicit: Annotated[tuple[Count, ...], Field(min_length=1)] | None = None
    budget_arrays: Count | None = None
    assignment: str

    @model_validator(mode="after")
    def _list_goes_with_policy(self) -> Self:
        if (self.policy == "explicit") != (self.explicit is not None):
            if self.explicit is None:
                raise relation("copies.policy", self.policy, "another policy, or a list copies.explicit with it")
            raise relation("copies.policy", self.policy, "policy explicit with a list copies.explicit")
        return self


class Tiling(Part):
    """How a matrix is cut into row blocks (`filter_rows`), and how a copy larger than a tile is divided (`split`:
    `columns` or `rows` first)."""

    split: str
    filter_rows: str = "channels"


class PlacementPolicy(Part):
    """In which order copies fill the tiles along the mesh."""

    order: str = "interleaved"


class Rotation(Part):
    """How many arrays hold weights, of those that share their ADCs: a number, `unlimited`, or all of the chips."""

    stored_arrays: Count | Literal["unlimited"] | None = None


class Schedule(Part):
    """In which order layers and images run; `overlap` lets images follow each other before the one before is done
    (`image_pipelined`)."""

    kind: str
    overlap: bool = True


class PipeLayer(Part):
    """The policy `pipelayer`: windows that a copy runs for each image, whatever the layer."""

    steps: Count


class Pipeline(Part):
    """`latency_cycles`: read cycles that a window takes beyond its reads: the fetch, the conversion and adds
    after the last read, the special functions, the buffer write."""

    latency_cycles: Annotated[int, Field(strict=True, ge=3, le=10**6)]


class Design(Part):
    """A chip with a mapping policy."""

    name: Annotated[str, Field(pattern=r"^[\w.-]{1,64}$")]
    description: str
    precision: Precision
    array: CrossbarArray
    device: Device | None = None
    adc: Adc | None
    pe: ProcessingElement
    tile: Tile
    sfu: SpecialFunctions
    chip: ChipSize
    chips: Annotated[int, Field(strict=True, ge=1, le=10_000)] | Literal["auto"]
    noc: Noc | None
    offchip: OffchipLink | None
    memory: Memory | None = None
    copies: Copies
    tiling: Tiling
    placement: PlacementPolicy = PlacementPolicy()
    rotation: Rotation = Rotation()
    schedule: Schedule
    pipelayer: PipeLayer | None = None
    pipeline: Pipeline
    energy: Energy | None = None

    @model_validator(mode="after")
    def _converters_fit(self) -> Self:
        if self.adc is None:
            return self
        if self.adc.rows_per_read > self.array.rows:
            raise relation("adc.rows_per_read", self.adc.rows_per_read, f"at most array.rows, {self.array.rows}")
        if self.adc.columns_per_adc > self.array.columns:
            limit = f"at most array.columns, {self.array.columns}"
            raise relation("adc.columns_per_adc", self.adc.columns_per_adc, limit)
        if self.pe.arrays % self.adc.arrays_per_set:
            limit = f"a divisor of pe.arrays, {self.pe.arrays}"
            raise relation("adc.arrays_per_set", self.adc.arrays_per_set, limit)
        return self

    @model_validator(mode="after")
    def _sign_has_its_bits(self) -> Self:
        given = {self.precision.weight_bits, self.precision.input_bits, self.array.cell_bits}
        if self.sign_cells.of_one_bit and given != {1}:
            wanted = "another sign, or 1 for each of precision.weight_bits, precision.input_bits, array.cell_bits"
            raise relation("array.sign", self.array.sign, wanted)
        return self

    @model_validator(mode="after")
    def _cells_fit(self) -> Self:
        device = self.device or Device()
        if device.cell_bits_max is not None and self.array.cell_bits > device.cell_bits_max:
            limit = f"at most device.cell_bits_max, {device.cell_bits_max}"
            raise relation("array.cell_bits", self.array.cell_bits, limit)
        if self.array.wire_ohm is not None and device.on_resistance_ohm is None:
            expected = "null, or a resistance of cells with it, device.on_resistance_ohm"
            raise relation("array.wire_ohm", self.array.wire_ohm, expected)
        return self

    @model_validator(mode="after")
    def _network_has_a_size(self) -> Self:
        if self.chip.tiles == "unlimited" and self.noc is not None:
            raise relation("chip.tiles", "unlimited", "a number, or noc null: a mesh has a size")
        if self.chip.tiles == "unlimited" and self.chips not in ("auto", 1):
            raise relation("chips", self.chips, "1 or auto, where chip.tiles is unlimited")
        return self

    @model_validator(mode="after")
    def _figures_are_of_keys(self) -> Self:
        for key in self.energy.published_for if self.energy else ():
            if not self._names_a_number(key):
                raise relation(f"energy.published_for.{key}", key, "the dotted path of a whole number of the design")
        return self

    def _names_a_number(self, key: str) -> bool:
        """Whether a key leads to a whole number, or to one of a unit that the design leaves out."""
        value: object = self
        for name in key.split("."):
            if value is None or (isinstance(value, Part) and name in type(value).model_fields):
                value = getattr(value, name, None)
            else:
                return False
        return value is None or isinstance(value, int)

    def value_of(self, key: str) -> object:
        """The value at a dotted path; None within a unit that is null."""
        value: object = self
        for name in key.split("."):
            value = getattr(value, name, None)
        return value

    @property
    def weight_slices(self) -> int:
        """Cells that hold the bits of a weight once."""
        apart = self.sign_cells.sign_bits
        return -(-(self.precision.weight_bits - apart) // self.array.cell_bits) + apart

    @property
    def cells_per_weight(self) -> int:
        """Columns that one weight takes: slices of `cell_bits`, twice as many with differential pairs."""
        return self.weight_slices * self.sign_cells.columns

    @property
    def arrays_per_block(self) -> int:
        """Arrays that hold one block of a matrix: two where positive and negative weights, or inputs, stand apart."""
        return self.sign_cells.arrays

    @property
    def sign_cells(self) -> SignCells:
        """The room that signed weights take."""
        return SIGN_CELLS.get(self.array.sign, SignCells())

    @property
    def arrays_per_set(self) -> int:
        """Arrays that read one after the other, because they share their converters."""
        return self.adc.arrays_per_set if self.adc else 1

    @property
    def tile_arrays(self) -> int:
        """Arrays in a tile."""
        return self.pe.arrays * self.tile.pes

    @property
    def chip_arrays(self) -> int | None:
        """Arrays on a chip; None where it has as many as a network takes."""
        return None if self.chip.tiles == "unlimited" else self.tile_arrays * self.chip.tiles

    @property
    def cycle_ns(self) -> Fraction:
        """The read cycle, exactly."""
        return Fraction(self.array.read_ns)

    @property
    def value_bytes(self) -> int:
        """Bytes of one value in a buffer or a message."""
        return -(-self.precision.input_bits // 8)

    @property
    def input_slices(self) -> int:
        """Reads that bring in all bits of an input."""
        return -(-self.precision.input_bits // self.array.dac_bits)

    @property
    def _skips_low_low(self) -> bool:
        """Whether there are products of low slices to leave out, beside those of higher ones."""
        return self.adc is not None and self.adc.skip_low_low and min(self.input_slices, self.weight_slices) > 1

    def read_cycles(self, rows: int) -> int:
        """S: read cycles of one window, whose fullest row block has `rows` rows (design contract)."""
        if self.adc is None:
            return self.input_slices
        rounds = math.ceil(self.adc.columns_per_adc / self.adc.conversions_per_read)
        skipped = rounds // self.weight_slices if self._skips_low_low else 0
        return (self.input_slices * rounds - skipped) * math.ceil(rows / self.adc.rows_per_read)

    def conversions(self, rows: int) -> int | None:
        """Conversions of one array, or of one pair of arrays that are converted together, for one window, whose
        fullest row block has `rows` rows: all columns, used or not; None where there are no ADCs."""
        if self.adc is None:
            return None
        skipped = self.array.columns // self.weight_slices if self._skips_low_low else 0
        return (self.input_slices * self.array.columns - skipped) * math.ceil(rows / self.adc.rows_per_read)

    def peak_tops(self, chips: int = 1) -> float | None:
        """Peak rate in 10^12 operations (a multiply and an add are two) per second, all arrays full; None for a chip
        without a size."""
        if self.chip_arrays is None:
            return None
        macs = self.array.rows * (self.array.columns // self.cells_per_weight)
        active = Fraction(chips * self.chip_arrays, self.arrays_per_set * self.arrays_per_block)
        return float(active * 2 * macs / (self.read_cycles(self.array.rows) * self.cycle_ns) / 1000)
