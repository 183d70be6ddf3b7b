"""A compute-in-memory chip and the policy that maps networks on it, as pydantic models.

Every key can stand in a YAML file and be set on the command line by its dotted path.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from archsim.hardware.units import Bits, Count, Exact, Natural, Part


def _relation(key: str, value: object, expected: str) -> PydanticCustomError:
    """The value of one key does not go with that of another."""
    return PydanticCustomError("relation", "{expected}", {"key": key, "value": value, "expected": expected})


class Precision(Part):
    """Bits of a weight and of an input value."""

    weight_bits: Bits
    input_bits: Bits


class CrossbarArray(Part):
    """One crossbar: `rows` wordlines x `columns` bitlines of cells that hold `cell_bits` each.

    `sign` names how signed weights stand in unsigned cells: `offset` (a bias, as ISAAC) or `pair`
    (a positive and a negative column, twice the columns).
    """

    rows: Count
    columns: Count
    cell_bits: Annotated[int, Field(strict=True, ge=1, le=8)]
    dac_bits: Annotated[int, Field(strict=True, ge=1, le=16)]
    read_ns: Exact
    sign: str


class Adc(Part):
    """The converters behind the arrays.

    An ADC serves `columns_per_adc` columns and finishes `conversions_per_read` conversions in one array read;
    `rows_per_read` wordlines are driven at once; `arrays_per_set` neighbouring arrays share one set of ADCs.
    """

    bits: Annotated[int, Field(strict=True, ge=1, le=24)]
    columns_per_adc: Count
    conversions_per_read: Count
    rows_per_read: Count
    arrays_per_set: Count = 1


class ProcessingElement(Part):
    """A group of arrays with an input register that holds `input_windows` windows of each copy, so that with
    2 or more the next fetch overlaps the reads."""

    arrays: Count
    input_windows: Count


class Bus(Part):
    """A bus or port that moves `width_bytes` in each cycle of its clock."""

    width_bytes: Count
    clock_ghz: Exact


class OffchipLink(Bus):
    """A link between chips, or to the host, which sends its values in packets of at most `packet_bytes`."""

    packet_bytes: Count


class Tile(Part):
    """PEs around a buffer: `bus` carries fetches from the buffer to the PEs, `write_port` takes values that
    arrive, `output_register_bytes` holds results until every destination has room."""

    pes: Count
    buffer_bytes: Count
    bus: Bus
    write_port: Bus
    output_register_bytes: Natural


class SpecialFunctions(Part):
    """The digital units of a tile: lanes that do one operation on one element in each cycle of the clock."""

    clock_ghz: Exact
    elementwise_lanes: Count
    pool_lanes: Count

    def lanes(self, unit: str) -> int:
        """How many lanes a unit named by a vector layer has."""
        return {"elementwise": self.elementwise_lanes, "pool": self.pool_lanes}[unit]


class ChipSize(Part):
    """How many tiles a chip has, and the width of the mesh they stand on in raster order."""

    tiles: Annotated[int, Field(strict=True, ge=1, le=100_000)]
    mesh_width: Count

    @model_validator(mode="after")
    def _mesh_is_full(self) -> Self:
        if self.tiles % self.mesh_width:
            raise _relation("chip.tiles", self.tiles, f"a multiple of chip.mesh_width, {self.mesh_width}")
        return self


class Noc(Part):
    """The mesh between the tiles: `concentration` tiles (a square or a row of them) share a router.

    Delays are in cycles of the NoC's clock; the default values are the base router of the documentation.
    """

    model: str
    clock_ghz: Exact
    flit_bytes: Count
    max_packet_flits: Count
    concentration: Count
    routing_delay: Natural
    vc_allocation_delay: Natural
    switch_allocation_delay: Natural
    traversal_delay: Natural
    link_delay: Count

    @property
    def cluster(self) -> tuple[int, int]:
        """How many tiles across and down share a router: as square as the number allows, wider than high."""
        down = max(d for d in range(1, math.isqrt(self.concentration) + 1) if self.concentration % d == 0)
        return self.concentration // down, down


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
                raise _relation("copies.policy", self.policy, "another policy, or a list copies.explicit with it")
            raise _relation("copies.policy", self.policy, "policy explicit with a list copies.explicit")
        return self


class Tiling(Part):
    """How a copy larger than a tile is divided: `columns` or `rows` first."""

    split: str


class Schedule(Part):
    """In which order layers and images run."""

    kind: str


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
    adc: Adc
    pe: ProcessingElement
    tile: Tile
    sfu: SpecialFunctions
    chip: ChipSize
    chips: Annotated[int, Field(strict=True, ge=1, le=10_000)] | Literal["auto"]
    noc: Noc
    offchip: OffchipLink
    copies: Copies
    tiling: Tiling
    schedule: Schedule
    pipeline: Pipeline

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if self.adc.rows_per_read > self.array.rows:
            raise _relation("adc.rows_per_read", self.adc.rows_per_read, f"at most array.rows, {self.array.rows}")
        if self.adc.columns_per_adc > self.array.columns:
            limit = f"at most array.columns, {self.array.columns}"
            raise _relation("adc.columns_per_adc", self.adc.columns_per_adc, limit)
        if self.pe.arrays % self.adc.arrays_per_set:
            limit = f"a divisor of pe.arrays, {self.pe.arrays}"
            raise _relation("adc.arrays_per_set", self.adc.arrays_per_set, limit)
        return self

    @property
    def cells_per_weight(self) -> int:
        """Columns that one weight takes: slices of `cell_bits`, twice as many with differential pairs."""
        slices = -(-self.precision.weight_bits // self.array.cell_bits)
        return slices * (2 if self.array.sign == "pair" else 1)

    @property
    def tile_arrays(self) -> int:
        """Arrays in a tile."""
        return self.pe.arrays * self.tile.pes

    @property
    def chip_arrays(self) -> int:
        """Arrays on a chip."""
        return self.tile_arrays * self.chip.tiles

    @property
    def cycle_ns(self) -> Fraction:
        """The read cycle, exactly."""
        return Fraction(self.array.read_ns)

    @property
    def value_bytes(self) -> int:
        """Bytes of one value in a buffer or a message."""
        return -(-self.precision.input_bits // 8)

    def read_cycles(self, rows: int) -> int:
        """S: read cycles of one window, whose fullest row block has `rows` rows (design contract)."""
        slices = math.ceil(self.precision.input_bits / self.array.dac_bits)
        rounds = math.ceil(self.adc.columns_per_adc / self.adc.conversions_per_read)
        return slices * rounds * math.ceil(rows / self.adc.rows_per_read)

    def peak_tops(self, chips: int = 1) -> float:
        """Peak rate in 10^12 operations (a multiply and an add are two) per second, all arrays full."""
        macs = self.array.rows * (self.array.columns // self.cells_per_weight)
        active = Fraction(chips * self.chip_arrays, self.adc.arrays_per_set)
        return float(active * 2 * macs / (self.read_cycles(self.array.rows) * self.cycle_ns) / 1000)
