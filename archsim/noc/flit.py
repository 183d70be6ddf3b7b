"""The mesh of routers with virtual channels, exact to the cycle: see `flit_kernel`."""

from __future__ import annotations

from archsim.noc import flit_kernel, flit_state
from archsim.noc.contended import ContendedMesh


class FlitMesh(ContendedMesh):
    """Packets share links flit by flit, each on a virtual channel of its own."""

    kernel_module = flit_kernel
    empty = staticmethod(flit_state.empty)
    snapshot = flit_state.FlitSnapshot
