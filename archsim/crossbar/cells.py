"""What cells conduct that should hold certain levels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from archsim.crossbar.devices import DeviceErrors
from archsim.crossbar.draws import Draws
from archsim.crossbar.encodings import Encoded
from archsim.crossbar.ir_drop import with_ir_drop
from archsim.crossbar.spec import CrossbarSpec

Floats = npt.NDArray[Any]

# What is drawn for the cells of a group of rows, each from a stream of its own.
_WRITING, _STUCK, _DRIFT, _LOSS = range(4)

MOST_CONDUCTED = 2
"""A cell conducts between nothing and this many times what one does that is fully on."""


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Cells as the converters see them.

    `levels` (slices, rows, outputs) are in units of a level of an ideal cell; so are the sum of the `squares` of what
    the cells there conduct, of the same shape, and what a cell conducts that is fully on, `on_level`. A level is
    made of `cells_per_level`. `pulses` is how many it took to write them, None where writing is not verified.
    """

    levels: Floats
    squares: Floats
    on_level: float
    cells_per_level: int
    pulses: int | None


def real_cells(
    groups: Sequence[Encoded], spec: CrossbarSpec, devices: DeviceErrors, keys: Sequence[tuple[int, ...]]
) -> list[Cells]:
    """The cells of an array whose rows are read group by group, `keys` naming the random numbers of each group.

    A signed level is the difference of two cells, one of which is off.
    """
    off = _off(devices)
    taken_off = off if devices.off_current_correction else 0.0
    on_level = spec.largest_cell / (1 - taken_off)
    halves = []
    for sign in (1, -1) if groups[0].signed else (1,):
        written = [
            _written((sign * group.cells).clip(min=0) / spec.largest_cell, devices, (*key, int(sign < 0)))
            for group, key in zip(groups, keys, strict=True)
        ]
        conducted, pulses = [one for one, _ in written], [count for _, count in written]
        if devices.wire_ratio:
            arrays = 2 if groups[0].complementary else 1
            conducted = _through_wires(conducted, arrays, spec.columns, devices.wire_ratio)
        halves.append((sign, conducted, pulses))
    result = []
    for index in range(len(groups)):
        levels = np.sum([sign * on_level * (conducted[index] - taken_off) for sign, conducted, _ in halves], axis=0)
        squares = np.sum([np.square(on_level * conducted[index]) for _, conducted, _ in halves], axis=0)
        counts = [pulses[index] for *_, pulses in halves]
        total = None if None in counts else sum(count for count in counts if count is not None)
        result.append(Cells(levels, squares, on_level, len(halves), total))
    return result


def _through_wires(conducted: Sequence[Floats], arrays: int, columns: int, wire_ratio: float) -> list[Floats]:
    """What the columns of `arrays` get of each row's voltage, each with an equal share of the rows of every group; rows
    that are not driven are held at 0 V."""
    solved = []
    for parts in zip(*(np.split(group, arrays, axis=1) for group in conducted), strict=True):
        ends = np.cumsum([part.shape[1] for part in parts])[:-1]
        effective = with_ir_drop(np.concatenate(parts, axis=1), columns, wire_ratio)
        solved.append(np.split(effective, ends, axis=1))
    return [np.concatenate(parts, axis=1) for parts in zip(*solved, strict=True)]


def _off(devices: DeviceErrors) -> float:
    """The conductance of a cell that is off."""
    return 0.0 if devices.on_off_ratio is None else 1 / devices.on_off_ratio


def _written(wanted: Floats, devices: DeviceErrors, key: tuple[int, ...]) -> tuple[Floats, int | None]:
    """Conductances, 1 being fully on, of cells that should be on to the share `wanted`; and the pulses of writing."""
    off = _off(devices)
    conducted = off + (1 - off) * wanted
    errors, pulses = _writing_errors(wanted.shape, devices, Draws(*key, _WRITING))
    scale = conducted if devices.error_model == "state_dependent" else 1.0
    conducted = _aged((conducted + errors * scale).clip(0, MOST_CONDUCTED), devices, key)
    if devices.stuck_on or devices.stuck_off:
        drawn = Draws(*key, _STUCK).uniform(wanted.shape)
        conducted = np.where(drawn < devices.stuck_on, 1.0, conducted)
        conducted = np.where(drawn >= 1 - devices.stuck_off, off, conducted)
    return conducted, pulses


def _writing_errors(shape: tuple[int, ...], devices: DeviceErrors, draws: Draws) -> tuple[Floats, int | None]:
    """Errors of cells, written again while they are above the tolerance, and how many pulses that took."""

    def drawn(size: int) -> Floats:
        return devices.sigma * draws.normal((size,)).astype(np.float64) if devices.sigma else np.zeros(size)

    errors = drawn(int(np.prod(shape)))
    if devices.verify_tolerance is None or devices.verify_pulses is None:
        return errors.reshape(shape), None
    pulses = errors.size
    for _ in range(devices.verify_pulses - 1):
        failed = np.flatnonzero(np.abs(errors) > devices.verify_tolerance)
        if not failed.size:
            break
        errors[failed] = drawn(failed.size)
        pulses += failed.size
    return errors.reshape(shape), pulses


def _aged(conducted: Floats, devices: DeviceErrors, key: tuple[int, ...]) -> Floats:
    """Conductances `time_s` after writing."""
    if not devices.time_s:
        return conducted
    if devices.drift_start_s is not None and (devices.drift_exponent or devices.drift_sigma):
        normal = Draws(*key, _DRIFT).normal(conducted.shape).astype(np.float64)
        exponents = devices.drift_exponent + devices.drift_sigma * normal
        conducted = (conducted * (devices.time_s / devices.drift_start_s) ** -exponents).clip(0, MOST_CONDUCTED)
    if devices.retention_s is not None:
        kept = Draws(*key, _LOSS).uniform(conducted.shape) < np.exp(-devices.time_s / devices.retention_s)
        conducted = np.where(kept, conducted, _off(devices))
    return conducted
