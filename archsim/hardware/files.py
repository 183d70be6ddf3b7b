"""YAML files as plain values, with the line of each: no aliases, no doubled keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from archsim.errors import input_error

LARGEST_FILE_BYTES = 1_000_000

Lines = dict[tuple[str, ...], tuple[str, str]]
"""Where each key stands: the file or option, and the place inside it."""


def read_yaml(path: Path) -> tuple[dict[str, Any], Lines]:
    """The keys and values of a YAML file, and where each stands; whatever is not that is an `InputError`."""
    try:
        if path.stat().st_size > LARGEST_FILE_BYTES:
            raise input_error(str(path), expected=f"a file of at most {LARGEST_FILE_BYTES} bytes")
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except OSError as error:
        raise input_error(str(path), expected=f"a file that can be read ({error.strerror})") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        detail = " ".join(str(error).split())
        raise input_error(str(path), expected=f"a YAML file ({detail})") from None
    if root is None:
        raise input_error(str(path), value="an empty file", expected="a YAML mapping of keys to values")
    if not isinstance(root, yaml.MappingNode):
        raise input_error(str(path), expected="a YAML mapping of keys to values")
    lines: Lines = {}
    return construct(str(path), root, (), lines, set()), lines


def construct(source: str, node: yaml.Node, place: tuple[str, ...], lines: Lines, seen: set[int]) -> Any:
    """The value of a node; notes the line of each place, refuses aliases and doubled keys."""
    line = f"line {node.start_mark.line + 1}, {'.'.join(place)}"
    if id(node) in seen:
        raise input_error(source, line, expected="a value written out (no YAML aliases)")
    seen.add(id(node))
    lines[place] = (source, line)
    if isinstance(node, yaml.MappingNode):
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            if key in result:
                raise input_error(source, f"line {key_node.start_mark.line + 1}", value=key, expected="each key once")
            result[key] = construct(source, value_node, (*place, key), lines, seen)
        return result
    if isinstance(node, yaml.SequenceNode):
        return [construct(source, item, (*place, str(index)), lines, seen) for index, item in enumerate(node.value)]
    return _scalar(source, line, node)


def _scalar(source: str, place: str, node: yaml.Node) -> Any:
    try:
        return yaml.SafeLoader("").construct_object(node)
    except (yaml.YAMLError, ValueError, KeyError, IndexError, AttributeError, TypeError):
        raise input_error(source, place, value=node.value, expected="a plain YAML value") from None


def is_file(path: Path) -> bool:
    """Whether a file is there; a text too long or too odd for a name is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
