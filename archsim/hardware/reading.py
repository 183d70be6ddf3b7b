"""Reads YAML files into plain data, and notes where each value stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import yaml

from archsim.errors import input_error

_LARGEST_FILE_BYTES = 1_000_000


class Place(NamedTuple):
    """Where a value stands: the file, line and key; or the option that gave it."""

    source: str
    inside: str = ""


Places = dict[tuple[str, ...], Place]
"""Where the value of each path of keys stands."""


def read_yaml(path: Path, what: str, below: tuple[str, ...] = ()) -> tuple[dict[str, Any], Places]:
    """The keys and values of a YAML file, and the places of its values as if the file stood at the path `below`.

    A file that cannot be read, is too large for `what` it should hold or no mapping, aliases and doubled keys raise
    `InputError`.
    """
    try:
        if path.stat().st_size > _LARGEST_FILE_BYTES:
            raise input_error(str(path), expected=f"{what} of at most {_LARGEST_FILE_BYTES} bytes")
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
    reader = _Reader(str(path))
    data = reader.value(root, ())
    return data, {(*below, *key): place for key, place in reader.places.items()}


def read_value(option: str, key: str, text: str) -> Any:
    """The YAML value that an option gives for a key."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError):
        raise input_error(f"{option} {key}", value=repr(text), expected="a YAML value") from None
    return None if root is None else _Reader(option).value(root, (key,))


class _Reader:
    """Builds the values of a document's nodes; refuses aliases and doubled keys."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._seen: set[int] = set()
        self.places: Places = {}

    def value(self, node: yaml.Node, key: tuple[str, ...]) -> Any:
        """The value of a node that stands at a path of keys; its place is noted."""
        place = f"line {node.start_mark.line + 1}, {'.'.join(key)}"
        if id(node) in self._seen:
            raise input_error(self._source, place, expected="a value written out (no YAML aliases)")
        self._seen.add(id(node))
        self.places[key] = Place(self._source, place)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, key)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*key, str(index))) for index, item in enumerate(node.value)]
        try:
            return yaml.SafeLoader("").construct_object(node)
        except (yaml.YAMLError, ValueError, KeyError, IndexError, AttributeError, TypeError):
            raise input_error(self._source, place, value=node.value, expected="a plain YAML value") from None

    def _mapping(self, node: yaml.MappingNode, key: tuple[str, ...]) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            name = str(key_node.value)
            if name in result:
                line = f"line {key_node.start_mark.line + 1}"
                raise input_error(self._source, line, value=name, expected="each key once")
            result[name] = self.value(value_node, (*key, name))
        return result
