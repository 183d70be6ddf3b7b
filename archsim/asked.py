"""What a command was asked for: its network, its design, its files, with all problems told together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from archsim import api
from archsim.console import Destination
from archsim.errors import input_error
from archsim.options import Words

T = TypeVar("T")


def model_file(
    name: str, shapes: Words, free: Words, random_weights: int | None, data: str | Path | None = None
) -> api.ModelFile:
    """The network that was asked for, and what will feed it."""
    return api.ModelFile(name, dict(map(_shape, shapes or ())), tuple(free or ()), random_weights, data)


def _shape(text: str) -> tuple[str, tuple[int, ...]]:
    name, _, sizes = text.rpartition("=")
    try:
        shape = tuple(int(size) for size in sizes.split(","))
    except ValueError:
        shape = ()
    if not name or not shape:
        raise input_error("--shape", value=repr(text), expected="NAME=D,D,..., for example image=1,3,224,224")
    return name, shape


def one_design(mapping: Words) -> str:
    """The design of a verb that takes one."""
    if len(mapping or ()) > 1:
        given = " and ".join(mapping or ())
        raise input_error("--mapping", value=given, expected="one design; `archsim compare` takes several")
    return mapping[0] if mapping else api.DEFAULT_MAPPING


class Read(NamedTuple):
    """What a verb reads, as the user named it."""

    model: str
    mappings: Sequence[str] | None = None
    data: str | Path | None = None
    settings: Sequence[str] = ()


def after_checks(destination: Destination, others: Sequence[tuple[str, Path]], read: Read, step: Callable[[], T]) -> T:
    """The answer of a step; its problems are told together with those of the files to write."""
    problems = api.Problems()
    with problems.gathered():
        destination.check(others, api.files_read(*read, [file for _, file in destination.files(others)]))
    with problems.gathered():
        answer = step()
    problems.raise_any()
    return answer
