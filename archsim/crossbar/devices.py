"""What cells of a real array are off by, as far as the arithmetic sees it."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from archsim.errors import InputError, Problem, nearest_name

ERROR_MODELS = ("constant", "state_dependent")
"""A standard deviation is a share of the highest conductance, whatever the cell holds, or of its own conductance."""

# (least, most) of each number; what is open at an end is said by `_OPEN`.
_LIMITS = {
    "sigma": (0, 10),
    "read_sigma": (0, 10),
    "stuck_on": (0, 1),
    "stuck_off": (0, 1),
    "on_off_ratio": (1, 1e9),
    "drift_exponent": (-1, 1),
    "drift_sigma": (0, 1),
    "drift_start_s": (0, 1e12),
    "time_s": (0, 1e12),
    "retention_s": (0, 1e15),
    "verify_tolerance": (0, 10),
    "verify_pulses": (1, 1000),
    "wire_ratio": (0, 1),
}
_ABOVE_LEAST = frozenset({"on_off_ratio", "drift_start_s", "retention_s", "verify_tolerance"})


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceErrors:
    """Errors of cells; 0 or None is an effect that is not there.

    A cell at level `l` of `L` should conduct `1/r + (1 - 1/r) l/L` of the conductance of a cell that is fully on, `r`
    being `on_off_ratio` (None: off cells carry nothing). `off_current_correction` takes what driven off cells carry
    off the sum before it is converted, and scales the rest so that levels are whole numbers again.

    `sigma` is the relative standard deviation of programming, one draw for each cell, `read_sigma` that of each read;
    `error_model` and `read_error_model` say of what (`ERROR_MODELS`). Writing is repeated while the error is above
    `verify_tolerance` (in the unit of `sigma`), up to `verify_pulses` times. Shares `stuck_on` and `stuck_off` of
    cells are fully on or off whatever is written. `time_s` after writing a conductance has drifted to
    `(time_s / drift_start_s) ^ -v` of what it was, `v` normal with mean `drift_exponent` and standard deviation
    `drift_sigma`, and a share `1 - exp(-time_s / retention_s)` of the cells has lost its state and is off.
    `wire_ratio` is the resistance of the wire between neighbouring cells, of a row and of a column alike, over that
    of a cell that is fully on.

    Bad values raise `InputError`, all at once, by their keys `device.*`.
    """

    sigma: float = 0.0
    error_model: str = "state_dependent"
    read_sigma: float = 0.0
    read_error_model: str = "state_dependent"
    stuck_on: float = 0.0
    stuck_off: float = 0.0
    on_off_ratio: float | None = None
    off_current_correction: bool = False
    drift_exponent: float = 0.0
    drift_sigma: float = 0.0
    drift_start_s: float | None = None
    time_s: float | None = None
    retention_s: float | None = None
    verify_tolerance: float | None = None
    verify_pulses: int | None = None
    wire_ratio: float = 0.0

    def __post_init__(self) -> None:
        problems = [*self._out_of_range(), *self._inconsistent()]
        if problems:
            raise InputError(*problems)

    def _out_of_range(self) -> list[Problem]:
        problems = []
        for name, (least, most) in _LIMITS.items():
            value = getattr(self, name)
            low = least < value if name in _ABOVE_LEAST and value is not None else value is None or least <= value
            if value is not None and not (low and value <= most and math.isfinite(value)):
                above = "a number above" if name in _ABOVE_LEAST else "a number from"
                problems.append(Problem("crossbar", f"device.{name}", str(value), f"{above} {least} up to {most:g}"))
        for name in ("error_model", "read_error_model"):
            value = getattr(self, name)
            if value not in ERROR_MODELS:
                expected = f"one of {', '.join(ERROR_MODELS)}"
                nearest = nearest_name(value, ERROR_MODELS)
                problems.append(Problem("crossbar", f"device.{name}", str(value), expected, nearest))
        return problems

    def _inconsistent(self) -> list[Problem]:
        problems = []
        if self.stuck_on + self.stuck_off > 1:
            total = f"{self.stuck_on} + {self.stuck_off}"
            problems.append(Problem("crossbar", "device.stuck_on + device.stuck_off", total, "at most 1 together"))
        for one, other in (("verify_tolerance", "verify_pulses"), ("verify_pulses", "verify_tolerance")):
            if getattr(self, one) is not None and getattr(self, other) is None:
                problems.append(Problem("crossbar", f"device.{other}", "null", f"a number, as device.{one} is one"))
        if self.off_current_correction and self.on_off_ratio is None:
            problems.append(
                Problem("crossbar", "device.on_off_ratio", "null", "a ratio, for device.off_current_correction")
            )
        if self.time_s and not (self.drift_exponent or self.drift_sigma or self.retention_s):
            expected = "null or 0, or with it device.drift_exponent, device.drift_sigma or device.retention_s"
            problems.append(Problem("crossbar", "device.time_s", str(self.time_s), expected))
        if self.time_s is not None and (self.drift_exponent or self.drift_sigma):
            if self.drift_start_s is None:
                problems.append(Problem("crossbar", "device.drift_start_s", "null", "the time from which cells drift"))
            elif 0 < self.time_s < self.drift_start_s:
                expected = f"0, or at least device.drift_start_s, {self.drift_start_s:g}"
                problems.append(Problem("crossbar", "device.time_s", str(self.time_s), expected))
        return problems

    @property
    def ideal(self) -> bool:
        """Whether cells are exactly what they should be, in every read."""
        return not self.read_sigma and self.static_ideal

    @property
    def static_ideal(self) -> bool:
        """Whether cells are exactly what they should be, apart from what changes from read to read."""
        return not (self.sigma or self.stuck_on or self.stuck_off or self.shifted)

    @property
    def shifted(self) -> bool:
        """Whether all cells are off to one side: they have aged, leak, or stand behind wires."""
        aged = bool(self.time_s) and bool(self.drift_exponent or self.drift_sigma or self.retention_s)
        leaking = self.on_off_ratio is not None and not self.off_current_correction
        return bool(aged or leaking or self.wire_ratio)

    @property
    def random(self) -> bool:
        """Whether any of it is drawn, so that another seed means other cells."""
        aged = bool(self.time_s) and bool(self.drift_sigma or self.retention_s)
        return bool(self.sigma or self.read_sigma or self.stuck_on or self.stuck_off or aged)


DEVICE_FIELDS = tuple(field.name for field in fields(DeviceErrors))
"""Names of the errors, which are keys below `device` in a design, but for `wire_ratio`, which follows from two."""
