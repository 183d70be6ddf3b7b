"""Models of the mesh between tiles: messages in, deliveries out, time in cycles of the network's clock."""

from archsim.noc.ideal import Delivery, IdealMesh, Router
from archsim.noc.mesh import Mesh
from archsim.noc.statistics import Traffic

MODELS = {"ideal": IdealMesh}
"""The models by the name that `noc.model` gives."""

__all__ = ["MODELS", "Delivery", "IdealMesh", "Mesh", "Router", "Traffic"]
