"""Replays the packets of a file on a mesh."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from archsim.noc.network import Network
from archsim.report import Bin, ReplaySummary
from archsim.result import LinkUse

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
    import numpy as np

    from archsim.noc.latencies import histogram, percentile

    latencies = replayed.latencies
    counted = Counter(latencies.tolist())
    return ReplaySummary(
        file=Path(path).name,
        network=asdict(network),
        packets=len(latencies),
        flits=int(replayed.packets.flits.sum()),
        mean_latency_cycles=int(latencies.sum()) / len(latencies),
        p95_latency_cycles=percentile(np.sort(latencies), 95),
        max_latency_cycles=int(latencies.max()),
        waited_cycles=replayed.waited_cycles,
        makespan_cycles=int(replayed.tail_arrive.max()),
        max_link_utilisation=replayed.max_link_utilisation,
        latency_histogram=tuple(Bin(one.first, one.last, one.count) for one in histogram(counted)),
        links=tuple(_links(replayed, network)),
        checks=replayed.checks,
    )


def _links(replayed: Replay, network: Network) -> Iterator[LinkUse]:
    """Each direction of each link that has carried anything, by the router at its end towards the origin."""
    import numpy as np

    steps = (1, 1, network.columns, network.columns)
    for (direction, y, x), flits in np.ndenumerate(replayed.link_flits):
        if flits:
            near = x + network.columns * y
            far = near + steps[direction]
            ends = (near, far) if direction % 2 == 0 else (far, near)
            yield LinkUse(*ends, int(flits), int(flits) / replayed.cycles)


def arrivals_csv(replayed: Replay) -> Iterator[bytes]:
    """The cycles of arrival as CSV: pid,tail_arrive in the order of the numbers."""
    yield b"pid,tail_arrive\n"
    for pid, cycle in zip(replayed.packets.pid.tolist(), replayed.tail_arrive.tolist(), strict=True):
        yield b"%d,%d\n" % (pid, cycle)
