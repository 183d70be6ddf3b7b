"""A design's device: keys, files, what wins, and every message."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from archsim.errors import InputError
from archsim.hardware import Device, data_folder, device_files, load_design

DEVICES = data_folder("mappings") / "devices"
NAMES = "pcm, rram"


def device(*settings: str) -> Device:
    """The device of isaac with settings."""
    found = load_design("isaac", settings).device
    assert found is not None
    return found


def message(*settings: str, source: str | Path = "isaac") -> str:
    """What loading complains about."""
    with pytest.raises(InputError) as caught:
        load_design(str(source), settings)
    return str(caught.value)


@pytest.fixture
def mine(tmp_path: Path):
    """Writes a device file, answers the setting that names it and its path."""

    def write(text: str) -> tuple[str, Path]:
        path = tmp_path / "mine.yaml"
        path.write_text(text)
        return f"device.name={path}", path

    return write


def test_designs_that_ship_have_ideal_cells() -> None:
    assert load_design("isaac").device is None


def test_a_name_brings_the_keys_of_its_file() -> None:
    assert device("device.name=rram") == {path.stem: one for path, one in device_files()}["rram"]
    found = device("device.name=rram")
    assert (found.on_resistance_ohm, found.cell_bits_max, found.sigma, found.on_off_ratio) == (100_000, 4, 0.05, 17)


def test_every_device_that_ships_is_named_as_its_file_and_at_time_zero() -> None:
    found = device_files()
    assert [(path.stem, one.name, one.time_s) for path, one in found] == [("pcm", "pcm", None), ("rram", "rram", None)]


@pytest.mark.parametrize("name", ["pcm", "rram"])
def test_every_number_of_a_device_that_ships_has_its_mark(name: str) -> None:
    values = [line for line in (DEVICES / f"{name}.yaml").read_text().splitlines() if not line.startswith("#")]
    given = [line for line in values if ": null" not in line and not line.startswith(("name:", "description:"))]
    assert given
    assert [line for line in given if "# [" not in line] == []


def test_keys_beside_the_name_win_over_the_file() -> None:
    found = device("device.sigma=0.2", "device.name=rram", "device.on_off_ratio=null")
    assert (found.name, found.sigma, found.on_off_ratio, found.cell_bits_max) == ("rram", 0.2, None, 4)


def test_keys_without_a_name_are_a_device_of_which_nothing_else_is_known() -> None:
    assert device("device.sigma=0.05") == Device(sigma=0.05)


@pytest.mark.parametrize("text", ["device: null\n", "device:\n  name: rram\n"])
def test_a_design_may_give_its_device_in_the_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "design.yaml"
    path.write_text((data_folder("mappings") / "isaac.yaml").read_text() + text)
    assert (load_design(str(path)).device or Device()).name == (None if "null" in text else "rram")
    changed = load_design(str(path), ["device.sigma=0.3"]).device
    assert changed is not None
    assert (changed.sigma, changed.cell_bits_max) == (0.3, None if "null" in text else 4)
    assert load_design(str(path), ["device=null"]).device is None


def test_a_file_of_ones_own_by_its_path(mine) -> None:
    setting, _ = mine("name: mine\nsigma: 0.1\n")
    assert device(setting) == Device(name="mine", sigma=0.1)


def test_a_file_without_a_name_is_called_as_it_was_asked_for(mine) -> None:
    setting, path = mine("sigma: 0.1\n")
    assert device(setting).name == str(path)


def test_ohms_are_exact() -> None:
    assert device("device.on_resistance_ohm=0.1").on_resistance_ohm == Decimal("0.1")


# --- messages


def test_an_unknown_name_is_told_with_the_nearest() -> None:
    expected = f"--set device.name: got 'ram', expected a YAML file or one of {NAMES} (did you mean 'rram'?)"
    assert message("device.name=ram") == expected


def test_an_unknown_name_in_a_design_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "design.yaml"
    text = (data_folder("mappings") / "isaac.yaml").read_text()
    path.write_text(f"{text}device:\n  name: pc\n")
    line = text.count("\n") + 2
    expected = f"got 'pc', expected a YAML file or one of {NAMES} (did you mean 'pcm'?)"
    assert message(source=path) == f"{path}: line {line}, device.name: {expected}"


def test_a_file_that_is_not_there() -> None:
    assert message("device.name=no.yaml") == "--set device.name: got 'no.yaml', expected a YAML file that exists"


def test_an_unknown_key_of_a_device_file_is_told_with_file_and_line(mine) -> None:
    setting, path = mine("name: mine\nsigmas: 1\n")
    said = message(setting)
    assert said.startswith(f"{path}: line 2, sigmas: got unknown key 'sigmas', expected one of name, description, ")
    assert said.endswith("(did you mean 'sigma'?)")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sigma: much", "sigma: got 'much', expected a number"),
        ("verify_pulses: 1.5", "verify_pulses: got 1.5, expected a whole number"),
        ("off_current_correction: 1", "off_current_correction: got 1, expected a valid boolean"),
        ("cell_bits_max: 9", "cell_bits_max: got 9, expected less than or equal to 8"),
        ("on_resistance_ohm: 0", "on_resistance_ohm: got 0, expected greater than 0"),
        ("error_model: 3", "error_model: got 3, expected a name"),
        ("sigma: .nan", "sigma: got nan, expected a finite number"),
    ],
)
def test_a_wrong_value_of_a_device_file_is_told_with_file_and_line(mine, text: str, expected: str) -> None:
    setting, path = mine(f"name: mine\n\n{text}\n")
    assert message(setting) == f"{path}: line 3, {expected}"


def test_a_wrong_value_beside_the_name_is_told_with_the_setting() -> None:
    expected = "--set device.sigma: got 'much', expected a number"
    assert message("device.name=rram", "device.sigma=much") == expected


def test_a_device_file_that_is_no_mapping(mine) -> None:
    setting, path = mine("- 1\n")
    assert message(setting) == f"{path}: expected a YAML mapping of keys to values"


def test_a_device_that_is_no_group_of_keys() -> None:
    assert message("device=rram") == "--set device: got 'rram', expected a group of keys"


def test_cells_hold_no_more_bits_than_the_device_can() -> None:
    assert load_design("isaac", ["device.name=pcm", "array.cell_bits=2"]).array.cell_bits == 2
    expected = "--set array.cell_bits: got 3, expected at most device.cell_bits_max, 2"
    assert message("device.name=pcm", "array.cell_bits=3") == expected


@pytest.mark.parametrize("settings", [(), ("device.sigma=0.1",)])
def test_a_wire_needs_a_cell_to_be_compared_with(settings: tuple[str, ...]) -> None:
    expected = "expected null, or a resistance of cells with it, device.on_resistance_ohm"
    assert message("array.wire_ohm=2.5", *settings) == f"--set array.wire_ohm: got 2.5, {expected}"
