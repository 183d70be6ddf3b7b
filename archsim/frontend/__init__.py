"""Reads ONNX models and lowers them to an `archsim.graph.Graph`."""

from archsim.frontend.ahead import check_ahead
from archsim.frontend.importer import from_model, load
from archsim.frontend.registry import supported

__all__ = ["check_ahead", "from_model", "load", "supported"]
