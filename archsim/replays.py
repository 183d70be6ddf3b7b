"""Replays the packets of a file on a mesh."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from archsim.noc.network import Network
from archsim.report import ReplaySummary

if TYPE_CHECKING:
    from archsim.noc.replay import Replay


def check_network(network: Network) -> None:
    """Raises `InputError` with every setting that is wrong, or that the model does not have."""
    from archsim.noc.replay import check

    check(network)


def replay_packets(path: str | Path, network: Network, *, progress: Callable[[int, int], None] | None = None) -> Replay:
    """When the packets of a .csv or .csv.gz file arrive; `InputError` for a file or settings that are wrong.

    `progress` hears now and then how many packets have arrived, of how many.
    """
    from archsim.noc.packets import read_packets
    from archsim.noc.replay import replay

    check_network(network)
    return replay(read_packets(Path(path), network.columns * network.rows), network, progress)


def replay_summary(path: str | Path, network: Network, replayed: Replay) -> ReplaySummary:
    """The figures of a replay."""
    latencies = replayed.latencies
    return ReplaySummary(
        file=Path(path).name,
        network=asdict(network),
        packets=len(latencies),
        flits=int(replayed.packets.flits.sum()),
        mean_latency_cycles=int(latencies.sum()) / len(latencies),
        max_latency_cycles=int(latencies.max()),
        makespan_cycles=int(replayed.tail_arrive.max()),
        max_link_utilisation=replayed.max_link_utilisation,
        checks=replayed.checks,
    )


def arrivals_csv(replayed: Replay) -> Iterator[bytes]:
    """The cycles of arrival as CSV: pid,tail_arrive in the order of the numbers."""
    yield b"pid,tail_arrive\n"
    for pid, cycle in zip(replayed.packets.pid.tolist(), replayed.tail_arrive.tolist(), strict=True):
        yield b"%d,%d\n" % (pid, cycle)
