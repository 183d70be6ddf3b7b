"""What a simulation answers: figures, counters and checks, the events observers see, and the JSON schema.

Times are in ns, energies in pJ, areas in mm2. A figure that a run did not compute is None, never 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Protocol

from archsim.actions import Actions

SCHEMA = "archsim.result/1"

STALL_CAUSES = ("data", "bus", "buffer", "adc", "sfu", "noc", "memory", "offchip")


class Observer(Protocol):
    """Sees what the engine does, as it happens; times are in ticks.

    `tile` is the number of the tile on its chip's mesh, counted on through the chips; -1 stands for the
    links off chip. `unit` names a unit of the tile: `bus`, `arrays LAYER N` (of copy N of a layer), `sfu`,
    `multiplier`, `buffer` (its write port); or a link: `host in`, `host out`, `link 0 to 1`.
    """

    def slice(self, tile: int, unit: str, layer: str, image: int, window: int, start: int, end: int) -> None:
        """A unit worked for a window from `start` to `end`."""

    def level(self, tile: int, port: str, time: int, filled_bytes: int) -> None:
        """The share of a tile's buffer named `port` holds `filled_bytes` from `time` on."""


class NullObserver:
    """Looks away: the base of an observer that wants slices or levels alone."""

    def slice(self, tile: int, unit: str, layer: str, image: int, window: int, start: int, end: int) -> None:
        """Ignore the slice."""

    def level(self, tile: int, port: str, time: int, filled_bytes: int) -> None:
        """Ignore the level."""


@dataclass(frozen=True, slots=True)
class UnitUse:
    """A unit and the share of the run for which it worked."""

    unit: str
    where: str
    utilisation: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerResult:
    """One matrix, recurrent or vector layer; fields about arrays are None for vector layers."""

    name: str
    op: str
    rows: int | None
    outputs: int
    groups: int | None
    windows: int
    uses: int
    arrays_per_copy: int | None
    copies: int | None
    arrays: int | None
    slots: int | None
    start_ns: float | None
    end_ns: float | None
    busy_ns: float | None
    stall_ns: Mapping[str, float | None] | None
    macs: int
    actions: Actions | None = None
    energy_pj: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrayCounts:
    """`used` by copies, `allocated` in PEs that hold any, `available` on all chips."""

    used: int
    allocated: int
    available: int | None


@dataclass(frozen=True, slots=True)
class LinkUse:
    """A link from router `source` to router `destination` (x + columns x y): the flits that it carried, and how much of
    the time (0..1) it carried one."""

    source: int
    destination: int
    flits: int
    utilisation: float


