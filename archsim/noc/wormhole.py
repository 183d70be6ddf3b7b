"""The mesh of wormhole routers with one virtual channel, exact to the cycle: see `wormhole_kernel`."""

from __future__ import annotations

from archsim.noc import wormhole_kernel, wormhole_state
from archsim.noc.contended import ContendedMesh


class WormholeMesh(ContendedMesh):
    """Packets of one virtual channel; each link is owned by a packet from its head to its tail."""

    kernel_module = wormhole_kernel
    empty = staticmethod(wormhole_state.empty)
    snapshot = wormhole_state.WormholeSnapshot
    most_vcs = 1
