"""Reads ONNX models and lowers them to an `archsim.graph.Graph`."""

from archsim.frontend.importer import from_model, load
from archsim.frontend.registry import supported

__all__ = ["from_model", "load", "supported"]
