"""What a chip is made of, as pydantic models: arrays, converters, tiles, links, memory.

A unit that may be null is one of which a design publishes nothing: nothing waits for it.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from archsim.hardware.units import Bits, Count, Exact, Natural, Part, Real


def relation(key: str, value: object, expected: str) -> PydanticCustomError:
    """The value of one key does not go with that of another."""
    return PydanticCustomError("relation", "{expected}", {"key": key, "value": value, "expected": expected})


class Precision(Part):
    """Bits of a weight and of an input value."""

    weight_bits: Bits
    input_bits: Bits


class CrossbarArray(Part):
    """One crossbar: `rows` wordlines x `columns` bitlines of cells that hold `cell_bits` each.

    `sign` names how signed weights stand in unsigned cells: an encoding of `archsim.crossbar`, whose room `signs`
    tells; `offset` (a bias, as ISAAC) is one. `write_ns` is the pulse that writes a row, `wire_ohm` the resistance of
    the wire between two neighbouring cells.
    """

    rows: Count
    columns: Count
    cell_bits: Annotated[int, Field(strict=True, ge=1, le=8)]
    dac_bits: Annotated[int, Field(strict=True, ge=1, le=16)]
    read_ns: Exact
    write_ns: Exact | None = None
    wire_ohm: Exact | None = None
    sign: str


class Adc(Part):
    """The converters behind the arrays.

    An ADC serves `columns_per_adc` columns and finishes `conversions_per_read` conversions in one array read;
    `rows_per_read` wordlines are driven at once; `arrays_per_set` arrays of a PE, one of each of its array sets, share
    one set of ADCs. `skip_low_low` leaves out the product of the lowest input slice and the lowest weight slice
    (PRIME, ISCA 2016).

    Values alone depend on the rest: the highest of the 2^bits codes stands for `full_scale` units of a column sum (a
    level of a cell times a level of the DAC), for the largest sum that the cells of a slice can give (`per_slice`), or
    that was seen on the data (`calibrated`); where it is null, a code is one unit. `rounding` is to the nearest code,
    ties up (`half_up`), or to the one below (`floor`). `gain_error` is a share of the sum; `offset_codes` are added,
    and noise with a standard deviation of `sigma_codes`.
    """

    bits: Annotated[int, Field(strict=True, ge=1, le=24)]
    columns_per_adc: Count
    conversions_per_read: Count
    rows_per_read: Count
    arrays_per_set: Count = 1
    skip_low_low: bool = False
    full_scale: Count | Literal["per_slice", "calibrated"] | None = None
    rounding: Literal["half_up", "floor"] = "half_up"
    gain_error: Annotated[Real, Field(ge=-0.5, le=0.5)] | None = None
    offset_codes: Annotated[Real, Field(ge=-1e6, le=1e6)] | None = None
    sigma_codes: Annotated[Real, Field(ge=0, le=1e6)] | None = None


class ProcessingElement(Part):
    """A group of arrays with an input register that holds `input_windows` windows of each copy, so that with
    2 or more the next fetch overlaps the reads. `input_reuse` names which values of a window are there already."""

    arrays: Count
    input_windows: Count
    input_reuse: str = "none"


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
    buffer_bytes: Count | None
    bus: Bus | None
    write_port: Bus | None
    output_register_bytes: Natural | None


class SpecialFunctions(Part):
    """The digital units of a tile: lanes that do one operation on one element in each cycle of the clock.

    Without `multiplier_lanes` the element-wise lanes do the products of recurrent layers as well. `operations` are
    the ONNX operations that there is a unit for; not given, all.
    """

    clock_ghz: Exact
    elementwise_lanes: Count
    multiplier_lanes: Count | None = None
    pool_lanes: Count | None
    operations: tuple[str, ...] | None = None

    def lanes(self, unit: str) -> int | None:
        """How many lanes a unit named by a vector layer has."""
        return {
            "elementwise": self.elementwise_lanes,
            "multiplier": self.multiplier_lanes or self.elementwise_lanes,
            "pool": self.pool_lanes,
        }[unit]


class ChipSize(Part):
    """How many tiles a chip has (`unlimited`: as many as a network takes), and the width of the mesh they stand on
    in raster order."""

    tiles: Annotated[int, Field(strict=True, ge=1, le=100_000)] | Literal["unlimited"]
    mesh_width: Count | None

    @model_validator(mode="after")
    def _mesh_is_full(self) -> Self:
        if self.tiles == "unlimited":
            return self
        if self.mesh_width is None:
            raise relation("chip.mesh_width", None, "a number, where chip.tiles is one")
        if self.tiles % self.mesh_width:
            raise relation("chip.tiles", self.tiles, f"a multiple of chip.mesh_width, {self.mesh_width}")
        return self


class Noc(Part):
    """The mesh between the tiles: `concentration` tiles (a square or a row of them) share a router.

    Delays are in cycles of the NoC's clock. Inputs of routers have `vcs` virtual channels of `buffer_flits`, and a
    credit takes `credit_delay` (BookSim 2's base router where not given). With `multicast` a value that several tiles
    need is sent once. Without `model` the mesh is simulated with waiting packets, by what is installed for that.
    """

    model: str | None = None
    clock_ghz: Exact
    flit_bytes: Count
    max_packet_flits: Count
    concentration: Count
    routing_delay: Natural
    vc_allocation_delay: Natural
    switch_allocation_delay: Natural
    traversal_delay: Natural
    link_delay: Count
    vcs: Annotated[int, Field(strict=True, ge=1, le=16)] = 1
    buffer_flits: Count = 8
    credit_delay: Natural = 1
    multicast: bool = True

    @property
    def cluster(self) -> tuple[int, int]:
        """How many tiles across and down share a router: as square as the number allows, wider than high."""
        down = max(d for d in range(1, math.isqrt(self.concentration) + 1) if self.concentration % d == 0)
        return self.concentration // down, down


class Memory(Part):
    """Where feature maps are kept between layers: ports that move `port_bytes` in each `read_ns` or `write_ns`.

    Reads and writes share the one port of a DRAM channel; with `subarray_bytes` a map stands in subarrays of that
    size, each with a port of its own. At most `burst_bytes` are read at once.
    """

    port_bytes: Count
    burst_bytes: Count
    read_ns: Exact
    write_ns: Exact
    subarray_bytes: Count | None = None
