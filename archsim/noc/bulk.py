"""Replays a list of packets on an exact model, as fast as that goes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archsim.noc import fast, layout, words
from archsim.noc.buffers import Buffers
from archsim.noc.channel import INJECTION_CYCLES
from archsim.noc.contended import ContendedMesh
from archsim.noc.ideal import Router
from archsim.noc.junctions import Junctions
from archsim.noc.mesh import Mesh
from archsim.noc.packets import Packets

_PACKETS_PER_REPORT = 1000

# No packet is longer under way than that, and times by the length of a row have to be whole numbers of 64 bits.
_LONGEST = 2**36
_LARGEST = 2**62


@dataclass(frozen=True, slots=True)
class Arrivals:
    """By packet, in the order of their numbers, the cycle of its arrival and the tile, -1 if it did not; and the flits
    that all links have carried, those to the tiles with them."""

    cycle: NDArray[np.int64]
    tile: NDArray[np.int64]
    carried_flits: int


def replay_all(
    model: type[ContendedMesh],
    mesh: Mesh,
    router: Router,
    buffers: Buffers,
    packets: Packets,
    progress: Callable[[int, int], None] | None = None,
    *,
    compiled: bool | None = None,
) -> Arrivals:
    """Sends every packet at its cycle, those of one cycle and source in the order of their numbers."""
    junctions = Junctions(mesh)
    row = model.empty(junctions, router, buffers)
    order = np.lexsort((packets.pid, packets.create))
    first = int(packets.create[order[0]])
    create = packets.create[order] - first
    if compiled is None:
        compiled = fast.can_compile() and (int(create[-1]) + _LONGEST) * row[words.SPAN] < _LARGEST
    kernel = fast.kernel(model.kernel_module, compiled=compiled)
    table = np.stack([packets.source[order], create, packets.destination[order], packets.flits[order]], axis=1)
    s, listed = kernel.row(row), kernel.row(table.ravel().tolist())
    count = len(order)
    found = kernel.row([-1] * (2 * count))
    sent = arrived = 0
    while sent < count:
        kernel.run(s, int(create[sent]) + INJECTION_CYCLES, 0)
        arrived += int(kernel.take_due(s, found))
        if progress is not None:
            progress(arrived, count)
        until = min(sent + _PACKETS_PER_REPORT, count)
        done = kernel.send_many(s, listed, sent, until)
        if done < until:
            s = kernel.row(layout.with_more_room([int(word) for word in s]))
        sent = done
    kernel.run(s, int(create[-1]) + _LONGEST, 0)
    kernel.take_due(s, found)
    in_order = np.empty((count, 2), dtype=np.int64)
    in_order[order] = np.array(found, dtype=np.int64).reshape(count, 2)
    cycle = np.where(in_order[:, 0] < 0, -1, in_order[:, 0] + first)
    outputs = s[s[words.CHANNELS] + model.snapshot.carried : s[words.INJECTIONS] : s[words.STRIDE]]
    return Arrivals(cycle, in_order[:, 1], int(sum(outputs)))
