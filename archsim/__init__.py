"""archsim: cycle-level simulation of whole compute-in-memory accelerators.

    >>> import archsim
    >>> graph = archsim.load("resnet18")
    >>> result = archsim.simulate(graph, "isaac", settings=["copies.policy=optimal"], ideal=True)

The names below are loaded when first used, so that importing archsim costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from archsim.api import compare, evaluate, load, place, simulate
    from archsim.hardware import Design as Chip

__version__ = "0.1.0"

__all__ = ["Chip", "compare", "evaluate", "load", "place", "simulate"]

_HOMES = {
    "Chip": ("archsim.hardware", "Design"),
    **{verb: ("archsim.api", verb) for verb in ("compare", "evaluate", "load", "place", "simulate")},
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'archsim' has no attribute {name!r}")
    module, attribute = _HOMES[name]
    return getattr(importlib.import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
