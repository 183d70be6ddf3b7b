"""The table of lowerings: what each ONNX op becomes."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from archsim.frontend.node import Node

Lowering = Callable[["Node"], None]

Kind = Literal["crossbars", "digital", "layout", "folded"]
"""Where the work of an op is done: a matrix layer in arrays, a layer of the digital units, wiring, or on import."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """What users are told of an op beside the docstring of its lowering: the kinds of layers that its nodes become, by
    their form or one behind the other, and what of ONNX's definition is refused or differs."""

    becomes: tuple[Kind, ...]
    limits: str


_LOWERINGS: dict[str, Lowering] = {}
_DECLARATIONS: dict[str, Declaration] = {}


def lowering(*ops: str, becomes: tuple[Kind, ...] = ("digital",), limits: str = "") -> Callable[[Lowering], Lowering]:
    """Register the decorated function as the lowering of `ops` (ONNX's default domain)."""

    def register(function: Lowering) -> Lowering:
        for op in ops:
            if op in _LOWERINGS:
                raise ValueError(f"op {op!r} has a lowering already")
            _LOWERINGS[op] = function
            _DECLARATIONS[op] = Declaration(becomes, limits)
        return function

    return register


@cache
def lowerings() -> dict[str, Lowering]:
    """All lowerings by op; imports every module of `archsim.frontend.ops`, so a new one need not be listed."""
    package = importlib.import_module("archsim.frontend.ops")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")
    return _LOWERINGS


def declarations() -> dict[str, Declaration]:
    """What is declared of each op that has a lowering."""
    lowerings()
    return _DECLARATIONS


def supported() -> tuple[str, ...]:
    """The ONNX ops that can be imported, sorted."""
    return tuple(sorted(lowerings()))
