"""Exact meshes for tests: a flit is a byte, messages are packets unless cut, and logs of BookSim."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

from archsim.noc import Buffers, Delivery, FlitMesh, Mesh, Router, WormholeMesh
from archsim.noc.contended import ContendedMesh
from tests.noc.stepped import Sent

LOGS = Path(__file__).parent / "logs"
SHARED = Path(__file__).parents[2].parent / "shared" / "noc"
MODELS: dict[str, type[ContendedMesh]] = {"wormhole": WormholeMesh, "flit": FlitMesh}


def exact(
    model: str,
    columns: int,
    rows: int,
    *,
    buffer_flits: int = 8,
    routing_delay: int = 0,
    credit_delay: int = 1,
    vcs: int = 1,
    most: int = 10**6,
    cluster: tuple[int, int] = (1, 1),
    multicast: bool = True,
    compiled: bool = False,
) -> ContendedMesh:
    mesh, router = Mesh(columns * rows, columns, *cluster), Router(routing_delay, 1, 1, 1, 1, 1, most)
    buffers = Buffers(vcs, buffer_flits, credit_delay)
    return MODELS[model](mesh, router, buffers, multicast=multicast, compiled=compiled)


def read(path: Path) -> list[dict[str, int]]:
    with gzip.open(path, "rt") as stream:
        return [{name: int(text) for name, text in row.items()} for row in csv.DictReader(stream)]


def sent(rows: list[dict[str, int]]) -> list[Sent]:
    return sorted((row["create"], row["pid"], row["src"], row["dst"], row["flits"]) for row in rows)


def arrivals(mesh: ContendedMesh, packets: list[Sent]) -> dict[int, int]:
    """Every packet's arrival, all sent at first."""
    for create, pid, source, destination, flits in packets:
        mesh.send(create, pid, source, (destination,), flits)
    found = mesh.advance(10**9)
    assert mesh.run_ahead(10**9) is None
    assert [cycle for cycle, _, _ in found] == sorted(cycle for cycle, _, _ in found)
    assert sorted((pid, node) for _, pid, node in found) == sorted((pid, node) for _, pid, _, node, _ in packets)
    return {pid: cycle for cycle, pid, _ in found}


Messages = list[tuple[int, int, int, tuple[int, ...], int]]
"""Create, number, source, destinations, bytes."""


def all_at_once(mesh: ContendedMesh, messages: Messages) -> list[Delivery]:
    for message in messages:
        mesh.send(*message)
    return mesh.advance(10**9)


def as_time_goes_on(mesh: ContendedMesh, messages: Messages) -> list[Delivery]:
    """The way of an event-driven caller: runs ahead to 2 cycles after the next message, or to the next delivery."""
    found: list[Delivery] = []
    least = 0
    for message in messages:
        while (cycle := mesh.run_ahead(message[0] + 2)) is not None and cycle <= message[0]:
            assert cycle >= least
            found += _of_one_cycle(mesh, cycle)
        if cycle is None:
            least = mesh.not_before
            assert least > message[0]
        mesh.send(*message)
    while (cycle := mesh.run_ahead(1 << 50)) is not None:
        found += _of_one_cycle(mesh, cycle)
    return found


def _of_one_cycle(mesh: ContendedMesh, cycle: int) -> list[Delivery]:
    delivered = mesh.advance(cycle)
    assert delivered
    assert {time for time, _, _ in delivered} == {cycle}
    return delivered
