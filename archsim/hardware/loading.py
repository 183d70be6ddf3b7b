"""Reads a design from a YAML file and settings, and says of every mistake where it stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from archsim.errors import InputError, Problem, input_error, nearest_name
from archsim.hardware.data import data_folder
from archsim.hardware.design import Design
from archsim.hardware.device import add_device_file, file_of_device
from archsim.hardware.files import Lines, construct, is_file, read_yaml


def design_names() -> tuple[str, ...]:
    """The designs that ship, by name."""
    return tuple(sorted(path.stem for path in data_folder("mappings").glob("*.yaml")))


def load_design(name_or_path: str, settings: Iterable[str] = ()) -> Design:
    """The design of that name or in that YAML file, with `KEY=VALUE` settings (VALUE is YAML) applied.

    Raises `InputError` that lists every unknown key, wrong type and value out of range, with its line.
    """
    path, data, lines = _given(name_or_path, settings)
    add_device_file(data, lines)
    try:
        return Design.model_validate(data)
    except ValidationError as error:
        raise InputError(*problems_of(str(path), lines, error.errors(), Design)) from None


def device_file(name_or_path: str, settings: Iterable[str] = ()) -> Path | None:
    """The file of the device that a design names, with settings applied; None if it names none."""
    _, data, lines = _given(name_or_path, settings)
    return file_of_device(data, lines)


def _given(name_or_path: str, settings: Iterable[str]) -> tuple[Path, dict[str, Any], Lines]:
    """The file of a design, what it and the settings say, and where each value stands."""
    path = _find(name_or_path)
    data, lines = read_yaml(path)
    if data.get("device") is None:
        data.pop("device", None)
    chosen = {}
    for setting in settings:
        key, value = _parse_setting(setting)
        chosen[key] = value
        lines[key] = (f"--set {'.'.join(key)}", "")
    if ("copies", "explicit") in chosen:
        chosen.setdefault(("copies", "policy"), "explicit")
    for key, value in chosen.items():
        _apply(data, key, value)
    return path, data, lines


def _find(name_or_path: str) -> Path:
    path = Path(name_or_path)
    if path.suffix in {".yaml", ".yml"} or len(path.parts) > 1:
        if not is_file(path):
            raise input_error("--mapping", value=name_or_path, expected="a YAML file that exists")
        return path
    names = design_names()
    if name_or_path not in names:
        expected = f"a YAML file or one of {', '.join(names)}"
        raise input_error(
            "--mapping", value=repr(name_or_path), expected=expected, nearest=nearest_name(name_or_path, names)
        )
    return data_folder("mappings") / f"{name_or_path}.yaml"


def _parse_setting(setting: str) -> tuple[tuple[str, ...], Any]:
    key, equals, text = setting.partition("=")
    if not equals or not key.strip():
        raise input_error("--set", value=repr(setting), expected="KEY=VALUE, for example adc.bits=8")
    if not text.strip():
        raise input_error(f"--set {key}", value="nothing", expected="a YAML value, null for none")
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError):
        raise input_error(f"--set {key}", value=repr(text), expected="a YAML value") from None
    value = None if root is None else construct("--set", root, (key,), {}, set())
    return tuple(key.strip().split(".")), value


def _apply(data: dict[str, Any], key: tuple[str, ...], value: Any) -> None:
    """Puts a setting where its dotted path points; a path through a plain value replaces nothing."""
    place = data
    for part in key[:-1]:
        inner = place.setdefault(part, {})
        if not isinstance(inner, dict):
            raise input_error(f"--set {'.'.join(key)}", expected=f"a path to a value ({part} is not a group of keys)")
        place = inner
    if isinstance(place.get(key[-1]), Mapping) and not isinstance(value, Mapping):
        nullable = _may_be_null(key)
        if value is not None or not nullable:
            expected = "the path of a single value below this group" + (", or null for it all" if nullable else "")
            raise input_error(f"--set {'.'.join(key)}", value="null" if value is None else value, expected=expected)
    place[key[-1]] = value


def _may_be_null(key: tuple[str, ...]) -> bool:
    """Whether a design may leave out the group of keys at a path."""
    model: Any = Design
    for part in key[:-1]:
        model = part_of(model.model_fields[part].annotation) if part in model.model_fields else None
        if model is None:
            return False
    field = model.model_fields.get(key[-1])
    return field is not None and type(None) in get_args(field.annotation)


def problems_of(source: str, lines: Lines, details: list[ErrorDetails], model: type[BaseModel]) -> list[Problem]:
    """What is wrong with a file that should be a `model`, one problem for each place: what a union would take instead
    is joined, what follows from another is left out."""
    by_place: dict[tuple[str, ...], list[ErrorDetails]] = {}
    for detail in details:
        by_place.setdefault(_place(lines, detail), []).append(detail)
    problems = []
    for place, at in by_place.items():
        telling = [detail for detail in at if detail["type"] not in {"too_short", "too_long"}] or at
        first = _problem(source, lines, place, telling[0], model)
        expected = " or ".join(dict.fromkeys(_expected(detail) for detail in telling))
        keep = telling[0]["type"] in {"missing", "extra_forbidden"}
        problems.append(first if keep else replace(first, expected=expected))
    return problems


def _place(lines: Lines, detail: ErrorDetails) -> tuple[str, ...]:
    """The path of the key that is to blame, as deep as it is written down."""
    path = str(detail["ctx"]["key"]).split(".") if detail["type"] == "relation" else map(str, detail["loc"])
    place = tuple(path)
    if detail["type"] in {"missing", "extra_forbidden"}:
        return place
    while place not in lines and len(place) > 1:
        place = place[:-1]
    return place


def _problem(
    source: str, lines: Lines, place: tuple[str, ...], detail: ErrorDetails, model: type[BaseModel]
) -> Problem:
    below = (at for key, at in lines.items() if key[: len(place)] == place and at[0].startswith("--"))
    source, where = lines.get(place) or next(below, (source, ".".join(place)))
    if detail["type"] == "missing":
        return Problem(source, ".".join(place), expected="a value (the key is missing)")
    if detail["type"] == "extra_forbidden":
        known = _keys_at(place[:-1], model)
        near = nearest_name(place[-1], known)
        return Problem(
            source, where, value=f"unknown key {place[-1]!r}", expected=f"one of {', '.join(known)}", nearest=near
        )
    value = detail["ctx"]["value"] if detail["type"] == "relation" else detail["input"]
    shown = "" if isinstance(value, (Mapping, BaseModel)) else str(value) if isinstance(value, Decimal) else repr(value)
    return Problem(source, where, value=shown[:200], expected=_expected(detail))


_EXPECTED = {
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "tuple_type": "a list of whole numbers",
    "string_type": "a name",
    "string_too_short": "a text that is not empty",
    "string_pattern_mismatch": "up to 64 letters, digits, '.', '_' and '-'",
    "model_type": "a group of keys",
}


def _expected(detail: ErrorDetails) -> str:
    message = detail["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    return _EXPECTED.get(detail["type"], message)


def _keys_at(place: tuple[str, ...], model: Any) -> tuple[str, ...]:
    for part in place:
        # A part that is no key is the name of one of several groups of the same keys.
        field = model.model_fields.get(part)
        if field is not None:
            model = part_of(field.annotation)
    return tuple(model.model_fields)


def part_of(annotation: Any) -> Any:
    """The group of keys that a field holds, where it may be null as well; None for a field that holds a value."""
    choices = (annotation, *get_args(annotation))
    models = [one for one in choices if isinstance(one, type) and issubclass(one, BaseModel)]
    return models[0] if models else None
