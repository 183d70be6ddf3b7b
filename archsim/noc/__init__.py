"""Models of the network between tiles: messages in, deliveries out, time in cycles of the network's clock."""

from archsim.noc.bus import SharedBus
from archsim.noc.ideal import Delivery, IdealMesh, Router
from archsim.noc.mesh import Mesh
from archsim.noc.model import Build, NetworkModel
from archsim.noc.statistics import Traffic
from archsim.noc.vct import VctMesh

MODELS: dict[str, Build] = {"ideal": IdealMesh, "bus": SharedBus}
"""The models by the name that `noc.model` gives."""

__all__ = [
    "MODELS",
    "Build",
    "Delivery",
    "IdealMesh",
    "Mesh",
    "NetworkModel",
    "Router",
    "SharedBus",
    "Traffic",
    "VctMesh",
]
