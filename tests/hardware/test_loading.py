"""What is wrong with a design is said once, plainly, with its place: YAML files and settings."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest

from archsim.errors import InputError
from archsim.hardware import data_folder, design_names, load_design

ISAAC = (data_folder("mappings") / "isaac.yaml").read_text()

ONE_BIT = "precision.weight_bits=1 and precision.input_bits=1"


def message(source: str | Path, *settings: str) -> str:
    """What loading complains about."""
    with pytest.raises(InputError) as caught:
        load_design(str(source), settings)
    return str(caught.value)


@pytest.fixture
def changed(tmp_path: Path):
    """Writes isaac.yaml with one text replaced by another (`old` must stand there), answers the path."""

    def write(old: str, new: str) -> Path:
        assert old in ISAAC
        path = tmp_path / "mine.yaml"
        path.write_text(ISAAC.replace(old, new, 1))
        return path

    return write


def line_of(text: str) -> int:
    """The line of isaac.yaml that holds a text."""
    return ISAAC[: ISAAC.index(text)].count("\n") + 1


def test_every_design_that_ships_loads() -> None:
    assert "isaac" in design_names()
    for name in design_names():
        assert load_design(name).name == name


def test_a_file_loads_as_the_name_does(changed) -> None:
    assert load_design(str(changed("rows: 128 ", "rows: 128 "))) == load_design("isaac")


# --- names and files


def test_an_unknown_name_is_told_with_the_known_ones_and_the_nearest() -> None:
    said = message("isac")
    assert "--mapping: got 'isac', expected a YAML file or one of " in said
    assert said.endswith("(did you mean 'isaac'?)")


@pytest.mark.parametrize("name", ["nowhere.yaml", "folder/isaac", "nowhere.yml"])
def test_a_file_that_is_not_there(name: str) -> None:
    assert message(name) == f"--mapping: got {name}, expected a YAML file that exists"


def test_a_folder_is_no_design(tmp_path: Path) -> None:
    assert message(tmp_path) == f"--mapping: got {tmp_path}, expected a YAML file that exists"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a: [1, 2", "expected a YAML file (while parsing a flow sequence"),
        (b"a: 1\n\tb: 2", "expected a YAML file (while scanning for the next token"),
        (b"\xff\xfe\xfa", "expected a YAML file ('utf-8' codec can't decode"),
        (b"a: \x01", "expected a YAML file (unacceptable character"),
        (b"- a\n- b", "expected a YAML mapping of keys to values"),
        (b"42", "expected a YAML mapping of keys to values"),
        (b"", "got an empty file, expected a YAML mapping of keys to values"),
        (b"a: 1\n---\nb: 2", "expected a YAML file (expected a single document"),
        (b"a: " + b"[" * 5000, "expected a YAML file ("),
    ],
)
def test_a_file_that_is_no_yaml_mapping(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_bytes(content)
    found = message(path)
    assert found.startswith(f"{path}: {said}")
    assert "\n" not in found


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    path.write_text("# " + "x" * 1_000_000)
    assert message(path) == f"{path}: expected a file of at most 1000000 bytes"


def test_yaml_aliases_are_refused(changed) -> None:
    path = changed("tile:\n", "anchor: &bus {width_bytes: 1}\ncopy: *bus\ntile:\n")
    said = message(path)
    assert said == f"{path}: line {line_of('tile:')}, copy: expected a value written out (no YAML aliases)"


def test_a_billion_laughs_is_refused_at_the_first(tmp_path: Path) -> None:
    path = tmp_path / "laughs.yaml"
    levels = [f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 9)}]" for i in range(1, 30)]
    path.write_text("l0: &l0 [lol]\n" + "\n".join(levels))
    assert "line 1, l1.0: expected a value written out (no YAML aliases)" in message(path)


def test_a_key_that_stands_twice(changed) -> None:
    path = changed("  columns: 128", "  rows: 64\n  columns: 128")
    line = line_of("  columns: 128")
    assert message(path) == f"{path}: line {line}: got rows, expected each key once"


def test_a_yaml_tag_constructs_nothing(changed) -> None:
    path = changed("chips: auto", "chips: !!python/object/apply:os.getcwd []")
    assert f"{path}: line {line_of('chips: auto')}, chips: " in message(path)


def test_a_value_that_yaml_cannot_make(changed) -> None:
    path = changed("description: ISAAC", "description: 2020-13-45 # ISAAC")
    said = message(path)
    place = f"line {line_of('description: ')}, description"
    assert said == f"{path}: {place}: got 2020-13-45, expected a plain YAML value"


# --- keys and values in a file


def test_an_unknown_key_is_told_with_its_line_and_the_nearest_name(changed) -> None:
    path = changed("  dac_bits: 1", "  dac_bit: 1")
    said = message(path)
    line = line_of("  dac_bits: 1")
    assert (
        f"{path}: line {line}, array.dac_bit: got unknown key 'dac_bit', expected one of rows, columns, cell_bits, "
        "dac_bits, read_ns, write_ns, wire_ohm, sign (did you mean 'dac_bits'?)"
    ) in said
    assert f"{path}: array.dac_bits: expected a value (the key is missing)" in said


def test_a_missing_key(changed) -> None:
    path = changed("schedule:\n  kind: pipelined", "")
    assert message(path).startswith(f"{path}: schedule: expected a value (the key is missing)")


def test_a_missing_key_inside_a_group(changed) -> None:
    path = changed("  read_ns: 100 ", " # ")
    assert message(path) == f"{path}: array.read_ns: expected a value (the key is missing)"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("  rows: 128 ", "  rows: many ", "array.rows: got 'many', expected a whole number"),
        ("  rows: 128 ", "  rows: 128.0 ", "array.rows: got 128.0, expected a whole number"),
        ("  rows: 128 ", "  rows: true ", "array.rows: got True, expected a whole number"),
        ("  rows: 128 ", "  rows: '128' ", "array.rows: got '128', expected a whole number"),
        ("  rows: 128 ", "  rows: ", "array.rows: got None, expected a whole number"),
        ("  rows: 128 ", "  rows: 0 ", "array.rows: got 0, expected greater than or equal to 1"),
        ("  rows: 128 ", "  rows: -3 ", "array.rows: got -3, expected greater than or equal to 1"),
        ("  rows: 128 ", "  rows: 1000000001 ", "array.rows: got 1000000001, expected less than or equal to"),
        ("  cell_bits: 2 ", "  cell_bits: 9 ", "array.cell_bits: got 9, expected less than or equal to 8"),
        ("  dac_bits: 1 ", "  dac_bits: 17 ", "array.dac_bits: got 17, expected less than or equal to 16"),
        ("  input_bits: 16 ", "  input_bits: 33 ", "precision.input_bits: got 33, expected less than or equal to 32"),
        ("  read_ns: 100 ", "  read_ns: 0 ", "array.read_ns: got 0, expected greater than 0"),
        ("  read_ns: 100 ", "  read_ns: -1.5 ", "array.read_ns: got -1.5, expected greater than 0"),
        ("  read_ns: 100 ", "  read_ns: 'fast' ", "array.read_ns: got 'fast', expected a number"),
        ("  read_ns: 100 ", "  read_ns: false ", "array.read_ns: got False, expected a number"),
        ("  read_ns: 100 ", "  read_ns: .nan ", "array.read_ns: got NaN, expected a finite number"),
        ("  read_ns: 100 ", "  read_ns: .inf ", "array.read_ns: got Infinity, expected a finite number"),
        ("  latency_cycles: 6 ", "  latency_cycles: 2 ", "pipeline.latency_cycles: got 2, expected greater than"),
        ("  sign: offset ", "  sign: 3 ", "array.sign: got 3, expected a name"),
        ("chips: auto", "chips: some", "chips: got 'some', expected"),
        ("chips: auto", "chips: 0", "chips: got 0, expected"),
        ("name: isaac", "name: 'is aac'", "name: got 'is aac', expected"),
    ],
)  # fmt: skip
def test_a_value_of_the_wrong_kind_or_out_of_range(changed, old: str, new: str, said: str) -> None:
    path = changed(old, new)
    assert f"{path}: line {line_of(old)}, {said}" in message(path)


def test_a_group_that_is_no_group(changed) -> None:
    path = changed("schedule:\n  kind: pipelined", "schedule: pipelined")
    assert f"{path}: line {line_of('schedule:')}, schedule: got 'pipelined', expected" in message(path)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (("adc.rows_per_read=129",), "--set adc.rows_per_read: got 129, expected at most array.rows, 128"),
        (("adc.columns_per_adc=256",), "--set adc.columns_per_adc: got 256, expected at most array.columns, 128"),
        (("adc.arrays_per_set=3",), "--set adc.arrays_per_set: got 3, expected a divisor of pe.arrays, 8"),
        (("chip.tiles=15",), "--set chip.tiles: got 15, expected a multiple of chip.mesh_width, 14"),
        (
            ("copies.policy=explicit",),
            "--set copies.policy: got 'explicit', expected another policy, or a list copies.explicit with it",
        ),
        (
            ("copies.explicit=[1]", "copies.policy=greedy"),
            "--set copies.policy: got 'greedy', expected policy explicit with a list copies.explicit",
        ),
        (
            ("array.sign=binary", "precision.weight_bits=1"),
            f"--set array.sign: got 'binary', expected another sign, or {ONE_BIT}",
        ),
    ],
)
def test_values_that_do_not_go_together(settings: tuple[str, ...], said: str) -> None:
    assert message("isaac", *settings) == said


def test_values_that_do_not_go_together_name_the_line_of_the_one_to_change(changed) -> None:
    path = changed("  rows: 128 ", "  rows: 64 ")
    line = line_of("  rows_per_read: 128 ")
    assert message(path) == f"{path}: line {line}, adc.rows_per_read: got 128, expected at most array.rows, 64"


@pytest.mark.parametrize(
    "value", ["!!bool maybe", "!!int ''", "!!float ''", "!!timestamp foo", "!!python/name:os.system x"]
)
def test_an_explicit_tag_that_does_not_fit_is_no_value(value: str) -> None:
    assert message("isaac", f"adc.bits={value}").endswith("expected a plain YAML value")


def test_a_list_with_a_wrong_entry_is_one_problem() -> None:
    assert message("isaac", "copies.explicit=[a]") == "--set copies.explicit: got 'a', expected a whole number"
    assert message("isaac", "copies.explicit=3") == "--set copies.explicit: got 3, expected a list of whole numbers"
    assert message("isaac", "chips=many") == "--set chips: got 'many', expected a whole number or 'auto'"


def test_a_group_that_does_not_exist_names_the_setting() -> None:
    assert message("isaac", "rotate.arrays=3").startswith("--set rotate.arrays: got unknown key 'rotate', expected")


def test_a_number_may_have_an_exponent() -> None:
    assert load_design("isaac", ["array.read_ns=1e2"]).array.read_ns == 100


@pytest.mark.parametrize("name", ["x" * 300 + ".yaml", "a/\0b.yaml"])
def test_a_path_that_cannot_be_is_no_file(name: str) -> None:
    assert message(name).endswith("expected a YAML file that exists")


def test_all_problems_are_told_at_once(changed) -> None:
    path = changed("  rows: 128 ", "  rows: 0 ")
    said = message(path, "tile.pes=none", "noc.speed=3").splitlines()
    assert len(said) == 3
    assert said[0].startswith(f"{path}: line {line_of('  rows: 128 ')}, array.rows: ")
    assert said[1].startswith("--set tile.pes: got 'none', expected a whole number")
    assert said[2].startswith("--set noc.speed: got unknown key 'speed', expected one of model, ")


# --- settings


@pytest.mark.parametrize("setting", ["adc.bits", "", "=8", "  =8"])
def test_a_setting_without_a_key_or_a_value(setting: str) -> None:
    assert message("isaac", setting) == f"--set: got {setting!r}, expected KEY=VALUE, for example adc.bits=8"


def test_a_setting_of_an_unknown_key_is_told_with_the_nearest() -> None:
    said = message("isaac", "adc.bit=8")
    assert said.startswith("--set adc.bit: got unknown key 'bit', expected one of bits, columns_per_adc, ")
    assert said.endswith("(did you mean 'bits'?)")


def test_a_setting_of_an_unknown_group_is_told_with_the_nearest() -> None:
    said = message("isaac", "arrays.rows=8")
    assert "got unknown key 'arrays'" in said
    assert said.endswith("(did you mean 'array'?)")


def test_a_setting_below_a_plain_value() -> None:
    expected = "--set array.rows.more: expected a path to a value (rows is not a group of keys)"
    assert message("isaac", "array.rows.more=1") == expected


def test_a_setting_of_a_whole_group() -> None:
    expected = "--set array: got 3, expected the path of a single value below this group"
    assert message("isaac", "array=3") == expected


@pytest.mark.parametrize("value", ["[1,", "{a: b", "'x", "&a", "*a", "@"])
def test_a_setting_whose_value_is_no_yaml(value: str) -> None:
    assert message("isaac", f"adc.bits={value}").startswith("--set adc.bits: got ")


def test_a_setting_of_the_wrong_kind_names_the_setting() -> None:
    assert message("isaac", "array.rows=many") == "--set array.rows: got 'many', expected a whole number"
    assert re.match(
        r"--set copies\.explicit.*: got 0, expected greater than", message("isaac", "copies.explicit=[1,0]")
    )
    assert "--set copies.explicit: got [], expected" in message("isaac", "copies.explicit=[]")


def test_a_value_that_is_very_long_is_shortened() -> None:
    assert len(message("isaac", "array.rows=" + "x" * 5000)) < 400


def test_settings_change_what_they_name_and_nothing_else() -> None:
    plain, changed = load_design("isaac"), load_design("isaac", ["array.rows=64", "adc.rows_per_read=64"])
    assert (changed.array.rows, changed.adc.rows_per_read) == (64, 64)
    back = changed.model_copy(update={"array": plain.array, "adc": plain.adc})
    assert back == plain


def test_the_last_of_two_settings_of_a_key_counts() -> None:
    assert load_design("isaac", ["adc.bits=7", "adc.bits=6"]).adc.bits == 6


def test_a_list_of_copies_implies_its_policy() -> None:
    copies = load_design("isaac", ["copies.explicit=[3, 2]"]).copies
    assert (copies.policy, copies.explicit) == ("explicit", (3, 2))


def test_spaces_around_a_key_and_a_value_do_not_matter() -> None:
    assert load_design("isaac", [" adc.bits = 7 "]).adc.bits == 7


@pytest.mark.parametrize("text", ["29.31", "0.1", "0.3333333333333333", "1e-3", "50.88", "781.25"])
def test_decimals_stay_as_they_were_written(text: str, changed) -> None:
    if "e" in text:
        text = "0.001"
    exact = Decimal(text)
    assert load_design("isaac", [f"array.read_ns={text}"]).array.read_ns == exact
    assert load_design(str(changed("read_ns: 100", f"read_ns: {text}"))).array.read_ns == exact


def test_a_design_does_not_change_after_loading() -> None:
    design = load_design("isaac")
    with pytest.raises(ValueError, match="frozen"):
        design.array.rows = 3