@dataclass(frozen=True, slots=True)
class LatencyBin:
    """How many deliveries took from `first_ns` to `last_ns` after the creation of their message."""

    first_ns: float
    last_ns: float
    deliveries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NocResult:
    """What the on-chip network carried; None where no network was simulated.

    `model` is the one that ran, on a mesh of `routers` (columns, rows); `waited_ns` is what all deliveries took beyond
    an idle mesh, None for a model in which nobody waits. `flits` and `packets` entered; `router_flits` went through
    routers and `link_flits` over links between them, each flit once for every one. `links` are those of each chip that
    carried any.
    """

    model: str | None = None
    routers: tuple[int, int] | None = None
    packets: int | None = None
    flits: int | None = None
    router_flits: int | None = None
    link_flits: int | None = None
    mean_latency_ns: float | None = None
    waited_ns: float | None = None
    max_link_utilisation: float | None = None
    bytes_hops: int | None = None
    latencies: tuple[LatencyBin, ...] | None = None
    links: tuple[tuple[LinkUse, ...], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedNoc:
    """What a placement sends over the network for an image: bytes x links between routers, and the share of the ideal
    interval (1 is all of it) for which the busiest link carries a flit."""

    bytes_hops: int
    busiest_link_load: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedBytes:
    """Bytes that a run moved, by level; None where the design has no such level, or it was not simulated.

    `array_inputs` are fetched from tile buffers for the arrays (and by vector layers), `buffer_writes` written
    there; `handed_over` are inputs of windows that registers had already; `noc` counts each message once for each
    tile it goes to, `partial_sums` those of them that are not yet complete; `offchip` counts all links, the host's
    included; `memory_reads` and `memory_writes` are those of the memory between layers, `weights` what was written
    into arrays.
    """

    array_inputs: int | None = None
    handed_over: int | None = None
    buffer_writes: int | None = None
    noc: int | None = None
    partial_sums: int | None = None
    offchip: int | None = None
    memory_reads: int | None = None
    memory_writes: int | None = None
    weights: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSummary:
    """The network simulated."""

    name: str
    macs: int
    parameters: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingSummary:
    """The design simulated: its settings in full, a hash of them, and its peak rate."""

    name: str
    settings: Mapping[str, Any]
    hash: str
    peak_tops: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a run took and a chip takes; None where it is not known.

    `per_image_pj` is the energy of the whole run divided by its images, `dynamic_pj` and `static_pj` are the parts of
    the whole; `host_pj` is what of the dynamic part belongs to no layer. Of all chips, `peak_power_w` is the power of
    all units at work in every cycle, `static_power_w` flows always, and `area_mm2` is by component. Figures are those
    of a node of `technology_nm`.
    """

    per_image_pj: float | None
    dynamic_pj: float | None
    static_pj: float | None
    host_pj: float | None
    peak_power_w: float | None
    static_power_w: float | None
    area_mm2: Mapping[str, float | None]
    technology_nm: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Everything one run found out; `to_json` gives it in the schema `archsim.result/1`."""

    model: ModelSummary
    mapping: MappingSummary
    images: int
    ideal: bool
    cycle_ns: float
    tick_ps: float
    latency_ns: float | None
    latency_cycles: float | None
    interval_ns: float | None
    interval_spread_ns: float | None = None
    interval_exact: bool | None = None
    interval_sustained: bool | None = None
    interval_bound_ns: float
    throughput_per_s: float | None
    elapsed_ns: float | None = None
    logical_cycles: int | None = None
    arrays: ArrayCounts
    chips: int
    spill_bytes: int
    energy_pj: Mapping[str, float | None] | None = None
    area_mm2: float | None = None
    power_w: float | None = None
    cost: Cost | None = None
    layers: tuple[LayerResult, ...]
    noc: NocResult = field(default_factory=NocResult)
    adc_conversions: int | None = None
    actions: Actions = field(default_factory=Actions)
    host_actions: Actions = field(default_factory=Actions)
    moved_bytes: MovedBytes = field(default_factory=MovedBytes)
    busiest: tuple[UnitUse, ...] = ()
    coverage: Mapping[str, int]
    checks: Mapping[str, bool]
    notes: tuple[str, ...] = ()
    events: int
    cpu_s: float
    version: str
    seed: int | None = None
    values: Mapping[str, float | None] | None = None

    @property
    def ok(self) -> bool:
        """Whether every check held."""
        return all(self.checks.values())

    @property
    def bottleneck(self) -> UnitUse | None:
        """The busiest of all units; None where none was seen at work."""
        return self.busiest[0] if self.busiest else None

    def to_json(self, *, links: bool = False) -> dict[str, Any]:
        """The result as plain data, schema name first; what each link of the network carried only if asked for."""
        bottleneck = None if self.bottleneck is None else asdict(self.bottleneck)
        document = {"schema": SCHEMA, **asdict(self), "bottleneck": bottleneck, "reason": None}
        if not links:
            del document["noc"]["links"]
        return document


@dataclass(frozen=True, slots=True, kw_only=True)
class NotRun:
    """In a comparison, a design on which the network could not run: `reason` says why, a line for each problem.

    `stalled` tells a run that began and could not proceed (`reason` is then the chain of waiting units) from a network
    that the design cannot hold or has no units for.
    """

    model: ModelSummary
    mapping: MappingSummary
    images: int
    ideal: bool
    reason: str
    stalled: bool = False

    def to_json(self) -> dict[str, Any]:
        """Plain data with every key of a result, in its order; figures are None."""
        figures: dict[str, Any] = dict.fromkeys(field.name for field in fields(Result))
        asked = asdict(self)
        del asked["stalled"]
        return {"schema": SCHEMA, **figures, "bottleneck": None, **asked}
