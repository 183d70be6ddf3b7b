"""The network as archsim sees it: frozen layers on tensors, whatever format it came in."""

from archsim.graph.access import Access, Pointwise, Product, Reduced, Rows, Sliding, Whole
from archsim.graph.graph import Coverage, Graph
from archsim.graph.layers import (
    FreeLayer,
    Grid,
    Layer,
    LayoutLayer,
    MatrixLayer,
    Phase,
    RecurrentLayer,
    Round,
    VectorLayer,
)
from archsim.graph.tensors import Constant, Tensor

__all__ = [
    "Access",
    "Constant",
    "Coverage",
    "FreeLayer",
    "Graph",
    "Grid",
    "Layer",
    "LayoutLayer",
    "MatrixLayer",
    "Phase",
    "Pointwise",
    "Product",
    "RecurrentLayer",
    "Reduced",
    "Round",
    "Rows",
    "Sliding",
    "Tensor",
    "VectorLayer",
    "Whole",
]
