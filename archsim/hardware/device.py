"""What is known of the cells of an array, as a pydantic model."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from archsim.hardware.units import Count, Exact, Part, Real


class Device(Part):
    """A memory device; what is null is not modelled, and a device of which all is null is ideal.

    The keys down to `verify_pulses` are the fields of `archsim.crossbar.DeviceErrors`, which says what each means and
    knows its limits. A cell that is fully on has `on_resistance_ohm`, and a cell holds at most `cell_bits_max`.
    """

    name: str | None = None
    description: str | None = None
    sigma: Real | None = None
    error_model: str | None = None
    read_sigma: Real | None = None
    read_error_model: str | None = None
    stuck_on: Real | None = None
    stuck_off: Real | None = None
    on_off_ratio: Real | None = None
    off_current_correction: Annotated[bool, Field(strict=True)] | None = None
    drift_exponent: Real | None = None
    drift_sigma: Real | None = None
    drift_start_s: Real | None = None
    time_s: Real | None = None
    retention_s: Real | None = None
    verify_tolerance: Real | None = None
    verify_pulses: Count | None = None
    on_resistance_ohm: Exact | None = None
    cell_bits_max: Annotated[int, Field(strict=True, ge=1, le=8)] | None = None
