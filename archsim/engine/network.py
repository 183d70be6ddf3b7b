"""The network of a design, and what messages come to on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction

from archsim.hardware import Design, Noc
from archsim.mapping.registry import Registry
from archsim.noc import (
    MODELS,
    WITHOUT_MESH,
    Buffers,
    Build,
    ContendedModel,
    Link,
    Load,
    Mesh,
    NetworkModel,
    Router,
    Traffic,
    default_model,
)
from archsim.noc.latencies import histogram
from archsim.result import LatencyBin, LinkUse, NocResult

MESHES: Registry[Build] = Registry("noc.model")
for _name, _model in MODELS.items():
    MESHES.register(_name)(_model)


def model_of(noc: Noc) -> str:
    """The name of the model that a network is simulated with."""
    return default_model(noc.vcs) if noc.model is None else noc.model


def has_mesh(design: Design) -> bool:
    """Whether the tiles of a chip stand on a mesh that is simulated."""
    return design.noc is not None and model_of(design.noc) not in WITHOUT_MESH


def network_of(design: Design, tiles: int) -> NetworkModel | ContendedModel | None:
    """The network of a chip with so many tiles; None where the design has none."""
    noc = design.noc
    if noc is None:
        return None
    mesh = Mesh(tiles, design.chip.mesh_width or tiles, *noc.cluster)
    router = Router(
        noc.routing_delay,
        noc.vc_allocation_delay,
        noc.switch_allocation_delay,
        noc.traversal_delay,
        noc.link_delay,
        noc.flit_bytes,
        noc.max_packet_flits,
    )
    buffers = Buffers(noc.vcs, noc.buffer_flits, noc.credit_delay)
    return MESHES[model_of(noc)](mesh, router, buffers, noc.multicast)


def noc_result(
    noc: Noc,
    network: NetworkModel | ContendedModel,
    carried: Mapping[int, Traffic],
    cycle_ns: Fraction,
    cycles: Fraction,
) -> NocResult:
    """What the networks of all chips, by their number, have carried in so many cycles of `cycle_ns`."""
    loads = {chip: network.load(traffic) for chip, traffic in sorted(carried.items())}
    mesh = network.mesh
    waited = [load.waited_cycles for load in loads.values() if load.waited_cycles is not None]
    messages = sum(load.messages for load in loads.values())
    latency_cycles = sum(load.latency_cycles for load in loads.values())
    return NocResult(
        model=model_of(noc),
        routers=None if mesh is None else mesh.routers,
        packets=sum(load.packets for load in loads.values()),
        flits=sum(load.flits for load in loads.values()),
        router_flits=sum(load.router_flits for load in loads.values()),
        link_flits=sum(sum(load.links.values()) for load in loads.values()),
        mean_latency_ns=float(latency_cycles * cycle_ns) / messages if messages else None,
        waited_ns=float(sum(waited) * cycle_ns) if waited else None,
        max_link_utilisation=max((load.busiest_link_flits for load in loads.values()), default=0) / float(cycles),
        bytes_hops=sum(load.bytes_hops for load in loads.values()),
        latencies=_latencies(list(loads.values()), cycle_ns),
        links=() if mesh is None else tuple(_links(load, mesh, cycles) for load in loads.values()),
    )


def _latencies(loads: Sequence[Load], cycle_ns: Fraction) -> tuple[LatencyBin, ...]:
    counts: Counter[int] = Counter()
    for load in loads:
        counts.update(load.latencies)
    return tuple(
        LatencyBin(float(each.first * cycle_ns), float(each.last * cycle_ns), each.count)
        for each in (histogram(counts) if counts else ())
    )


def _links(load: Load, mesh: Mesh, cycles: Fraction) -> tuple[LinkUse, ...]:
    columns, _ = mesh.routers

    def number(router: tuple[int, int]) -> int:
        return router[0] + columns * router[1]

    used: list[tuple[Link, int]] = sorted((link, flits) for link, flits in load.links.items() if link is not None)
    return tuple(LinkUse(number(a), number(b), flits, float(flits / cycles)) for (a, b), flits in used)
