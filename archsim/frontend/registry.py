"""The table of lowerings: what each ONNX op becomes."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from archsim.frontend.node import Node

Lowering = Callable[["Node"], None]

_LOWERINGS: dict[str, Lowering] = {}


def lowering(*ops: str) -> Callable[[Lowering], Lowering]:
    """Register the decorated function as the lowering of `ops` (ONNX's default domain)."""

    def register(function: Lowering) -> Lowering:
        for op in ops:
            if op in _LOWERINGS:
                raise ValueError(f"op {op!r} has a lowering already")
            _LOWERINGS[op] = function
        return function

    return register


@cache
def lowerings() -> dict[str, Lowering]:
    """All lowerings by op; imports every module of `archsim.frontend.ops`, so a new one need not be listed."""
    package = importlib.import_module("archsim.frontend.ops")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")
    return _LOWERINGS


def supported() -> tuple[str, ...]:
    """The ONNX ops that can be imported, sorted."""
    return tuple(sorted(lowerings()))
