"""The cells of the arrays: what they hold, and what they are off by. Files of `mappings/devices`, or keys of a design.

A key that is null is an effect that is not modelled, or a figure that nobody published. Limits of the errors are
checked by the arithmetic that has them (`archsim.crossbar.DeviceErrors`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from archsim.errors import input_error, nearest_name
from archsim.hardware.data import data_folder
from archsim.hardware.files import Lines, is_file, read_yaml
from archsim.hardware.units import Exact, Part, Real


class Device(Part):
    """A cell. `on_resistance_ohm` is that of a cell that is fully on, `cell_bits_max` how many bits a cell can hold.

    The rest is what cells are off by, as `archsim.crossbar.DeviceErrors` explains: shares and ratios without a unit,
    times in seconds, pulses as a count.
    """

    name: str | None = None
    description: str | None = None
    on_resistance_ohm: Exact | None = None
    cell_bits_max: Annotated[int, Field(strict=True, ge=1, le=8)] | None = None
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
    verify_pulses: Annotated[int, Field(strict=True)] | None = None


def device_names() -> tuple[str, ...]:
    """The devices that ship, by name."""
    return tuple(sorted(path.stem for path in _folder().glob("*.yaml")))


def device_files() -> tuple[tuple[Path, Device], ...]:
    """The devices that ship, each with its file."""
    paths = (_folder() / f"{name}.yaml" for name in device_names())
    return tuple((path, Device.model_validate(read_yaml(path)[0])) for path in paths)


def _folder() -> Path:
    return data_folder("mappings") / "devices"


def add_device_file(data: dict[str, Any], lines: Lines) -> None:
    """Puts what the file of `device.name` says beside the keys that the design gives, which win, and its lines beside
    theirs. A name that is no shipped device and no YAML file is an `InputError`."""
    path = file_of_device(data, lines)
    if path is None:
        return
    given = data["device"]
    name = given["name"]
    found, places = read_yaml(path)
    data["device"] = {**found, **given, "name": found.get("name", name)}
    for place, at in places.items():
        if place and place[0] not in given:
            lines[("device", *place)] = at


def file_of_device(data: dict[str, Any], lines: Lines) -> Path | None:
    """The file of the device that a design names, None if it names none; see `add_device_file`."""
    given = data.get("device")
    if not isinstance(given, dict) or not isinstance(given.get("name"), str):
        return None
    return _find(given["name"], lines.get(("device", "name"), ("device.name", "")))


def _find(name: str, place: tuple[str, str]) -> Path:
    path = Path(name)
    if path.suffix in {".yaml", ".yml"}:
        if not is_file(path):
            raise input_error(*place, value=repr(name), expected="a YAML file that exists")
        return path
    names = device_names()
    if name not in names:
        expected = f"a YAML file or one of {', '.join(names)}"
        raise input_error(*place, value=repr(name), expected=expected, nearest=nearest_name(name, names))
    return _folder() / f"{name}.yaml"
