"""What messages come to on a mesh where each is sent once and forks on its way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from archsim.noc.mesh import Mesh
from archsim.noc.statistics import Link, Load, Traffic


def load_of_trees(
    traffic: Traffic, mesh: Mesh, cut: Callable[[int, int], tuple[int, int]], idle: Callable[[int, int, int], int]
) -> Load:
    """`cut` tells the flits and packets of a message of so many bytes to so many tiles, `idle` the cycles of one from
    a tile to another on an idle mesh; packets and flits are those that enter the mesh, and a link of a tree carries
    each flit once."""
    packets = flits = bytes_hops = router_flits = 0
    on_link: Counter[Link | None] = Counter()
    for (source, tiles, size), count in traffic.trees.items():
        cut_flits, cut_packets = cut(size, len(tiles))
        links = mesh.tree(source, tiles)
        packets += cut_packets * count
        flits += cut_flits * count
        bytes_hops += size * len(links) * count
        router_flits += cut_flits * (len(links) + 1) * count
        on_link.update(dict.fromkeys(links, cut_flits * count))
    return Load(
        packets=packets,
        flits=flits,
        latencies=traffic.latencies,
        idle_cycles=sum(idle(*route) * count for route, count in traffic.sent.items()),
        bytes_hops=bytes_hops,
        links=on_link,
        router_flits=router_flits,
    )
