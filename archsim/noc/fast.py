"""Kernels as they are, or compiled by numba: the same functions, on a list or on an int64 array."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import sys
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

LOG = logging.getLogger(__package__)
COMPILING = "compiling the model of the network (once on this machine, a few seconds)"

_ENTRIES = ("send_cut", "send_many", "run", "pop_until", "take_due", "pop_due")


@dataclass(frozen=True, slots=True)
class Kernel:
    """The entry functions of a kernel module, and how to make of a list the row that they work on."""

    send_cut: Callable[..., int]
    send_many: Callable[..., int]
    run: Callable[..., int]
    pop_until: Callable[..., int]
    take_due: Callable[..., int]
    pop_due: Callable[..., None]
    row: Callable[[list[int]], Any]


def can_compile() -> bool:
    """Whether numba (the extra `fast`) is installed."""
    return importlib.util.find_spec("numba") is not None


@cache
def kernel(module: ModuleType, *, compiled: bool) -> Kernel:
    """The functions of a kernel module; if `compiled` each is compiled at its first call, and kept on disk."""
    modules = _modules(module)
    names: dict[str, Any] = {}
    functions: dict[str, FunctionType] = {}
    for each in modules:
        own = {name: found for name, found in vars(each).items() if isinstance(found, FunctionType)}
        twice = [name for name, found in own.items() if functions.get(name, found) is not found]
        if twice:
            raise ValueError(f"{module.__name__}: two functions each are called {', '.join(twice)}")
        functions |= own
        names |= vars(each)
    # those of a module that several share find the functions of this one
    names |= {name: FunctionType(found.__code__, names, name) for name, found in functions.items()}
    if compiled:
        _compile(names, functions, module.__name__)
    return Kernel(**{name: names[name] for name in _ENTRIES}, row=_array if compiled else list)


def _compile(names: dict[str, Any], functions: Iterable[str], kernel_name: str) -> None:
    njit: Any = importlib.import_module("numba").njit
    _tell_of_compilation()
    # nothing here raises, and only the entries are called from Python: a fifth less to compile
    options = {"cache": True, "error_model": "numpy", "no_cfunc_wrapper": True}
    # numba's cache sees a change of a function's own file, not of the words and functions that it uses, of which those
    # that kernels share use other ones in each
    sources = sorted(Path(__file__).parent.glob("*.py"))
    version = zlib.crc32(b"".join(source.read_bytes() for source in sources))
    for name in functions:
        names[name].__qualname__ = f"{name}_{kernel_name.rpartition('.')[2]}_{version:08x}"
        names[name] = njit(**options, no_cpython_wrapper=name not in _ENTRIES)(names[name])


@cache
def _tell_of_compilation() -> None:
    """Lets the log say once that functions are compiled, which takes seconds, and not if they are there already."""
    event: Any = importlib.import_module("numba.core.event")

    class Teller(event.Listener):  # type: ignore[misc]
        told = False

        def on_start(self, started: Any) -> None:
            if not self.told and started.data["dispatcher"].py_func.__module__.startswith(__package__):
                self.told = True
                LOG.info(COMPILING)

        def on_end(self, _: Any) -> None:
            pass

    event.register("numba:compile", Teller())


def _modules(module: ModuleType) -> list[ModuleType]:
    """The module and those that its functions come from, what all models share first."""
    found = [module]
    for each in found:
        names = {value.__module__ for value in vars(each).values() if isinstance(value, FunctionType)}
        found += [sys.modules[name] for name in sorted(names) if sys.modules[name] not in found]
    return found[::-1]


def _array(row: list[int]) -> Any:
    import numpy as np

    return np.array(row, dtype=np.int64)
