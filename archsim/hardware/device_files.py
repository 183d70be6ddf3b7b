"""Devices that stand in files of their own, and are chosen by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from archsim.errors import input_error, nearest_name
from archsim.hardware.data import data_folder
from archsim.hardware.device import Device
from archsim.hardware.reading import Place, Places, read_yaml

_NAME = ("device", "name")


def device_names() -> tuple[str, ...]:
    """The devices that ship, by name."""
    return tuple(sorted(path.stem for path in _folder().glob("*.yaml")))


def load_device(name: str) -> Device:
    """A device that ships."""
    data, _ = read_yaml(_folder() / f"{name}.yaml", "a device")
    return Device.model_validate(data)


def _folder() -> Path:
    return data_folder("mappings") / "devices"


def with_device_file(data: dict[str, Any], places: Places, design_folder: Path) -> None:
    """Puts what the file of a device says into a design that names it; keys that the design gives itself stay.

    A name that ends in .yaml or .yml is a file, from `design_folder` on where the design's file names it. An unknown
    name, and a file that is not there, raise `InputError`.
    """
    device = data.get("device")
    name = device.get("name") if isinstance(device, dict) else None
    if not isinstance(device, dict) or not isinstance(name, str):
        return
    path = _find(name, places[_NAME if _NAME in places else _NAME[:1]], design_folder)
    stated, where = read_yaml(path, "a device", _NAME[:1])
    own = {key: value for key, value in device.items() if key != "name"}
    data["device"] = {"name": name} | stated | own
    for key, place in where.items():
        if len(key) > 1 and key[1] not in own:
            places[key] = place


def _find(name: str, place: Place, design_folder: Path) -> Path:
    if name.endswith((".yaml", ".yml")):
        path = Path(name) if place.source.startswith("--") else design_folder / name
        try:
            found = path.is_file()
        except (OSError, ValueError):
            found = False
        if not found:
            raise input_error(*place, value=name, expected="the YAML file of a device, which exists")
        return path
    names = device_names()
    if name not in names:
        expected = f"a YAML file or one of {', '.join(names)}"
        raise input_error(*place, value=repr(name), expected=expected, nearest=nearest_name(name, names))
    return _folder() / f"{name}.yaml"
