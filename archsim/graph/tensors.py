"""Tensors that flow between layers, and constants that are loaded only when asked for."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Tensor:
    """A value that one layer writes and others read. `dtype` is numpy's name for the element type."""

    name: str
    shape: tuple[int, ...]
    dtype: str = "float32"

    @property
    def elements(self) -> int:
        """How many elements the tensor has."""
        return math.prod(self.shape)


@dataclass(frozen=True, slots=True, eq=False)
class Constant:
    """A constant tensor, not in memory until `load` is called (and not kept afterwards).

    `key` names the stored data it comes from: two constants of equal key share their data.
    `placeholder` says that the file holds a shape and no trained numbers (ConstantOfShape). Numbers that stand for
    integers have `steps`, which gives an array of `shape`: each number is an integer times its step.
    """

    key: str
    shape: tuple[int, ...]
    dtype: str
    loader: Callable[[], Array]
    placeholder: bool = False
    steps: Callable[[], Array] | None = None

    @property
    def elements(self) -> int:
        """How many elements the constant has."""
        return math.prod(self.shape)

    def load(self) -> Array:
        """The numbers, as an array of `shape` and `dtype`."""
        array = np.asarray(self.loader(), dtype=self.dtype)
        if array.shape != self.shape:
            raise ValueError(f"constant {self.key!r} has shape {array.shape}, expected {self.shape}")
        return array

    def map(self, change: Callable[[Array], Array], shape: tuple[int, ...], dtype: str | None = None) -> Constant:
        """The constant that `change` makes of this one, as lazily; it keeps the key.

        `change` moves elements, or multiplies them and so their steps.
        """
        steps = self.steps
        changed = None if steps is None else lambda: change(steps())
        return Constant(self.key, shape, dtype or self.dtype, lambda: change(self.load()), self.placeholder, changed)
