"""Replays packets on a mesh and says when each arrives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archsim.errors import InputError, Problem, nearest_name
from archsim.noc.buffers import Buffers
from archsim.noc.bulk import replay_all
from archsim.noc.channel import HOP_CYCLES
from archsim.noc.contended import ContendedMesh
from archsim.noc.flit import FlitMesh
from archsim.noc.ideal import Router, stream_cycles, zero_load
from archsim.noc.junctions import LOCAL
from archsim.noc.layout import most_buffer_flits
from archsim.noc.mesh import Mesh
from archsim.noc.network import Network
from archsim.noc.packets import MAX_FLITS, Packets
from archsim.noc.vct import VctMesh
from archsim.noc.wormhole import WormholeMesh

MAX_SIDE = 64
MAX_BUFFER_FLITS = 1024
MAX_CREDIT_DELAY = 1000
MAX_VCS = 16

_PACKETS_PER_REPORT = 1000
_FOREVER = 10**30
_ONE_CHANNEL = ("vct", "wormhole")

Progress = Callable[[int, int], None]

_EXACT: dict[str, type[ContendedMesh]] = {"wormhole": WormholeMesh, "flit": FlitMesh}


def check(network: Network) -> None:
    """Raises `InputError` with every setting that is wrong, or that the model does not have."""
    problems = [
        Problem(option, "", str(value), f"{least} to {most}")
        for option, value, least, most in (
            ("--buffer-flits", network.buffer_flits, 1, MAX_BUFFER_FLITS),
            ("--routing-delay", network.routing_delay, 0, 1),
            ("--credit-delay", network.credit_delay, 0, MAX_CREDIT_DELAY),
        )
        if not least <= value <= most
    ]
    if not (1 <= network.columns <= MAX_SIDE and 1 <= network.rows <= MAX_SIDE):
        problems.append(Problem("--mesh", "", f"{network.columns}x{network.rows}", f"sides of 1 to {MAX_SIDE}"))
    if network.model not in REPLAYS:
        wanted = " or ".join(REPLAYS)
        problems.append(Problem("--model", "", repr(network.model), wanted, nearest_name(network.model, REPLAYS)))
    if not 1 <= network.vcs <= MAX_VCS:
        problems.append(Problem("--vcs", "", str(network.vcs), f"1 to {MAX_VCS}"))
    elif network.vcs > 1 and network.model in _ONE_CHANNEL:
        wanted = f"1 with --model {network.model} (flit and ideal take more)"
        problems.append(Problem("--vcs", "", str(network.vcs), wanted))
    if network.speculative and network.model != "ideal":
        problems.append(Problem("--speculative", expected="--model ideal with it"))
    if not problems and network.model in _EXACT:
        nodes = network.columns * network.rows
        most = most_buffer_flits(nodes, LOCAL + 1, network.vcs)
        if network.buffer_flits > most:
            wanted = f"at most {most} with {nodes:,} nodes and {network.vcs} virtual channels"
            problems.append(Problem("--buffer-flits", "", str(network.buffer_flits), wanted))
    if problems:
        raise InputError(*problems)


@dataclass(frozen=True, slots=True)
class Replay:
    """`tail_arrive` is the cycle in which each packet's tail is at its destination, int64, in the order of
    `packets`; `waited_cycles` what all packets took beyond an idle mesh; `checks` what was counted twice and agreed.

    `link_flits` are those over each link between routers, see there; `cycles` the time from the first creation to the
    last arrival.
    """

    packets: Packets
    tail_arrive: NDArray[np.int64]
    link_flits: NDArray[np.int64]
    cycles: int
    waited_cycles: int
    checks: dict[str, bool]

    @property
    def latencies(self) -> NDArray[np.int64]:
        """Cycles from the creation of each packet to the arrival of its tail."""
        return self.tail_arrive - self.packets.create

    @property
    def max_link_utilisation(self) -> float:
        """The share of the cycles (0..1) in which the busiest link between routers carried a flit."""
        return int(self.link_flits.max()) / self.cycles


def replay(packets: Packets, network: Network, progress: Progress | None = None) -> Replay:
    """Sends every packet at its cycle, those of one cycle and source in the order of their numbers.

    `progress` hears how many packets have arrived, of how many.

    Raises `InputError` for settings that `check` refuses.
    """
    check(network)
    tail_arrive, checks = REPLAYS[network.model](packets, network, progress)
    idle = zero_load_latency(_hops(packets, network.columns), packets.flits, network)
    return Replay(
        packets,
        tail_arrive,
        link_flits(packets, network.columns, network.rows),
        int(tail_arrive.max() - packets.create.min()),
        int((tail_arrive - packets.create - idle).sum()),
        checks,
    )


def zero_load_latency(hops: NDArray[np.int64], flits: NDArray[np.int64], network: Network) -> NDArray[np.int64]:
    """Cycles of a packet on an idle network, as BookSim 2's router (commit 28f43299) needs them.

    Each router and its link take a head 4 cycles, 3 if speculative, plus the routing delay; a body flit follows
    each cycle until the buffer is full, and then waits for the round trip of a credit.
    """
    hop = network.routing_delay + (0 if network.speculative else 1) + HOP_CYCLES
    return zero_load(hops, hop, stream_cycles(flits, network.buffer_flits, network.credit_delay))


def link_flits(packets: Packets, columns: int, rows: int) -> NDArray[np.int64]:
    """Flits over each link between routers, shape (4, rows, columns): by direction (+x, -x, +y, -y) and, for the
    two directions of a link, by its end towards the origin."""
    flits = packets.flits
    (y0, x0), (y1, x1) = np.divmod(packets.source, columns), np.divmod(packets.destination, columns)
    steps: NDArray[np.int64] = np.zeros((4, rows + 1, columns + 1), dtype=np.int64)
    for direction, forwards in ((0, x1 > x0), (1, x1 < x0)):
        low, high = np.minimum(x0, x1)[forwards], np.maximum(x0, x1)[forwards]
        np.add.at(steps[direction], (y0[forwards], low), flits[forwards])
        np.subtract.at(steps[direction], (y0[forwards], high), flits[forwards])
    for direction, forwards in ((2, y1 > y0), (3, y1 < y0)):
        low, high = np.minimum(y0, y1)[forwards], np.maximum(y0, y1)[forwards]
        np.add.at(steps[direction], (low, x1[forwards]), flits[forwards])
        np.subtract.at(steps[direction], (high, x1[forwards]), flits[forwards])
    steps[:2].cumsum(axis=2, out=steps[:2])
    steps[2:].cumsum(axis=1, out=steps[2:])
    return steps[:, :rows, :columns]


Arrivals = tuple[NDArray[np.int64], dict[str, bool]]


def _hops(packets: Packets, columns: int) -> NDArray[np.int64]:
    (y0, x0), (y1, x1) = np.divmod(packets.source, columns), np.divmod(packets.destination, columns)
    hops: NDArray[np.int64] = np.abs(x1 - x0) + np.abs(y1 - y0)
    return hops


def _ideal(packets: Packets, network: Network, progress: Progress | None) -> Arrivals:  # noqa: ARG001
    latency = zero_load_latency(_hops(packets, network.columns), packets.flits, network)
    return packets.create + latency, {}


def _exact(packets: Packets, network: Network, progress: Progress | None) -> Arrivals:
    nodes, columns = network.columns * network.rows, network.columns
    # a flit is a byte here, and no packet is cut
    router = Router(network.routing_delay, 1, 1, 1, 1, 1, MAX_FLITS)
    buffers = Buffers(network.vcs, network.buffer_flits, network.credit_delay)
    found = replay_all(_EXACT[network.model], Mesh(nodes, columns), router, buffers, packets, progress)
    expected = int((packets.flits * (_hops(packets, columns) + 1)).sum())
    there = np.array_equal(found.tile, packets.destination)
    return found.cycle, {"packets": there, "flits": found.carried_flits == expected}


def _vct(packets: Packets, network: Network, progress: Progress | None) -> Arrivals:
    nodes, columns = network.columns * network.rows, network.columns
    # a flit is a byte here, and no packet is cut
    router = Router(network.routing_delay, 1, 1, 1, 1, 1, MAX_FLITS)
    mesh = VctMesh(Mesh(nodes, columns), router, buffer_flits=network.buffer_flits, credit_delay=network.credit_delay)
    arrived: list[tuple[int, int, int]] = []
    for number, (create, pid, source, destination, flits) in enumerate(packets.in_order()):
        if create:
            arrived += mesh.advance(create - 1)
        mesh.send(create, pid, source, (destination,), flits)
        if progress is not None and number % _PACKETS_PER_REPORT == 0:
            progress(len(arrived), len(packets.pid))
    while (cycle := mesh.run_ahead(_FOREVER)) is not None:
        arrived += mesh.advance(cycle)
    found = np.array(sorted((pid, cycle, destination) for cycle, pid, destination in arrived), dtype=np.int64)
    there = np.array_equal(found[:, [0, 2]], np.stack([packets.pid, packets.destination], axis=1))
    expected = int((packets.flits * _hops(packets, columns)).sum())
    return found[:, 1], {"packets": there, "flits": sum(mesh.link_flits.values()) == expected}


REPLAYS: dict[str, Callable[[Packets, Network, Progress | None], Arrivals]] = {
    "ideal": _ideal,
    "vct": _vct,
    "wormhole": _exact,
    "flit": _exact,
}
"""The models that packets can be replayed on."""
