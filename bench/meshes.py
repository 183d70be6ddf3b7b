"""Measures the models of the mesh: packets a CPU second on 8 x 8 nodes, and simulations against `ideal` in one run.

20,000 packets of 4 flits between nodes drawn uniformly (`archsim.noc.patterns`, seed 0), 0.14 flits a node and cycle
for `wormhole` with 1 virtual channel of 8 flits, 0.20 for `flit` with 4; compiled (without the time of compiling) and
plain.
"""

from __future__ import annotations

import argparse
import statistics
import time
from fractions import Fraction

from archsim.noc import Buffers, FlitMesh, Mesh, Router, WormholeMesh, fast
from archsim.noc.bulk import replay_all
from archsim.noc.contended import ContendedMesh
from archsim.noc.packets import MAX_FLITS, Packets
from archsim.noc.patterns import PATTERNS, inject
from bench.bench import run, timeouts_per_s

PACKETS = 20_000
SIDE, FLITS = 8, 4
CASES: tuple[tuple[str, type[ContendedMesh], int, Fraction], ...] = (
    ("wormhole, 1 VC", WormholeMesh, 1, Fraction(14, 100)),
    ("flit, 4 VCs", FlitMesh, 4, Fraction(20, 100)),
)
NETWORKS = ("vgg16", "resnet18")
LINKS = ("noc.flit_bytes=4", "noc.flit_bytes=32")


def packets(load: Fraction) -> Packets:
    """The first packets of uniform traffic."""
    cycles = int(2 * PACKETS * FLITS / load / SIDE**2)
    drawn = inject(PATTERNS["uniform"](SIDE, SIDE), load, FLITS, cycles, seed=0)
    columns = (drawn.pid, drawn.source, drawn.destination, drawn.flits, drawn.create)
    return Packets(*(column[:PACKETS] for column in columns))


def packets_per_s(model: type[ContendedMesh], vcs: int, sent: Packets, *, compiled: bool) -> float:
    """Packets a CPU second; compiled functions are there already."""
    router = Router(0, 1, 1, 1, 1, 1, MAX_FLITS)
    began = time.process_time()
    replay_all(model, Mesh(SIDE**2, SIDE), router, Buffers(vcs, 8, 1), sent, compiled=compiled)
    return len(sent.pid) / (time.process_time() - began)


def meshes(runs: int) -> None:
    """One line a model."""
    print(f"{'model':16} {'how':10} {'packets/CPU s':>14} {'of SimPy timeouts/s':>20}")
    for name, model, vcs, load in CASES:
        sent = packets(load)
        for compiled in (True, False) if fast.can_compile() else (False,):
            if compiled:
                packets_per_s(model, vcs, sent, compiled=True)
            rate = statistics.median(packets_per_s(model, vcs, sent, compiled=compiled) for _ in range(runs))
            how = "compiled" if compiled else "plain"
            print(f"{name:16} {how:10} {rate:14,.0f} {rate / timeouts_per_s():20.3f}", flush=True)


def simulations(runs: int) -> None:
    """One line a network and width of links: user-CPU seconds with `wormhole`, and how many times those of `ideal`."""
    print(f"{'network':16} {'links':20} {'ideal s':>8} {'wormhole s':>11} {'ratio':>6}")
    for network in NETWORKS:
        for links in LINKS:
            costs = [
                statistics.median(run(network, f"noc.model={model}", links)[0] for _ in range(runs))
                for model in ("ideal", "wormhole")
            ]
            print(f"{network:16} {links:20} {costs[0]:8.2f} {costs[1]:11.2f} {costs[1] / costs[0]:6.2f}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    meshes(arguments.runs)
    simulations(arguments.runs)
