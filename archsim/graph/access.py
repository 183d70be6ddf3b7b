"""How the outputs of a layer read its input: what must be there before a window can start."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sliding:
    """A kernel that slides over the spatial axes (2, 3, ...) of an (N, C, ...) tensor; every channel is read.

    One entry per spatial axis. Output position `o` reads inputs `o*stride - pad_begin + i*dilation`
    for `i < kernel`, those outside the map left out.
    """

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    pads_begin: tuple[int, ...]
    pads_end: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Rows:
    """Each index of all axes but the last is a window that reads the whole last axis (Gemm, MatMul)."""


@dataclass(frozen=True, slots=True)
class Pointwise:
    """An output element reads its own place of each operand (broadcast as in numpy), and along the axes
    `mixes` every element (Softmax over channels, LRN)."""

    mixes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Whole:
    """Every output reads all of every input (a reduction over space, or an operation without locality)."""


@dataclass(frozen=True, slots=True)
class Reduced:
    """An output element is made, one after the other as they come, of the elements of its own place along `axes` (a
    sum, a largest value); the result has these axes with size 1 (`keepdims`) or not at all."""

    axes: tuple[int, ...]
    keepdims: bool


@dataclass(frozen=True, slots=True)
class Product:
    """A row (along the last axis) of the result reads its own row of the first operand, whose other axes broadcast, and
    all of the second (a product of two matrices)."""


Access = Sliding | Rows | Pointwise | Reduced | Product | Whole
