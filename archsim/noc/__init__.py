"""Models of the network between tiles: messages in, deliveries out, time in cycles of the network's clock."""

from archsim.noc import fast
from archsim.noc.buffers import Buffers
from archsim.noc.bus import SharedBus
from archsim.noc.flit import FlitMesh
from archsim.noc.ideal import Delivery, IdealMesh, Router, zero_load
from archsim.noc.mesh import Mesh
from archsim.noc.model import Build, ContendedModel, NetworkModel
from archsim.noc.statistics import Link, Load, Traffic
from archsim.noc.vct import VctMesh
from archsim.noc.wormhole import WormholeMesh

MODELS: dict[str, Build] = {
    "ideal": lambda mesh, router, _buffers, _multicast: IdealMesh(mesh, router),
    "bus": lambda mesh, router, _buffers, _multicast: SharedBus(mesh, router),
    "vct": lambda mesh, router, buffers, multicast: VctMesh(
        mesh, router, multicast=multicast, buffer_flits=buffers.flits, credit_delay=buffers.credit_delay
    ),
    "wormhole": lambda mesh, router, buffers, multicast: WormholeMesh(mesh, router, buffers, multicast=multicast),
    "flit": lambda mesh, router, buffers, multicast: FlitMesh(mesh, router, buffers, multicast=multicast),
}
"""The models by the name that `noc.model` gives."""


WITHOUT_MESH = frozenset({"bus"})
"""Models to which it makes no difference where tiles stand."""


def default_model(vcs: int) -> str:
    """What simulates a mesh with so many virtual channels where no model is asked for: an exact one, but with one
    channel and without numba, which makes it fast, `vct`."""
    if vcs > 1:
        return "flit"
    return "wormhole" if fast.can_compile() else "vct"


__all__ = [
    "MODELS",
    "WITHOUT_MESH",
    "Buffers",
    "Build",
    "ContendedModel",
    "Delivery",
    "FlitMesh",
    "IdealMesh",
    "Link",
    "Load",
    "Mesh",
    "NetworkModel",
    "Router",
    "SharedBus",
    "Traffic",
    "VctMesh",
    "WormholeMesh",
    "default_model",
    "zero_load",
]
